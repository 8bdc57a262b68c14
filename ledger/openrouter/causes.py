"""Which error of ours an answer means: one type for each cause that has a cure of its own.

OpenRouter tells most causes of one status apart only by words, some by `error_type` or by what
`metadata` holds. Sources: its error bodies as recorded, specified and quoted by its users. Words
that nobody here knows give the status's own class, never a guess.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger import errors
from ledger.openrouter import waits

Kind = type[errors.ProviderError]
_OK, _REDIRECT, _CLIENT, _SERVER = 200, 300, 400, 500


@dataclass(frozen=True, slots=True)
class Said:
    """What tells causes apart.

    Attributes:
        status: the HTTP status, or the code of an error inside an answer.
        words: the message in lower case.
        error_type: the provider's stable word for it, or `''`.
        is_own: whether the body has OpenRouter's own form; a proxy's page has not.
    """

    status: int
    words: str = field(default="", repr=False)
    error_type: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    model: str | None = None
    is_own: bool = True

    def has(self, *names: str) -> bool:
        """Whether the metadata holds one of these."""
        return any(name in self.metadata for name in names)

    def speaks_of(self, pattern: "re.Pattern[str]") -> bool:
        """Whether the message matches."""
        return pattern.search(self.words) is not None


def kind_of(said: Said) -> Kind:
    """The class of error for an answer."""
    for kind, applies in _CAUSES.get(said.status, ()):
        if applies(said):
            return kind
    known = _CLASSES.get(said.status)
    if known is not None:
        return known
    if said.status >= _SERVER:
        return errors.ProviderUnavailable
    if said.status >= _CLIENT:
        return errors.BadRequest
    return errors.AnswerFailed if _OK <= said.status < _REDIRECT else errors.AnswerInvalid


_LONG = re.compile(r"context length|context window|maximum context|prompt is too long")
_NO_MODEL = re.compile(r"not a valid model|model\b.*\b(?:not found|does not exist)|unknown model")
_MODEL_GONE = re.compile(r"no endpoints found|unavailable for free|deprecated|model")
_MODERATED = re.compile(r"moderation|flagged")
_KEY_KIND = re.compile(r"\b(?:management|provisioning) (?:api )?keys?\b")
_KEY_WANTED = re.compile(r"only (?:management|provisioning)|requires? an? (?:management|provision)")
_KEY_LIMIT = re.compile(r"\bkey\b.*\b(?:limit|budget)|\b(?:limit|budget)\b.*\bkey\b")
_SHARED_BUDGET = re.compile(
    r"(?:workspace|guardrail|organi[sz]ation|member)\b.*(?:budget|limit|sp)"
)
_BUDGET = re.compile(r"\bbudgets?\b|spending limit|spend limit")
_CANNOT_AFFORD = re.compile(r"can only afford|max_tokens|fewer tokens|prompt tokens limit")
_CREDITS = re.compile(r"credit|balance")
_POLICY = re.compile(
    r"data policy|privacy|zdr|zero data retention|guardrail|allowed providers|"
    r"endpoints? (?:found|available) (?:that|matching|which|with|supporting)|no provider"
)
_FREE = re.compile(r"free-models|free model|free tier")


def _is_long(said: Said) -> bool:
    kinds = {"context_length_exceeded", "token_limit_exceeded", "string_too_long"}
    return said.error_type in kinds or said.speaks_of(_LONG)


def _is_moderated(said: Said) -> bool:
    typed = said.error_type in {"content_policy_violation", "refusal"}
    return typed or said.has("reasons") or said.speaks_of(_MODERATED)


def _is_key_limit(said: Said) -> bool:
    return said.speaks_of(_KEY_LIMIT) and not said.speaks_of(_SHARED_BUDGET)


def _is_shared_budget(said: Said) -> bool:
    return said.speaks_of(_SHARED_BUDGET) or said.speaks_of(_BUDGET)


def _is_of_a_provider(said: Said) -> bool:
    return (
        said.has("provider_code", "previous_errors")
        or bool(said.metadata.get("provider_name"))
        or "upstream" in said.words
        or "provider returned" in said.words
    )


def _is_of_openrouter(said: Said) -> bool:
    return waits.header(said.headers, "x-ratelimit-limit") is not None or said.has("headers")


def _asked_for_free(said: Said) -> bool:
    return said.model is not None and said.model.endswith(":free")


def _is_gone_for_free(said: Said) -> bool:
    return _asked_for_free(said) and said.is_own and said.speaks_of(_MODEL_GONE)


def _is_overloaded(said: Said) -> bool:
    return said.error_type == "provider_overloaded"


def _timed_out(said: Said) -> bool:
    return said.error_type == "timeout"


_CLASSES: dict[int, Kind] = {
    401: errors.AuthenticationFailed,
    402: errors.CreditsExhausted,
    403: errors.PermissionDenied,
    404: errors.NotFound,
    408: errors.ProviderTimedOut,
    413: errors.RequestTooLarge,
    422: errors.RequestUnprocessable,
    429: errors.RateLimited,
    503: errors.NoProviderAvailable,
    504: errors.ProviderTimedOut,
    524: errors.ProviderTimedOut,
    529: errors.ProviderOverloaded,
}
# Of each status the causes with a cure of their own, the surest sign first.
_CAUSES: dict[int, tuple[tuple[Kind, Callable[[Said], bool]], ...]] = {
    400: (
        (errors.ContextTooLong, _is_long),
        (errors.RequestTooLarge, lambda said: said.error_type == "payload_too_large"),
        (errors.ModelNotFound, lambda said: said.speaks_of(_NO_MODEL)),
        (errors.ModerationRefused, _is_moderated),
    ),
    402: (
        (errors.WorkspaceBudgetReached, lambda said: said.speaks_of(_SHARED_BUDGET)),
        (errors.KeyLimitReached, _is_key_limit),
        (errors.RequestUnaffordable, lambda said: said.speaks_of(_CANNOT_AFFORD)),
        (errors.NoCreditsLeft, lambda said: said.speaks_of(_CREDITS)),
    ),
    403: (
        (
            errors.ManagementKeyRequired,
            lambda said: said.speaks_of(_KEY_KIND) and said.speaks_of(_KEY_WANTED),
        ),
        (errors.ManagementKeyRefused, lambda said: said.speaks_of(_KEY_KIND)),
        (errors.GuardrailRefused, lambda said: said.has("patterns")),
        (errors.ModerationRefused, _is_moderated),
        (errors.KeyLimitReached, _is_key_limit),
        (errors.WorkspaceBudgetReached, _is_shared_budget),
        (errors.GuardrailRefused, lambda said: "guardrail" in said.words),
    ),
    404: (
        (
            errors.NoEndpointLeft,
            lambda said: (
                said.has("available_providers", "requested_providers") or said.speaks_of(_POLICY)
            ),
        ),
        (errors.FreeModelGone, _is_gone_for_free),
        (errors.ModelNotFound, lambda said: said.is_own and said.speaks_of(_MODEL_GONE)),
    ),
    429: (
        (errors.FreeTierLimited, lambda said: said.speaks_of(_FREE)),
        (errors.ProviderRateLimited, _is_of_a_provider),
        (errors.FreeTierLimited, lambda said: _asked_for_free(said) and _is_of_openrouter(said)),
        (errors.AccountRateLimited, _is_of_openrouter),
    ),
    500: ((errors.ProviderTimedOut, _timed_out),),
    502: ((errors.ProviderOverloaded, _is_overloaded), (errors.ProviderTimedOut, _timed_out)),
    503: ((errors.ProviderOverloaded, _is_overloaded), (errors.ProviderTimedOut, _timed_out)),
}
