"""How each SDK is put on the books, and how it makes a call. Importing this lists them."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from callkit import KEY
from sdkkit import Calls, base_url, failing, message, package, sdk

from ledger.client import Ledger


async def each(stream: AsyncIterator[Any]) -> None:
    """Read a stream to its end."""
    async for _ in stream:
        pass


# --- openai ---------------------------------------------------------------------------------


def _openai(ledger: Ledger, retries: int) -> Any:
    return ledger.openai(max_retries=retries)


def _async_openai(ledger: Ledger, retries: int) -> Any:
    return ledger.async_openai(max_retries=retries)


def chat(ledger: Ledger, calls: Calls, retries: int) -> None:
    with _openai(ledger, retries) as client:
        for model, text in calls:
            with failing():
                client.chat.completions.create(model=model, messages=message(text))


def chat_stream(ledger: Ledger, calls: Calls, retries: int) -> None:
    with _openai(ledger, retries) as client:
        for model, text in calls:
            with failing():
                list(
                    client.chat.completions.create(model=model, messages=message(text), stream=True)
                )


async def chat_async(ledger: Ledger, calls: Calls, retries: int) -> None:
    async with _async_openai(ledger, retries) as client:
        for model, text in calls:
            with failing():
                await client.chat.completions.create(model=model, messages=message(text))


async def chat_async_stream(ledger: Ledger, calls: Calls, retries: int) -> None:
    async with _async_openai(ledger, retries) as client:
        for model, text in calls:
            with failing():
                asked = {"model": model, "messages": message(text), "stream": True}
                await each(await client.chat.completions.create(**asked))


def responses(ledger: Ledger, calls: Calls, retries: int) -> None:
    with _openai(ledger, retries) as client:
        for model, text in calls:
            with failing():
                client.responses.create(model=model, input=text)


def responses_stream(ledger: Ledger, calls: Calls, retries: int) -> None:
    with _openai(ledger, retries) as client:
        for model, text in calls:
            with failing():
                list(client.responses.create(model=model, input=text, stream=True))


async def responses_async(ledger: Ledger, calls: Calls, retries: int) -> None:
    async with _async_openai(ledger, retries) as client:
        for model, text in calls:
            with failing():
                await client.responses.create(model=model, input=text)


async def responses_async_stream(ledger: Ledger, calls: Calls, retries: int) -> None:
    async with _async_openai(ledger, retries) as client:
        for model, text in calls:
            with failing():
                await each(await client.responses.create(model=model, input=text, stream=True))


for _major in (3, 2):
    for _suffix, _of_chat, _of_responses in (
        ("", chat, responses),
        ("-stream", chat_stream, responses_stream),
        ("-async", chat_async, responses_async),
        ("-async-stream", chat_async_stream, responses_async_stream),
    ):
        _is = _suffix.endswith("stream")
        sdk(f"openai{_major}{_suffix}", "openai", major=_major, streamed=_is)(_of_chat)
        sdk(
            f"openai{_major}-responses{_suffix}",
            "openai",
            major=_major,
            endpoint="responses",
            streamed=_is,
        )(_of_responses)


# --- openrouter, the official SDK -------------------------------------------------------------


def _openrouter(ledger: Ledger, retries: int) -> Any:
    utils = package("openrouter.utils")
    patient = utils.RetryConfig("backoff", utils.BackoffStrategy(1, 10, 1.1, 20_000), True)
    return package("openrouter").OpenRouter(
        api_key=KEY,
        server_url=base_url(ledger),
        client=ledger.http_client(),
        async_client=ledger.async_http_client(),
        retry_config=patient if retries else utils.RetryConfig("none", patient.backoff, False),
    )


@sdk("openrouter", "openrouter", major=1)
def openrouter(ledger: Ledger, calls: Calls, retries: int) -> None:
    with _openrouter(ledger, retries) as client:
        for model, text in calls:
            with failing():
                client.chat.send(model=model, messages=message(text))


@sdk("openrouter-stream", "openrouter", major=1, streamed=True)
def openrouter_stream(ledger: Ledger, calls: Calls, retries: int) -> None:
    with _openrouter(ledger, retries) as client:
        for model, text in calls:
            with failing(), client.chat.send(model=model, messages=message(text), stream=True) as s:
                list(s)


@sdk("openrouter-async", "openrouter", major=1)
async def openrouter_async(ledger: Ledger, calls: Calls, retries: int) -> None:
    async with _openrouter(ledger, retries) as client:
        for model, text in calls:
            with failing():
                await client.chat.send_async(model=model, messages=message(text))


@sdk("openrouter-async-stream", "openrouter", major=1, streamed=True)
async def openrouter_async_stream(ledger: Ledger, calls: Calls, retries: int) -> None:
    async with _openrouter(ledger, retries) as client:
        for model, text in calls:
            with failing():
                asked = {"model": model, "messages": message(text), "stream": True}
                async with await client.chat.send_async(**asked) as stream:
                    await each(stream)


# --- anthropic --------------------------------------------------------------------------------


def _anthropic(ledger: Ledger, retries: int, kind: str, http_client: Any) -> Any:
    base = base_url(ledger).removesuffix("/v1")
    make = getattr(package("anthropic"), kind)
    return make(base_url=base, auth_token=KEY, http_client=http_client, max_retries=retries)


@sdk("anthropic", "anthropic", endpoint="messages")
def anthropic(ledger: Ledger, calls: Calls, retries: int) -> None:
    with _anthropic(ledger, retries, "Anthropic", ledger.http_client("httpx2")) as client:
        for model, text in calls:
            with failing():
                client.messages.create(model=model, messages=message(text), max_tokens=64)


@sdk("anthropic-stream", "anthropic", endpoint="messages", streamed=True)
def anthropic_stream(ledger: Ledger, calls: Calls, retries: int) -> None:
    with _anthropic(ledger, retries, "Anthropic", ledger.http_client("httpx2")) as client:
        for model, text in calls:
            asked = {"model": model, "messages": message(text), "max_tokens": 64}
            with failing(), client.messages.stream(**asked) as stream:
                list(stream)


@sdk("anthropic-async", "anthropic", endpoint="messages")
async def anthropic_async(ledger: Ledger, calls: Calls, retries: int) -> None:
    http_client = ledger.async_http_client("httpx2")
    async with _anthropic(ledger, retries, "AsyncAnthropic", http_client) as client:
        for model, text in calls:
            with failing():
                await client.messages.create(model=model, messages=message(text), max_tokens=64)


@sdk("anthropic-async-stream", "anthropic", endpoint="messages", streamed=True)
async def anthropic_async_stream(ledger: Ledger, calls: Calls, retries: int) -> None:
    http_client = ledger.async_http_client("httpx2")
    async with _anthropic(ledger, retries, "AsyncAnthropic", http_client) as client:
        for model, text in calls:
            asked = {"model": model, "messages": message(text), "max_tokens": 64}
            with failing():
                async with client.messages.stream(**asked) as stream:
                    await each(stream)


# --- pydantic-ai ------------------------------------------------------------------------------


def _agent(client: Any, model: str) -> Any:
    provider = package("pydantic_ai.providers.openrouter").OpenRouterProvider(openai_client=client)
    model = package("pydantic_ai.models.openrouter").OpenRouterModel(model, provider=provider)
    return package("pydantic_ai").Agent(model)


@sdk("pydantic-ai", "pydantic-ai-slim")
def pydantic_ai(ledger: Ledger, calls: Calls, retries: int) -> None:
    client = ledger.async_openai(max_retries=retries)
    for model, text in calls:
        with failing():
            _agent(client, model).run_sync(text)


@sdk("pydantic-ai-async", "pydantic-ai-slim")
async def pydantic_ai_async(ledger: Ledger, calls: Calls, retries: int) -> None:
    async with ledger.async_openai(max_retries=retries) as client:
        for model, text in calls:
            with failing():
                await _agent(client, model).run(text)


@sdk("pydantic-ai-async-stream", "pydantic-ai-slim", streamed=True)
async def pydantic_ai_async_stream(ledger: Ledger, calls: Calls, retries: int) -> None:
    async with ledger.async_openai(max_retries=retries) as client:
        for model, text in calls:
            with failing():
                async with _agent(client, model).run_stream(text) as run:
                    await each(run.stream_text())


# --- langchain --------------------------------------------------------------------------------


def _langchain_openai(ledger: Ledger, model: str, retries: int) -> Any:
    return package("langchain_openai").ChatOpenAI(
        model=model,
        base_url=base_url(ledger),
        api_key=KEY,
        http_client=ledger.http_client("httpx2"),
        http_async_client=ledger.async_http_client("httpx2"),
        max_retries=retries,
    )


def _langchain_openrouter(ledger: Ledger, model: str, retries: int) -> Any:
    return package("langchain_openrouter").ChatOpenRouter(
        model=model, openrouter_api_base=base_url(ledger), api_key=KEY, max_retries=retries
    )


def langchain(make: Any, adopted: Any) -> Any:
    def driver(ledger: Ledger, calls: Calls, retries: int) -> None:
        with adopted(ledger):
            for model, text in calls:
                with failing():
                    make(ledger, model, retries).invoke(text)

    return driver


def langchain_stream(make: Any, adopted: Any) -> Any:
    def driver(ledger: Ledger, calls: Calls, retries: int) -> None:
        with adopted(ledger):
            for model, text in calls:
                with failing():
                    list(make(ledger, model, retries).stream(text))

    return driver


def langchain_async(make: Any, adopted: Any) -> Any:
    async def driver(ledger: Ledger, calls: Calls, retries: int) -> None:
        with adopted(ledger):
            for model, text in calls:
                with failing():
                    await make(ledger, model, retries).ainvoke(text)

    return driver


def langchain_async_stream(make: Any, adopted: Any) -> Any:
    async def driver(ledger: Ledger, calls: Calls, retries: int) -> None:
        with adopted(ledger):
            for model, text in calls:
                with failing():
                    await each(make(ledger, model, retries).astream(text))

    return driver


for _name, _make, _adopted in (
    ("langchain-openai", _langchain_openai, contextlib.nullcontext),
    ("langchain-openrouter", _langchain_openrouter, Ledger.install),
):
    sdk(_name, _name)(langchain(_make, _adopted))
    sdk(f"{_name}-stream", _name, streamed=True)(langchain_stream(_make, _adopted))
    sdk(f"{_name}-async", _name)(langchain_async(_make, _adopted))
    sdk(f"{_name}-async-stream", _name, streamed=True)(langchain_async_stream(_make, _adopted))


# --- litellm ----------------------------------------------------------------------------------


def _litellm(ledger: Ledger, model: str, text: str, retries: int) -> dict[str, Any]:
    return {
        "model": f"openrouter/{model}",
        "messages": message(text),
        "api_base": base_url(ledger),
        "api_key": KEY,
        "num_retries": retries,
    }


@sdk("litellm", "litellm", obeys=False)
def litellm(ledger: Ledger, calls: Calls, retries: int) -> None:
    litellm = package("litellm")
    with ledger.install():
        for model, text in calls:
            with failing():
                litellm.completion(**_litellm(ledger, model, text, retries))


@sdk("litellm-stream", "litellm", streamed=True, obeys=False)
def litellm_stream(ledger: Ledger, calls: Calls, retries: int) -> None:
    litellm = package("litellm")
    with ledger.install():
        for model, text in calls:
            with failing():
                list(litellm.completion(**_litellm(ledger, model, text, retries), stream=True))


@sdk("litellm-async", "litellm", obeys=False)
async def litellm_async(ledger: Ledger, calls: Calls, retries: int) -> None:
    litellm = package("litellm")
    with ledger.install():
        for model, text in calls:
            with failing():
                await litellm.acompletion(**_litellm(ledger, model, text, retries))


@sdk("litellm-async-stream", "litellm", streamed=True, obeys=False)
async def litellm_async_stream(ledger: Ledger, calls: Calls, retries: int) -> None:
    litellm = package("litellm")
    with ledger.install():
        for model, text in calls:
            with failing():
                asked = _litellm(ledger, model, text, retries)
                await each(await litellm.acompletion(**asked, stream=True))


# --- bare httpx and httpx2 --------------------------------------------------------------------


def _asked(model: str, text: str, *, stream: bool) -> dict[str, Any]:
    return {
        "url": "/chat/completions",
        "json": {"model": model, "messages": message(text), "stream": stream},
        "headers": {"authorization": f"Bearer {KEY}"},
    }


def bare(family: str) -> Any:
    def driver(ledger: Ledger, calls: Calls, retries: int) -> None:
        with ledger.http_client(family, base_url=base_url(ledger)) as client:
            for model, text in calls:
                for _ in range(1 + retries):
                    if not client.post(**_asked(model, text, stream=False)).is_server_error:
                        break

    return driver


def bare_stream(family: str) -> Any:
    def driver(ledger: Ledger, calls: Calls, retries: int) -> None:
        with ledger.http_client(family, base_url=base_url(ledger)) as client:
            for model, text in calls:
                for _ in range(1 + retries):
                    asked = _asked(model, text, stream=True)
                    with failing(), client.stream("POST", **asked) as response:
                        list(response.iter_lines())
                    if not response.is_server_error:
                        break

    return driver


def bare_async(family: str) -> Any:
    async def driver(ledger: Ledger, calls: Calls, retries: int) -> None:
        async with ledger.async_http_client(family, base_url=base_url(ledger)) as client:
            for model, text in calls:
                for _ in range(1 + retries):
                    response = await client.post(**_asked(model, text, stream=False))
                    if not response.is_server_error:
                        break

    return driver


def bare_async_stream(family: str) -> Any:
    async def driver(ledger: Ledger, calls: Calls, retries: int) -> None:
        async with ledger.async_http_client(family, base_url=base_url(ledger)) as client:
            for model, text in calls:
                for _ in range(1 + retries):
                    asked = _asked(model, text, stream=True)
                    with failing():
                        async with client.stream("POST", **asked) as response:
                            await each(response.aiter_lines())
                    if not response.is_server_error:
                        break

    return driver


for _family in ("httpx", "httpx2"):
    sdk(_family, _family)(bare(_family))
    sdk(f"{_family}-stream", _family, streamed=True)(bare_stream(_family))
    sdk(f"{_family}-async", _family)(bare_async(_family))
    sdk(f"{_family}-async-stream", _family, streamed=True)(bare_async_stream(_family))
