import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.openrouter import asked
from ledger.openrouter.asked import Asked

JSON = "application/json"


def _multipart(data: dict[str, Any], content: bytes = b"RIFF") -> tuple[str, bytes]:
    """A form as httpx sends it."""
    files = {"file": ("a.wav", content, "audio/wav")}
    request = httpx.Request("POST", "http://x/", data=data, files=files)
    return request.headers["content-type"], request.read()


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"model": "m"}, Asked("m", False)),
        ({"model": "m", "stream": True}, Asked("m", True)),
        ({"model": "m", "stream": "true"}, Asked("m", False)),
        ({"models": ["a", "b"]}, Asked("a", False)),
        ({"model": "m", "models": ["a"]}, Asked("m", False)),
        ({"model": 5, "models": []}, Asked(None, False)),
        ({"models": "a"}, Asked(None, False)),
        ([{"model": "m"}], Asked()),
    ],
)
def test_a_json_body_says_its_model(body: Any, found: Asked) -> None:
    assert asked.read(JSON, json.dumps(body).encode()) == found
    assert asked.read(None, b" \n" + json.dumps(body).encode()) == found


def test_a_form_says_its_model_wherever_the_part_stands() -> None:
    for data in ({"model": "openai/whisper", "language": "en"}, {"language": "en", "model": "m"}):
        kind, body = _multipart({**data, "stream": "true"})
        assert asked.read(kind, body) == Asked(data["model"], True)


def test_a_files_content_cannot_name_the_model() -> None:
    fake = b'\r\ncontent-disposition: form-data; name="model"\r\n\r\nfake\r\n'
    kind, body = _multipart({"language": "en"}, fake)
    assert asked.read(kind, body) == Asked(None, False)
    kind, body = _multipart({"model": "real"}, fake)
    assert asked.read(kind, body) == Asked("real", False)


def test_what_is_too_long_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "MAX_BODY", 20)
    assert asked.read(JSON, b'{"model":"m"}') == Asked("m", False)
    assert asked.read(JSON, b'{"model":"m"}' + b" " * 20) == Asked()


@given(st.binary(), st.sampled_from([None, JSON, "multipart/form-data; boundary=x", "multipart/"]))
def test_nothing_is_ever_raised(body: bytes, kind: str | None) -> None:
    assert isinstance(asked.read(kind, body), Asked)
    assert isinstance(asked.read(kind, b"--x" + body + b"\r\n--x--"), Asked)
