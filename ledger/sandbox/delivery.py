"""How an answer reaches its caller: whole, late, in drops, in half, or not at all.

What is noted of an answer is noted just before its last byte leaves, so that whoever has read the
answer finds the note.
"""

import asyncio
from collections.abc import Iterable

from ledger.sandbox import costs, failures, oddities, streams
from ledger.sandbox.endpoints.endpoint import Endpoint, Raw
from ledger.sandbox.failures import Asked, Failure
from ledger.sandbox.literals import Literal, write
from ledger.sandbox.plans import Body, Plan
from ledger.sandbox.seen import Call
from ledger.sandbox.state import State
from ledger.sandbox.wire import Exchange

_WHITESPACE = (b"\n", b"         \n", b"  \r\n\t\n")
_KEEPALIVE_PAUSE_S = 0.01


class Delivery:
    """The answer to one call, under way."""

    def __init__(
        self,
        state: State,
        exchange: Exchange,
        call: Call,
        plan: Plan,
        endpoint: Endpoint,
    ) -> None:
        self._state = state
        self._exchange = exchange
        self._call = call
        self._plan = plan
        self._endpoint = endpoint
        self._over = False

    async def answer(self, body: Body) -> None:
        """Answer as planned.

        Args:
            body: the completion; not used where the plan says something else.
        """
        plan = self._plan
        if plan.slow_ms:
            await asyncio.sleep(plan.slow_ms / 1000)
        if plan.hangup:
            await self._hang_up()
            return
        planned = self._planned()
        if planned is not None:
            await self._send(planned)
        elif self._call.streamed and self._endpoint.events is not None:
            self._call.cost = _stated_cost(body)
            await self._stream(self._endpoint.events(body, self._call, plan))
        else:
            await self._whole(self._endpoint.whole(body, self._call))

    async def _whole(self, body: Body | Raw) -> None:
        """Send the answer in one body, the cost noted that it shows."""
        if isinstance(body, tuple):
            await self._send(Failure(self._endpoint.status, body[0], content_type=body[1]))
            return
        self._call.cost = _stated_cost(body)
        await self._send(Failure(self._endpoint.status, write(body)))

    def ended(self, *, answered: bool) -> None:
        """Note how it ended; from here the generation's delay runs. The first word counts."""
        if self._over:
            return
        self._over = True
        self._call.answered = answered
        self._state.finish(self._call, cancelled=self._call.streamed and not answered)

    def _planned(self) -> Failure | None:
        """What is answered instead of a completion, if anything."""
        plan, call = self._plan, self._call
        if plan.failure is not None:
            asked = Asked(call.model or "", costs.text_of(call.messages))
            return self._endpoint.failure(failures.make(plan.failure, asked, plan.message))
        if plan.redirect:
            return Failure(plan.redirect, b"", {"Location": "/elsewhere"}, "text/plain")
        if plan.raw is not None:
            return Failure(200, plan.raw[0], content_type=plan.raw[1])
        return None

    async def _start(self, status: int, headers: dict[str, str]) -> None:
        """Send status and headers, the generation's id among them."""
        self._call.status = status
        headers |= self._plan.headers
        if self._call.generation_id and self._plan.header_id and self._endpoint.header_id:
            headers["X-Generation-Id"] = self._call.generation_id
        await self._exchange.start(status, headers)

    async def _send(self, answer: Failure) -> None:
        """Send a body at once, in drops, after whitespace, or only half of it."""
        plan, data = self._plan, answer.body
        headers = {"content-type": answer.content_type, **answer.headers}
        if not plan.keepalive:
            headers["content-length"] = str(len(data))
        await self._start(answer.status, headers)
        if plan.keepalive:
            for blank in _WHITESPACE:
                await self._exchange.part(blank)
                await asyncio.sleep(_KEEPALIVE_PAUSE_S)
        if plan.cut:
            await self._exchange.part(data[: len(data) // 2])
            await self._hang_up()
        elif plan.drip_ms:
            await self._drip(data[at : at + 1] for at in range(len(data) - 1))
            await self._last(data[-1:])
        else:
            await self._last(data)

    async def _stream(self, events: Iterable[bytes]) -> None:
        """Send the answer as events."""
        if self._plan.oddities or self._plan.split:
            events = oddities.dressed(events, self._plan)
        if self._plan.endless:
            await self._forever(events)
            return
        pieces = list(events)
        await self._start(200, {"content-type": streams.CONTENT_TYPE})
        if self._plan.cut:
            await self._drip(pieces[: len(pieces) // 2])
            await self._hang_up()
            return
        await self._drip(pieces[:-1])
        await self._last(pieces[-1])

    async def _forever(self, events: Iterable[bytes]) -> None:
        """Send events until nobody listens any more."""
        await self._start(200, {"content-type": streams.CONTENT_TYPE})
        for event in events:
            if not self._exchange.alive:
                return
            await self._exchange.part(event)
            await asyncio.sleep(self._plan.drip_ms / 1000)

    async def _drip(self, pieces: Iterable[bytes]) -> None:
        """Send piece by piece for as long as somebody listens."""
        for piece in pieces:
            if not self._exchange.alive:
                return
            await self._exchange.part(piece)
            if self._plan.drip_ms:
                await asyncio.sleep(self._plan.drip_ms / 1000)

    async def _last(self, data: bytes) -> None:
        """Send the end of the body."""
        self.ended(answered=self._exchange.alive)
        await self._exchange.end(data)

    async def _hang_up(self) -> None:
        """Close the connection."""
        self.ended(answered=False)
        await self._exchange.hang_up()


def _stated_cost(body: Body) -> str | None:
    """The cost literal that an answer shows, if it shows one."""
    cost = body.get("usage", {}).get("cost")
    return cost.text if isinstance(cost, Literal) else None
