"""Reading only the text of chunks that are alike changes nothing but the time that it takes."""

import random
from typing import Any

import pytest
from streamkit import CASES, DONE, END, LAST, say

from ledger.openrouter import exact
from ledger.openrouter.alike import Frame
from ledger.openrouter.folding import ChatFolder
from ledger.openrouter.sse import Decoder


class Careful(ChatFolder):
    """Parses every chunk."""

    @property
    def _frame(self) -> None:
        return None

    @_frame.setter
    def _frame(self, _frame: Any) -> None:
        pass


def folded(body: bytes, folder: ChatFolder) -> tuple[Any, ...]:
    decoder = Decoder()
    texts = [folder.event(event) for event in [*decoder.feed(body), *decoder.end()]]
    answer = folder.answer()
    facts = (folder.generation_id, folder.is_complete, folder.is_answered, folder.unreadable)
    return texts, facts, repr(answer), answer.text, answer.tool_calls, repr(answer.raw)


@pytest.mark.parametrize("name", CASES)
def test_every_odd_stream_is_folded_alike(name: str) -> None:
    body = CASES[name].body
    assert folded(body, ChatFolder()) == folded(body, Careful())


TEXTS = [
    "plain", "", "Łódź 🦉", "\\n", '\\"quoted\\"', "\\\\", 'a\\\\\\"b', "\\u00e9", "\\ud83e\\udd89",
    "\\ud83d", "{", "}", '","content":"x', '\\"content\\":\\"', "data: [DONE]", "\t",
]  # fmt: skip
FRAMES = [
    b'{"id":"gen-1","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}',
    b'{"id":"gen-1","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":"stop"}]}',
    b'{"id":"gen-2","model":"n","choices":[{"index":0,"delta":{"role":"x","content":"%s"}}]}',
    b'{"choices":[{"index":0,"delta":{"content":"%s","reasoning":"r"}}]}',
    b'{"choices":[{"index":0,"delta":{"content":"%s","tool_calls":null}}]}',
    b'{"choices":[{"index":0,"delta":{"content":"%s","images":[1]}}]}',
    b'{"choices":[{"index":1,"delta":{"content":"%s"}}]}',
    b'{"choices":[{"delta":{"content":"%s"}}]}',
    b'{"choices":[{"index":0,"delta":{"content": "a"}}],"debug":{"content":"%s"}}',
    b'{"content":"%s","choices":[{"index":0,"delta":{"content": "a"}}]}',
    b'{"choices":[{"index":0,"content":"%s","delta":{"content": "a"}}]}',
    b'{"choices":[{"index":0,"delta":{"content":"%s"}},{"index":1,"delta":{"content":"b"}}]}',
    b'{"choices":[{"index":0,"delta":{"content":"%s"}}],"usage":{"cost":0.5}}',
    b'{"choices":[{"index":0,"delta":{"content":"%s"}}],"error":{"code":1}}',
    b'{"choices":[{"index":0,"delta":{"content":"%s","content":"last"}}]}',
    b'{"choices":[{"index":0,"text":"%s"}]}',
    b'{"choices":[{"index":0,"delta":{"content":"%s"}}]',
]


@pytest.mark.parametrize("seed", range(60))
def test_any_row_of_chunks_is_folded_alike(seed: int) -> None:
    dice = random.Random(seed)
    frames = dice.sample(FRAMES, dice.randint(1, 4))
    chunks = [dice.choice(frames) % dice.choice(TEXTS).encode() for _ in range(40)]
    body = b"".join(b"data: " + chunk + b"\n\n" for chunk in chunks) + DONE
    assert folded(body, ChatFolder()) == folded(body, Careful())


def test_most_chunks_of_a_stream_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[Any] = []
    real = exact.loads

    def loads(text: bytes | str) -> Any:
        parsed.append(text)
        return real(text)

    monkeypatch.setattr(exact, "loads", loads)
    body = b"".join(say(f"word {n}") for n in range(1000)) + LAST + END + DONE
    folded(body, ChatFolder())
    assert len(parsed) == 3


def test_a_stream_that_is_too_long_is_cut_all_the_same() -> None:
    body = b"".join(say("x" * 50) for _ in range(100)) + LAST + END + DONE
    folder = ChatFolder(limit=5000)
    texts, *_ = folded(body, folder)
    assert folder.is_cut
    assert "".join(texts) == "x" * 5000
    assert folder.answer().text == ""
    assert folder.answer().usage is not None


@pytest.mark.parametrize(
    "data", [b"", b'"', b'{"content":"', b'{"choices":[{"index":0,"delta":{"content":"}}]}']
)
def test_what_is_no_chunk_is_in_no_frame(data: bytes) -> None:
    whole = b'{"choices":[{"index":0,"delta":{"content":"a"}}]}'
    frame = Frame.of(whole, exact.loads(whole))
    assert frame is not None
    assert frame.text(whole) == "a"
    assert frame.text(data) is None
