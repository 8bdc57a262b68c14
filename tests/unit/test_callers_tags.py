"""Tags: what may be one, where they come from, and which place counts."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ledger
from ledger import errors
from ledger.callers import tags
from ledger.callers.blocks import open_tags

CHECKOUT = Path(__file__).parents[2]
KEYS = st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True)
VALUES = st.text(min_size=1, max_size=60).filter(lambda value: value.isprintable())


@given(st.dictionaries(KEYS, VALUES, max_size=tags.MAX_TAGS))
def test_what_can_be_tags_is_read_back_from_its_text(given_tags: dict[str, str]) -> None:
    stripped = {key: value.strip() or "x" for key, value in given_tags.items()}
    assert tags.checked(stripped) == stripped
    assert tags.parse(tags.unparse(stripped)) == stripped


@pytest.mark.parametrize(
    "bad",
    [
        {"": "x"},
        {"a b": "x"},
        {"a=b": "x"},
        {"a,b": "x"},
        {"ü": "x"},
        {"a" * 65: "x"},
        {"a\n": "x"},
        {7: "x"},
        {"a": ""},
        {"a": 7},
        {"a": None},
        {"a": True},
        {"a": "x\ny"},
        {"a": "x\x00"},
        {"a": "\udc80"},
        {"a": "\u202eevil"},
        {"a": "x" * 257},
        {f"k{n}": "x" for n in range(17)},
        ["a=b"],
        "a=b",
        7,
    ],
)
def test_what_can_be_no_tag_is_a_typed_error(bad: Any) -> None:
    for refused in (lambda: tags.checked(bad), lambda: ledger.caller(tags=bad)):
        with pytest.raises(errors.TagInvalid):
            refused()


@pytest.mark.parametrize("text", ["team", "=x", "a b=c", "a=", "a=%FF", "a=%00", "a=b,c"])
def test_a_text_of_which_a_part_is_no_tag_is_refused(text: str) -> None:
    with pytest.raises((errors.TagInvalid, UnicodeDecodeError)):
        tags.parse(text)


def test_a_text_is_read_with_room_around_it_and_commas_written_out() -> None:
    found = tags.parse(" team = search , env=prod,, note=a%2Cb=50% ")
    assert found == {"team": "search", "env": "prod", "note": "a,b=50%"}


def test_the_inner_place_counts_and_blocks_of_tags_add_nobody() -> None:
    with ledger.caller("a", tags={"task": "outer", "env": "test"}):
        with ledger.caller(tags={"task": "inner"}):
            assert open_tags() == {"task": "inner", "env": "test"}
            assert open_tags({"task": "own"}) == {"task": "own", "env": "test"}
            assert ledger.child_env({})["LEDGER_CHAIN"] == "a"
            assert ledger.child_env({})["LEDGER_TAGS"] == "task=inner,env=test"
        assert open_tags()["task"] == "outer"
    assert open_tags() == {}


def test_more_tags_than_a_call_may_have_together_are_refused() -> None:
    with (
        ledger.caller(tags={f"a{n}": "x" for n in range(10)}),
        ledger.caller(tags={f"b{n}": "x" for n in range(7)}),
        pytest.raises(errors.TagInvalid, match="17 tags"),
    ):
        open_tags()


def child(text: str) -> str:
    code = "from ledger import caller, errors\nfrom ledger.callers.blocks import open_tags\n"
    code += "try:\n    with caller('a', tags={'env': 'own'}): print(open_tags())\n"
    code += "except errors.TagInvalid as error: print(ascii(str(error)))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={"PYTHONPATH": str(CHECKOUT), "LEDGER_TAGS": text},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def test_a_process_has_tags_by_its_environment_and_a_bad_one_is_said() -> None:
    assert child("team=search,env=prod") == "{'team': 'search', 'env': 'own'}"
    assert child("") == "{'env': 'own'}"
    for bad in ("team", "a=%FF", "x" * 9000):
        assert "LEDGER_TAGS cannot be read" in child(bad)
