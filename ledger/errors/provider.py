"""What the provider said was wrong."""

import datetime as dt
from typing import Any

from ledger.errors.base import LedgerError


class ProviderError(LedgerError):
    """The provider answered with an error.

    Attributes:
        error_code: the provider's own code, as text.
        error_type: the provider's stable `error_type`, where it gave one.
        metadata: the provider's metadata, without content and account ids; what it says about
            availability is in it.
        retryable: whether the provider says that another try may work; None where it doesn't say.
        resets_at: when the limit that was met starts anew, in UTC, where it says so.
    """

    exit_code = 5

    def __init__(  # noqa: PLR0913 - the facts an error can carry, all optional and by name
        self,
        message: str,
        *,
        error_code: str | None = None,
        error_type: str | None = None,
        metadata: dict[str, Any] | None = None,
        retryable: bool | None = None,
        resets_at: dt.datetime | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.error_code = error_code
        self.error_type = error_type
        self.metadata = metadata or {}
        self.retryable = retryable
        self.resets_at = resets_at


class BadRequest(ProviderError):
    """400 and its like: the request itself is at fault. Not charged."""


class ContextTooLong(BadRequest):
    """The messages, with the answer asked for, don't fit into the model's context."""


class RequestTooLarge(BadRequest):
    """413: the body has more bytes than are taken."""


class RequestUnprocessable(BadRequest):
    """422: well formed, but its parameters make no sense together."""


class AuthenticationFailed(ProviderError):
    """401: the key is missing, wrong or disabled. Not charged."""


class CreditsExhausted(ProviderError):
    """402: no credits left, or the request could exceed them. Not charged."""


class NoCreditsLeft(CreditsExhausted):
    """The account's credits are used up; below zero even free models are refused."""


class RequestUnaffordable(CreditsExhausted):
    """The request could cost more than the credits that are left."""


class PermissionDenied(ProviderError):
    """403: moderation, guardrail, key limit, budget or kind of key. Not charged."""


class ModerationRefused(PermissionDenied):
    """Moderation refused the input."""


class GuardrailRefused(PermissionDenied):
    """A guardrail of the account refused the input."""


class KeyLimitReached(PermissionDenied):
    """The key has spent what it may, in all or in its period. A 403, and a 402 by older docs."""


class WorkspaceBudgetReached(PermissionDenied):
    """A budget of the workspace, or of a guardrail in it, is spent."""


class KeyKindWrong(PermissionDenied):
    """The key is of a kind that may not do this."""


class ManagementKeyRefused(KeyKindWrong):
    """A management key was used to run a model, which only an ordinary key may."""


class ManagementKeyRequired(KeyKindWrong):
    """An ordinary key was used for what only a management key may do."""


class NotFound(ProviderError):
    """404: the model is gone or no endpoint serves it under these conditions. Not charged."""


class ModelNotFound(NotFound):
    """There is no such model, or nobody serves it any more. A 404, or a 400 for a wrong slug."""


class FreeModelGone(ModelNotFound):
    """A `:free` model that nobody offers any more."""


class NoEndpointLeft(NotFound):
    """The model is served, but not under the account's policies or the call's own rules."""


class RateLimited(ProviderError):
    """429: too many requests, at OpenRouter or at its provider. Not charged."""


class FreeTierLimited(RateLimited):
    """The limit for free models, by minute or by UTC day; `resets_at` says until when."""


class AccountRateLimited(RateLimited):
    """OpenRouter's own limit for this account."""


class ProviderRateLimited(RateLimited):
    """The provider behind OpenRouter takes no more requests at the moment."""


class ProviderUnavailable(ProviderError):
    """408 and 5xx: the provider failed or gave up; whether it charged is settled later."""


class ProviderTimedOut(ProviderUnavailable):
    """408, 504, 524: no answer in time; the provider may have finished, and charged."""


class ProviderOverloaded(ProviderUnavailable):
    """529: the provider has more to do than it can."""


class NoProviderAvailable(ProviderUnavailable):
    """503: nobody serves the model at the moment."""


class AnswerFailed(ProviderError):
    """HTTP 200 with an error inside; it may have been charged."""


class AnswerInvalid(ProviderError):
    """An answer that is no completion: HTML, an empty body, not JSON."""


class GenerationUnavailable(LedgerError):
    """The provider's own record could not be fetched."""

    exit_code = 5
