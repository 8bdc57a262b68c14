"""Names of callers: the mapping of stems and the check of explicit names."""

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import errors
from ledger.callers.detection import Caller
from ledger.callers.names import from_stem, parse_explicit

_DEVICES = {"con", "prn", "aux", "nul", *(f"{p}{n}" for p in ("com", "lpt") for n in range(10))}
_NEAR_MISSES = st.text(alphabet="cCoOnNuUlLpPtT1._- \u00df\u0130\uff21/\\", max_size=150)


@given(st.one_of(st.text(), st.text(min_size=60, max_size=200), _NEAR_MISSES))
def test_a_mapped_name_is_one_legal_path_component_everywhere(stem: str) -> None:
    name = from_stem(stem)
    assert re.fullmatch(r"[a-z0-9_.-]{1,73}", name)
    assert name.strip(".") != ""
    assert not name.endswith(".")
    assert name.partition(".")[0] not in _DEVICES


@given(st.one_of(st.text(), st.text(min_size=60, max_size=200), _NEAR_MISSES))
def test_mapping_a_name_again_changes_nothing_and_it_passes_the_check(stem: str) -> None:
    name = from_stem(stem)
    assert from_stem(name) == name
    assert parse_explicit(name) == (name, name)


_HOME = Path(tempfile.gettempdir()).resolve() / "no-such-home"
_HOSTILE = st.one_of(
    st.text(),
    st.sampled_from(["../../etc/x", "..", "/", "C:x", "//host/share", "a\x00b", "x" * 10_000]),
    st.text(alphabet="./\\:~\x00\u202e\u200f\u2215\uff0f\uff0e", max_size=40),
)


@given(_HOSTILE)
def test_no_name_leads_out_of_the_folder_of_callers(text: str) -> None:
    folder = Caller(from_stem(text), None, "", None, "").json_folder(_HOME)
    assert folder.resolve().parent == _HOME / "callers"
    try:
        name, _ = parse_explicit(text)
    except errors.CallerInvalid:
        return
    assert Caller(name, None, "", None, "").json_folder(_HOME).resolve().parent == folder.parent


@given(_HOSTILE)
def test_names_that_a_store_could_fold_into_one_are_one(text: str) -> None:
    variants = (text, text.upper(), text.lower(), text.swapcase(), text.title())
    mapped = {from_stem(each) for each in variants if each.casefold() == text.casefold()}
    assert len(mapped) == 1
    (name,) = mapped
    assert name == name.casefold()


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("flow_mbank", "flow_mbank"),
        ("Flow Mbank", "flow_mbank"),
        ("\uff26low", "flow"),
        ("stra\u00dfe", "strasse"),
        ("a/../b", "a_.._b"),
        ("CON", "con_"),
        ("nul.tar", "nul_.tar"),
        ("console", "console"),
        ("..", ".._"),
        ("x.", "x._"),
    ],
)
def test_stems_are_folded_to_the_alphabet(stem: str, name: str) -> None:
    assert from_stem(stem) == name


def test_what_the_mapping_loses_is_told_apart_by_a_hash() -> None:
    assert from_stem("\u65e5\u672c") != from_stem("\u4e2d\u56fd")
    assert from_stem("").startswith("_")
    one, other = from_stem("a" * 70 + "x"), from_stem("a" * 70 + "y")
    assert one[:64] == other[:64] == "a" * 64
    assert one != other
    assert from_stem("a" * 64) == "a" * 64


def test_a_chain_is_split_and_its_last_member_is_the_caller() -> None:
    assert parse_explicit("multi_skill:orchestrator->skill1->skill2") == (
        "skill2",
        "orchestrator->skill1->skill2",
    )
    assert parse_explicit("flow_mbank") == ("flow_mbank", "flow_mbank")


@pytest.mark.parametrize(
    "caller", ["", "Flow", "a b", "../x", "a->", "->a", "a->B c", "a:b:c", "con", "..", "x" * 65]
)
def test_an_explicit_name_outside_the_alphabet_is_refused(caller: str) -> None:
    with pytest.raises(errors.CallerInvalid) as caught:
        parse_explicit(caller)
    assert "a-z, 0-9" in str(caught.value)


def test_the_refusal_suggests_a_name_that_is_accepted() -> None:
    with pytest.raises(errors.CallerInvalid) as caught:
        parse_explicit("Flow Bank->Step 2")
    assert "Try caller='flow_bank->step_2'" in str(caught.value)
    assert parse_explicit("flow_bank->step_2")[0] == "step_2"
