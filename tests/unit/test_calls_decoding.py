"""Undoing a body's compression, bounded."""

import gzip
import tracemalloc
import zlib

import pytest

from ledger.calls import decoding

BODY = b'{"a": 1}' * 100


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (BODY, None),
        (BODY, ""),
        (BODY, "identity"),
        (gzip.compress(BODY, mtime=0), "gzip"),
        (gzip.compress(BODY, mtime=0), "GZIP"),
        (gzip.compress(BODY, mtime=0), " x-gzip "),
        (zlib.compress(BODY), "deflate"),
        (zlib.compress(BODY)[2:-4], "deflate"),
        (gzip.compress(zlib.compress(BODY), mtime=0), "deflate, gzip"),
    ],
)
def test_each_known_encoding_is_undone(packed: bytes, encoding: str | None) -> None:
    assert decoding.decode(packed, encoding) == BODY


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [(BODY, "gzip"), (gzip.compress(BODY, mtime=0)[:-1], "gzip"), (BODY, "br"), (b"", "gzip")],
)
def test_what_is_not_in_its_encoding_is_said_so(packed: bytes, encoding: str) -> None:
    with pytest.raises(decoding.NotDecodable):
        decoding.decode(packed, encoding)


def test_a_bomb_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b"\0" * 64_000_000)
    monkeypatch.setattr(decoding, "MAX_BODY", 1_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(decoding.TooLarge):
            decoding.decode(bomb, "gzip")
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_a_body_of_exactly_the_bound_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_BODY", len(BODY))
    assert decoding.decode(gzip.compress(BODY, mtime=0), "gzip") == BODY
    monkeypatch.setattr(decoding, "MAX_BODY", len(BODY) - 1)
    with pytest.raises(decoding.TooLarge):
        decoding.decode(gzip.compress(BODY, mtime=0), "gzip")
