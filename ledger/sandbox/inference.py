"""A POST that asks for work: from the request to a plan and a booking, whatever its endpoint."""

from ledger.sandbox import (
    accounts,
    answers,
    billing,
    costs,
    counting,
    directives,
    failures,
    management,
    pricing,
    response_cache,
)
from ledger.sandbox.billing import Bill
from ledger.sandbox.catalogue import Offer, bare
from ledger.sandbox.delivery import Delivery
from ledger.sandbox.endpoints.endpoint import Endpoint
from ledger.sandbox.failures import Failure
from ledger.sandbox.plans import BadScript, Body, Plan
from ledger.sandbox.seen import Call, Generation
from ledger.sandbox.state import State, new_id
from ledger.sandbox.wire import Exchange

DEFAULT_MODEL = "openrouter/auto"
HEADER = "x-sandbox"
_NOTHING = pricing.Charge(costs.ZERO, costs.ZERO, costs.ZERO)
# Errors that another model would not mend.
_FINAL = ("400", "401", "402", "403")
_SECRET_HEADERS = ("authorization", "cookie", "x-api-key")


async def infer(endpoint: Endpoint, state: State, exchange: Exchange) -> None:
    """Answer one POST as its script, its model name or its header says."""
    data = await exchange.body()
    body = endpoint.parse(data, exchange.headers.get("content-type", ""))
    headers, key_hash = public_headers(exchange), accounts.hash_of(exchange.key)
    call = state.open_call(endpoint.path, body or {}, headers, key_hash, endpoint.said)
    refusal = management.refuse(state, exchange.key, inference=True) or _malformed(endpoint, body)
    if refusal:
        await send_failure(exchange, call, endpoint.failure(refusal))
        return
    try:
        plan = _plan(endpoint, state, exchange, call)
    except BadScript as error:
        message = f"{call.model} is not a valid model ID ({error})"
        await send_failure(exchange, call, endpoint.failure(failures.plain(400, message)))
        return
    response_cache.look(state, call, plan, data)
    await _carry_out(endpoint, state, exchange, call, plan)


def public_headers(exchange: Exchange) -> dict[str, str]:
    """The headers without any secret."""
    return {name: value for name, value in exchange.headers.items() if name not in _SECRET_HEADERS}


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
    """What is planned for the first of the models that doesn't fail; the last one's plan stands.

    Raises:
        BadScript: a directive that means nothing.
    """
    names = [call.model, *_names(call.params.get("models"))]
    models = [name for name in names if name] or [DEFAULT_MODEL]
    call.model = models[0]
    for model in models[:-1]:
        plan = _plan_for(endpoint, state, exchange, call, model)
        if not _fails(plan):
            return plan
    return _plan_for(endpoint, state, exchange, call, models[-1])


def _fails(plan: Plan) -> bool:
    """Whether the next model is tried: not where the whole request is at fault."""
    return plan.failure is not None and plan.failure[:3] not in _FINAL


def _plan_for(
    endpoint: Endpoint,
    state: State,
    exchange: Exchange,
    call: Call,
    model: str,
) -> Plan:
    """Script first, then the model name's directives, then the header's: the last one wins.

    Raises:
        BadScript: a directive that means nothing.
    """
    plan = state.take_plan(endpoint.name, model) or Plan()
    if model.startswith(directives.PREFIX) and model != "sandbox/echo":
        text = bare(model).removeprefix(directives.PREFIX).removesuffix(":free")
        directives.apply(plan, text)
    debug = call.params.get("debug")
    if isinstance(debug, dict) and debug.get("echo_upstream_body"):
        plan.oddities.add("debug-chunk")
    header = exchange.headers.get(HEADER)
    if header:
        directives.apply(plan, header)
    if model != call.model and plan.served_model is None:
        plan.served_model = bare(model)
    return plan


def _names(models: object) -> list[str]:
    """The models of a list, where one is given."""
    return [name for name in models if isinstance(name, str)] if isinstance(models, list) else []


async def _carry_out(
    endpoint: Endpoint,
    state: State,
    exchange: Exchange,
    call: Call,
    plan: Plan,
) -> None:
    """Book the work, if any, then answer; the work is found after the answer has ended."""
    bill, text = _bill(endpoint, state, call, plan)
    unpaid = _unpaid(state, bill, call) if state.settings.enforce_credits else None
    if unpaid is not None:
        await send_failure(exchange, call, endpoint.failure(unpaid))
        return
    body: Body = {}
    if plan.is_booked:
        call.generation_id = new_id(call.started_at, endpoint.id_kind)
        call.charged, call.upstream = bill.charged, bill.upstream
        body = answers.completion(call, text, plan, bill)
        state.book(_generation(endpoint, call, plan, bill, body))
        response_cache.keep(state, call, plan, text)
    if plan.is_booked or plan.job != "completed":
        endpoint.begun(state, call, plan, body)
    delivery = Delivery(state, exchange, call, plan, endpoint)
    try:
        await delivery.answer(body)
    finally:
        delivery.ended(answered=False)


def _bill(endpoint: Endpoint, state: State, call: Call, plan: Plan) -> tuple[Bill, str]:
    """Who serves, what is counted, what that costs; and the text."""
    if plan.at is not None:
        call.started_at = plan.at
    model = plan.served_model or call.model or ""
    with state.lock:
        offers = state.catalogue.offers(model)
    settings = state.settings
    offer = _offer(offers, call, plan, settings.appetite)
    if offer.priced and endpoint.is_text:
        _remember(state, call, plan, model)
    counts, text = counting.count(endpoint, call, plan, offer, settings.appetite)
    if offer.provider in settings.byok_providers:
        plan.byok_fee = settings.byok_fee
    charge = _NOTHING if plan.is_hit else pricing.charge(offer, counts, call.started_at)
    return billing.bill(offer, counts, charge, plan), text


def _unpaid(state: State, bill: Bill, call: Call) -> Failure | None:
    """The refusal where credits can't pay for all that the answer is allowed to use."""
    limit = counting.limit_of(call)
    most = bill.charge.prompt + (limit or 0) * bill.offer.prices["completion"]
    return management.unpaid(state, most, limit)


def _remember(state: State, call: Call, plan: Plan, model: str) -> None:
    """Cache what the call asks to be cached: written at first, read from then on."""
    text, for_an_hour = counting.cacheable(call.messages)
    if not text or plan.cached is not None or plan.written is not None:
        return
    tokens = costs.tokens_of(text)
    prompt = f"{model}\n{text}"
    if prompt in state.cached_prompts:
        plan.cached = tokens
        return
    state.cached_prompts.add(prompt)
    plan.written, plan.written_1h = tokens, tokens if for_an_hour else 0


def _offer(offers: list[Offer], call: Call, plan: Plan, appetite: str) -> Offer:
    """The provider that serves; where the request leaves none, the plan is to fail."""
    preferences = call.params.get("provider")
    if isinstance(preferences, dict) or len(offers) > 1:
        chosen = pricing.routed(offers, preferences or {}, call.model or "")
        if not chosen and plan.failure is None:
            plan.failure = "404-routing"
        offers = chosen or offers
    if plan.provider is not None:
        offers = [offer for offer in offers if offer.provider == plan.provider] or offers
    return pricing.dearest(offers) if appetite == "maximal" else offers[0]


def _generation(endpoint: Endpoint, call: Call, plan: Plan, bill: Bill, body: Body) -> Generation:
    """The record of the work that this call begins."""
    choices = body.get("choices") or [{}]
    return Generation(
        call=call,
        plan=plan,
        counts=bill.counts,
        offer=bill.offer,
        model=answers.served_model(call.model or "", plan),
        total_cost=bill.settled,
        api_type=endpoint.api_type,
        finish_reason=choices[0].get("finish_reason"),
    )


async def send_failure(exchange: Exchange, call: Call | None, failure: Failure) -> None:
    """Send an error answer and note it."""
    if call is not None:
        call.status, call.answered = failure.status, exchange.alive
    await exchange.whole(failure.status, failure.body, failure.headers, failure.content_type)
