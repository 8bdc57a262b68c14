import dataclasses
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.openrouter import exact
from ledger.openrouter.records import (
    NotARecord,
    parse_credits,
    parse_generation,
    parse_key,
)

# The first draw of a fresh checkout builds a table of all characters, which takes a second.
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

GENERATION = b"""{"data": {"id": "gen-1", "upstream_id": "up-1",
 "created_at": "2026-06-25T10:00:00.515Z", "model": "a/b-20260101", "total_cost": 0.00000602,
 "usage": 0.00000602, "upstream_inference_cost": 0, "cache_discount": -0.0000015,
 "is_byok": false, "provider_name": "Acme", "tokens_prompt": 9, "tokens_completion": 19,
 "native_tokens_prompt": 11, "native_tokens_completion": 16, "native_tokens_reasoning": 19,
 "native_tokens_cached": 0, "native_tokens_completion_images": null, "latency": 5314,
 "generation_time": 6036.5, "moderation_latency": null, "finish_reason": "stop",
 "native_finish_reason": "STOP", "streamed": true, "cancelled": false, "api_type": "completions",
 "app_id": 7, "external_user": null, "origin": "https://example.org", "http_referer": null,
 "user_agent": "ua", "session_id": "s", "request_id": "r", "response_cache_source_id": null,
 "workspace_id": "w", "preset_id": null, "router": null, "service_tier": "flex",
 "web_search_engine": null, "data_region": "eu", "num_media_prompt": 1,
 "num_media_completion": 2, "num_input_audio_prompt": 3, "num_search_results": 4,
 "num_fetches": 5, "new_field": {"x": 1},
 "provider_responses": [{"status": 429, "latency": 12.5, "is_byok": false, "id": "x",
   "provider_name": "Acme", "body": "secret"}, "odd", {"status": 200, "latency": NaN}]}}"""


def _generation(**members: Any) -> Any:
    data = {"id": "gen-1", "total_cost": 0} | members
    return parse_generation(exact.dumps({"data": data}).encode())


def test_every_field_of_a_generation_is_read() -> None:
    record = parse_generation(GENERATION)
    read = dataclasses.asdict(record)
    assert read["total_cost_pico"] == read["usage_pico"] == 6_020_000
    assert read["upstream_inference_cost_pico"] == 0
    assert read["cache_discount_pico"] == -1_500_000
    assert (read["latency_ms"], read["generation_time_ms"]) == (5314, 6036)
    assert read["native_tokens_reasoning"] == 19
    assert (read["app_id"], read["num_fetches"], read["num_media_prompt"]) == (7, 5, 1)
    assert (read["streamed"], read["cancelled"], read["is_byok"]) == (True, False, False)
    assert (read["created_at"], read["data_region"]) == ("2026-06-25T10:00:00.515Z", "eu")
    assert read["unknown"] == "new_field:object"
    assert read["flags"] == ()
    source = exact.loads(GENERATION)["data"]
    for name, value in source.items():
        if value is not None and name in read and name != "provider_responses":
            assert read[name] == value


def test_the_providers_tried_are_kept_as_scalars_only() -> None:
    record = parse_generation(GENERATION)
    assert record.provider_responses is not None
    assert exact.loads(record.provider_responses) == [
        {
            "id": "x",
            "status": 429,
            "latency": Decimal("12.5"),
            "is_byok": False,
            "provider_name": "Acme",
        },
        {"status": 200, "latency": None},
    ]


def test_a_record_of_id_and_cost_alone_is_one() -> None:
    record = _generation(total_cost=Decimal("1E-7"))
    assert (record.id, record.total_cost_pico, record.flags) == ("gen-1", 100_000, ())
    assert record.usage_pico is None
    assert record.provider_responses is None


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b'{"data": null}',
        b'{"data": {"total_cost": 1}}',
        b'{"data": {"id": 5, "total_cost": 1}}',
        b'{"data": {"id": "", "total_cost": 1}}',
        b'{"data": {"id": "gen-1"}}',
        b'{"data": {"id": "gen-1", "total_cost": null}}',
        b'{"data": {"id": "gen-1", "total_cost": -1}}',
        b'{"data": {"id": "gen-1", "total_cost": NaN}}',
        b'{"data": {"id": "gen-1", "total_cost": "1"}}',
    ],
)
def test_a_record_without_id_or_usable_cost_is_none(body: bytes) -> None:
    with pytest.raises(NotARecord):
        parse_generation(body)


def test_a_record_that_is_no_json_is_not_json() -> None:
    with pytest.raises(exact.NotJson):
        parse_generation(b"<html>")


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("0.5", 0), ("1.5", 2), ("2.5", 2), ("2.5000001", 3), ("7e2", 700)]
)
def test_times_are_rounded_half_even(text: str, milliseconds: int) -> None:
    assert _generation(latency=Decimal(text)).latency_ms == milliseconds


def test_what_is_unusable_is_none_and_flagged() -> None:
    record = _generation(
        latency=-1,
        generation_time="fast",
        tokens_prompt=True,
        upstream_inference_cost=-1,
        cache_discount="none",
        streamed="yes",
        model=5,
        finish_reason="x" * 999,
    )
    assert set(record.flags) == {
        "latency:negative",
        "generation_time:type",
        "tokens_prompt:type",
        "upstream_inference_cost:negative",
        "cache_discount:type",
        "streamed:type",
    }
    assert (record.latency_ms, record.tokens_prompt, record.model) == (None, None, None)
    assert record.finish_reason == "x" * 256


@pytest.mark.parametrize(
    ("literal", "pico"),
    [
        ("-0.0000001", -100_000),
        ("0.0000001", 100_000),
        ("-1.0000000000005000000000000000000001", -1_000_000_000_001),
        ("-2", -2 * 10**12),
        ("-0.0", 0),
    ]
    + [(bad, None) for bad in ("NaN", "-Infinity", "-1e400", "true", "-" + "9" * 400, '"-1"')],
)
def test_the_cache_discount_keeps_its_sign(literal: str, pico: int | None) -> None:
    body = '{"data": {"id": "gen-1", "total_cost": 0, "cache_discount": ' + literal + "}}"
    record = parse_generation(body.encode())
    assert record.cache_discount_pico == pico
    assert bool(record.flags) == (pico is None)


ODD: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.text() | st.just([{}]) | st.just({"a": [1]})
)
FIELDS = st.sampled_from(sorted(exact.loads(GENERATION)["data"].keys() - {"id", "total_cost"}))


@RELAXED
@given(st.dictionaries(FIELDS, ODD))
def test_no_shape_of_the_other_fields_makes_a_record_unreadable(members: dict[str, Any]) -> None:
    assert _generation(**members).id == "gen-1"


def test_credits_are_exact_and_two_zeros_say_nothing() -> None:
    record = parse_credits(b'{"data": {"total_credits": 10.5, "total_usage": 12.25}}')
    assert (record.total_credits_pico, record.total_usage_pico) == (
        10_500_000_000_000,
        12_250 * 10**9,
    )
    assert record.balance_pico == -1_750_000_000_000
    assert not record.says_nothing
    assert parse_credits(b'{"data": {"total_credits": 0, "total_usage": 0}}').says_nothing


@pytest.mark.parametrize("body", [b"{}", b'{"data": {"total_credits": 1}}', b'{"data": []}'])
def test_credits_without_both_amounts_are_no_record(body: bytes) -> None:
    with pytest.raises(NotARecord):
        parse_credits(body)


def test_a_key_record_is_read_with_its_nulls() -> None:
    record = parse_key(
        b'{"data": {"label": "sk-or-v1-0e6...1c96", "limit": null, "limit_remaining": -0.5,'
        b'"usage": 3.17561216, "usage_daily": 0, "usage_weekly": 1, "usage_monthly": 2,'
        b'"byok_usage": 1e-7, "is_free_tier": true, "is_provisioning_key": false,'
        b'"limit_reset": "monthly", "expires_at": null, "rate_limit": {"requests": -1}}}'
    )
    assert record.label == "sk-or-v1-0e6...1c96"
    assert (record.limit_pico, record.limit_remaining_pico) == (None, -500_000_000_000)
    assert (record.usage_pico, record.byok_usage_pico) == (3_175_612_160_000, 100_000)
    assert (record.is_free_tier, record.is_management_key) == (True, False)
    assert (record.limit_reset, record.expires_at, record.flags) == ("monthly", None, ())


def test_a_key_that_is_given_back_whole_is_not_kept() -> None:
    body = exact.dumps({"data": {"label": "sk-or-v1-" + "ab" * 32, "usage": "much"}}).encode()
    record = parse_key(body)
    assert record.label == "[redacted]"
    assert record.flags == ("usage:type",)
