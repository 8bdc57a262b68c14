"""What the provider says that a ledger's state should tell: asked for a moment, never waited on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger import clock
from ledger.account.limits import Asking, KeyLimits, key_limits
from ledger.account.listed import listed_models
from ledger.errors import ConnectionFailed, LedgerError
from ledger.reports.callers import CallerEntry

PATIENCE_S = 3.0
"""Seconds that all questions have together."""

_SHORTEST_S = 0.2
# These change who serves a model, not which one it is: they are not listed.
_ROUTING = (":nitro", ":floor", ":online", ":exacto")
# Names that stand for a model that is chosen elsewhere.
_ALIASES = ("~", "@preset/")
_MANAGEMENT = (
    "The key is a management key, which runs no model: make an ordinary one at"
    " https://openrouter.ai/settings/keys"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the provider says, as far as it said it in time.

    Attributes:
        key_limits: of the key; None where it was not asked, or did not say.
        not_asked: why not.
        advice: what should be seen to.
    """

    key_limits: KeyLimits | None
    not_asked: str | None
    advice: tuple[str, ...]


def standing(
    ledger: Asking, entries: Sequence[CallerEntry], *, offline: bool, has_key: bool
) -> Standing:
    """Ask about the key, and about the models of the callers' configs. Nothing is raised."""
    if offline:
        return Standing(None, "--offline", ())
    ends_at = clock.monotonic() + PATIENCE_S
    limits, why = None, None
    try:
        limits = key_limits(ledger, PATIENCE_S) if has_key else None
    except ConnectionFailed as error:
        return Standing(None, error.message, ())
    except LedgerError as error:
        why = error.message
    advice = [_MANAGEMENT] if limits is not None and limits.is_management_key else []
    asked_for = [each for each in entries if each.model]
    left = ends_at - clock.monotonic()
    if asked_for and left > _SHORTEST_S:
        try:
            listed = {entry.model for entry in listed_models(ledger, total_s=left)}
        except LedgerError:
            listed = set()
        advice += _unlisted(asked_for, listed) if listed else []
    return Standing(limits, why, tuple(advice))


def _unlisted(entries: Sequence[CallerEntry], listed: set[str]) -> Iterator[str]:
    """A line for each caller whose config names a model that is not on offer."""
    for entry in entries:
        model = entry.model or ""
        plain = next((model.removesuffix(end) for end in _ROUTING if model.endswith(end)), model)
        if model not in listed and plain not in listed and not model.startswith(_ALIASES):
            yield (
                f"{entry.name}: OpenRouter does not list {model}, the ai_model of {entry.config}:"
                " python -m ledger models list --free"
            )
