"""What makes one inference endpoint differ from another."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ledger.sandbox import costs
from ledger.sandbox.failures import Failure
from ledger.sandbox.plans import Body, Plan
from ledger.sandbox.seen import Call
from ledger.sandbox.state import State

Raw = tuple[bytes, str]


def parse_json(data: bytes, _content_type: str) -> Body | None:
    """The JSON object that was sent, or None where it is none."""
    try:
        value = json.loads(data)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def said_text(call: Call) -> str:
    """All text that was sent, as the rule of costs counts it."""
    return costs.text_of(call.messages)


def text_tokens(_call: Call, prompt: str, reply: str) -> tuple[int, int]:
    """Tokens of a call that answers with text."""
    return costs.tokens_of(prompt), costs.tokens_of(reply)


def one(_call: Call) -> int:
    """A call is one request."""
    return 1


def nothing(_state: State, _call: Call, _plan: Plan, _body: Body) -> None:
    """Where an answer begins nothing that goes on after it."""


def plainly(failure: Failure) -> Failure:
    """An error in the shape that nearly all endpoints share."""
    return failure


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One POST path and how it tells an answer.

    Attributes:
        path: below the base URL.
        name: what scripts call it.
        api_type: as the generation record names it.
        said: the member of the body that holds what is asked.
        whole: from a chat completion to this endpoint's body, JSON or raw bytes with their type.
        events: from a chat completion to a stream; None: there are no streams here.
        id_kind: what stands between `gen-` and the time in its ids.
        header_id: the id is in `X-Generation-Id`.
        status: HTTP status of a healthy answer.
        parse: from the bytes and their content type to the body; None where they are nonsense.
        wrong: what makes a body unacceptable here, in the error's words; None: nothing does.
        text: everything counted as prompt.
        tokens: from the call, the prompt and the reply to the tokens of both sides.
        units: what a fee by request is multiplied with.
        is_text: text is answered, within limits that the call sets.
        pictures: what is completed are tokens of pictures.
        failure: an error in this endpoint's shape.
        begun: told of work that was begun, for what goes on after the answer.
    """

    path: str
    name: str
    api_type: str
    said: str
    whole: Callable[[Body, Call], Body | Raw]
    events: Callable[[Body, Call, Plan], Iterator[bytes]] | None = None
    id_kind: str = ""
    header_id: bool = True
    status: int = 200
    parse: Callable[[bytes, str], Body | None] = parse_json
    wrong: Callable[[Body], str | None] = lambda _body: None
    text: Callable[[Call], str] = said_text
    tokens: Callable[[Call, str, str], tuple[int, int]] = text_tokens
    units: Callable[[Call], int] = one
    is_text: bool = False
    pictures: bool = False
    failure: Callable[[Failure], Failure] = plainly
    begun: Callable[[State, Call, Plan, Body], None] = nothing


def first_choice(body: Body) -> dict[str, Any]:
    """The first choice of a chat completion; an empty one where there is none."""
    choices = body.get("choices") or [{}]
    first: dict[str, Any] = choices[0]
    return first


def first_message(body: Body) -> dict[str, Any]:
    """The message of the first choice."""
    message: dict[str, Any] = first_choice(body).get("message") or {}
    return message


def kept(body: Body, *names: str) -> Body:
    """Those of the members that the answer has, so that what lacks there lacks here too."""
    return {name: body[name] for name in names if name in body}


def news(body: Body) -> Body:
    """Members that nobody knows; they come through on every endpoint."""
    return {name: value for name, value in body.items() if name.startswith("zz_")}
