"""The books for every LLM call: who asked, of which model, and what it cost to the last digit.

    from ledger import get_response

    reply = get_response("Hello", model="openai/gpt-4o-mini")

Names are loaded on first use, so that importing this package costs next to nothing.
"""

from typing import TYPE_CHECKING, Any

# Loaded first, so that it keeps the real clocks when a test freezes time later.
from ledger import clock as clock

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from decimal import Decimal

    from ledger.callers.carrying import carry, child_env
    from ledger.callers.chains import caller
    from ledger.callers.configs import CallerConfig
    from ledger.callers.detection import transparent
    from ledger.calls.reply import Reply
    from ledger.calls.streams import AsyncReplyStream, ReplyStream
    from ledger.client import Ledger
    from ledger.client.adopted import (
        async_http_client,
        async_openai,
        http_client,
        install,
        openai,
    )
    from ledger.client.advised import quote
    from ledger.client.conversing import Conversation
    from ledger.errors import LedgerError
    from ledger.reports.rows import RequestStatus

__version__ = "0.1.0"

__all__ = [
    "Conversation",
    "Ledger",
    "LedgerError",
    "Reply",
    "aget_response",
    "astream_response",
    "async_http_client",
    "async_openai",
    "caller",
    "caller_config",
    "carry",
    "child_env",
    "get_api_key",
    "get_response",
    "http_client",
    "install",
    "openai",
    "quote",
    "stream_response",
    "track_usage",
    "transparent",
]

_LAZY = {
    "Conversation": "ledger.client.conversing",
    "Ledger": "ledger.client",
    "LedgerError": "ledger.errors",
    "Reply": "ledger.calls.reply",
    "async_http_client": "ledger.client.adopted",
    "async_openai": "ledger.client.adopted",
    "caller": "ledger.callers.chains",
    "carry": "ledger.callers.carrying",
    "child_env": "ledger.callers.carrying",
    "http_client": "ledger.client.adopted",
    "install": "ledger.client.adopted",
    "openai": "ledger.client.adopted",
    "quote": "ledger.client.advised",
    "transparent": "ledger.callers.detection",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module 'ledger' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def get_response(  # noqa: PLR0913 - what can be said of a call
    messages: "str | Sequence[dict[str, Any]]",
    model: str | None = None,
    caller: str | None = None,
    *,
    timeout: float | None = None,
    tags: "Mapping[str, str] | None" = None,
    response_model: "type[Any] | None" = None,
    store_messages: bool | None = None,
    store_answers: bool | None = None,
    max_cost: "Decimal | int | str | None" = None,
    **params: Any,
) -> "Reply":
    """Ask a model through OpenRouter; the call is in the ledger before its first byte leaves.

    Args:
        messages: a list of messages, or a string for one message of the user.
        model: the model's slug. Required: the ledger never picks one.
        caller: the name to book the call under; found out from the calling module if not given.
        timeout: total seconds for the call, connecting and reading included; 600 by default.
        tags: words of your own to report by, such as `{"task": "summary"}`; booked, not sent.
        response_model: a pydantic model's class to read the answer into, as `.parsed`.
        store_messages: store what is asked; `openrouter_config.json` decides if left out.
        store_answers: store what is answered; likewise.
        max_cost: the most USD that the call can cost, by your word: budgets hold it where the cost
            has no bound that can be derived, or a looser one. Exact: `"0.05"`, no float.
        **params: every other parameter of `POST /chat/completions`, passed through unchanged.

    Returns:
        The text, as a `str` with the record attached (`.cost`, `.usage`, `.generation_id`, ...).

    Raises:
        CallRefused: nothing was sent; `CallerProvisioned` on a caller's first call without a
            model, `ModelRequired`, `KeyMissing`, `BudgetExceeded` and others say why.
        LedgerUnavailable: the call could not be recorded, so it was not made.
        ProviderError: OpenRouter answered with an error.
        ConnectionFailed: no answer came.
        OutcomeNotRecorded: the answer came but could not be booked; the error carries it.
        AnswerMismatched: the answer is not what `response_model` describes; it carries it too.
    """
    from ledger.client import default

    return default().get_response(
        messages,
        model,
        caller,
        timeout=timeout,
        tags=tags,
        response_model=response_model,
        store_messages=store_messages,
        store_answers=store_answers,
        max_cost=max_cost,
        **params,
    )


def aget_response(  # noqa: PLR0913 - as above
    messages: "str | Sequence[dict[str, Any]]",
    model: str | None = None,
    caller: str | None = None,
    *,
    timeout: float | None = None,
    tags: "Mapping[str, str] | None" = None,
    response_model: "type[Any] | None" = None,
    store_messages: bool | None = None,
    store_answers: bool | None = None,
    max_cost: "Decimal | int | str | None" = None,
    **params: Any,
) -> "Coroutine[Any, Any, Reply]":
    """`get_response` for async code: await what it returns. Same arguments, same errors."""
    from ledger.client import default

    return default().aget_response(
        messages,
        model,
        caller,
        timeout=timeout,
        tags=tags,
        response_model=response_model,
        store_messages=store_messages,
        store_answers=store_answers,
        max_cost=max_cost,
        **params,
    )


def stream_response(  # noqa: PLR0913 - as above
    messages: "str | Sequence[dict[str, Any]]",
    model: str | None = None,
    caller: str | None = None,
    *,
    timeout: float | None = None,
    tags: "Mapping[str, str] | None" = None,
    response_model: "type[Any] | None" = None,
    store_messages: bool | None = None,
    store_answers: bool | None = None,
    max_cost: "Decimal | int | str | None" = None,
    **params: Any,
) -> "ReplyStream":
    """Ask a model, and get its text as it comes. Same arguments as `get_response`, same errors.

    Returns:
        An iterator of text, and a context manager. Read to its end, it has the whole answer as
        `.reply`, with the record attached. One that is left before its end is closed and booked
        as `cancelled`; what it cost is settled later.

    Raises:
        LedgerError: as `get_response`, here or where the text breaks off: then what had come is
            the error's `partial_text`.
    """
    from ledger.client import default

    return default().stream_response(
        messages,
        model,
        caller,
        timeout=timeout,
        tags=tags,
        response_model=response_model,
        store_messages=store_messages,
        store_answers=store_answers,
        max_cost=max_cost,
        **params,
    )


def astream_response(  # noqa: PLR0913 - as above
    messages: "str | Sequence[dict[str, Any]]",
    model: str | None = None,
    caller: str | None = None,
    *,
    timeout: float | None = None,
    tags: "Mapping[str, str] | None" = None,
    response_model: "type[Any] | None" = None,
    store_messages: bool | None = None,
    store_answers: bool | None = None,
    max_cost: "Decimal | int | str | None" = None,
    **params: Any,
) -> "AsyncReplyStream":
    """`stream_response` for async code; it sends with its first step, or by `async with`."""
    from ledger.client import default

    return default().astream_response(
        messages,
        model,
        caller,
        timeout=timeout,
        tags=tags,
        response_model=response_model,
        store_messages=store_messages,
        store_answers=store_answers,
        max_cost=max_cost,
        **params,
    )


def caller_config(caller: str | None = None) -> "CallerConfig":
    """The calling module's own config, read anew when its file changes.

    Before the caller's first call there is none: then `ai_model` is None, and nothing is written.

    Raises:
        CallerUnknown: nobody can say which module asks; pass `caller`.
        ConfigInvalid: the file can't be read as a config.
    """
    from ledger.client import default

    return default().caller_config(caller)


def get_api_key(provider: str = "openrouter") -> str:
    """The checked API key, from the first place that has one.

    Raises:
        KeyMissing: no place has one.
        KeyInvalid: what is there can't be a key.
        ProviderUnsupported: the provider is not OpenRouter.
    """
    from ledger.client import default

    return default().get_api_key(provider)


def track_usage(
    caller: str | None, generation_id: str, model: str | None = None
) -> "RequestStatus":
    """Book a generation that was made elsewhere, and settle it from the provider's record.

    Args:
        caller: who made it; the calling module if None.
        generation_id: the provider's id of it, `gen-...`.
        model: the model that was asked, if known.

    Returns:
        The request as the books have it now; still `pending` if the provider's record isn't
        ready.

    Raises:
        RequestInvalid: the id can't be one.
        LedgerUnavailable: it could not be booked.
    """
    from ledger.client import default

    return default().track_usage(caller, generation_id, model)
