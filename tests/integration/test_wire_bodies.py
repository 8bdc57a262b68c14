"""Every body that an answer can have, through `get_response`: odd JSON, packed, too large."""

import gzip
import socket
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import respx
from callkit import DRIVERS, call, failure, only, open_ledger
from rawserver import BODY, RawServer, answer, read_request

from ledger import errors
from ledger.calls import decoding
from ledger.client import Ledger

pytestmark = pytest.mark.one_engine  # about what no database could change

BASE = "https://openrouter.ai/api/v1"
URL = f"{BASE}/chat/completions"
MODEL = "openai/gpt-4o-mini"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    with open_ledger(home, BASE) as opened:
        yield opened


DEEP = b'{"id":"gen-1","choices":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
BODIES: dict[str, tuple[bytes, type[errors.LedgerError] | None]] = {
    "bom": (b"\xef\xbb\xbf" + BODY, None),
    "whitespace first": (b"\n \r\n\t" + BODY, None),
    "lone surrogate": (BODY.replace(b'"raw"', b'"raw\\ud83d"'), None),
    "NaN elsewhere": (BODY.replace(b'"model":"m"', b'"model":"m","x":NaN'), None),
    "nothing": (b"", errors.AnswerInvalid),
    "a list": (b"[]", errors.AnswerInvalid),
    "null": (b"null", errors.AnswerInvalid),
    "half": (BODY[:50], errors.AnswerInvalid),
    "binary": (bytes(range(256)), errors.AnswerInvalid),
    "too deep": (DEEP, errors.AnswerInvalid),
    "choices null": (b'{"id":"gen-1","choices":null}', errors.AnswerInvalid),
    "choices text": (b'{"id":"gen-1","choices":"x"}', errors.AnswerInvalid),
    "error text": (b'{"error":"broken"}', errors.AnswerFailed),
}


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", BODIES)
def test_any_body_is_a_reply_or_a_typed_error(
    ledger: Ledger, home: Path, name: str, driver: str
) -> None:
    body, kind = BODIES[name]
    with respx.mock:
        respx.post(URL).mock(
            httpx.Response(200, content=body, headers={"x-generation-id": "gen-h"})
        )
        if kind is None:
            assert str(call(ledger, driver, model=MODEL)).startswith("raw")
        else:
            assert type(failure(ledger, driver, model=MODEL)) is kind
    row = only(home, "select status, cost_grade, http_status, generation_id from outcome")
    assert row["http_status"] == 200
    assert row["generation_id"]
    assert (row["status"], row["cost_grade"]) == (
        ("finished", "reported") if kind is None else ("failed", "pending")
    )


PACKED: dict[str, tuple[bytes, str, bool]] = {
    "gzip": (gzip.compress(BODY), "gzip", True),
    "deflate": (zlib.compress(BODY), "deflate", True),
    "raw deflate": (zlib.compress(BODY)[2:-4], "deflate", True),
    "gzip of gzip": (gzip.compress(gzip.compress(BODY)), "gzip, gzip", True),
    "identity": (BODY, "identity", True),
    "no gzip": (BODY, "gzip", False),
    "half a gzip": (gzip.compress(BODY)[:-9], "gzip", False),
    "brotli": (BODY, "br", False),
}


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", PACKED)
def test_a_packed_body_is_unpacked_or_said_to_be_unreadable(
    home: Path, name: str, driver: str
) -> None:
    body, encoding, is_readable = PACKED[name]

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        more = f"Content-Encoding: {encoding}\r\nX-Generation-Id: gen-h"
        connection.sendall(answer(body, headers=more))

    with RawServer(serve) as server, open_ledger(home, server.base_url) as ledger:
        if is_readable:
            assert call(ledger, driver, model=MODEL) == "raw"
        else:
            assert type(failure(ledger, driver, model=MODEL)) is errors.AnswerInvalid
    row = only(home, "select status, cost_grade from outcome")
    assert row["cost_grade"] == ("reported" if is_readable else "pending")


@pytest.mark.parametrize("packed", [False, True])
def test_a_body_beyond_the_bound_is_not_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch, *, packed: bool
) -> None:
    monkeypatch.setattr(decoding, "MAX_BODY", 10_000)
    body, headers = BODY[:-1] + b" " * 20_000 + b"}", "X-Generation-Id: gen-h"
    if packed:
        body, headers = gzip.compress(body), headers + "\r\nContent-Encoding: gzip"

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(body, headers=headers))

    with RawServer(serve) as server, open_ledger(home, server.base_url) as ledger:
        error = failure(ledger, "sync", model=MODEL)
    assert type(error) is errors.AnswerInvalid
    assert "more than 10000 bytes" in str(error)
    assert only(home, "select cost_grade from outcome")["cost_grade"] == "pending"
