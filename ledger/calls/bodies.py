"""The body of an answer as it passes: kept up to a bound and read at its end, or folded at once."""

from collections import deque
from collections.abc import Mapping
from typing import Protocol

from ledger.calls import decoding
from ledger.openrouter.answers import Answer
from ledger.openrouter.reading import Endpoint
from ledger.openrouter.sse import Decoder, Event

EVENT_STREAM = "text/event-stream"
_MANY_DIGITS = 20


class Body(Protocol):
    """What an exchange feeds with the bytes of its answer.

    Attributes:
        is_stream: whether it is a stream of events.
        texts: pieces of a stream's text that nobody took yet.
    """

    is_stream: bool
    texts: deque[str]

    @property
    def generation_id(self) -> str | None:
        """The provider's id of the work, where the body has shown it already."""
        ...

    @property
    def is_complete(self) -> bool:
        """Whether everything is here that will ever come."""
        ...

    @property
    def is_answered(self) -> bool:
        """Whether the answer has ended, though what it cost may still come."""
        ...

    @property
    def flags(self) -> tuple[str, ...]:
        """What was odd about it, in the words of the outcome's flags."""
        ...

    @property
    def has_begun(self) -> bool | None:
        """Whether it comes in pieces over a while; None where that can't be told yet."""
        ...

    @property
    def is_cut(self) -> bool:
        """Whether only its figures were kept, for its content was too much."""
        ...

    def feed(self, chunk: bytes) -> None:
        """Bytes passed."""
        ...

    def end(self) -> None:
        """No more will pass."""
        ...

    def answer(self) -> Answer:
        """What it says, as far as it came.

        Raises:
            NotJson, TooLarge, NotDecodable: nothing that can be read.
        """
        ...


def body_for(endpoint: Endpoint, headers: Mapping[str, str], *, keep_texts: bool) -> Body:
    """What reads a good answer with these headers.

    Args:
        endpoint: knows how.
        headers: the answer's.
        keep_texts: whether somebody takes a stream's `texts`.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == EVENT_STREAM:
        return StreamedBody(endpoint, headers, keep_texts=keep_texts)
    return RawBody(endpoint, headers) if endpoint.is_raw else WholeBody(endpoint, headers)


class WholeBody:
    """A body in one piece: a bounded copy, read when it is asked for."""

    is_stream = False
    is_answered = False
    is_cut = False
    generation_id = None
    flags: tuple[str, ...] = ()

    def __init__(self, endpoint: Endpoint, headers: Mapping[str, str]) -> None:
        self.texts: deque[str] = deque()
        self._endpoint = endpoint
        self._encoding = headers.get("content-encoding")
        length = headers.get("content-length", "")
        self._length = int(length) if length.isdecimal() and len(length) < _MANY_DIGITS else None
        self._chunks: list[bytes] = []
        self._size = 0

    @property
    def has_begun(self) -> bool | None:
        """Whether it began with whitespace, which keeps a connection alive that has to wait."""
        return all(chunk.isspace() for chunk in self._chunks) if self._chunks else None

    @property
    def is_complete(self) -> bool:
        """Whether as many bytes passed as were announced."""
        return self._size == self._length

    def feed(self, chunk: bytes) -> None:
        """Bytes passed; a bounded copy is kept."""
        self._size += len(chunk)
        if self._size <= decoding.MAX_BODY:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()

    def end(self) -> None:
        """No more will pass."""

    def plain(self) -> bytes:
        """All of it, unpacked.

        Raises:
            TooLarge, NotDecodable: as their names say.
        """
        if self._size > decoding.MAX_BODY:
            raise decoding.TooLarge(f"the answer has more than {decoding.MAX_BODY} bytes")
        return decoding.decode(b"".join(self._chunks), self._encoding)

    def answer(self) -> Answer:
        """What it says."""
        return self._endpoint.read(self.plain())


class RawBody(WholeBody):
    """A body that is the work itself, such as sound: nothing of it is kept or read."""

    @property
    def has_begun(self) -> bool | None:
        """It may be long, and its end says nothing: its generation counts from the first byte."""
        return True

    def feed(self, chunk: bytes) -> None:
        """Bytes passed."""
        self._size += len(chunk)

    def answer(self) -> Answer:
        """Nothing: what it cost is in the provider's own record."""
        return Answer(has_choices=True)


class StreamedBody:
    """A stream of events, folded as they come: of its bytes nothing is kept."""

    is_stream = True
    has_begun = True

    def __init__(self, endpoint: Endpoint, headers: Mapping[str, str], *, keep_texts: bool) -> None:
        self.texts: deque[str] = deque(maxlen=None if keep_texts else 0)
        self._folder = endpoint.folder()
        self._decoder = Decoder()
        self._fault: ValueError | None = None
        try:
            self._unpacker = decoding.Unpacker(headers.get("content-encoding"))
        except decoding.NotDecodable as error:
            self._fault = error

    @property
    def generation_id(self) -> str | None:
        """From the first event that has it."""
        return self._folder.generation_id

    @property
    def is_complete(self) -> bool:
        """Whether the stream has said all."""
        return self._folder.is_complete

    @property
    def is_answered(self) -> bool:
        """Whether the answer has ended; some readers stop there, before its usage comes."""
        return self._folder.is_answered

    @property
    def is_cut(self) -> bool:
        """Whether only its figures were kept."""
        return self._folder.is_cut

    @property
    def flags(self) -> tuple[str, ...]:
        """Events that could not be read, or were too long."""
        folder, decoder = self._folder, self._decoder
        odd = (("stream:unreadable", folder.unreadable), ("stream:large", decoder.skipped))
        return tuple(flag for flag, count in odd if count)

    def feed(self, chunk: bytes) -> None:
        """Bytes passed."""
        if self._fault is not None:
            return
        try:
            plain = self._unpacker.feed(chunk)
        except (decoding.NotDecodable, decoding.TooLarge) as error:
            self._fault = error
            return
        self._fold(self._decoder.feed(plain))

    def end(self) -> None:
        """No more will pass: what has no line end behind it counts too."""
        if self._fault is None:
            self._fold(self._decoder.end())

    def answer(self) -> Answer:
        """The answer as far as it came."""
        if self._fault is not None:
            raise self._fault
        return self._folder.answer()

    def _fold(self, events: list[Event]) -> None:
        for event in events:
            text = self._folder.event(event)
            if text:
                self.texts.append(text)
