import pickle
from decimal import Decimal
from typing import Any

import pytest

from ledger.books.models import Outcome
from ledger.calls import receipts
from ledger.calls.reply import Reply
from ledger.openrouter.answers import parse_answer

BODY = (
    '{"id": "gen-1", "model": "maker/model", "choices": [{"message": {"content": "canary"},'
    ' "finish_reason": "stop"}], "usage": %s}'
)


def reply_of(usage: str, **outcome: Any) -> Reply:
    answer = parse_answer((BODY % usage).encode())
    row = Outcome(id="01a2", generation_id="gen-1", latency_ms=420, **outcome)
    return Reply.of(answer, row, "flow_mbank")


def test_a_receipt_has_the_exact_cost_and_no_content() -> None:
    reply = reply_of(
        '{"cost": 0.0004970133333333333}',
        cost_pico=497_013_333,
        cost_grade="reported",
        prompt_tokens=120,
        completion_tokens=30,
    )
    assert reply.receipt == (
        "flow_mbank: maker/model, 120+30 tokens, 0.0004970133333333333 USD (reported), 420 ms,"
        " request 01a2, generation gen-1"
    )


@pytest.mark.parametrize(
    ("usage", "pico", "shown"),
    [
        ('{"cost": 1e-7}', 100_000, "0.0000001 USD (reported)"),
        ('{"cost": 0}', 0, "0.0 USD (reported)"),
        ('{"cost": 12}', 12 * 10**12, "12.0 USD (reported)"),
    ],
)
def test_amounts_are_plain_numbers(usage: str, pico: int, shown: str) -> None:
    reply = reply_of(usage, cost_pico=pico, cost_grade="reported")
    assert shown in reply.receipt


@pytest.mark.parametrize(
    ("grade", "says"),
    [
        ("pending", "cost pending"), ("unknown", "cost unknown"), ("not_charged", "not charged"),
        ("new", "cost new"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_said_and_is_no_zero(grade: str, says: str) -> None:
    text = reply_of("null", cost_grade=grade).receipt
    assert says in text
    assert "tokens unknown" in text
    assert "USD" not in text


def test_an_own_providers_charge_stands_beside_the_credits() -> None:
    reply = reply_of(
        '{"cost": 0.5}',
        cost_pico=5 * 10**11,
        upstream_pico=10**12,
        is_byok=True,
        cost_grade="reported",
    )
    assert "0.5 USD and 1.0 USD upstream (reported)" in reply.receipt


def test_names_that_others_wrote_make_no_second_line() -> None:
    facts = receipts.Facts("flow\nx", 1, None, None, "unknown", None)
    line = receipts.line(facts, "m\x1b[2J", Decimal("0.1"), "1", None)
    assert line.isprintable()
    assert "1+? tokens" in line


def test_a_reply_keeps_its_receipt_when_it_is_pickled() -> None:
    reply = reply_of('{"cost": 0.5}', cost_pico=5 * 10**11, cost_grade="reported")
    assert pickle.loads(pickle.dumps(reply)).receipt == reply.receipt
