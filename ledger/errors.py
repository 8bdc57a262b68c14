"""Everything that can go wrong, as one tree.

LedgerError
├── CallRefused              the call was never sent; nothing was charged
│   ├── CallerProvisioned    the caller's first call: its config was just created
│   ├── ModelRequired        no model was passed; the ledger never picks one
│   ├── CallerUnknown        nobody can say which module called
│   ├── CallerInvalid        an explicit caller name that cannot be one
│   ├── CallerDisabled       `enabled: false`, in the caller's config or for everyone
│   ├── ConfigInvalid        a config file that cannot be read as one
│   ├── KeyMissing           no API key in any of the places looked at
│   ├── KeyInvalid           an API key that cannot be one
│   ├── ProviderUnsupported  a provider that is not OpenRouter
│   └── RequestInvalid       messages or parameters that cannot be sent
├── LedgerUnavailable        the books cannot be opened or written, so no call is made
│   ├── LedgerBusy           another writer held the books for too long
│   ├── LedgerTooNew         the books were written by a newer version
│   ├── UpgradeRequired      a server database whose schema is older: run `upgrade`
│   └── MigrationFailed      an upgrade failed; the books are as they were
├── OutcomeNotRecorded       the answer came but could not be booked; the error carries it
├── ProviderError            the provider answered with an error
│   ├── BadRequest           400, 413, 422
│   ├── AuthenticationFailed 401
│   ├── CreditsExhausted     402
│   ├── PermissionDenied     403
│   ├── NotFound             404
│   ├── RateLimited          429
│   ├── ProviderUnavailable  408 and 5xx
│   ├── AnswerFailed         HTTP 200 with an error inside
│   └── AnswerInvalid        an answer that is no completion: HTML, empty, not JSON
├── ConnectionFailed         no answer came
│   ├── NotSent              DNS, connect, TLS or pool failed before a byte was written
│   ├── ConnectionLost       the connection broke after the request was written
│   ├── SilenceTimeout       nothing came for `timeout_seconds`
│   └── DeadlineExceeded     the call's total `timeout` passed
├── GenerationUnavailable    the provider's own record could not be fetched
├── SnapshotFailed           a JSON file could not be written
├── BackupFailed             a backup could not be made or verified
└── NotFoundInLedger         nothing in the books has that id or name

`str(error)` says what happened, to whom, and what to do. Each class has its exit code for the
command line: 1 other, 2 usage, 3 refused, 4 books, 5 provider, 6 connection.
"""

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


class LedgerUnavailable(LedgerError):
    """The books cannot be opened or written, so no call is made."""

    exit_code = 4


class LedgerBusy(LedgerUnavailable):
    """Another writer held the books for longer than a writer waits."""


class LedgerTooNew(LedgerUnavailable):
    """The books were written by a newer version of this package."""


class UpgradeRequired(LedgerUnavailable):
    """A server database whose schema is older than this package."""


class MigrationFailed(LedgerUnavailable):
    """An upgrade failed; the books are as they were before it."""


class OutcomeNotRecorded(LedgerError):
    """The answer came, but its outcome could not be booked: `reply` carries the answer."""

    exit_code = 4


class ProviderError(LedgerError):
    """The provider answered with an error.

    Attributes:
        error_code: the provider's own code, as text.
        error_type: the provider's stable `error_type`, where it gave one.
        metadata: the provider's metadata, without content and account ids.
        partial_text: what had been answered before the error. Never printed.
    """

    exit_code = 5

    def __init__(
        self,
        message: str,
        *,
        error_code: str | None = None,
        error_type: str | None = None,
        metadata: dict[str, Any] | None = None,
        partial_text: str | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.error_code = error_code
        self.error_type = error_type
        self.metadata = metadata or {}
        self.partial_text = partial_text


class BadRequest(ProviderError):
    """400, 413, 422: the request itself is at fault. Not charged."""


class AuthenticationFailed(ProviderError):
    """401: the key is missing, wrong or disabled. Not charged."""


class CreditsExhausted(ProviderError):
    """402: no credits left, or the request could exceed them. Not charged."""


class PermissionDenied(ProviderError):
    """403: moderation, guardrail, key limit or kind of key. Not charged."""


class NotFound(ProviderError):
    """404: the model is gone or no endpoint serves it under these conditions. Not charged."""


class RateLimited(ProviderError):
    """429: too many requests, at OpenRouter or at its provider. Not charged."""


class ProviderUnavailable(ProviderError):
    """408 and 5xx: the provider failed or gave up; whether it charged is settled later."""


class AnswerFailed(ProviderError):
    """HTTP 200 with an error inside; it may have been charged."""


class AnswerInvalid(ProviderError):
    """An answer that is no completion: HTML, an empty body, not JSON."""


class ConnectionFailed(LedgerError):
    """No answer came."""

    exit_code = 6


class NotSent(ConnectionFailed):
    """DNS, connect, TLS or pool failed before a request byte was written. Not charged."""


class ConnectionLost(ConnectionFailed):
    """The connection broke after the request was written; it may have been charged."""


class SilenceTimeout(ConnectionFailed):
    """Nothing came for `timeout_seconds`; it may have been charged."""


class DeadlineExceeded(ConnectionFailed):
    """The call's total `timeout` passed; it may have been charged."""


class GenerationUnavailable(LedgerError):
    """The provider's own record could not be fetched."""

    exit_code = 5


class SnapshotFailed(LedgerError):
    """A JSON file could not be written; the old one is whole."""


class BackupFailed(LedgerError):
    """A backup could not be made or did not verify."""

    exit_code = 4


class NotFoundInLedger(LedgerError):
    """Nothing in the books has that id or name."""
