"""What others wrote, made harmless for a terminal."""

import pytest

from ledger.reports.terminal import harmless, harmless_lines

HOSTILE = [
    "\x1b[2J\x1b[31mred",
    "\x9b31m",
    "back\bspace\r\nline",
    "tab\tbell\a",
    "\u202eevil\u202c",
    "\u2066isolated\u2069",
    "zero\u200bwidth",
    "\u2028line\u2029paragraph",
    "lone \ud800 surrogate",
    "\x00nul\x7fdel",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_acts_on_a_terminal_is_left(text: str) -> None:
    shown = harmless(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) == 1
    shown.encode("utf-8")


def test_what_is_written_out_can_be_told() -> None:
    assert harmless("a\x1b[31mb\u202e") == r"a\x1b[31mb\u202e"


@pytest.mark.parametrize("text", ["openai/gpt-4o-mini", "Zażółć gęślą jaźń 🦉", "flow mbank", ""])
def test_ordinary_names_stay_as_they_are(text: str) -> None:
    assert harmless(text) == text


def test_answers_keep_their_lines_and_tabs_and_nothing_else() -> None:
    assert harmless_lines("one\n\ttwo\r\n\x1b]0;title\x07") == "one\n\ttwo\\r\n\\x1b]0;title\\x07"
