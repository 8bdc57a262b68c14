"""One question to the provider: it is free, so nothing of it is booked here."""

from collections.abc import Mapping
from typing import NamedTuple

import httpx

from ledger import clock, errors
from ledger.calls import decoding, endings, headers
from ledger.calls.pool import Pool
from ledger.calls.route import DEADLINE
from ledger.openrouter import failures

MAX_RECORD = 1024 * 1024
"""The most bytes of a record that are read; a real one has about 2,000."""

TOTAL_S = 20.0
_SILENCE_S = 10.0
_OK = 200
_FREE = "Asking costs nothing: try again."


class Answered(NamedTuple):
    """An answer to a question: its status, headers, and unpacked body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def request(
    url: str, key: str | None, total_s: float = TOTAL_S, body: bytes | None = None
) -> httpx.Request:
    """A GET within a total time, or a POST of JSON that only asks; a key of None sends none."""
    silence = min(_SILENCE_S, total_s)
    own = headers.own(key or "", has_body=body is not None)
    return httpx.Request(
        "GET" if body is None else "POST",
        url,
        headers=[each for each in own if key or each[0] != b"authorization"],
        content=body,
        extensions={
            "timeout": dict.fromkeys(("connect", "read", "write", "pool"), silence),
            DEADLINE: clock.monotonic() + total_s,
        },
    )


def send(pool: Pool, asked: httpx.Request, most: int = MAX_RECORD) -> Answered:
    """Send it, once. No redirect is followed.

    Args:
        pool: sends it.
        asked: a request of `request`.
        most: the most bytes that are read, packed or not.

    Raises:
        httpx.HTTPError: as the transport does.
        TooLarge, NotDecodable: the body can't be taken in.
    """
    response = pool.handle_request(asked)
    stream = response.stream
    assert isinstance(stream, httpx.SyncByteStream)
    body = bytearray()
    try:
        for chunk in stream:
            body += chunk
            if len(body) > most:
                raise decoding.TooLarge(f"the answer has more than {most} bytes")
    finally:
        stream.close()
    plain = decoding.decode(bytes(body), response.headers.get("content-encoding"))
    return Answered(response.status_code, response.headers, plain)


def ask(url: str, key: str | None, total_s: float = TOTAL_S, most: int = MAX_RECORD) -> bytes:
    """The body of a good answer.

    Args:
        url: where to ask.
        key: a checked key; None asks without one.
        total_s: seconds that it may take in all, look-ups of names included.
        most: the most bytes that are read.

    Raises:
        ProviderError: the answer is an error, or can't be taken in.
        ConnectionFailed: no answer came.
    """
    pool = Pool(max_connections=1)
    try:
        return ask_over(pool, url, key, total_s, most)
    finally:
        pool.close()


def ask_over(  # noqa: PLR0913, PLR0917 - as `ask`, and over what
    pool: Pool,
    url: str,
    key: str | None,
    total_s: float = TOTAL_S,
    most: int = MAX_RECORD,
    body: bytes | None = None,
) -> bytes:
    """As `ask`, over connections that are kept: for many questions, also from several threads.

    With a body of JSON it is a POST that asks, as of analytics.
    """
    asked = request(url, key, total_s, body)
    try:
        status, head, answer = send(pool, asked, most)
    except (decoding.TooLarge, decoding.NotDecodable) as error:
        raise errors.AnswerInvalid(f"OpenRouter's answer could not be read: {error}.") from error
    except (httpx.HTTPError, OSError) as error:
        over = clock.monotonic() >= asked.extensions[DEADLINE]
        make = endings.of(error, wrote=False, over=over).error
        assert make is not None
        found = make()
        found.hint = found.hint if isinstance(found, errors.NotSent) else _FREE
        raise found from error
    if status != _OK:
        failure = failures.error_for(status, failures.parse_error_body(answer), head)
        if isinstance(failure, errors.ProviderUnavailable):
            failure.hint = _FREE
        raise failure
    return answer
