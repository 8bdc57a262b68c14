"""The ASGI application: a table of routes, and the answers to everything that is only read."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ledger.sandbox import activity, analytics, control, failures, inference, management, records
from ledger.sandbox.endpoints import TABLE, videos
from ledger.sandbox.endpoints.endpoint import parse_json
from ledger.sandbox.failures import Asked, Failure
from ledger.sandbox.literals import write
from ledger.sandbox.state import State
from ledger.sandbox.wire import ClientGone, Exchange, Receive, Scope, Send

if TYPE_CHECKING:
    from ledger.sandbox.scripting import Scripting

BASE_PATH = "/api/v1"
_KEY_PARTS = 2
Route = Callable[[State, Exchange], Awaitable[None]]


class App:
    """Takes each request to its route."""

    def __init__(self, sandbox: "Scripting") -> None:
        self._sandbox = sandbox
        self._lookups = 0
        self._routes: dict[tuple[str, str], Route] = {
            **{("POST", path): partial(inference.infer, it) for path, it in TABLE.items()},
            ("GET", "/generation"): self._generation,
            ("GET", "/key"): _key,
            ("GET", "/auth/key"): _key,
            ("GET", "/credits"): _credits,
            ("GET", "/activity"): _activity,
            ("GET", "/analytics/meta"): _meta,
            ("POST", "/analytics/query"): _analytics,
            ("GET", "/models"): _models,
            ("GET", "/models/user"): _users_models,
            ("GET", "/models/count"): _count,
            ("GET", "/embeddings/models"): _embeddings,
            ("GET", "/providers"): _providers,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        exchange = Exchange(scope, receive, send)
        if exchange.path.startswith(control.PREFIX):
            await control.control(self._sandbox, exchange)
            return
        path = exchange.path.removeprefix(BASE_PATH)
        route = self._routes.get((exchange.method, path)) or _below(exchange.method, path)
        try:
            await route(self._sandbox.state, exchange)
        except ClientGone:
            return

    async def _generation(self, state: State, exchange: Exchange) -> None:
        """The record of a generation: 404 until it can be found, 429 where too many ask at once."""
        settings = state.settings
        limit = settings.generation_max_parallel
        self._lookups += 1
        try:
            refusal = _refusal(state, exchange, "generation")
            if refusal is None and limit is not None and self._lookups > limit:
                refusal = failures.plain(429, "Rate limit exceeded")
            if settings.generation_latency_s:
                await asyncio.sleep(settings.generation_latency_s)
        finally:
            self._lookups -= 1
        await _send(exchange, refusal or _found(state, exchange.query("id")))


def _found(state: State, generation_id: str) -> Failure | dict[str, Any]:
    """The record, or the 404 that also means a wrong id."""
    if not generation_id:
        return failures.plain(400, "id is required")
    item = state.find(generation_id)
    if item is None:
        message = f"Generation {generation_id} not found"
        return failures.plain(404, message, {"cache-control": records.NO_STORE})
    return records.generation(item)


def _refusal(state: State, exchange: Exchange, endpoint: str) -> Failure | None:
    """What a bad key or a scripted failure gets on a read endpoint."""
    refusal = management.refuse(state, exchange.key, inference=False)
    plan = None if refusal else state.take_plan(endpoint)
    if plan is None or plan.failure is None:
        return refusal
    return failures.make(plan.failure, Asked(), plan.message)


async def _send(exchange: Exchange, answer: Failure | Any, status: int = 200) -> None:
    """Send an error or a record."""
    if isinstance(answer, Failure):
        await inference.send_failure(exchange, None, answer)
        return
    await exchange.whole(status, write(answer), {"cache-control": records.NO_STORE})


async def _key(state: State, exchange: Exchange) -> None:
    """What the key may and has done."""
    await _send(
        exchange, _refusal(state, exchange, "key") or management.key_record(state, exchange.key)
    )


async def _credits(state: State, exchange: Exchange) -> None:
    """Credits, for a management key."""
    refusal = _refusal(state, exchange, "credits")
    normal = exchange.key not in state.settings.management_keys
    if refusal is None and normal and not state.settings.credits_as_zeros:
        refusal = failures.plain(403, management.ONLY_MANAGEMENT)
    await _send(exchange, refusal or management.credits_record(state, exchange.key))


def _managed(state: State, exchange: Exchange, endpoint: str) -> Failure | None:
    """The refusal of what only management keys may do."""
    refusal = _refusal(state, exchange, endpoint)
    if refusal is None and exchange.key not in state.settings.management_keys:
        return failures.plain(403, management.ONLY_MANAGEMENT)
    return refusal


async def _keys(name: str, state: State, exchange: Exchange) -> None:
    """The account's keys, or one of them by its hash."""
    refusal = _managed(state, exchange, "keys")
    if refusal is not None:
        await _send(exchange, refusal)
        return
    data, query = await exchange.body(), exchange.query("offset")
    answer = management.keys(state, exchange.method, name, query, data)
    made = exchange.method == "POST" and isinstance(answer, dict)
    await _send(exchange, answer, 201 if made else 200)


async def _activity(state: State, exchange: Exchange) -> None:
    """Days, models and endpoints."""
    refusal = _managed(state, exchange, "activity")
    rows = activity.activity(state, exchange.query("date"), exchange.query("api_key_hash"))
    await _send(exchange, refusal or rows)


async def _meta(state: State, exchange: Exchange) -> None:
    """What analytics can be asked."""
    await _send(exchange, _managed(state, exchange, "analytics") or analytics.meta())


async def _analytics(state: State, exchange: Exchange) -> None:
    """What analytics answer."""
    refusal = _managed(state, exchange, "analytics")
    body = parse_json(await exchange.body(), "") or {}
    await _send(exchange, refusal or analytics.query(state, body))


async def _embeddings(state: State, exchange: Exchange) -> None:
    """The models that embed."""
    await _send(exchange, records.models(state, "embeddings"))


async def _count(state: State, exchange: Exchange) -> None:
    """How many models there are."""
    listed = records.models(state, exchange.query("output_modalities"))["data"]
    await _send(exchange, {"data": {"count": len(listed)}})


async def _users_models(state: State, exchange: Exchange) -> None:
    """The models that the key's account may use: here all of them."""
    refusal = _refusal(state, exchange, "models")
    await _send(exchange, refusal or records.models(state, exchange.query("output_modalities")))


async def _providers(state: State, exchange: Exchange) -> None:
    """Who provides models."""
    with state.lock:
        names = state.catalogue.provider_names()
    await _send(exchange, records.providers(names))


async def _models(state: State, exchange: Exchange) -> None:
    """The models on offer; public, so no key is asked for."""
    plan = state.take_plan("models")
    if plan is not None and plan.failure is not None:
        await _send(exchange, failures.make(plan.failure, Asked(), plan.message))
        return
    await _send(exchange, records.models(state, exchange.query("output_modalities")))


def _below(method: str, path: str) -> Route:
    """The route of a path that has a name in it."""
    parts = path.strip("/").split("/")
    if method == "GET" and parts[0] == "videos" and len(parts) > 1:
        return partial(_video, parts[1], parts[2:])
    if parts[0] == "keys" and len(parts) <= _KEY_PARTS:
        return partial(_keys, parts[1] if len(parts) == _KEY_PARTS else "")
    if method == "GET" and parts[0] == "models" and parts[-1] == "endpoints":
        return partial(_endpoints, "/".join(parts[1:-1]))
    return _unknown


async def _video(name: str, rest: list[str], state: State, exchange: Exchange) -> None:
    """How a job stands, or its film."""
    refusal = management.refuse(state, exchange.key, inference=False)
    job = None if refusal else videos.poll(state, name)
    if job is None:
        await _send(exchange, refusal or failures.plain(404, "Job not found"))
    elif rest == ["content"]:
        await exchange.whole(200, b"\0" * 64, content_type="video/mp4")
    else:
        await _send(exchange, job)


async def _endpoints(slug: str, state: State, exchange: Exchange) -> None:
    """What each provider of a model asks; public as the models are."""
    with state.lock:
        entry = state.catalogue.endpoints(slug)
    missing = failures.plain(404, f"Model {slug} not found")
    await _send(exchange, missing if entry is None else {"data": entry})


async def _unknown(state: State, exchange: Exchange) -> None:
    """404 for what isn't served here; a POST is noted, for nobody should have sent it."""
    call = None
    if exchange.method == "POST":
        body = parse_json(await exchange.body(), "") or {}
        path = exchange.path.removeprefix(BASE_PATH)
        call = state.open_call(path, body, inference.public_headers(exchange))
    await inference.send_failure(exchange, call, failures.plain(404, "Not Found"))
