"""Scripting over HTTP, for tests whose modules run as other processes: `/__sandbox__/...`.

`GET calls`, `POST reply`, `fail`, `settings`, `reset`, `price`, `model`, `drop`: JSON objects with
the arguments of the methods of that name or beginning; `POST clock` with `at`, a time, and
`advance_s`. Answered only to this machine.
"""

import datetime as dt
import ipaddress
import json
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ledger.sandbox import costs, failures
from ledger.sandbox.literals import Literal, write
from ledger.sandbox.plans import BadScript
from ledger.sandbox.seen import Call
from ledger.sandbox.wire import Exchange

if TYPE_CHECKING:
    from ledger.sandbox.scripting import Scripting

PREFIX = "/__sandbox__/"
Arguments = dict[str, Any]


def _calls(sandbox: "Scripting", _arguments: Arguments) -> Any:
    """What the sandbox saw and charged."""
    calls = [_call(call) for call in sandbox.calls]
    return {"calls": calls, "spent": costs.literal_of(sandbox.spent)}


def _call(call: Call) -> dict[str, Any]:
    """A call as JSON; amounts as exact numbers."""
    return {
        "number": call.number,
        "endpoint": call.endpoint,
        "model": call.model,
        "messages": call.messages,
        "params": call.params,
        "headers": call.headers,
        "generation_id": call.generation_id,
        "cost": call.cost,
        "charged": Literal(costs.literal_of(call.charged)),
        "upstream": Literal(costs.literal_of(call.upstream)),
        "status": call.status,
        "answered": call.answered,
    }


def _reply(sandbox: "Scripting", arguments: Arguments) -> Any:
    tokens = arguments.pop("tokens", None)
    sandbox.reply(tokens=None if tokens is None else tuple(tokens), **arguments)
    return {}


def _fail(sandbox: "Scripting", arguments: Arguments) -> Any:
    sandbox.fail(**arguments)
    return {}


def _settings(sandbox: "Scripting", arguments: Arguments) -> Any:
    sandbox.configure(**arguments)
    return {}


def _clock(sandbox: "Scripting", arguments: Arguments) -> Any:
    if "at" in arguments:
        sandbox.set_clock(dt.datetime.fromisoformat(arguments["at"]))
    sandbox.advance(float(arguments.get("advance_s", 0)))
    return {"now": sandbox.now.isoformat()}


def _price(sandbox: "Scripting", arguments: Arguments) -> Any:
    if isinstance(arguments.get("discount"), Decimal):
        arguments["discount"] = float(arguments["discount"])
    sandbox.set_price(**arguments)
    return {}


def _model(sandbox: "Scripting", arguments: Arguments) -> Any:
    sandbox.set_model(**arguments)
    return {}


def _drop(sandbox: "Scripting", arguments: Arguments) -> Any:
    sandbox.drop_model(**arguments)
    return {}


def _reset(sandbox: "Scripting", _arguments: Arguments) -> Any:
    sandbox.reset()
    return {}


ACTIONS: dict[tuple[str, str], Callable[["Scripting", Arguments], Any]] = {
    ("GET", "calls"): _calls,
    ("POST", "reply"): _reply,
    ("POST", "fail"): _fail,
    ("POST", "settings"): _settings,
    ("POST", "clock"): _clock,
    ("POST", "price"): _price,
    ("POST", "model"): _model,
    ("POST", "drop"): _drop,
    ("POST", "reset"): _reset,
}


async def control(sandbox: "Scripting", exchange: Exchange) -> None:
    """Carry out one instruction; a wrong one is answered with 400 and what is wrong."""
    action = ACTIONS.get((exchange.method, exchange.path.removeprefix(PREFIX)))
    if action is None or not _is_local(exchange):
        failure = failures.plain(404, "no such instruction")
        await exchange.whole(failure.status, failure.body)
        return
    try:
        arguments = _arguments(await exchange.body())
        answer = write(action(sandbox, arguments))
    except (BadScript, TypeError, ValueError) as error:
        failure = failures.plain(400, str(error))
        await exchange.whole(failure.status, failure.body)
        return
    await exchange.whole(200, answer)


def _arguments(data: bytes) -> Arguments:
    """The instruction's arguments.

    Raises:
        BadScript: they are no JSON object.
    """
    value = json.loads(data, parse_float=Decimal) if data else {}
    if not isinstance(value, dict):
        raise BadScript("the arguments are one JSON object")
    return value


def _is_local(exchange: Exchange) -> bool:
    """Whether this machine asks."""
    if exchange.client is None:
        return False
    return ipaddress.ip_address(exchange.client[0]).is_loopback
