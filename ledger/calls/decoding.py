"""Undoing the compression of a body, with a bound on what comes out."""

import zlib

MAX_BODY = 64 * 1024 * 1024
"""The most bytes of one answer that are read into memory, decoded."""

ACCEPT_ENCODING = "gzip, deflate"
"""What our own requests accept: only what can be unpacked with a bound."""


class TooLarge(ValueError):
    """The body is larger than the bound."""


class NotDecodable(ValueError):
    """The body is not in the encoding that it claims, or in one that is not known."""


def decode(body: bytes, encoding: str | None) -> bytes:
    """The body as sent, before compression.

    Args:
        body: the bytes from the wire.
        encoding: the answer's `Content-Encoding`.

    Raises:
        TooLarge: more than `MAX_BODY` would come out.
        NotDecodable: it can't be unpacked.
    """
    for name in reversed((encoding or "identity").lower().split(",")):
        body = _undo(body, name.strip())
    return body


def _undo(body: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding in ("gzip", "x-gzip"):
        return _inflate(body, zlib.MAX_WBITS | 16)
    if encoding == "deflate":  # with or without zlib's own header: both are found in the wild
        try:
            return _inflate(body, zlib.MAX_WBITS)
        except NotDecodable:
            return _inflate(body, -zlib.MAX_WBITS)
    raise NotDecodable(f"the answer is encoded as {encoding[:20]!r}")


def _inflate(body: bytes, window: int) -> bytes:
    unpacker = zlib.decompressobj(window)
    try:
        plain = unpacker.decompress(body, MAX_BODY)
        if unpacker.unconsumed_tail:
            raise TooLarge(f"the answer unpacks to more than {MAX_BODY} bytes")
        plain += unpacker.flush()
    except zlib.error as error:
        raise NotDecodable("the answer is not in the encoding it claims") from error
    if not unpacker.eof:
        raise NotDecodable("the compressed answer is cut short")
    return plain
