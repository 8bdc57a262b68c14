"""Undoing the compression of a body, with a bound on what comes out."""

import zlib

from ledger.calls.packings import PIECE, unpacker

MAX_BODY = 64 * 1024 * 1024
"""The most bytes of one answer that are read into memory, decoded."""

_PIECE = 1024 * 1024
MAX_PACKINGS = 3
"""How often a body may be packed: each unpacking may take a second, and a head names thousands."""

ACCEPT_ENCODING = "gzip, deflate"
"""What our own requests accept: only what can be unpacked with a bound."""
_OURS = frozenset({"gzip", "x-gzip", "deflate"})


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
    for name in packings(encoding):
        body = _undo(body, name)
    return body


def packings(encoding: str | None) -> list[str]:
    """The compressions to undo, in the order of undoing.

    Raises:
        NotDecodable: there are more than any answer needs.
    """
    names = [name.strip() for name in (encoding or "").lower().split(",")]
    found = [name for name in reversed(names) if name not in ("", "identity")]
    if len(found) > MAX_PACKINGS:
        raise NotDecodable(f"the answer is packed {len(found)} times over")
    return found


def _undo(body: bytes, encoding: str) -> bytes:
    if encoding in ("gzip", "x-gzip"):
        return _inflate(body, zlib.MAX_WBITS | 16)
    if encoding == "deflate":  # with or without zlib's own header: both are found in the wild
        try:
            return _inflate(body, zlib.MAX_WBITS)
        except NotDecodable:
            return _inflate(body, -zlib.MAX_WBITS)
    return _unpack_foreign(body, encoding)


def _unpack_foreign(body: bytes, encoding: str) -> bytes:
    """Undo a compression that only another library's client can have asked for."""
    step = _ForeignStep(encoding)
    pieces, size = [], 0
    for start in range(0, len(body), PIECE):
        pieces.append(step.feed(body[start : start + PIECE]))
        size += len(pieces[-1])
        if size > MAX_BODY:
            raise TooLarge(f"the answer unpacks to more than {MAX_BODY} bytes")
    return b"".join(pieces)


class _ForeignStep:
    """One compression of that kind, undone as it comes."""

    def __init__(self, encoding: str) -> None:
        found = unpacker(encoding)
        if found is None:
            raise NotDecodable(f"the answer is encoded as {encoding[:20]!r}")
        self._unpack = found

    def feed(self, chunk: bytes) -> bytes:
        try:
            return self._unpack(chunk)
        except Exception as error:
            raise NotDecodable("the answer is not in the encoding it claims") from error


def _inflate(body: bytes, window: int) -> bytes:
    """Unpack piece by piece, so that what is too much is never there in whole."""
    unpacker = zlib.decompressobj(window)
    pieces, size, packed = [], 0, body
    try:
        while packed and not unpacker.eof:
            piece = unpacker.decompress(packed, _PIECE)
            packed = unpacker.unconsumed_tail
            size += len(piece)
            if size > MAX_BODY:
                raise TooLarge(f"the answer unpacks to more than {MAX_BODY} bytes")
            pieces.append(piece)
        pieces.append(unpacker.flush())
    except zlib.error as error:
        raise NotDecodable("the answer is not in the encoding it claims") from error
    if not unpacker.eof:
        raise NotDecodable("the compressed answer is cut short")
    return b"".join(pieces)


class Unpacker:
    """Undoes the compression of a body as it comes, piece by piece.

    Args:
        encoding: the answer's `Content-Encoding`.

    Raises:
        NotDecodable: there is an encoding in it that is not known, or there are too many.
    """

    def __init__(self, encoding: str | None) -> None:
        self._steps = [_step(name) for name in packings(encoding)]

    def feed(self, chunk: bytes) -> bytes:
        """What these bytes unpack to, as far as it can be told yet.

        Raises:
            TooLarge: one piece unpacks to more than `MAX_BODY`.
            NotDecodable: they can't be unpacked.
        """
        for step in self._steps:
            chunk = step.feed(chunk)
        return chunk


def _step(encoding: str) -> "_Step | _ForeignStep":
    return _Step(encoding) if encoding in _OURS else _ForeignStep(encoding)


class _Step:
    """One compression that our own calls accept, undone."""

    def __init__(self, encoding: str) -> None:
        self._is_deflate = encoding == "deflate"
        self._inner = zlib.decompressobj(zlib.MAX_WBITS | (0 if self._is_deflate else 16))
        self._seen = b""

    def feed(self, chunk: bytes) -> bytes:
        if self._is_deflate and len(self._seen) < _ZLIB_HEADER and chunk:
            return self._begin(chunk)
        return self._unpack(chunk)

    def _begin(self, chunk: bytes) -> bytes:
        """The first two bytes tell whether `deflate` has zlib's own header."""
        self._seen += chunk
        if len(self._seen) < _ZLIB_HEADER:
            return b""
        if self._seen[0] & 15 != zlib.DEFLATED or int.from_bytes(self._seen[:2]) % 31:
            self._inner = zlib.decompressobj(-zlib.MAX_WBITS)
        return self._unpack(self._seen)

    def _unpack(self, chunk: bytes) -> bytes:
        try:
            plain = self._inner.decompress(chunk, MAX_BODY)
        except zlib.error as error:
            raise NotDecodable("the answer is not in the encoding it claims") from error
        if self._inner.unconsumed_tail:
            raise TooLarge(f"the answer unpacks to more than {MAX_BODY} bytes")
        return plain


_ZLIB_HEADER = 2
