"""The bound against an oracle that shares no code with it, and what it refuses to bound."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import charges
import limitkit
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from limitkit import Json, Lists, model

from ledger.errors import Unbounded
from ledger.limits.bound import Bound, largest_limit, upper_bound

PICO = 10**12
PRICES = {"prompt": "0.000001", "completion": "0.000002"}
HELLO = [{"role": "user", "content": "Hello"}]
CHAT = "chat/completions"


def lists(pricing: Json = PRICES, **more: Any) -> Lists:
    return Lists([model("a/one", pricing, **more)], {})


def bound(catalogue: Lists | None = None, endpoint: str = CHAT, **body: Any) -> Bound:
    given: Json = {"model": "a/one"} | ({"messages": HELLO} if endpoint == CHAT else {})
    return upper_bound(given | body, endpoint, catalogue or lists())


def part(found: Bound, kind: str) -> int:
    return sum(each.pico for each in found.parts if each.kind == kind)


# --- never below what is charged ------------------------------------------------------------


@st.composite
def _served(draw: st.DrawFn, catalogue: Lists, body: Json) -> charges.Served:
    """How a call may happen to be served: by whom, when, with what of it cached."""
    named = [body["model"].removesuffix(":floor"), *body.get("models", [])]
    slug = draw(st.sampled_from(named))
    told = catalogue.models[slug]
    minutes = draw(st.integers(0, 7 * 24 * 60 - 1))
    tokens = st.integers(0, 6000)
    return charges.Served(
        pricing=draw(st.sampled_from(list(catalogue.asked(slug).values()))),
        most=told["top_provider"]["max_completion_tokens"] or told["context_length"],
        at=dt.datetime(2026, 11, 23, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes),
        appetite=draw(st.sampled_from(["usual", "thrifty", "maximal"])),
        cached=draw(tokens),
        written=draw(tokens),
        written_1h=draw(tokens) if "'ttl': '1h'" in str(body) else 0,
        fee=draw(st.sampled_from([None, Fraction(0), Fraction(5, 100)])),
    )


def never_below(data: st.DataObject) -> None:
    catalogue = data.draw(limitkit.catalogues())
    endpoint, body = data.draw(limitkit.requests())
    charge = charges.charge(endpoint, body, data.draw(_served(catalogue, body)))
    try:
        found = upper_bound(body, endpoint, catalogue)
    except Unbounded as refused:
        if "no price at all" in str(refused):  # of a kind of work that isn't priced by tokens
            return
        raise
    assert found.pico >= charge * PICO
    assert found.pico == sum(each.pico for each in found.parts)


_CALM: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=150, **_CALM)
@given(st.data())
def test_the_bound_is_never_below_the_charge(data: st.DataObject) -> None:
    never_below(data)


@pytest.mark.long
@settings(max_examples=10_000, phases=[Phase.explicit, Phase.generate], **_CALM)
@given(st.data())
def test_the_bound_is_never_below_the_charge_of_10_000_calls(data: st.DataObject) -> None:
    never_below(data)


# --- what it is made of -----------------------------------------------------------------------


def test_a_bound_says_what_it_is_made_of() -> None:
    found = bound(lists(PRICES | {"request": "0.01"}), max_tokens=100)
    told = {(each.kind, each.unit): each for each in found.parts}
    assert told["completion", "token"].units == 100
    assert told["completion", "token"].pico_each == 2_000_000
    assert told["fixed", "request"].pico == PICO // 100
    work = sum(each.pico for each in found.parts if each.kind != "fee")
    assert told["fee", "request"].pico == work * 5 // 100
    assert found.usd == Decimal(found.pico).scaleb(-12)


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({"max_tokens": 100}, 100),
        ({"max_tokens": 100, "max_completion_tokens": 300}, 300),
        ({"max_tokens": 100, "n": 3}, 300),
        ({"max_tokens": 1}, 16),
        ({"max_tokens": Decimal("1e2")}, 100),
        ({"max_output_tokens": 5}, 4096),  # another endpoint's word: nobody reads it here
        ({"max_tokens": "5"}, 4096),
        ({"max_tokens": 0}, 4096),
        ({"max_tokens": True}, 4096),
        ({"max_tokens": float("nan")}, 4096),
        ({"max_tokens": 100, "reasoning": {"max_tokens": 80}}, 100),
        ({"max_tokens": 100, "reasoning": {"max_tokens": 900}}, 1000),
        ({}, 4096),
    ],
)
def test_completion_tokens(body: Json, tokens: int) -> None:
    assert part(bound(**body), "completion") == tokens * 2_000_000


def test_without_a_maximum_the_context_length_counts_and_without_that_nothing() -> None:
    assert part(bound(lists(max_completion_tokens=None)), "completion") == 65_536 * 2_000_000
    nobody = lists(max_completion_tokens=None, context_length=None)
    with pytest.raises(Unbounded, match=r"max_tokens.*max_cost="):
        bound(nobody)
    assert part(bound(nobody, max_tokens=10), "completion") == 16 * 2_000_000


def test_a_provider_that_knows_no_limit_answers_as_it_likes() -> None:
    deaf = lists(supported_parameters=["temperature"])
    assert part(bound(deaf, max_tokens=10), "completion") == 4096 * 2_000_000


def test_a_model_that_answers_without_a_price_needs_no_limit() -> None:
    free = lists(
        {"prompt": "0", "completion": "0"}, max_completion_tokens=None, context_length=None
    )
    assert bound(free).pico == 0


def test_the_dearest_of_providers_fallbacks_and_conditions_counts() -> None:
    night = {"utc_start": 0, "utc_end": 600, "completion": "0.000009"}
    catalogue = Lists(
        [
            model("a/one", PRICES),
            model("b/two", PRICES | {"overrides": [night]}),
        ],
        {"a/one": {"Cheap": PRICES, "Dear": PRICES | {"completion": "0.000005"}}},
    )
    one = bound(catalogue, max_tokens=100)
    assert (one.provider, part(one, "completion")) == ("Dear", 100 * 5_000_000)
    both = bound(catalogue, max_tokens=100, models=["b/two"])
    assert (both.model, part(both, "completion")) == ("b/two", 100 * 9_000_000)


def test_a_price_for_long_prompts_counts_only_where_a_prompt_may_be_long() -> None:
    long = {"min_prompt_tokens": 10_000, "completion": "0.00002"}
    catalogue = lists(PRICES | {"overrides": [long]})
    assert part(bound(catalogue, max_tokens=100), "completion") == 100 * 2_000_000
    told = [{"role": "user", "content": "x" * 10_000}]
    assert part(bound(catalogue, messages=told, max_tokens=100), "completion") == 100 * 20_000_000


def test_an_override_under_unknown_conditions_counts() -> None:
    odd = {"phase_of_the_moon": "full", "completion": "0.00002"}
    found = bound(lists(PRICES | {"overrides": [odd]}), max_tokens=100)
    assert part(found, "completion") == 100 * 20_000_000


def test_a_text_that_grows_when_it_is_normalised_counts_as_it_grows() -> None:
    short = bound(messages=[{"role": "user", "content": "x" * 30}], max_tokens=16)
    grown = bound(messages=[{"role": "user", "content": "\ufdfa" * 10}], max_tokens=16)
    assert grown.pico > short.pico + 250 * 1_000_000


def test_media_have_their_declared_price_or_a_token_a_byte() -> None:
    data = "A" * 4000
    seen = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    told = [{"role": "user", "content": [seen, seen]}]
    priced = bound(lists(PRICES | {"image": "0.005"}), messages=told, max_tokens=16)
    assert part(priced, "media") == 2 * PICO // 200
    counted = bound(messages=told, max_tokens=16)
    assert 6000 * 1_000_000 < part(counted, "media") < 6100 * 1_000_000
    within = bound(lists(context_length=1000), messages=told, max_tokens=16)
    assert part(within, "media") == 1000 * 1_000_000


def test_media_in_the_results_of_tools_are_found() -> None:
    shown = {"type": "image", "source": {"type": "base64", "data": "A" * 4000}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [shown]}
    body: Json = {"messages": [{"role": "user", "content": [result]}], "max_tokens": 16}
    assert part(bound(endpoint="messages", **body), "media") > 3000 * 1_000_000


def test_search_units_are_those_of_the_provider() -> None:
    catalogue = lists({"prompt": "0", "completion": "0", "request": "0.002"})
    few = bound(catalogue, "rerank", query="q", documents=["x"] * 100)
    many = bound(catalogue, "rerank", query="q", documents=["x"] * 101)
    long = bound(catalogue, "rerank", query="q", documents=["x" * 5000] * 100)
    units = [part(each, "fixed") * 1000 // PICO // 2 for each in (few, many, long)]
    assert units == [1, 2, 11]


def test_a_model_that_searches_by_itself_has_a_search_in_its_bound() -> None:
    sonar = PRICES | {"request": "0.005", "web_search": "0.005"}
    searching = lists(sonar, supported_parameters=["max_tokens", "web_search_options"])
    assert part(bound(searching), "fixed") == part(bound(lists(sonar)), "fixed") + PICO // 200


# --- what has no bound ------------------------------------------------------------------------

URL = {"type": "image_url", "image_url": {"url": "https://example.com/x.png"}}
PDF = {"type": "file", "file": {"filename": "x.pdf", "file_data": "data:application/pdf;base64,"}}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"model": None}, "names no model"),
        ({"model": "a/unheard-of"}, "models sync"),
        ({"model": "a/one:online"}, "searches the web"),
        ({"model": "@preset/mine"}, "chosen later"),
        ({"model": "a/one@preset/mine"}, "chosen later"),
        ({"model": "~a/one-latest"}, "chosen later"),
        ({"model": "a/deep-research"}, "how often it searches"),
        ({"models": ["b/unheard-of"]}, "b/unheard-of"),
        ({"preset": "mine"}, "preset"),
        ({"plugins": [{"id": "web"}]}, "plugin 'web'"),
        ({"plugins": [{"id": "file-parser"}]}, "file-parser"),
        ({"plugins": ["odd"]}, "odd"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"tools": [{"type": "openrouter:web_search"}]}, "openrouter:web_search"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "web_search_20250305"),
        ({"service_tier": "priority"}, "priority"),
        ({"messages": [{"role": "user", "content": [URL]}]}, "data URL"),
        ({"messages": [{"role": "user", "content": [PDF]}]}, "file's text"),
        ({"messages": [{"role": "user", "content": [{"type": "x", "file_id": "f"}]}]}, "file_id"),
        ({"messages": [{"role": "user", "content": "x", "deep": {1, 2}}], "n": []}, None),
    ],
)
def test_what_has_no_bound_says_why_and_what_would_bound_it(body: Json, said: str | None) -> None:
    if said is None:
        assert bound(**body).pico > 0
        return
    with pytest.raises(Unbounded) as caught:
        bound(**body)
    assert said in str(caught.value)
    assert "max_cost=" in str(caught.value)
    declared = upper_bound(
        {"model": "a/one", "messages": HELLO} | body, CHAT, lists(), Decimal("0.25")
    )
    assert (declared.pico, declared.parts[0].kind) == (PICO // 4, "declared")


@pytest.mark.parametrize(
    ("endpoint", "body", "said"),
    [
        ("videos", {"prompt": "x"}, "second of film"),
        ("responses", {"input": "x", "prompt": {"id": "p"}}, "template"),
        ("responses", {"input": "x", "previous_response_id": "r"}, "previous_response_id"),
        ("messages", {"messages": HELLO, "speed": "fast"}, "speed"),
        ("messages", {"messages": HELLO, "mcp_servers": [{}]}, "mcp_servers"),
        ("messages", {"messages": HELLO, "fallbacks": [{"model": "b/x"}]}, "b/x"),
        ("audio/transcriptions", {}, "size of the sound"),
        ("dreams", {}, "dreams"),
    ],
)
def test_of_other_endpoints_too(endpoint: str, body: Json, said: str) -> None:
    with pytest.raises(Unbounded, match=said):
        bound(endpoint=endpoint, **body)


@pytest.mark.parametrize("pricing", [{}, {"prompt": "-1", "completion": "-1"}, {"prompt": "0.1"}])
def test_a_price_that_nobody_knows_bounds_nothing(pricing: Json) -> None:
    with pytest.raises(Unbounded, match="no price of a/one"):
        bound(lists(pricing))


def test_a_model_that_nobody_offers_has_no_price() -> None:
    class Bare(Lists):
        def offers(self, model: str) -> Any:
            return super().offers(model)[:1]

    with pytest.raises(Unbounded, match="nobody who offers"):
        bound(Bare([model("a/one", PRICES)], {}))


def test_work_that_is_not_priced_by_tokens_is_not_taken_for_free() -> None:
    nothing = {"prompt": "0", "completion": "0"}
    with pytest.raises(Unbounded, match="no price at all"):
        bound(lists(nothing), "images", prompt="x")
    free = Lists([model("a/one:free", nothing)], {})
    assert bound(free, "images", model="a/one:free", prompt="x").pico == 0


def test_an_amount_beyond_all_accounts_is_no_bound() -> None:
    with pytest.raises(Unbounded, match="no account"):
        bound(lists({"prompt": "99999999", "completion": "1"}))


@pytest.mark.parametrize(
    "deep", [lambda inner: [inner], lambda inner: {"role": inner}], ids=["lists", "objects"]
)
def test_what_is_nested_too_deeply_has_no_bound(deep: Callable[[Any], Any]) -> None:
    value: Any = 1
    for _ in range(100_000):
        value = deep(value)
    with pytest.raises(Unbounded, match="JSON"):
        bound(messages=[{"role": "user", "content": value}])


def test_the_own_tools_of_a_caller_and_free_plugins_are_bounded() -> None:
    own = [
        {"type": "function", "function": {"name": "f"}},
        {"type": "bash_20250124"},
        {"name": "x"},
    ]
    off = {"id": "web", "enabled": False}
    assert bound(tools=own, plugins=[{"id": "response-healing"}, off], max_tokens=16).pico > 0


# --- the caller's word, and what would fit ----------------------------------------------------


def test_a_declared_cost_may_only_lower_a_bound() -> None:
    body = {"model": "a/one", "messages": HELLO, "max_tokens": 16}
    real = upper_bound(body, CHAT, lists())
    assert upper_bound(body, CHAT, lists(), Decimal(5)) == real
    assert upper_bound(body, CHAT, lists(), Decimal("0.00000001")).pico == 10_000


@given(left=st.integers(0, 10**11), n=st.integers(1, 4))
def test_the_largest_limit_fits_and_one_more_does_not(left: int, n: int) -> None:
    body = {"model": "a/one", "messages": HELLO, "n": n, "models": ["b/two"]}
    catalogue = Lists(
        [model("a/one", PRICES), model("b/two", {"prompt": "0", "completion": "0.000007"})], {}
    )
    found = largest_limit(body, CHAT, catalogue, left)
    if found is None:
        assert upper_bound(body | {"max_tokens": 16}, CHAT, catalogue).pico > left
        return
    assert upper_bound(body | {"max_tokens": found}, CHAT, catalogue).pico <= left
    assert upper_bound(body | {"max_tokens": found + 2}, CHAT, catalogue).pico > left


def test_no_limit_fits_where_limits_do_not_count() -> None:
    assert largest_limit({"model": "a/one", "input": "x"}, "embeddings", lists(), PICO) is None
