"""The body of a request: messages and parameters as the caller gave them, and nothing else."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from ledger.callers.configs import CallerConfig
from ledger.errors import ProviderUnsupported, RequestInvalid

MAX_TIMEOUT_S = 1_000_000
"""The longest total time of a call: what every platform's waits can take, and then some days."""

Messages = str | Sequence[dict[str, Any]]


def check_call(model: object, timeout_s: object) -> None:
    """What a module without types may have passed as model and timeout.

    Raises:
        RequestInvalid: the model is no text, or the timeout no number of seconds above 0.
    """
    if model is not None and not isinstance(model, str):
        raise RequestInvalid(f"model must be text, not {type(model).__name__}.")
    if timeout_s is None:
        return
    is_number = isinstance(timeout_s, int | float) and not isinstance(timeout_s, bool)
    if not is_number or not 0 < timeout_s <= MAX_TIMEOUT_S:  # type: ignore[operator]
        raise RequestInvalid(
            f"timeout must be a number of seconds above 0 and at most {MAX_TIMEOUT_S}.",
            hint="Leave it out for the default of 600.",
        )


def check_provider(params: dict[str, Any], default_provider: str) -> None:
    """`provider` as a name must be OpenRouter's; as an object it is the endpoint's own parameter.

    Raises:
        ProviderUnsupported: another provider was asked for.
    """
    named = params.get("provider", default_provider)
    if isinstance(named, str):
        params.pop("provider", None)
        if named != "openrouter":
            raise ProviderUnsupported(
                f"The provider {named!r} is not served: get_response speaks OpenRouter.",
                hint="Leave provider= out, or pass OpenRouter's own object of provider rules.",
            )


def from_config(model: str, params: dict[str, Any], config: CallerConfig) -> dict[str, Any]:
    """What the caller's config adds to a call of its own model that says nothing itself."""
    if config.ai_model != model:
        return {}
    added: dict[str, Any] = {}
    if config.ai_temperature is not None and "temperature" not in params:
        added["temperature"] = _plain(config.ai_temperature)
    limits = ("max_tokens", "max_completion_tokens")
    if config.ai_max_tokens is not None and not any(name in params for name in limits):
        added["max_tokens"] = config.ai_max_tokens
    return added


def found_by(request_id: str, params: dict[str, Any]) -> dict[str, Any]:
    """Our request's id as `user`, where the call gives none: a lost answer can be found by it."""
    return {} if "user" in params else {"user": request_id}


def encode(
    model: str, messages: Messages, params: dict[str, Any], *, streamed: bool = False
) -> bytes:
    """The JSON body; every parameter passes through unchanged.

    Args:
        model: the model's slug.
        messages: as `get_response` takes them.
        params: all other members of the body.
        streamed: whether the answer is to be a stream.

    Raises:
        RequestInvalid: the messages or a parameter cannot be sent.
    """
    _check_stream(params, model, streamed=streamed)
    if streamed:
        params = {**params, "stream": True}
    try:
        body = {"model": model, "messages": _checked(messages), **params}
        return json.dumps(body, allow_nan=False, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        kind = "too deep" if isinstance(error, RecursionError) else str(error)
        raise RequestInvalid(
            f"The request cannot be written as JSON: {kind}.",
            hint="Pass messages and parameters of plain dicts, lists, text and numbers.",
            model=model,
        ) from None


def messages_in(
    body: bytes, model: str, params: dict[str, Any], *, streamed: bool = False
) -> bytes:
    """The messages as they stand in a body that `encode` made of these."""
    before = len('{"model":,"messages":') + len(json.dumps(model))
    rest = {**params, "stream": True} if streamed else params
    behind = len(json.dumps(rest, separators=(",", ":"))) if rest else 1
    return body[before : len(body) - behind]


def _check_stream(params: dict[str, Any], model: str, *, streamed: bool) -> None:
    """Whether an answer is a stream is said by which function is called, not by a parameter."""
    if params.get("stream") and not streamed:
        raise RequestInvalid(
            "get_response returns whole answers, so it takes no stream=True.",
            hint="Call stream_response, or astream_response, with the same arguments.",
            model=model,
        )
    if streamed and not params.get("stream", True):
        raise RequestInvalid(
            "stream_response returns streams, so it takes no stream=False.",
            hint="Call get_response, or aget_response, with the same arguments.",
            model=model,
        )


def _checked(messages: Messages) -> list[Any]:
    """The messages as a list; a string is one message of the user."""
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    given: object = messages
    if not isinstance(given, list | tuple):
        raise RequestInvalid(
            f"messages must be a list of messages or a string, not {type(given).__name__}.",
            hint='For example [{"role": "user", "content": "Hello"}].',
        )
    if not given:
        raise RequestInvalid("messages is empty: there is nothing to answer.")
    for number, message in enumerate(given):
        if not isinstance(message, dict):
            raise RequestInvalid(
                f"messages[{number}] must be a dict, not {type(message).__name__}.",
                hint='For example {"role": "user", "content": "Hello"}.',
            )
    return list(given)


def _plain(number: Decimal | int) -> float | int:
    """A temperature as JSON's own number; it is no money."""
    return number if isinstance(number, int) else float(number)
