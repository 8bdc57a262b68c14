"""Every way in which OpenRouter answers, through both drivers: the row, and the reply or error."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from callkit import CALLER, DRIVERS, call, failure, only, open_ledger, rows

from ledger import errors
from ledger.client import Ledger
from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change


class Failing(NamedTuple):
    """A directive, and how a call of it fails."""

    directive: str
    kind: type[errors.LedgerError]
    http_status: int | None
    grade: str
    status: str = "failed"
    has_id: bool = False


class Finishing(NamedTuple):
    """A directive, and what a call of it gives."""

    directive: str
    text: str = "Echo: Hello there"
    cost: str | None = ""
    grade: str = "reported"
    flags: str | None = None
    finish: str | None = "stop"


FAILING = [
    Failing("error-400", errors.BadRequest, 400, "not_charged"),
    Failing("error-401", errors.AuthenticationFailed, 401, "not_charged"),
    Failing("error-402", errors.RequestUnaffordable, 402, "not_charged"),
    Failing("error-403", errors.ModerationRefused, 403, "not_charged"),
    Failing("error-403-key-limit", errors.KeyLimitReached, 403, "not_charged"),
    Failing("error-403-guardrail", errors.GuardrailRefused, 403, "not_charged"),
    Failing("error-403-management", errors.ManagementKeyRefused, 403, "not_charged"),
    Failing("error-404", errors.NoEndpointLeft, 404, "not_charged"),
    Failing("error-404-routing", errors.NoEndpointLeft, 404, "not_charged"),
    Failing("error-408", errors.ProviderTimedOut, 408, "unknown"),
    Failing("error-409", errors.BadRequest, 409, "unknown"),
    Failing("error-413", errors.RequestTooLarge, 413, "not_charged"),
    Failing("error-418", errors.BadRequest, 418, "unknown"),
    Failing("error-422", errors.RequestUnprocessable, 422, "not_charged"),
    Failing("error-429", errors.FreeTierLimited, 429, "not_charged"),
    Failing("error-429-provider", errors.ProviderRateLimited, 429, "not_charged"),
    Failing("error-500", errors.ProviderUnavailable, 500, "unknown"),
    Failing("error-502", errors.ProviderUnavailable, 502, "unknown"),
    Failing("error-502-html", errors.ProviderUnavailable, 502, "unknown"),
    Failing("error-503", errors.NoProviderAvailable, 503, "unknown"),
    Failing("error-503-availability", errors.NoProviderAvailable, 503, "unknown"),
    Failing("error-504", errors.ProviderTimedOut, 504, "unknown"),
    Failing("error-524", errors.ProviderTimedOut, 524, "unknown"),
    Failing("error-529", errors.ProviderOverloaded, 529, "unknown"),
    Failing("error-599", errors.ProviderUnavailable, 599, "unknown"),
    Failing("error-502,with-id", errors.ProviderUnavailable, 502, "pending", has_id=True),
    Failing("error-200", errors.AnswerFailed, 200, "pending", has_id=True),
    Failing("choice-error", errors.AnswerFailed, 200, "reported", has_id=True),
    Failing("no-choices", errors.AnswerInvalid, 200, "reported", has_id=True),
    Failing("empty-body", errors.AnswerInvalid, 200, "pending", has_id=True),
    Failing("html", errors.AnswerInvalid, 200, "unknown"),
    Failing("redirect", errors.AnswerInvalid, 302, "unknown"),
    Failing("redirect-307", errors.AnswerInvalid, 307, "unknown"),
    Failing("redirect-308", errors.AnswerInvalid, 308, "unknown"),
    Failing("cut", errors.ConnectionLost, 200, "pending", "interrupted", has_id=True),
    Failing("hangup", errors.ConnectionLost, None, "unknown", "interrupted"),
]
FINISHING = [
    Finishing("tag-plain"),
    Finishing("cost-0.0004970133333333333", cost="0.0004970133333333333"),
    Finishing("cost-0.0076509169000000005", cost="0.0076509169000000005"),
    Finishing("cost-1e-7", cost="1E-7"),
    Finishing("cost-0", cost="0"),
    Finishing("cost-NaN", cost=None, grade="pending", flags="cost:nan"),
    Finishing("cost--1", cost=None, grade="pending", flags="cost:negative"),
    Finishing('cost-"0.5"', cost=None, grade="pending", flags="cost:type"),
    Finishing("cost-true", cost=None, grade="pending", flags="cost:type"),
    Finishing("cost-null", cost=None, grade="pending", flags="cost:missing"),
    Finishing("cost-missing", cost=None, grade="pending", flags="cost:missing"),
    Finishing("cost-1e99999999", cost=None, grade="pending", flags="cost:range"),
    Finishing("no-usage", cost=None, grade="pending", flags="usage:missing"),
    Finishing("byok", cost="0"),
    Finishing("no-id"),
    Finishing("no-header-id"),
    Finishing("no-id,no-header-id,no-usage", cost=None, grade="unknown", flags="usage:missing"),
    Finishing("null-content", text=""),
    Finishing("reasoning-only", text="", finish="length"),
    Finishing("tool-call", text="", finish="tool_calls"),
    Finishing("unknown-fields", finish="singularity"),
    Finishing("keepalive"),
    Finishing("slow-30"),
    Finishing("drip-1"),
    Finishing("served-other/model"),
]
DIRECTIVES = [case.directive for case in FAILING] + [case.directive for case in FINISHING]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, sandbox: Sandbox) -> Path:
    sandbox.reset()
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    with open_ledger(home, sandbox.base_url) as opened:
        yield opened


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("case", FAILING, ids=lambda case: case.directive)
def test_a_failing_answer_is_a_typed_error_and_one_row(
    ledger: Ledger, home: Path, sandbox: Sandbox, case: Failing, driver: str
) -> None:
    model = f"sandbox/{case.directive}"
    error = failure(ledger, driver, model=model)
    assert type(error) is case.kind
    (seen,) = sandbox.calls
    outcome = only(home, "select * from outcome")
    expected_id = seen.generation_id if case.has_id else None
    assert (error.caller, error.model, error.http_status) == (CALLER, model, case.http_status)
    assert (error.request_id, error.generation_id) == (outcome["id"], expected_id)
    assert only(home, "select id from request")["id"] == outcome["id"]
    assert (outcome["status"], outcome["http_status"]) == (case.status, case.http_status)
    assert (outcome["cost_grade"], outcome["generation_id"]) == (case.grade, expected_id)
    assert outcome["error_type"] == case.kind.__name__
    assert (outcome["cost_pico"] is not None) == (case.grade == "reported")
    assert str(outcome["id"]) in str(error)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("case", FINISHING, ids=lambda case: case.directive)
def test_a_good_answer_is_a_reply_and_one_row(
    ledger: Ledger, home: Path, sandbox: Sandbox, case: Finishing, driver: str
) -> None:
    reply = call(ledger, driver, model=f"sandbox/{case.directive}")
    (seen,) = sandbox.calls
    outcome = only(home, "select * from outcome")
    no_id = "no-id,no-header-id" in case.directive
    generation_id = None if no_id else seen.generation_id
    assert str(reply) == case.text
    assert (reply.request_id, reply.generation_id) == (outcome["id"], generation_id)
    assert reply.finish_reason == outcome["finish_reason"] == case.finish
    if case.cost == "":
        assert reply.cost == seen.charged
    else:
        assert reply.cost == (None if case.cost is None else Decimal(case.cost))
    assert (outcome["status"], outcome["http_status"]) == ("finished", 200)
    assert (outcome["cost_grade"], outcome["generation_id"]) == (case.grade, generation_id)
    assert outcome["flags"] == case.flags
    assert (outcome["error_type"], outcome["error_message"]) == (None, None)
    if reply.usage:
        assert outcome["prompt_tokens"] == reply.usage["prompt_tokens"] > 0
        assert outcome["total_tokens"] == reply.usage["total_tokens"]


def _comparable(home: Path) -> list[dict[str, Any]]:
    """All that the books say of the calls, but for what differs from call to call."""
    found = rows(
        home,
        "select r.source, r.endpoint, r.base_url, r.model_asked, r.timeout_ms, r.streamed,"
        " r.key_hash, r.config_applied, r.chain, o.*, s.cost_usd, s.upstream_usd, s.total_usd"
        " from request r join outcome o using (id) join request_status s using (id)"
        " order by r.id",
    )
    for row in found:
        row["generation_id"] = row["generation_id"] is not None
        for name in ("id", "ended_at", "latency_ms"):
            del row[name]
    return found


def test_both_drivers_write_equal_rows(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.reset()
    written = []
    for driver in DRIVERS:
        home = tmp_path / driver / "home"
        with open_ledger(home, sandbox.base_url) as ledger:
            for directive in DIRECTIVES:
                try:
                    call(ledger, driver, model=f"sandbox/{directive}", max_tokens=5)
                except errors.LedgerError:
                    continue
        written.append(_comparable(home))
    assert len(written[0]) == len(DIRECTIVES)
    assert written[0] == written[1]
    assert len(sandbox.calls) == 2 * len(DIRECTIVES)


def test_a_redirect_is_not_followed_and_the_key_goes_nowhere_else(
    ledger: Ledger, sandbox: Sandbox
) -> None:
    for status in (301, 302, 303, 307, 308):
        error = failure(ledger, "sync", model=f"sandbox/redirect-{status}")
        assert "Redirects are not followed" in str(error)
    assert [seen.endpoint for seen in sandbox.calls] == ["/chat/completions"] * 5


def test_usage_text_and_cost_keep_every_digit(ledger: Ledger, home: Path) -> None:
    ledger.get_response("x", model="sandbox/cost-0.0004970133333333333", caller=CALLER)
    row = only(home, "select usage_text, cost_pico from outcome")
    assert '"cost":0.0004970133333333333' in row["usage_text"].replace(" ", "")
    assert row["cost_pico"] == 497013333
    assert only(home, "select cost_usd from request_status")["cost_usd"] == "0.000497013333"


@pytest.mark.parametrize(
    ("literal", "pico"),
    [("0.0000000000005", 0), ("0.0000000000015", 2), ("0.0000000000025", 2), ("1e-12", 1)],
)
def test_an_amount_is_rounded_half_even_at_the_twelfth_decimal(
    ledger: Ledger, home: Path, literal: str, pico: int
) -> None:
    ledger.get_response("x", model=f"sandbox/cost-{literal}", caller=CALLER)
    assert only(home, "select cost_pico from outcome")["cost_pico"] == pico


def test_byok_books_fee_and_upstream_apart(ledger: Ledger, home: Path) -> None:
    ledger.get_response("x", model="sandbox/byok", caller=CALLER)
    row = only(home, "select cost_usd, upstream_usd, total_usd from request_status")
    assert (row["cost_usd"], row["upstream_usd"], row["total_usd"]) == (
        "0.0",
        "0.0003253",
        "0.0003253",
    )


def test_details_of_an_answer_are_on_the_reply(ledger: Ledger) -> None:
    reply = ledger.get_response("x", model="sandbox/tool-call,served-a/b", caller=CALLER)
    assert reply.model == "a/b"
    assert reply.tool_calls[0]["function"]["name"] == "lookup"
    assert reply.raw["choices"][0]["message"]["content"] is None


def test_partial_text_comes_with_the_error_that_broke_it_off(ledger: Ledger) -> None:
    error = failure(ledger, "sync", model="sandbox/choice-error")
    assert error.partial_text == "Echo: Hello there"
    assert "Echo" not in str(error) + repr(error)


def test_the_wait_that_a_429_asks_for_is_on_the_error(ledger: Ledger) -> None:
    error = failure(ledger, "sync", model="sandbox/error-429")
    assert error.retry_after_s == 7
