"""Hostile answers: what a server can send, and what must come of each in the books and the call.

A model named `hostile/NAME` is answered as NAME says. Every answer that can repeats the key, the
prompt and a text that stands for the model's answer, so that the same list serves the search for
leaks.
"""

import gzip
import json
import socket
import zlib
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from rawserver import RawServer, answer, read_request

from ledger import clock, errors

ID = "gen-hostile-1"
SAID = "canary-of-the-answer-91be"
PREFIX = "hostile/"
_DEEP = 100_000
BOMB_MIB = 512

Respond = Callable[[socket.socket, "Asked"], None]


class Asked(NamedTuple):
    """A request as it came: its head, and the texts in it that must not leak."""

    head: bytes
    model: str
    key: str
    prompt: str


class Hostile(NamedTuple):
    """One hostile answer.

    Attributes:
        name: of the model that asks for it.
        respond: sends it.
        kind: the error that it is; None where there is a reply.
        grade: of the cost.
        status: of the outcome; where None, by `kind`.
        http_status: as booked.
        text: of the reply.
        cost: what is booked, in picodollars.
        flags: as booked.
        has_id: whether the id is known.
        timeout_s: the call's total time.
    """

    name: str
    respond: Respond
    kind: type[errors.LedgerError] | None = None
    grade: str = "reported"
    status: str | None = None
    http_status: int | None = 200
    text: str = SAID
    cost: int | None = None
    flags: str | None = None
    has_id: bool = True
    timeout_s: float = 60

    @property
    def model(self) -> str:
        """The model to ask for."""
        return PREFIX + self.name

    @property
    def ends(self) -> str:
        """The outcome's status."""
        return self.status or ("failed" if self.kind else "finished")


# --- making answers --------------------------------------------------------------------------


def completion(  # noqa: PLR0913, PLR0917 - one for each member that a case may spoil
    message: str = "",
    usage: str | None = "",
    cost: str = "0.5",
    ident: str = f'"{ID}"',
    more: str = "",
    finish: str = '"stop"',
) -> bytes:
    """A completion's body from literals, as a provider without scruples would write it."""
    message = message or f'{{"role":"assistant","content":"{SAID}"}}'
    if not usage:
        counts = '"prompt_tokens":3,"completion_tokens":2,"total_tokens":5'
        usage = None if usage is None else f'{{{counts},"cost":{cost}}}'
    tail = "" if usage is None else f',"usage":{usage}'
    return (
        f'{{"id":{ident},"object":"chat.completion","created":1763977000,"model":"m/served",'
        f'"provider":"Acme","choices":[{{"index":0,"message":{message},"finish_reason":{finish}'
        f"}}]{tail}{more}}}"
    ).encode("utf-8", "surrogatepass")


def sends(
    body: bytes, status: str = "200 OK", headers: str = "", ident: str | None = ID
) -> Respond:
    """Answer with these bytes."""
    named = f"X-Generation-Id: {ident}\r\n" if ident else ""

    def respond(connection: socket.socket, _asked: Asked) -> None:
        mine = f"{named}Connection: close\r\n{headers}"
        connection.sendall(answer(body, status, mine))

    return respond


def echoes(status: str, error: str = "", headers: str = "", *, page: bool = False) -> Respond:
    """Fail, repeating all that was sent in every place that can hold it."""

    def respond(connection: socket.socket, asked: Asked) -> None:
        secrets = {"key": asked.key, "said": SAID, "prompt": asked.prompt}
        text = f"{error} {asked.prompt} for {asked.key} of user_2canaryAccount00000"
        fault = {
            "code": int(status[:3]),
            "message": text,
            "metadata": {
                "raw": json.dumps(secrets),
                "flagged_input": asked.prompt,
                "provider_name": "Acme",
                "previous_errors": [{"message": text, "raw": SAID}],
            },
        }
        body = json.dumps({"error": fault, "user_id": "user_2canaryAccount00000"})
        if page:
            body = f"<html><body>{body}</body></html>"
        more = f"Connection: close\r\n{headers}"
        connection.sendall(answer(body.encode(), status, more))

    return respond


def raw(*parts: bytes) -> Respond:
    """Send these bytes and close."""

    def respond(connection: socket.socket, _asked: Asked) -> None:
        for part in parts:
            connection.sendall(part)

    return respond


def drips(start: bytes, rest: bytes) -> Respond:
    """Send the start, then a byte every 50 ms: no read is ever silent for long."""

    def respond(connection: socket.socket, _asked: Asked) -> None:
        connection.sendall(start)
        for place in range(len(rest)):
            connection.sendall(rest[place : place + 1])
            clock.sleep(0.05)

    return respond


def silent(connection: socket.socket, _asked: Asked) -> None:
    """Say nothing until the client goes."""
    connection.recv(1)


def reset(connection: socket.socket, _asked: Asked) -> None:
    """Reset the connection without an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


@cache
def bomb() -> bytes:
    """Half a gigabyte of spaces in half a megabyte, with a completion in front."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    parts = [packer.compress(completion()[:-1])]
    mib = b" " * 1024 * 1024
    parts += [packer.compress(mib) for _ in range(BOMB_MIB)]
    return b"".join([*parts, packer.compress(b"}"), packer.flush()])


def bombed(connection: socket.socket, asked: Asked) -> None:
    """The bomb, made when it is first wanted."""
    sends(bomb(), headers="Content-Encoding: gzip")(connection, asked)


def bombed_error(connection: socket.socket, asked: Asked) -> None:
    """The same as the body of an error."""
    headers = "Content-Encoding: gzip"
    sends(bomb(), "500 Internal", headers, ident=None)(connection, asked)


def nested(connection: socket.socket, asked: Asked) -> None:
    """A body packed a hundred times over."""
    body = completion()
    for _ in range(100):
        body = gzip.compress(body, 1)
    names = ", ".join(["gzip"] * 100)
    sends(body, headers=f"Content-Encoding: {names}")(connection, asked)


def _cost(literal: str, flag: str | None = None, pico: int | None = None) -> Hostile:
    """An answer whose cost is this literal."""
    name = f"cost {literal}" if len(literal) < 30 else f"cost of {len(literal)} digits"
    grade = "pending" if flag else "reported"
    flags = f"cost:{flag}" if flag else None
    body = sends(completion(cost=literal))
    return Hostile(name, body, grade=grade, cost=pico, flags=flags)


def _said(name: str, message: str, text: str) -> Hostile:
    """An answer whose message is this literal, and the reply's text."""
    return Hostile(name, sends(completion(message)), text=text, cost=500_000_000_000)


def _usage(name: str, literal: str | None, flags: str, grade: str = "pending") -> Hostile:
    body = sends(completion(usage=literal))
    cost = 500_000_000_000 if grade == "reported" else None
    return Hostile(name, body, grade=grade, flags=flags, cost=cost)


def _broken(name: str, body: bytes, headers: str = "") -> Hostile:
    """A 200 that cannot be read, for what it says or for how it is packed."""
    flags = "body:encoded" if headers else None
    respond = sends(body, headers=headers)
    return Hostile(name, respond, errors.AnswerInvalid, "pending", flags=flags)


def _wrong(
    name: str, status: str, kind: type[errors.LedgerError], grade: str, said: str = ""
) -> Hostile:
    """An error answer that repeats what it was sent."""
    code = int(status[:3])
    return Hostile(name, echoes(status, said), kind, grade, http_status=code, has_id=False)


_HALF = 500_000_000_000
_PARTIAL = (
    f'{{"id":"{ID}","choices":[{{"message":{{"content":"{SAID}"}},"error":'
    f'{{"code":502,"message":"broke after {SAID}"}}}}],"usage":{{"cost":0.25}}}}'
).encode()
_INSIDE = f'{{"id":"{ID}","error":{{"code":429,"message":"too many"}}}}'.encode()

CASES: list[Hostile] = [
    # amounts
    _cost("1e-7", pico=100_000),
    _cost("0.0004970133333333333", pico=497_013_333),
    _cost("0.0076509169000000005", pico=7_650_916_900),
    _cost("0", pico=0),
    _cost("-0", pico=0),
    _cost("0.0000000000000000001", pico=0),
    _cost("NaN", "nan"),
    _cost("Infinity", "range"),
    _cost("-Infinity", "range"),
    _cost("-0.5", "negative"),
    _cost("-1e-30", "negative"),
    _cost('"0.5"', "type"),
    _cost('"NaN"', "type"),
    _cost("true", "type"),
    _cost("null", "missing"),
    _cost("{}", "type"),
    _cost("[0.5]", "type"),
    _cost("9" * 400, "range"),
    _cost("9" * 401, "range"),
    _cost("9" * 100_000, "range"),
    _cost("1e400", "range"),
    _cost("1e-400", pico=0),
    _cost("1e99999999999999999999", "range"),
    _cost("1e-99999999999999999999", "range"),
    _cost("0." + "3" * 5000, pico=333_333_333_333),
    # usage
    _usage("no usage", None, "usage:missing"),
    _usage("usage null", "null", "usage:missing"),
    _usage("usage a list", "[1]", "usage:array"),
    _usage("usage a text", f'"it said: {SAID}"', "usage:string"),
    _usage("no cost", '{"prompt_tokens":3}', "cost:missing"),
    _usage(
        "tokens below zero",
        '{"prompt_tokens":-3,"completion_tokens":1.5,"total_tokens":1e30,"cost":0.5}',
        "prompt_tokens:negative,completion_tokens:fraction,total_tokens:range",
        "reported",
    ),
    _usage(
        "tokens of other types",
        f'{{"prompt_tokens":"it: {SAID}","completion_tokens":true,"total_tokens":NaN,"cost":0.5}}',
        "prompt_tokens:type,completion_tokens:type,total_tokens:nan",
        "reported",
    ),
    _usage(
        "content in usage",
        f'{{"cost":0.5,"note":"it said: {SAID}","a name 1":"{SAID}","prompt_tokens_details":7}}',
        "prompt_tokens_details:type",
        "reported",
    ),
    # texts
    _said("content null", '{"content":null}', ""),
    _said("reasoning only", f'{{"content":null,"reasoning":"{SAID}"}}', ""),
    _said("nul and surrogates", f'{{"content":"{SAID}\\u0000\\ud800\\udc00\\udfff"}}',
          f"{SAID}\0\U00010000\udfff"),
    _said("a lone surrogate in bytes", f'{{"content":"{SAID}\udc80"}}', f"{SAID}\udc80"),
    _said("content in parts", f'{{"content":[{{"type":"text","text":"{SAID}"}},7,null]}}', SAID),
    _said("content a number", '{"content":7}', ""),
    _said("message null", "null", ""),
    _said("message a list", "[]", ""),
    _said("raw control characters", f'{{"content":"{SAID}\n\t\x01"}}', f"{SAID}\n\t\x01"),
    # shapes
    Hostile("duplicate keys", sends(completion(more=',"usage":{"cost":7},"usage":{"cost":0.25}')),
            cost=250_000_000_000),
    Hostile("duplicate costs", sends(completion(usage='{"cost":9,"cost":0.5}')), cost=_HALF),
    Hostile("unknown members", sends(completion(more=f',"new":"{SAID}","x":[[]]')), cost=_HALF),
    Hostile("a byte order mark", sends(b"\xef\xbb\xbf" + completion()), cost=_HALF),
    Hostile("finish a number", sends(completion(finish="7")), cost=_HALF),
    Hostile("id a number", sends(completion(ident="7")), cost=_HALF),
    Hostile("id null", sends(completion(ident="null")), cost=_HALF),
    Hostile("no id at all", sends(completion(ident="null", cost="null"), ident=None),
            grade="unknown", flags="cost:missing", has_id=False),
    Hostile("no choices", sends(f'{{"id":"{ID}","choices":[],"usage":{{"cost":0.5}}}}'.encode()),
            errors.AnswerInvalid, cost=_HALF),
    Hostile("choices a text", sends(f'{{"id":"{ID}","choices":"{SAID}"}}'.encode()),
            errors.AnswerInvalid, "pending", flags="usage:missing"),
    Hostile("a choice that is null", sends(f'{{"id":"{ID}","choices":[null]}}'.encode()),
            grade="pending", text="", flags="usage:missing"),
    Hostile("an error inside", sends(_INSIDE), errors.AnswerFailed, "pending",
            flags="usage:missing"),
    Hostile("an error beside a text", sends(_PARTIAL), errors.AnswerFailed, cost=250_000_000_000),
    Hostile("an error that echoes", echoes("200 OK", "failed"), errors.AnswerFailed, "unknown",
            flags="usage:missing", has_id=False),
    # bodies
    _broken("an empty body", b""),
    _broken("whitespace", b" \r\n" * 100),
    _broken("a page", f"<!DOCTYPE html><p>{SAID}".encode()),
    _broken("a text", SAID.encode()),
    _broken("half a body", completion()[:-40]),
    _broken("two bodies", completion() + completion()),
    _broken("an event stream", b"data: " + completion() + b"\n\ndata: [DONE]\n\n"),
    _broken("a number", b"7"),
    _broken("a list", b"[" + completion() + b"]"),
    _broken("bytes", bytes(range(256))),
    _broken("utf-16", completion().decode().encode("utf-16")),
    _broken("deep lists", b'{"id":"x","choices":' + b"[" * _DEEP + b"]" * _DEEP + b"}"),
    _broken("deep objects", b'{"a":' * _DEEP + b"1" + b"}" * _DEEP),
    _broken("deep and open", b"[" * _DEEP),
    _broken("no gzip", completion(), "Content-Encoding: gzip"),
    _broken("half a gzip", gzip.compress(completion())[:-9], "Content-Encoding: gzip"),
    _broken("brotli", completion(), "Content-Encoding: br"),
    _broken("an unheard-of encoding", completion(), "Content-Encoding: pigeon"),
    Hostile("a bomb", bombed, errors.AnswerInvalid, "pending", flags="body:large"),
    Hostile("a hundred packings", nested, errors.AnswerInvalid, "pending", flags="body:encoded"),
    Hostile("an empty 204", raw(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
            errors.AnswerInvalid, "unknown", http_status=204, has_id=False),
    # statuses
    _wrong("400", "400 Bad Request", errors.BadRequest, "not_charged"),
    _wrong("401", "401 Unauthorized", errors.AuthenticationFailed, "not_charged"),
    _wrong("402", "402 Payment", errors.NoCreditsLeft, "not_charged", "Insufficient credits"),
    _wrong("403", "403 Forbidden", errors.KeyLimitReached, "not_charged", "Key limit exceeded"),
    _wrong("404", "404 Not Found", errors.ModelNotFound, "not_charged", "No endpoints found"),
    _wrong("408", "408 Request Timeout", errors.ProviderTimedOut, "unknown"),
    _wrong("413", "413 Too Large", errors.RequestTooLarge, "not_charged"),
    _wrong("422", "422 Unprocessable", errors.RequestUnprocessable, "not_charged"),
    _wrong("429", "429 Too Many", errors.ProviderRateLimited, "not_charged"),
    _wrong("500", "500 Internal", errors.ProviderUnavailable, "unknown"),
    _wrong("524", "524 Timeout", errors.ProviderTimedOut, "unknown"),
    _wrong("529", "529 Overloaded", errors.ProviderOverloaded, "unknown"),
    _wrong("999", "999 Odd", errors.ProviderUnavailable, "unknown"),
    Hostile("a page of the edge", echoes("502 Bad Gateway", page=True),
            errors.ProviderUnavailable, "unknown", http_status=502, has_id=False),
    Hostile("a 503 with its id",
            echoes("503 Unavailable", headers=f"X-Generation-Id: {ID}\r\nRetry-After: 9e9"),
            errors.NoProviderAvailable, "pending", http_status=503),
    Hostile("a deep error", sends(b'{"error":' * _DEEP, "429 Too Many", ident=None),
            errors.RateLimited, "not_charged", http_status=429, has_id=False),
    Hostile("an error with a bomb",
            bombed_error,
            errors.ProviderUnavailable, "unknown", http_status=500, has_id=False),
    Hostile("a redirect",
            sends(b"", "307 Temporary", "Location: https://evil.invalid/", None),
            errors.AnswerInvalid, "unknown", http_status=307, has_id=False),
    # the wire
    Hostile("a reset", reset, errors.ConnectionLost, "unknown", "interrupted", None, has_id=False),
    Hostile("no HTTP", raw(b"hello, this is no HTTP\r\n\r\n"), errors.ConnectionLost, "unknown",
            "interrupted", None, has_id=False),
    Hostile("half a head", raw(b"HTTP/1.1 200 OK\r\nX-Generation-Id: gen-h"),
            errors.ConnectionLost, "unknown", "interrupted", None, has_id=False),
    Hostile("an endless header", raw(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 1_000_000),
            errors.ConnectionLost, "unknown", "interrupted", None, has_id=False),
    Hostile("a body cut short",
            raw(f"HTTP/1.1 200 OK\r\nX-Generation-Id: {ID}\r\n".encode(),
                b"Content-Length: 9999\r\n\r\n",
                completion()),
            errors.ConnectionLost, "pending", "interrupted"),
    Hostile("broken chunks",
            raw(f"HTTP/1.1 200 OK\r\nX-Generation-Id: {ID}\r\nTransfer-Encoding: chunked\r\n\r\n"
                "zz\r\n".encode()),
            errors.ConnectionLost, "pending", "interrupted"),
    Hostile("a drip of headers", drips(b"", answer(completion())), errors.DeadlineExceeded,
            "unknown", "interrupted", None, has_id=False, timeout_s=0.5),
    Hostile("a drip of the body",
            drips(f"HTTP/1.0 200 OK\r\nX-Generation-Id: {ID}\r\n\r\n".encode(),
                  completion()),
            errors.DeadlineExceeded, "pending", "interrupted", timeout_s=0.5),
    Hostile("endless whitespace",
            drips(b"HTTP/1.0 200 OK\r\n\r\n", b" " * 1000),
            errors.DeadlineExceeded, "unknown", "interrupted", has_id=False, timeout_s=0.5),
    Hostile("silence", silent, errors.DeadlineExceeded, "unknown", "interrupted", None,
            has_id=False, timeout_s=0.5),
    Hostile("a body until the end", raw(b"HTTP/1.0 200 OK\r\n\r\n", completion()), cost=_HALF),
    Hostile("interim answers", raw(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" * 50,
                                   answer(completion(), headers="Connection: close")), cost=_HALF),
    Hostile("hostile header values",
            sends(completion(), headers="X-Generation-Id: gen-2\r\nX-Odd: \x80\xff"), cost=_HALF),
]  # fmt: skip
BY_NAME = {case.name: case for case in CASES}


# --- serving ---------------------------------------------------------------------------------


def _asked(data: bytes) -> Asked:
    head, _, body = data.partition(b"\r\n\r\n")
    document = json.loads(body)
    key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"authorization"))
    prompt = document["messages"][0]["content"]
    return Asked(head, document["model"], key.decode().split()[-1], prompt)


def _serve(connection: socket.socket) -> None:
    data = read_request(connection)
    if data.startswith(b"GET"):
        connection.sendall(answer(b'{"error":{"code":404,"message":"not found"}}', "404 Not Found"))
        return
    asked = _asked(data)
    BY_NAME[asked.model.removeprefix(PREFIX)].respond(connection, asked)


def server() -> RawServer:
    """A server of all hostile answers."""
    return RawServer(_serve)
