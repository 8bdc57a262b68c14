"""The sandbox's endpoints satisfy the real `openai` client, whole and as streams."""

import io
from collections.abc import Iterator

import openai
import pytest

from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=sandbox.base_url, api_key=sandbox.key, max_retries=0) as made:
        yield made


def test_chat(client: openai.OpenAI) -> None:
    body = client.chat.completions.create(
        model="a/b", messages=[{"role": "user", "content": "Hello"}]
    )
    assert body.choices[0].message.content == "Echo: Hello"
    stream = client.chat.completions.create(
        model="a/b", messages=[{"role": "user", "content": "Hello"}], stream=True
    )
    pieces = [chunk.choices[0].delta.content or "" for chunk in stream]
    assert "".join(pieces) == "Echo: Hello"


def test_completions(client: openai.OpenAI) -> None:
    assert client.completions.create(model="a/b", prompt="Hello").choices[0].text == "Echo: Hello"
    stream = client.completions.create(model="a/b", prompt="Hello", stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == "Echo: Hello"


@pytest.mark.parametrize("model", ["a/b", "sandbox/tool-call", "sandbox/reasoning-only"])
def test_responses(client: openai.OpenAI, model: str) -> None:
    body = client.responses.create(model=model, input="Hello")
    assert body.id.startswith("gen-")
    assert body.output_text == ("Echo: Hello" if model == "a/b" else "")
    assert body.usage is not None
    with client.responses.stream(model=model, input="Hello") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response() if model != "sandbox/reasoning-only" else None
    assert kinds[0] == "response.created"
    assert kinds[-1] in {"response.completed", "response.incomplete"}
    if final is not None:
        assert final.output_text == body.output_text


def test_embeddings_as_the_client_asks_for_them(client: openai.OpenAI) -> None:
    body = client.embeddings.create(model="a/b", input=["Hello", "you"], dimensions=4)
    assert [len(one.embedding) for one in body.data] == [4, 4]
    assert body.usage.total_tokens > 0


def test_sound_both_ways(client: openai.OpenAI) -> None:
    sound = client.audio.speech.create(model="a/b", voice="alloy", input="Hello").content
    assert sound
    written = client.audio.transcriptions.create(model="a/b", file=("a.wav", io.BytesIO(sound)))
    assert written.text.startswith("Echo")


def test_errors_are_the_clients_own(client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        client.responses.create(model="sandbox/error-429", input="Hello")
    *_, last = client.responses.create(model="sandbox/error-200", input="Hello", stream=True)
    assert last.type == "error"
