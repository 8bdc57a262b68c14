"""A call that was never sent, and why."""

import datetime as dt
from decimal import Decimal
from typing import Any

from ledger.errors.base import LedgerError


class CallRefused(LedgerError):
    """The call was never sent; nothing was charged."""

    exit_code = 3


class CallerProvisioned(CallRefused):
    """The caller had no config: it was created, and the next call can read its model there."""


class ModelRequired(CallRefused):
    """No model was passed. The ledger never picks one."""


class CallerUnknown(CallRefused):
    """Nobody can say which module called; pass `caller=`."""


class CallerInvalid(CallRefused):
    """An explicit caller name or chain that cannot be one."""


class ChainTooDeep(CallerInvalid):
    """More callers call through each other than a chain may have; most likely in a circle."""


class TagInvalid(CallRefused):
    """A tag that cannot be one, or more of them than a call may have."""


class CallerDisabled(CallRefused):
    """`enabled: false` in the caller's config, or in `openrouter_config.json` for everyone."""


class ConfigInvalid(CallRefused):
    """A config file that cannot be read as one; the message names the file and the line."""


class KeyMissing(CallRefused):
    """No API key in any of the places that were looked at."""


class KeyInvalid(CallRefused):
    """An API key that cannot be one; the message says what is wrong, never the key."""


class ProviderUnsupported(CallRefused):
    """A provider other than OpenRouter was asked for."""


class RequestInvalid(CallRefused):
    """Messages or parameters that cannot be sent as they are."""


class Unbounded(CallRefused):
    """Nobody can say what the call could cost at most; the message says what would bound it."""


class BudgetExceeded(CallRefused):
    """The call could have gone beyond a budget that refuses.

    Attributes:
        budget: its name.
        scope: whose calls it counts.
        limit, spent, held, left: USD in its present period; what is held is for calls whose cost
            is not known yet.
        could_cost: the most that the call could cost, in USD.
        max_tokens: the largest limit of tokens with which it would fit now; None where none would.
        resets_at: when its period ends, in UTC; None for never.
    """

    def __init__(  # noqa: PLR0913 - the facts of a budget, all optional and by name
        self,
        message: str,
        *,
        budget: str | None = None,
        scope: str | None = None,
        limit: Decimal | None = None,
        spent: Decimal | None = None,
        held: Decimal | None = None,
        left: Decimal | None = None,
        could_cost: Decimal | None = None,
        max_tokens: int | None = None,
        resets_at: dt.datetime | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.budget = budget
        self.scope = scope
        self.limit = limit
        self.spent = spent
        self.held = held
        self.left = left
        self.could_cost = could_cost
        self.max_tokens = max_tokens
        self.resets_at = resets_at
