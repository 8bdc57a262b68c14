"""What the provider said was wrong."""

from typing import Any

from ledger.errors.base import LedgerError


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


class GenerationUnavailable(LedgerError):
    """The provider's own record could not be fetched."""

    exit_code = 5
