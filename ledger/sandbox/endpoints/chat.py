"""POST /chat/completions: the answer as it is built."""

from collections.abc import Iterator

from ledger.sandbox import streams
from ledger.sandbox.endpoints.endpoint import Endpoint
from ledger.sandbox.plans import Body, Plan
from ledger.sandbox.seen import Call


def _wrong(body: Body) -> str | None:
    """What is unacceptable."""
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        return 'Input required: specify "prompt" or "messages"'
    return None


def _whole(body: Body, _call: Call) -> Body:
    """The completion itself."""
    return body


def _events(body: Body, _call: Call, plan: Plan) -> Iterator[bytes]:
    """Its chunks."""
    return streams.events(body, plan)


ENDPOINT = Endpoint(
    path="/chat/completions",
    name="chat",
    api_type="completions",
    is_text=True,
    said="messages",
    whole=_whole,
    events=_events,
    wrong=_wrong,
)
