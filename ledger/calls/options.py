"""What a call says to the ledger alone: nothing of it is sent to the provider."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

from ledger import money
from ledger.callers.configs import GlobalConfig
from ledger.callers.tags import Tags
from ledger.calls.contents import Turn
from ledger.errors import RequestInvalid


@runtime_checkable
class Model(Protocol):
    """What a pydantic model's class can do, as far as it is needed here."""

    model_validate_json: Callable[..., Any]
    model_fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one call.

    Attributes:
        tags: words of the user's own to report by.
        response_model: the pydantic model's class that the answer is read into.
        store_messages: store what is asked; the home's config decides where it is None.
        store_answers: store what is answered; likewise.
        turn: where the call stands in a conversation, if it is of one.
        max_cost: the most USD that the call can cost, by its caller's word; budgets hold it.
    """

    tags: Tags | None = None
    response_model: Any = None
    store_messages: bool | None = None
    store_answers: bool | None = None
    turn: Turn | None = None
    max_cost: Decimal | int | str | None = None

    @property
    def max_cost_pico(self) -> int | None:
        """The most that the call may cost, in 1e-12 USD, where it says so.

        Raises:
            RequestInvalid: it is no exact amount.
        """
        return None if self.max_cost is None else money.given(self.max_cost, "max_cost")

    def stores(self, what: str, rules: GlobalConfig) -> bool:
        """Whether `messages` or `answers` are stored: as the call says, else as the home does."""
        own: bool | None = getattr(self, f"store_{what}")
        return bool(getattr(rules, f"store_{what}")) if own is None else own

    def check(self) -> None:
        """What a module without types may have passed.

        Raises:
            RequestInvalid: an option is of a kind that it can't be.
        """
        kind = self.response_model
        if kind is not None and not (isinstance(kind, type) and isinstance(kind, Model)):
            raise RequestInvalid(
                "response_model must be the class of a pydantic model.",
                hint="For example response_model=Weather, with class Weather(pydantic.BaseModel).",
            )
        _ = self.max_cost_pico
        for name in ("store_messages", "store_answers"):
            if getattr(self, name) not in (True, False, None):
                raise RequestInvalid(f"{name} must be True or False.")
