"""The public names: what `__all__` says is what is there, and every one is documented."""

import importlib
import inspect
import re
import subprocess
import sys

import pytest

import ledger
from ledger import errors


def test_every_public_name_is_there_and_documented() -> None:
    assert list(ledger.__all__) == sorted(ledger.__all__)
    for name in ledger.__all__:
        value = getattr(ledger, name)
        assert (inspect.getdoc(value) or "").strip(), name
        assert name in dir(ledger)


def test_nothing_else_is_public() -> None:
    code = "import ledger; print(*(n for n in vars(ledger) if not n.startswith('_')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    submodules = {"clock"}
    assert set(done.stdout.split()) - {"TYPE_CHECKING", "Any"} <= {*ledger.__all__, *submodules}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'get_respnse'"):
        _ = ledger.get_respnse
    assert not hasattr(ledger, "__wrapped__")


def test_lazy_names_are_the_objects_of_their_modules() -> None:
    for name, home in ledger._LAZY.items():
        assert getattr(ledger, name) is getattr(importlib.import_module(home), name)


def test_a_star_import_gets_exactly_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from ledger import *", names)
    assert {name for name in names if not name.startswith("__")} == set(ledger.__all__)


@pytest.mark.parametrize(
    "name", ["get_response", "aget_response", "stream_response", "astream_response"]
)
def test_methods_of_a_ledger_take_what_the_functions_take(name: str) -> None:
    function = list(inspect.signature(getattr(ledger, name)).parameters.items())
    method = list(inspect.signature(getattr(ledger.Ledger, name)).parameters.items())[1:]
    assert [(n, p.kind, p.default) for n, p in function] == [
        (n, p.kind, p.default) for n, p in method
    ]


@pytest.mark.parametrize(
    "name", ["http_client", "async_http_client", "openai", "async_openai", "install", "quote"]
)
def test_clients_of_a_ledger_take_what_the_functions_take(name: str) -> None:
    function = list(inspect.signature(getattr(ledger, name)).parameters.items())
    method = list(inspect.signature(getattr(ledger.Ledger, name)).parameters.items())[1:]
    assert [(n, p.kind, p.default) for n, p in function] == [
        (n, p.kind, p.default) for n, p in method
    ]


def test_every_public_method_of_a_ledger_is_documented() -> None:
    for name, value in inspect.getmembers(ledger.Ledger, inspect.isfunction):
        if not name.startswith("_"):
            assert (inspect.getdoc(value) or "").strip(), name


def _drawn() -> dict[str, str]:
    """Each error of the tree in the docstring of `errors`, and the one above it."""
    above: list[str] = []
    tree: dict[str, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([│├└─ ]*)([A-Z][A-Za-z]+)(?: +\S|$)", line)
        if match is None:
            continue
        depth = len(match[1]) // 4
        if depth or match[2] == "LedgerError":
            above[depth:] = [match[2]]
            tree[match[2]] = above[depth - 1] if depth else "Exception"
    return tree


def test_the_drawn_tree_of_errors_is_the_tree() -> None:
    classes = {
        name: value.__bases__[0].__name__
        for name, value in inspect.getmembers(errors, inspect.isclass)
        if issubclass(value, Exception) and value.__module__ == errors.__name__
    }
    assert _drawn() == classes


def test_every_error_says_what_it_means_and_has_an_exit_code() -> None:
    codes = {}
    for name in _drawn():
        kind = getattr(errors, name)
        assert kind.__doc__
        assert kind.__doc__ != kind.__bases__[0].__doc__
        codes[name] = kind.exit_code
    assert set(codes.values()) == {1, 2, 3, 4, 5, 6}


def test_an_error_prints_its_facts_but_never_its_reply() -> None:
    error = errors.OutcomeNotRecorded(
        "Said.",
        hint="Do this.",
        caller="c",
        model="m",
        request_id="r",
        generation_id="g",
        http_status=200,
        reply="the answer",
    )
    text = "Said. Do this. [caller c, model m, status 200, request r, generation g]"
    assert str(error) == text
    assert repr(error) == f"OutcomeNotRecorded({text!r})"
