"""The provider's record as a row: every column, and the cost digit for digit."""

import json

import pytest

from ledger.books.models import Generation
from ledger.openrouter.generation import parse_generation
from ledger.settlement.booking import cost_text, generation_row

PROCESS = "01900000-0000-7000-8000-000000000000"


def body(total: str, more: str = "") -> bytes:
    data = f'{{"id": "gen-1", "total_cost": {total}{more}}}'
    return f'{{"meta": {{"total_cost": 9}}, "data": {data}}}'.encode()


@pytest.mark.parametrize(
    ("literal", "pico"),
    [
        ("0.0004970133333333333", 497_013_333),
        ("1E-7", 100_000),
        ("0", 0),
        ("1.50", 1_500_000_000_000),
    ],
)
def test_the_digits_are_kept_as_sent(literal: str, pico: int) -> None:
    raw = body(literal)
    record = parse_generation(raw)
    row = generation_row(record, cost_text(raw, record), PROCESS)
    assert (row.cost_text, row.cost_pico) == (literal, pico)


def test_of_two_total_costs_the_one_that_was_parsed_is_kept() -> None:
    raw = body("1", ', "total_cost": 0.25')
    record = parse_generation(raw)
    assert record.total_cost_pico == 250_000_000_000
    assert cost_text(raw, record) == "0.25"


def test_a_cost_of_a_thousand_digits_and_more_is_kept_as_its_amount() -> None:
    raw = body("0.25" + "0" * 2000)
    assert cost_text(raw, parse_generation(raw)) == "0.25"


def test_every_column_of_the_table_has_a_source_in_the_record() -> None:
    data = {
        "id": "gen-1",
        "total_cost": 1,
        "upstream_inference_cost": 2,
        "cache_discount": -3,
        "is_byok": True,
        "created_at": "2026-01-01T00:00:00Z",
        "model": "a/b-20260115",
        "provider_name": "Sandbox",
        "upstream_id": "up-1",
        "provider_responses": [{"status": 200}],
        "a_new_member": 1,
        **dict.fromkeys(
            (
                "tokens_prompt",
                "tokens_completion",
                "native_tokens_prompt",
                "native_tokens_completion",
                "native_tokens_reasoning",
                "native_tokens_cached",
                "native_tokens_completion_images",
                "num_media_prompt",
                "num_media_completion",
                "num_input_audio_prompt",
                "num_search_results",
                "num_fetches",
                "latency",
                "generation_time",
                "moderation_latency",
                "app_id",
            ),
            7,
        ),
        **dict.fromkeys(
            (
                "finish_reason",
                "native_finish_reason",
                "api_type",
                "origin",
                "service_tier",
                "router",
                "web_search_engine",
                "data_region",
                "preset_id",
                "workspace_id",
                "session_id",
                "request_id",
                "response_cache_source_id",
            ),
            "text",
        ),
        "streamed": True,
        "cancelled": False,
    }
    raw = json.dumps({"data": data}).encode()
    record = parse_generation(raw)
    row = generation_row(record, cost_text(raw, record), PROCESS)
    empty = [name for name in Generation.model_fields if getattr(row, name) is None]
    assert empty == ["flags"]
    assert (row.upstream_pico, row.cache_discount_pico) == (2 * 10**12, -3 * 10**12)
    assert (row.provider, row.provider_request_id) == ("Sandbox", "text")
