"""Words that OpenRouter uses, in recordings, its specification and its users' reports."""

import datetime as dt
from typing import Any, NamedTuple

import freezegun
import pytest

from ledger import errors
from ledger.openrouter.failures import error_for, parse_error_body, read_error

NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
MIDNIGHT_MS = str(int(dt.datetime(2026, 11, 24, tzinfo=dt.UTC).timestamp()) * 1000)
LIMITS = {
    "X-RateLimit-Limit": "50",
    "X-RateLimit-Remaining": "0",
    "X-RateLimit-Reset": MIDNIGHT_MS,
}


class Case(NamedTuple):
    """What OpenRouter says, and the error that it is."""

    status: int
    message: str
    kind: type[errors.ProviderError]
    hint: str
    metadata: dict[str, Any] = {}  # noqa: RUF012 - a case is never changed
    model: str = "a/b"


CASES = [
    Case(400, "m/x is not a valid model ID", errors.ModelNotFound, "models list"),
    Case(400, "The model `x` does not exist", errors.ModelNotFound, "misspelt"),
    Case(
        400,
        "This endpoint's maximum context length is 8192 tokens. However, you requested 9000.",
        errors.ContextTooLong,
        "longer context",
    ),
    Case(
        400,
        "Provider returned error",
        errors.ContextTooLong,
        "longer context",
        {"error_type": "context_length_exceeded"},
    ),
    Case(
        400,
        "Provider returned error",
        errors.ModerationRefused,
        "change it",
        {"error_type": "content_policy_violation"},
    ),
    Case(400, "Too big", errors.RequestTooLarge, "Send less", {"error_type": "payload_too_large"}),
    Case(400, "tools.0.name: invalid", errors.BadRequest, "Change the request"),
    Case(401, "User not found.", errors.AuthenticationFailed, "Check the API key"),
    Case(401, "No auth credentials found", errors.AuthenticationFailed, "Check the API key"),
    Case(
        402,
        "Insufficient credits. Add more using https://openrouter.ai/credits",
        errors.NoCreditsLeft,
        "Add credits",
    ),
    Case(402, "Your account has a negative balance", errors.NoCreditsLeft, "below zero"),
    Case(
        402,
        "This request requires more credits, or fewer max_tokens. You requested up to 65536 "
        "tokens, but can only afford 1200.",
        errors.RequestUnaffordable,
        "max_tokens of at most 1200",
    ),
    Case(402, "Payment required", errors.CreditsExhausted, "smaller max_tokens"),
    Case(402, "Key limit exceeded (weekly limit).", errors.KeyLimitReached, "next week, UTC"),
    Case(
        403,
        "Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys",
        errors.KeyLimitReached,
        "raise it",
    ),
    Case(403, "Key limit exceeded (daily limit)", errors.KeyLimitReached, "next day, UTC"),
    Case(403, "Key limit exceeded (monthly limit)", errors.KeyLimitReached, "next month, UTC"),
    Case(403, "API key budget exceeded", errors.KeyLimitReached, "raise it"),
    Case(403, "Workspace budget exceeded", errors.WorkspaceBudgetReached, "admin"),
    Case(403, "Guardrail budget limit reached", errors.WorkspaceBudgetReached, "admin"),
    Case(403, "Monthly spending limit reached", errors.WorkspaceBudgetReached, "admin"),
    Case(
        403,
        "The workspace of this key has reached its budget",
        errors.WorkspaceBudgetReached,
        "admin",
    ),
    Case(403, "Request blocked by a guardrail.", errors.GuardrailRefused, "the guardrail"),
    Case(403, "Blocked", errors.GuardrailRefused, "the guardrail", {"patterns": ["email"]}),
    Case(
        403,
        "Prompt flagged by guardrail",
        errors.GuardrailRefused,
        "the guardrail",
        {"patterns": ["injection"]},
    ),
    Case(
        403,
        "Your chosen model requires moderation and your input was flagged",
        errors.ModerationRefused,
        "change it",
    ),
    Case(403, "Refused", errors.ModerationRefused, "change it", {"reasons": ["violence"]}),
    Case(
        403,
        "Management keys cannot perform this operation",
        errors.ManagementKeyRefused,
        "ordinary key",
    ),
    Case(
        403,
        "Provisioning keys cannot be used for completions",
        errors.ManagementKeyRefused,
        "ordinary key",
    ),
    Case(
        403,
        "Only management keys can perform this operation",
        errors.ManagementKeyRequired,
        "takes a management key",
    ),
    Case(
        403,
        "This endpoint requires a provisioning key",
        errors.ManagementKeyRequired,
        "takes a management key",
    ),
    Case(403, "Forbidden", errors.PermissionDenied, "what this key may do"),
    Case(404, "No endpoints found for a/b.", errors.ModelNotFound, "misspelt"),
    Case(404, "Model not found", errors.ModelNotFound, "misspelt"),
    Case(
        404,
        "No endpoints found for a/b:free.",
        errors.FreeModelGone,
        "models list --free",
        model="a/b:free",
    ),
    Case(
        404,
        "This model is unavailable for free. The paid version is available now",
        errors.FreeModelGone,
        "openrouter_skill_config.json",
        model="a/b:free",
    ),
    Case(
        404,
        "No endpoints found matching your data policy (Free model publication).",
        errors.NoEndpointLeft,
        "settings/privacy",
        model="a/b:free",
    ),
    Case(
        404,
        "No endpoints available matching your guardrail restrictions and data policy.",
        errors.NoEndpointLeft,
        "settings/privacy",
    ),
    Case(
        404,
        "No allowed providers are available for the selected model.",
        errors.NoEndpointLeft,
        "is served by acme, annex",
        {"available_providers": ["acme", "annex"], "requested_providers": ["x"]},
    ),
    Case(404, "No endpoints found that support tool use.", errors.NoEndpointLeft, "parameters"),
    Case(404, "Generation gen-1 not found", errors.NotFound, "conditions"),
    Case(408, "Timed out", errors.ProviderTimedOut, "paid again"),
    Case(413, "Too large", errors.RequestTooLarge, "Send less"),
    Case(422, "No sense", errors.RequestUnprocessable, "parameters"),
    Case(
        429,
        "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 a day",
        errors.FreeTierLimited,
        "anew at 2026-11-24T00:00:00Z",
        {"headers": LIMITS, "provider_name": None},
    ),
    Case(
        429,
        "Rate limit exceeded: free-models-per-min.",
        errors.FreeTierLimited,
        "paid model",
    ),
    Case(
        429,
        "Rate limit exceeded",
        errors.FreeTierLimited,
        "anew at 2026-11-24T00:00:00Z",
        {"headers": LIMITS},
        "a/b:free",
    ),
    Case(
        429,
        "Provider returned error",
        errors.ProviderRateLimited,
        "provider's, not yours",
        {"provider_name": "Acme", "error_type": "rate_limit_exceeded"},
        "a/b:free",
    ),
    Case(
        429,
        "a/b is temporarily rate-limited upstream. Please retry shortly",
        errors.ProviderRateLimited,
        "provider key of your own",
    ),
    Case(
        429,
        "Rate limit exceeded",
        errors.AccountRateLimited,
        "anew at 2026-11-24T00:00:00Z",
        {"headers": LIMITS},
    ),
    Case(429, "Rate limit exceeded", errors.RateLimited, "more slowly"),
    Case(500, "Internal Server Error", errors.ProviderUnavailable, "paid again"),
    Case(502, "Provider returned error", errors.ProviderUnavailable, "paid again"),
    Case(
        502,
        "Provider returned error",
        errors.ProviderOverloaded,
        "overloaded",
        {"error_type": "provider_overloaded"},
    ),
    Case(503, "No provider available", errors.NoProviderAvailable, "fall back"),
    Case(503, "slow", errors.ProviderTimedOut, "still have been", {"error_type": "timeout"}),
    Case(504, "Gateway timeout", errors.ProviderTimedOut, "still have been done"),
    Case(524, "The edge gave up", errors.ProviderTimedOut, "still have been done"),
    Case(529, "Overloaded", errors.ProviderOverloaded, "overloaded"),
    Case(599, "Odd", errors.ProviderUnavailable, "paid again"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.status} {case.message[:40]}")
def test_each_cause_is_its_own_error_with_its_own_cure(case: Case) -> None:
    body = {"code": case.status, "message": case.message, "metadata": case.metadata}
    with freezegun.freeze_time(NOON):
        error = error_for(case.status, read_error(body), {}, model=case.model)
    assert type(error) is case.kind
    assert case.hint in error.hint
    assert case.message in str(error)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, errors.AuthenticationFailed),
        (403, errors.PermissionDenied),
        (404, errors.NotFound),
        (405, errors.BadRequest),
    ],
)
def test_a_page_that_is_not_the_providers_own_names_the_base_url_and_the_proxy(
    status: int, kind: type[errors.ProviderError]
) -> None:
    page = parse_error_body(b"<html>No endpoints found: model budget key limit</html>")
    error = error_for(status, page, {}, model="a/b:free")
    assert type(error) is kind
    assert "base_url" in error.hint
    assert "proxy" in error.hint


@pytest.mark.parametrize(
    ("code", "hint"),
    [(429, "more slowly"), (402, "smaller max_tokens"), (502, "provider failed"), (7, "failed")],
)
def test_an_error_inside_an_answer_is_cured_by_its_own_code_and_settled(
    code: int, hint: str
) -> None:
    error = error_for(200, read_error({"code": code, "message": "no"}), {})
    assert type(error) is errors.AnswerFailed
    assert hint in error.hint
    assert error.hint.count("ledger settle") == 1


def test_whether_another_try_may_work_and_when_reach_the_error() -> None:
    body = {
        "message": "not now",
        "http_status": 429,
        "availability": {"code": "all_rate_limited", "retryable": True, "retry_after": 12},
        "metadata": {"headers": LIMITS},
    }
    error = error_for(429, read_error(body), {"Retry-After": "5"})
    assert (error.retryable, error.retry_after_s) == (True, 5)
    assert error.resets_at == dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    assert error.metadata["availability"]["code"] == "all_rate_limited"
