"""The base of every error: what happened, to whom, and what to do about it."""

from typing import Any, ClassVar


class LedgerError(Exception):
    """Base of all errors of this package.

    Attributes:
        hint: what to do about it; may be empty.
        caller: the module that asked, where known.
        model: the model that was asked for, where known.
        request_id: the request's id in the books, where it was recorded.
        generation_id: the provider's id of the work, where known.
        http_status: the provider's HTTP status, where there was an answer.
        retry_after_s: seconds that the provider asked to wait, where it did.
        reply: the answer, where there is one in spite of the error. Never printed.
        partial_text: what had been answered before the error, where something was. Never printed.
    """

    exit_code: ClassVar[int] = 1

    def __init__(  # noqa: PLR0913 - the facts an error can carry, all optional and by name
        self,
        message: str,
        *,
        hint: str = "",
        caller: str | None = None,
        model: str | None = None,
        request_id: str | None = None,
        generation_id: str | None = None,
        http_status: int | None = None,
        retry_after_s: float | None = None,
        reply: Any = None,
        partial_text: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.caller = caller
        self.model = model
        self.request_id = request_id
        self.generation_id = generation_id
        self.http_status = http_status
        self.retry_after_s = retry_after_s
        self.reply = reply
        self.partial_text = partial_text

    def __str__(self) -> str:
        facts = (
            ("caller", self.caller),
            ("model", self.model),
            ("status", self.http_status),
            ("request", self.request_id),
            ("generation", self.generation_id),
        )
        known = ", ".join(f"{name} {value}" for name, value in facts if value is not None)
        parts = [self.message, self.hint, f"[{known}]" if known else ""]
        return " ".join(part for part in parts if part)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"
