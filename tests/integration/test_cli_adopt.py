"""`python -m ledger adopt`: what it prints, and how it ends."""

import json
from pathlib import Path

import pytest

from ledger.__main__ import main

pytestmark = pytest.mark.one_engine  # about what no database could change

SOURCE = "from openai import OpenAI\n\nclient = OpenAI()\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "flow"
    folder.mkdir()
    (folder / "x.py").write_text(SOURCE, "utf-8")
    return folder


def test_each_call_has_its_place_and_its_change(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["adopt", str(source)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{source / 'x.py'}:3: openai.OpenAI: it speaks to its own host",
        "    client = ledger.openai()",
        "1 file read: 1 LLM call is not on the books; each change needs `import ledger`.",
    ]


def test_the_check_fails_until_the_change_is_made(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["adopt", str(source), "--check"]) == 1
    text = SOURCE.replace("OpenAI()", "ledger.openai()").replace("from", "import ledger\nfrom")
    (source / "x.py").write_text(text, "utf-8")
    capsys.readouterr()
    assert main(["adopt", str(source), "--check"]) == 0
    assert capsys.readouterr().out == "1 file read: every LLM call is on the books.\n"


def test_the_check_fails_where_a_file_cannot_be_read(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "x.py").write_text("def (", "utf-8")
    assert main(["adopt", str(source), "--check"]) == 1
    assert "no Python that can be read" in capsys.readouterr().out


def test_the_same_as_one_document(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adopt", str(source), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["files"], document["unreadable"]) == (1, [])
    (call,) = document["calls"]
    assert (call["line"], call["call"]) == (3, "openai.OpenAI")


def test_another_host_is_named_and_a_missing_path_is_an_error(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "http://box:4000/v1/chat/completions"
    (source / "x.py").write_text(f"import requests\nrequests.post('{url}')\n", "utf-8")
    assert main(["adopt", str(source), "--check"]) == 0
    assert main(["adopt", str(source), "--check", "--host", "box:4000"]) == 1
    capsys.readouterr()
    assert main(["adopt", str(source / "nowhere")]) == 1
    assert capsys.readouterr().err.startswith("error: There is no ")
