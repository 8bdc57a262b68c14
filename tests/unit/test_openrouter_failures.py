import datetime as dt
from typing import Any

import freezegun
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import errors
from ledger.openrouter import exact
from ledger.openrouter.failures import (
    MESSAGE_LIMIT,
    ErrorBody,
    error_for,
    grade_of,
    parse_error_body,
    read_error,
)

# The first draw of a fresh checkout builds a table of all characters, which takes a second.
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

KEY = "sk-or-v1-" + "ab" * 32
NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def _error(status: int, message: str = "no", **more: Any) -> errors.ProviderError:
    model, headers = more.pop("model", None), more.pop("headers", {})
    return error_for(status, read_error({"message": message, **more}), headers, model=model)


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (200, errors.AnswerFailed, "ledger settle"),
        (302, errors.AnswerInvalid, "Redirects are not followed"),
        (400, errors.BadRequest, "Change the request"),
        (401, errors.AuthenticationFailed, "openrouter.ai/settings/keys"),
        (402, errors.CreditsExhausted, "Add credits"),
        (403, errors.PermissionDenied, "what this key may do"),
        (404, errors.NotFound, "models list"),
        (408, errors.ProviderTimedOut, "ledger settle"),
        (409, errors.BadRequest, "Change the request"),
        (413, errors.RequestTooLarge, "Send less"),
        (418, errors.BadRequest, "Change the request"),
        (422, errors.RequestUnprocessable, "Change the parameters"),
        (429, errors.RateLimited, "more slowly"),
        (500, errors.ProviderUnavailable, "paid again"),
        (503, errors.NoProviderAvailable, "paid again"),
        (524, errors.ProviderTimedOut, "paid again"),
        (529, errors.ProviderOverloaded, "paid again"),
    ],
)
def test_each_status_has_its_error_and_says_what_to_do(
    status: int, kind: type[errors.ProviderError], hint: str
) -> None:
    error = _error(status)
    assert type(error) is kind
    assert hint in error.hint
    assert error.http_status == status
    assert f"answered {status}: no" in str(error)


def test_statuses_before_any_generation_are_not_charged_and_no_other() -> None:
    free = {status for status in range(100, 600) if grade_of(status) == "not_charged"}
    assert free == {400, 401, 402, 403, 404, 413, 422, 429}
    assert {grade_of(status) for status in (200, 408, 500, 524, 529)} == {None}


@pytest.mark.parametrize(
    ("status", "message", "more", "hint"),
    [
        (402, "requires more credits; you can only afford 12", {}, "max_tokens"),
        (403, "Key limit exceeded (daily limit)", {}, "spending limit"),
        (403, "Only management keys can perform this", {}, "takes a management key"),
        (403, "Management keys cannot perform this", {}, "management key cannot run models"),
        (403, "Input flagged", {"metadata": {"reasons": ["violence"]}}, "Moderation"),
        (403, "Forbidden by guardrail", {}, "guardrail"),
        (429, "slow", {"headers": {"Retry-After": "7"}}, "Wait 7 s"),
        (100, "odd", {}, "base_url"),
        (403, "Blocked", {"metadata": {"patterns": ["email"]}}, "guardrail"),
        (404, "No endpoints found", {"model": "a/b:free"}, "openrouter_skill_config.json"),
        (404, "No endpoints found", {"model": "a/b:free"}, "models list --free"),
        (404, "No endpoints matching your data policy", {"model": "a/b"}, "settings/privacy"),
    ],
)
def test_what_the_message_tells_apart_has_its_own_hint(
    status: int, message: str, more: dict[str, Any], hint: str
) -> None:
    assert hint in _error(status, message, **more).hint


def test_the_facts_of_the_call_reach_the_error() -> None:
    body = read_error({"code": 429, "message": "slow", "metadata": {"error_type": "rate_limit"}})
    error = error_for(
        429, body, {}, caller="flow", model="a/b", request_id="r1", generation_id="gen-1"
    )
    assert (error.caller, error.model, error.request_id) == ("flow", "a/b", "r1")
    assert (error.error_code, error.error_type) == ("429", "rate_limit")
    assert error.metadata == {"error_type": "rate_limit"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error":{"code":400,"message":"bad"}}', ("400", "bad", None)),
        (b'{"error":{"code":"server_error","message":"x"}}', ("server_error", "x", None)),
        (b'{"error":"just text"}', (None, "just text", None)),
        (b'{"message":"flat","code":404}', ("404", "flat", None)),
        (b'{"error":{"message":5}}', (None, "an error without a message", None)),
        (b'{"error":{"code":true,"message":" "}}', (None, "an error without a message", None)),
        (b'{"error":{"message":"x"},"error_type":"timeout"}', (None, "x", "timeout")),
        (b'{"error":[]}', (None, "an error without a message", None)),
        (b"{}", (None, "an error without a message", None)),
        (b"[1]", (None, "an answer that is JSON, but no object", None)),
        (b"", (None, "an empty answer", None)),
        (b" \n", (None, "an empty answer", None)),
        (b"<html>secret</html>", (None, "an answer that is HTML, 19 bytes", None)),
        (b"secret", (None, "an answer that is no JSON, 6 bytes", None)),
    ],
)
def test_error_bodies_of_every_shape_are_read(
    body: bytes, expected: tuple[str | None, str, str | None]
) -> None:
    read = parse_error_body(body)
    assert (read.code, read.message, read.error_type) == expected


def test_an_availability_error_without_a_code_is_read() -> None:
    read = parse_error_body(
        b'{"error":{"message":"overloaded","http_status":503,"error_type":"provider_overloaded",'
        b'"availability":{"code":"all_rate_limited","retryable":true,"retry_after":2.5,'
        b'"requested_models":["a/b"]}}}'
    )
    assert (read.code, read.error_type, read.retryable) == ("503", "provider_overloaded", True)
    assert read.retry_after_s == 3
    assert read.metadata["availability"]["code"] == "all_rate_limited"
    error = error_for(503, read, {})
    assert isinstance(error, errors.ProviderUnavailable)
    assert error.retry_after_s == 3


def test_content_and_account_are_stripped_at_any_depth() -> None:
    metadata = {
        "flagged_input": "secret",
        "raw": "secret",
        "provider_name": "Acme",
        "previous_errors": [{"raw": "secret", "user_id": "secret", "code": 429}],
    }
    read = read_error({"message": "x", "user_id": "secret", "metadata": metadata})
    assert read.metadata == {"provider_name": "Acme", "previous_errors": [{"code": 429}]}
    assert "secret" not in repr(read)


@pytest.mark.parametrize(
    "secret", [KEY, f"Bearer {KEY}", "bearer abc.def", "user_2abcdefghijklmnopqrst"]
)
def test_secrets_are_redacted_in_messages_codes_and_metadata(secret: str) -> None:
    read = read_error(
        {
            "code": secret,
            "message": f"key {secret} is disabled",
            "metadata": {"note": ["see " + secret], secret: 1},
        }
    )
    error = error_for(401, read, {})
    shown = f"{error} {error!r} {error.error_code} {error.metadata} {read!r}"
    assert secret.removeprefix("Bearer ").removeprefix("bearer ") not in shown
    assert "[redacted]" in error.message


def test_long_and_deep_errors_are_bounded() -> None:
    deep: Any = "end"
    for _ in range(50):
        deep = {"next": deep}
    wide = {f"name{number}": "x" * 10_000 for number in range(10_000)}
    read = read_error({"message": "m" * 10**6, "metadata": {"deep": deep, **wide}})
    assert len(read.message) == MESSAGE_LIMIT
    assert len(read.metadata) <= 200
    assert len(exact.dumps(read.metadata)) < 200 * 600


def test_a_key_across_the_bound_of_a_message_is_not_shown_in_part() -> None:
    read = read_error({"message": "m" * (MESSAGE_LIMIT - 15) + " " + KEY})
    assert "abab" not in read.message


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 7.2 ", 8),
        ("0", 0),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0),
        ("Mon, 23 Nov 2026 12:00:30 -0000", 30),
        ("soon", None),
        ("-5", None),
        ("99999999", None),
        ("9" * 5000, None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, seconds: int | None) -> None:
    with freezegun.freeze_time(NOON):
        error = error_for(429, ErrorBody(message="slow"), {"Retry-After": value})
        same = error_for(429, ErrorBody(message="slow"), {"retry-after": value})
    assert error.retry_after_s == same.retry_after_s == seconds


def test_the_free_tier_reset_is_named_and_waited_for() -> None:
    reset = str(int(NOON.timestamp()) * 1000 + 90_500)
    metadata = {"headers": {"X-RateLimit-Reset": reset, "X-RateLimit-Limit": "50"}}
    with freezegun.freeze_time(NOON):
        for error in (
            error_for(429, read_error({"message": "limit", "metadata": metadata}), {}),
            error_for(429, ErrorBody(message="limit"), {"X-RateLimit-Reset": reset}),
        ):
            assert "anew at 2026-11-23T12:01:30Z" in error.hint
            assert error.resets_at == NOON + dt.timedelta(seconds=90.5)
            assert error.retry_after_s == 91


@RELAXED
@given(st.binary(max_size=30) | st.text('{}[]":,0error', max_size=30).map(str.encode))
def test_no_body_makes_the_error_reader_raise(body: bytes) -> None:
    assert error_for(500, parse_error_body(body), {}).message


ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "code",
                    "message",
                    "metadata",
                    "availability",
                    "headers",
                    "retry_after",
                    "X-RateLimit-Reset",
                    "error_type",
                    "http_status",
                    "raw",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@RELAXED
@given(st.sampled_from([200, 302, 401, 402, 403, 404, 429, 503]), ODD)
def test_an_error_of_any_shape_becomes_one_of_ours_that_json_can_hold(
    status: int, value: Any
) -> None:
    error = error_for(status, read_error(value), {}, model="a/b")
    assert isinstance(error, errors.ProviderError)
    exact.dumps(error.metadata).encode()
    str(error).encode()
