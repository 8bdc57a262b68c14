"""A POST that asks for work: from the request to a plan and a booking, whatever its endpoint."""

from ledger.sandbox import answers, directives, failures
from ledger.sandbox.answers import Bill
from ledger.sandbox.delivery import Delivery
from ledger.sandbox.endpoints.endpoint import Endpoint
from ledger.sandbox.failures import Asked, Failure
from ledger.sandbox.plans import BadScript, Body, Plan
from ledger.sandbox.state import Call, Generation, State, new_id
from ledger.sandbox.wire import Exchange

DEFAULT_MODEL = "openrouter/auto"
HEADER = "x-sandbox"
_SECRET_HEADERS = ("authorization", "cookie", "x-api-key")


async def infer(endpoint: Endpoint, state: State, exchange: Exchange) -> None:
    """Answer one POST as its script, its model name or its header says."""
    data = await exchange.body()
    body = endpoint.parse(data, exchange.headers.get("content-type", ""))
    headers = public_headers(exchange)
    call = state.open_call(endpoint.path, body or {}, headers, endpoint.said)
    refusal = refuse(state, exchange) or _malformed(endpoint, body)
    if refusal:
        await send_failure(exchange, call, endpoint.failure(refusal))
        return
    try:
        plan = _plan(endpoint, state, exchange, call)
    except BadScript as error:
        message = f"{call.model} is not a valid model ID ({error})"
        await send_failure(exchange, call, endpoint.failure(failures.plain(400, message)))
        return
    await _carry_out(endpoint, state, exchange, call, plan)


def public_headers(exchange: Exchange) -> dict[str, str]:
    """The headers without any secret."""
    return {name: value for name, value in exchange.headers.items() if name not in _SECRET_HEADERS}


def refuse(state: State, exchange: Exchange, *, inference: bool = True) -> Failure | None:
    """The refusal that a key gets, or None for a good one."""
    key, asked = exchange.key, Asked()
    if not key:
        return failures.make("401", asked, "No auth credentials found")
    bare = key.removeprefix("sk-or-v1-")
    if bare in (key, "") or key in state.settings.refused_keys:
        return failures.make("401", asked)
    if inference and key in state.settings.management_keys:
        return failures.make("403-management", asked)
    return None


def _malformed(endpoint: Endpoint, body: Body | None) -> Failure | None:
    """The refusal of a body that nothing can be made of."""
    if body is None:
        return failures.plain(400, "The request body is not valid JSON")
    wrong = endpoint.wrong(body)
    if wrong is not None:
        return failures.plain(400, wrong)
    if body.get("model") == "invalid/model":
        return failures.plain(400, "invalid/model is not a valid model ID")
    return None


def _plan(endpoint: Endpoint, state: State, exchange: Exchange, call: Call) -> Plan:
    """Script first, then the model name's directives, then the header's: the last one wins.

    Raises:
        BadScript: a directive that means nothing.
    """
    call.model = call.model or _first(call.params.get("models")) or DEFAULT_MODEL
    plan = state.take_plan(endpoint.name, call.model) or Plan()
    if call.model.startswith(directives.PREFIX) and call.model != "sandbox/echo":
        text = call.model.removeprefix(directives.PREFIX).removesuffix(":free")
        directives.apply(plan, text)
    debug = call.params.get("debug")
    if isinstance(debug, dict) and debug.get("echo_upstream_body"):
        plan.oddities.add("debug-chunk")
    header = exchange.headers.get(HEADER)
    if header:
        directives.apply(plan, header)
    return plan


def _first(models: object) -> str | None:
    """The first of a list of models, where one is given."""
    first = models[0] if isinstance(models, list) and models else None
    return first if isinstance(first, str) else None


async def _carry_out(
    endpoint: Endpoint,
    state: State,
    exchange: Exchange,
    call: Call,
    plan: Plan,
) -> None:
    """Book the work, if any, then answer; the work is found after the answer has ended."""
    text = answers.reply_text(call.messages, plan)
    bill = answers.bill(call.model or "", endpoint.tokens(call, endpoint.text(call), text), plan)
    body: Body = {}
    if plan.is_booked:
        call.generation_id = new_id(call.started_at, endpoint.id_kind)
        call.charged, call.upstream = bill.charged, bill.upstream
        body = answers.completion(call, text, plan, bill)
        state.book(_generation(endpoint, call, plan, bill, body))
    if plan.is_booked or plan.job != "completed":
        endpoint.begun(state, call, plan, body)
    delivery = Delivery(state, exchange, call, plan, endpoint)
    try:
        await delivery.answer(body)
    finally:
        delivery.ended(answered=False)


def _generation(endpoint: Endpoint, call: Call, plan: Plan, bill: Bill, body: Body) -> Generation:
    """The record of the work that this call begins."""
    choices = body.get("choices") or [{}]
    return Generation(
        call=call,
        plan=plan,
        tokens=bill.tokens,
        total_cost=bill.settled,
        api_type=endpoint.api_type,
        finish_reason=choices[0].get("finish_reason"),
    )


async def send_failure(exchange: Exchange, call: Call | None, failure: Failure) -> None:
    """Send an error answer and note it."""
    if call is not None:
        call.status, call.answered = failure.status, exchange.alive
    await exchange.whole(failure.status, failure.body, failure.headers, failure.content_type)
