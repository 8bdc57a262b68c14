import inspect
import pickle
import re

import pytest

from ledger import errors
from ledger.errors import LedgerError, OutcomeNotRecorded, ProviderError

TREE = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, LedgerError)
]


def test_the_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    drawn: dict[str, str] = {}
    stack: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^([│├└─ ]*)([A-Z]\w+)(?:\s{2,}|$|\s)", line)
        if found is None or not hasattr(errors, found[2]):
            continue
        depth = len(found[1])
        while stack and stack[-1][0] >= depth:
            stack.pop()
        drawn[found[2]] = stack[-1][1] if stack else "Exception"
        stack.append((depth, found[2]))
    assert drawn == {each.__name__: each.__bases__[0].__name__ for each in TREE}


@pytest.mark.parametrize("kind", TREE)
def test_every_error_says_what_to_whom_and_what_to_do(kind: type[LedgerError]) -> None:
    error = kind(
        "It broke.", hint="Mend it.", caller="flow_mbank", model="m/x", request_id="r-1",
        generation_id="gen-1", http_status=429, retry_after_s=1.5, reply="the answer",
    )  # fmt: skip
    said = str(error)
    assert said.startswith("It broke. Mend it.")
    for fact in ("flow_mbank", "m/x", "r-1", "gen-1", "429"):
        assert fact in said
    assert (error.reply, error.retry_after_s) == ("the answer", 1.5)
    assert "the answer" not in said + repr(error)
    assert kind.__doc__
    assert kind.exit_code in range(1, 7)


def test_an_error_without_facts_is_its_message() -> None:
    assert str(LedgerError("It broke.")) == "It broke."
    assert str(LedgerError("It broke.", http_status=0)) == "It broke. [status 0]"


def test_partial_text_and_metadata_are_never_printed() -> None:
    error = ProviderError("It broke.", partial_text="half an answer", metadata={"raw": "private"})
    assert error.partial_text == "half an answer"
    assert "half" not in str(error) + repr(error) + str(error.args)
    assert "private" not in str(error) + repr(error)


def test_exit_codes_are_by_family() -> None:
    codes = {
        errors.CallRefused: 3, errors.LedgerUnavailable: 4, errors.ProviderError: 5,
        errors.ConnectionFailed: 6,
    }  # fmt: skip
    for kind in TREE:
        for family, code in codes.items():
            if issubclass(kind, family):
                assert kind.exit_code == code
    assert OutcomeNotRecorded.exit_code == 4


@pytest.mark.parametrize("kind", TREE)
def test_errors_cross_a_process_pool_whole(kind: type[LedgerError]) -> None:
    error = kind("It broke.", hint="Mend it.", caller="flow_mbank", http_status=402)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (str(copy), copy.caller, copy.http_status) == (str(error), "flow_mbank", 402)
