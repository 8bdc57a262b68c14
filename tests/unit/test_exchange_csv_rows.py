import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.exchange import csv_rows

PREFIXES = ["=", "+", "-", "@", "\t", "\r", "\0", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]


def read(columns: list[str], *rows: list[Any]) -> list[list[str]]:
    whole = b"".join(csv_rows.pieces(columns, rows)).decode()
    return list(csv.reader(io.StringIO(whole, newline="")))


@pytest.mark.parametrize("prefix", PREFIXES)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(prefix: str) -> None:
    text = f'{prefix}HYPERLINK("http://evil/","x")'
    assert read(["caller"], [text])[1] == [f"'{text}"]


@pytest.mark.parametrize("before", [" ", "\u00a0 ", "\n \t"])
def test_space_before_a_formula_does_not_hide_it(before: str) -> None:
    assert read(["caller"], [f"{before}=1+1"])[1] == [f"'{before}=1+1"]


@pytest.mark.parametrize("text", ["flow-mbank", "a=b", "x\ty", "1+1", "'quoted", "", "Zażółć 🦉"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert read(["caller"], [text])[1] == [text] or text == ""
    assert csv_rows.harmless(text) == text


def test_numbers_stay_numbers_and_what_is_not_known_is_empty() -> None:
    row = [-5, 2**63 - 1, "-0.000000000001", Decimal("1E-7"), None, True]
    names = ["cost_pico", "total_pico", "difference_usd", "rate", "error", "streamed"]
    assert read(names, row)[1] == [
        "-5", "9223372036854775807", "-0.000000000001", "0.0000001", "", "1",
    ]  # fmt: skip


def test_a_float_is_no_exact_figure() -> None:
    with pytest.raises(TypeError, match="float"):
        read(["cost_usd"], [0.1])


def test_every_row_is_whole_in_pieces_of_any_number() -> None:
    rows = [[number, f'line\r\n{number},"x"'] for number in range(1203)]
    pieces = list(csv_rows.pieces(["n", "text"], rows))
    assert len(pieces) == 4
    assert all(piece.endswith(b"\r\n") for piece in pieces)
    found = list(csv.reader(io.StringIO(b"".join(pieces).decode(), newline="")))
    assert found == [["n", "text"], *([str(number), text] for number, text in rows)]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_whatever_the_text_it_is_read_back_and_begins_no_formula(text: str) -> None:
    (cell,) = read(["caller", "x"], [text, "end"])[1][:1]
    assert cell in {text, f"'{text}"}
    assert cell[0] not in PREFIXES
