"""Streams as the provider sends them, and every odd one; what each must come to.

Shapes are those of recorded traffic. A case is the whole body; tests cut it as they like.
"""

from dataclasses import dataclass
from typing import Any

ID = "gen-1795480000-abcdefghijklmnopqrst"
_HEAD = f'"id":"{ID}","provider":"OpenAI","model":"openai/gpt-4o-mini","created":1795480000'
USAGE = (
    '{"prompt_tokens":19,"completion_tokens":31,"total_tokens":50,'
    '"cost":0.0000214500000000003,"is_byok":false}'
)
KEEPALIVE = b": OPENROUTER PROCESSING\n\n"
DONE = b"data: [DONE]\n\n"


def event(members: str, end: str = "\n\n") -> bytes:
    """One chunk: the head that all have, and these members."""
    return f'data: {{{_HEAD},"object":"chat.completion.chunk",{members}}}{end}'.encode(
        "utf-8", "surrogatepass"
    )


def delta(members: str, finish: str = "null", **cut: str) -> bytes:
    """A chunk with one choice."""
    choice = f'{{"index":0,"delta":{{{members}}},"finish_reason":{finish},"logprobs":null}}'
    return event(f'"choices":[{choice}]', **cut)


def say(text: str) -> bytes:
    """A chunk with text; as JSON has it, so escapes pass."""
    return delta(f'"role":"assistant","content":"{text}"')


FIRST, LAST = say(""), delta('"role":"assistant","content":""', '"stop"')
EMPTY = '{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}'
END = event(f'"choices":[{EMPTY}],"usage":{USAGE}')
ONE = say("One ") + say("two") + say(" three.")
PLAIN = FIRST + ONE + LAST + END + DONE


@dataclass(frozen=True)
class Case:
    """A stream and what it comes to.

    Attributes:
        body: the bytes.
        text: what its reader gets.
        status, grade: what is booked.
        error: the class of what is raised, if anything is.
        code: the provider's own code in that.
        calls: the tool calls of the reply.
        flags: what is odd about it.
        breaks: whether the connection breaks at its end.
    """

    body: bytes
    text: str = "One two three."
    status: str = "finished"
    grade: str = "reported"
    error: str | None = None
    code: str | None = None
    calls: Any = ()
    flags: str | None = None
    breaks: bool = False


def failed(body: bytes, code: str | None, grade: str = "reported", **more: Any) -> Case:
    """A stream with an error in it."""
    return Case(body, status="failed", grade=grade, error="AnswerFailed", code=code, **more)


def cut(body: bytes, **more: Any) -> Case:
    """A stream that ends too early."""
    more.setdefault("flags", "usage:missing")
    return Case(body, status="interrupted", grade="pending", error="ConnectionLost", **more)


def _error(code: str, more: str = "") -> bytes:
    metadata = '"metadata":{"error_type":"provider_error"}'
    return event(
        f'"error":{{"code":{code},"message":"Upstream failed",{metadata}}},"choices":[{{"index":0,'
        f'"delta":{{"content":""}},"finish_reason":"error"}}]{more}'
    )


def _call(index: int, members: str) -> bytes:
    return delta(f'"role":"assistant","content":null,"tool_calls":[{{"index":{index},{members}}}]')


_CALLS = (
    FIRST
    + _call(0, '"id":"call_a","type":"function","function":{"name":"find","arguments":""}')
    + _call(0, '"function":{"arguments":"{\\"cit"}')
    + _call(0, '"function":{"arguments":"y\\":\\"Łódź\\"}"}')
    + _call(1, '"id":"call_b","type":"function","function":{"name":"add","arguments":"{}"}')
    + delta('"content":""', '"tool_calls"')
    + END
    + DONE
)
_FOUND = [
    {"id": "call_a", "type": "function",
     "function": {"name": "find", "arguments": '{"city":"Łódź"}'}},
    {"id": "call_b", "type": "function", "function": {"name": "add", "arguments": "{}"}},
]  # fmt: skip
_WIDE = "Zażółć 🦉 \u2028\u2029\x85 日本語 e\u0301"
_HALF = "usage:missing,stream:unreadable"
_NAN = USAGE.replace("0.0000214500000000003", "NaN")
_DEEP = b'data: {"choices":' + b"[" * 5000 + b"]" * 5000 + b"}\n\n"
LONG = "x" * 200_000

CASES: dict[str, Case] = {
    "plain": Case(PLAIN),
    "comments": Case(KEEPALIVE * 30 + FIRST + KEEPALIVE + ONE + KEEPALIVE + LAST + END + DONE),
    "bare comments": Case(b": \n\n:\n\n: \n\n" + PLAIN.replace(b"\n\ndata", b"\n\n:\n\ndata")),
    "crlf": Case((KEEPALIVE + PLAIN).replace(b"\n", b"\r\n")),
    "cr alone": Case((KEEPALIVE + PLAIN).replace(b"\n", b"\r")),
    "mixed ends of lines": Case(FIRST + ONE.replace(b"\n\n", b"\r\n\n") + LAST + END + DONE),
    "blank lines": Case(b"\n\n\n" + PLAIN.replace(b"\n\n", b"\n\n\n\n")),
    "no space after the colon": Case(PLAIN.replace(b"data: ", b"data:")),
    "fields that nobody knows": Case(PLAIN.replace(b"data: ", b"id: 7\nretry: 3\nnew\ndata: ")),
    "an event of several lines": Case(PLAIN.replace(b',"object"', b',\ndata: "object"')),
    "a byte order mark": Case(b"\xef\xbb\xbf" + PLAIN),
    "multi-byte characters": Case(FIRST + say(_WIDE) + LAST + END + DONE, text=_WIDE),
    "escaped surrogates": Case(
        FIRST + say("\\ud83e\\udd89") + say("\\ud83d") + LAST + END + DONE, text="🦉\ud83d"
    ),
    "usage without a choice": Case(
        FIRST + ONE + LAST + event(f'"choices":[],"usage":{USAGE}') + DONE
    ),
    "usage without choices": Case(FIRST + ONE + LAST + event(f'"usage":{USAGE}') + DONE),
    "usage with choices of null": Case(
        FIRST + ONE + LAST + event(f'"choices":null,"usage":{USAGE}') + DONE
    ),
    "usage that repeats no finish": Case(
        FIRST + ONE + LAST + END.replace(b'"finish_reason":"stop"', b'"finish_reason":null') + DONE
    ),
    "usage with the last text": Case(
        FIRST + say("One ") + say("two")
        + delta('"content":" three."', '"stop"').replace(b"}\n", f',"usage":{USAGE}}}\n'.encode())
        + DONE
    ),
    "a finish three times": Case(FIRST + ONE + LAST + LAST + END + DONE),
    "text after the first finish": Case(
        FIRST + say("One ") + LAST + say("two") + say(" three.") + LAST + END + DONE
    ),
    "a debug chunk first": Case(
        event('"choices":[],"debug":{"echo_upstream_body":{"messages":[]}}') * 2 + PLAIN
    ),
    "new members": Case(PLAIN.replace(b',"object"', b',"new":{"a":[1]},"object"')),
    "no done": Case(FIRST + ONE + LAST + END),
    "no done, no empty line": Case((FIRST + ONE + LAST + END).rstrip(b"\n")),
    "done without an end of line": Case(PLAIN.rstrip(b"\n")),
    "more after done": Case(PLAIN + b": late\n\n" + KEEPALIVE),
    "no usage": Case(FIRST + ONE + LAST + DONE, grade="pending", flags="usage:missing"),
    "no id": Case(PLAIN.replace(f'"id":"{ID}",'.encode(), b"")),
    "hostile lines": Case(
        FIRST + b"data: {broken\n\ndata: [1]\n\ndata: \n\ndata: null\n\ndata: \xff\xfe\n\n" + _DEEP
        + b"garbage\n\n\x00\n\n" + ONE + LAST + END + DONE,
        flags="stream:unreadable",
    ),
    "cost NaN": Case(
        PLAIN.replace(USAGE.encode(), _NAN.encode()), grade="pending", flags="cost:nan"
    ),
    "hostile choices": Case(
        FIRST + event('"choices":{"a":1}') + event('"choices":[null,3,"x",[]]')
        + event('"choices":[{"index":"x","delta":[],"finish_reason":{}}]')
        + delta('"tool_calls":[null,{"function":3},{"index":{}}],"content":null')
        + ONE + LAST + END + DONE,
        calls=[{}, {}],
    ),
    "tool calls": Case(_CALLS, text="", calls=_FOUND),
    "reasoning first": Case(
        FIRST + delta('"content":"","reasoning":"Hm."') + ONE + LAST + END + DONE
    ),
    "a long line": Case(FIRST + say(LONG) + LAST + END + DONE, text=LONG),
    "error with a text as code": failed(FIRST + ONE + _error('"server_error"') + DONE,
                                        "server_error", "pending", flags="usage:missing"),
    "error with a number as code": failed(FIRST + ONE + _error("502") + DONE, "502", "pending",
                                          flags="usage:missing"),
    "error with the usage": failed(FIRST + ONE + _error("502", f',"usage":{USAGE}') + DONE, "502"),
    "error with the usage after a finish": failed(
        FIRST + ONE + delta('"content":""', '"length"')
        + event(f'"error":{{"code":400,"message":"Token limit reached"}},"usage":{USAGE},'
                '"choices":[{"index":0,"delta":{"content":""},"finish_reason":null}]') + DONE,
        "400",
    ),
    "error before any text": failed(
        _error("502") + DONE, "502", "pending", text="", flags="usage:missing"
    ),
    "error, then the connection breaks": failed(
        FIRST + ONE + _error("502"), "502", "pending", flags="usage:missing", breaks=True
    ),
    "cut between events": cut(FIRST + ONE),
    "cut in an event": cut(FIRST + ONE + LAST[:60], flags=_HALF),
    "cut after the finish": cut(FIRST + ONE + LAST),
    "cut in a character": cut(FIRST + ONE + say("ż").partition(b"\xbc")[0], flags=_HALF),
    "cut and reset": cut(FIRST + ONE, breaks=True),
    "reset after the usage": Case(FIRST + ONE + LAST + END, breaks=True),
    "nothing": cut(b"", text=""),
    "a lone byte order mark": cut(b"\xef\xbb\xbf", text=""),
    "comments alone": cut(KEEPALIVE * 3, text=""),
}  # fmt: skip
