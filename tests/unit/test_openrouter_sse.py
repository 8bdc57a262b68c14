"""The event stream format: lines, fields, and what is too long to be kept."""

import pytest

from ledger.openrouter.sse import Decoder, Event


def decoded(body: bytes, size: int, limit: int = 1000) -> tuple[list[Event], int]:
    decoder = Decoder(limit)
    found: list[Event] = []
    for at in range(0, len(body), size):
        found += decoder.feed(body[at : at + size])
    return [*found, *decoder.end()], decoder.skipped


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b"data: a\n\n", [("", b"a")]),
        (b"data:a\n\ndata:  b\n\n", [("", b"a"), ("", b" b")]),
        (b"event: done\ndata: a\n\ndata: b\n\n", [("done", b"a"), ("", b"b")]),
        (b"event: alone\n\ndata: b\n\n", [("", b"b")]),
        (b"data: a\ndata: b\n\n", [("", b"a\nb")]),
        (b"data: a\r\ndata: b\r\n\r\n", [("", b"a\nb")]),
        (b"data: a\r\rdata: b\r\r", [("", b"a"), ("", b"b")]),
        (b"data: a\r\n\rdata: b\n\r\n", [("", b"a"), ("", b"b")]),
        (b"\xef\xbb\xbfdata: a\n\n", [("", b"a")]),
        (b"data: \xef\xbb\xbfa\n\n", [("", b"\xef\xbb\xbfa")]),
        (b":\n: x\nid: 1\nretry: 2\nnew: 3\nnew\n\ndata: a\n\n", [("", b"a")]),
        (b"data: a", [("", b"a")]),
        (b"data: a\n", [("", b"a")]),
        (b"data:\n\n", [("", b"")]),
        (b"data: \xc5\xbc\n\n", [("", b"\xc5\xbc")]),
        (b"event: \xff\ndata: a\n\n", [("\ufffd", b"a")]),
        (b"", []),
        (b"\n\n\n", []),
    ],
)
def test_the_format_is_read_however_it_is_cut(
    body: bytes, events: list[tuple[str, bytes]], size: int
) -> None:
    assert decoded(body, size) == ([Event(*each) for each in events], 0)


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_a_line_that_is_too_long_is_skipped_and_counted(size: int) -> None:
    body = b"data: a\n\ndata: " + b"x" * 5000 + b"\n\ndata: b\n\n"
    assert decoded(body, size) == ([Event("", b"a"), Event("", b"b")], 1)


@pytest.mark.parametrize("size", [1, 64, 10_000])
def test_an_event_of_too_many_lines_is_skipped_and_counted(size: int) -> None:
    body = b"data: " + b"\ndata: ".join([b"x" * 90] * 20) + b"\n\ndata: b\n\n"
    assert decoded(body, size) == ([Event("", b"b")], 1)


def test_a_line_without_end_takes_no_more_than_its_bound() -> None:
    decoder = Decoder(1000)
    for _ in range(10_000):
        assert decoder.feed(b"x" * 100) == []
    assert len(decoder._rest) <= 1100
    assert decoder.end() == []
