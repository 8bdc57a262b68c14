import json
from collections.abc import Iterator
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ledger.exchange import documents


def test_an_empty_log_is_framed() -> None:
    data = b"".join(documents.log({"skill_name": "openrouter"}, [], 0))
    assert json.loads(data) == {
        "skill_name": "openrouter",
        "logs": [],
        "entries_shown": 0,
        "entries_total": 0,
    }
    assert data.endswith(b"}\n")


def test_a_log_has_one_entry_a_line_and_states_its_bound() -> None:
    data = b"".join(documents.log({}, (f'{{"n":{n}}}' for n in range(1200)), 5000))
    parsed = json.loads(data)
    assert [each["n"] for each in parsed["logs"]] == list(range(1200))
    assert (parsed["entries_shown"], parsed["entries_total"]) == (1200, 5000)
    lines = data.decode().splitlines()
    assert [line for line in lines if line.startswith("    {")][7] == '    {"n":7},'
    assert len(lines) == 1200 + 6


def test_a_log_is_made_piece_by_piece() -> None:
    taken = 0

    def entries() -> Iterator[str]:
        nonlocal taken
        while taken < 10_000:
            taken += 1
            yield "{}"

    pieces = documents.log({}, entries(), 10_000)
    next(pieces)
    next(pieces)
    assert taken < 1000


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escapes_mean_the_same_text(text: str) -> None:
    raw = json.dumps({"text": text}, ensure_ascii=False)
    escaped = documents.ascii_bytes(raw)
    assert json.loads(escaped.decode("ascii")) == {"text": text}
    assert escaped.decode("ascii").replace("\x7f", "\\u007f") == json.dumps({"text": text})


def test_a_document_keeps_every_digit_and_never_an_exponent() -> None:
    text = '{"cost":0.0000001,"more":0.1234567890123456789,"none":null,"zero":0.0}'
    data = documents.pretty(text).decode("ascii")
    for digits in ("0.0000001", "0.1234567890123456789", "0.0"):
        assert f": {digits}" in data
    assert json.loads(data, parse_float=Decimal)["cost"] == Decimal("1E-7")
