"""All that `GET /generation` says of a request is in `generation_metrics`."""

import socket
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from callkit import CALLER, KEY, only, open_ledger
from rawserver import BODY, RawServer, answer, read_request

from ledger.openrouter import exact
from ledger.sandbox import Sandbox

# The provider's names for what has another name in the books.
RENAMED = {
    "id": "generation_id",
    "total_cost": "cost_usd",
    "upstream_inference_cost": "upstream_usd",
    "cache_discount": "cache_discount_usd",
    "provider_name": "provider",
    "request_id": "provider_request_id",
    "latency": "latency_ms",
    "generation_time": "generation_time_ms",
    "moderation_latency": "moderation_latency_ms",
}
# Said twice, or words of the user's own that nobody needs for the books.
LEFT_OUT = {"usage", "external_user", "http_referer", "user_agent"}


def test_every_field_of_a_record_is_shown_with_its_request(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Sandbox() as sandbox, open_ledger(home, sandbox.base_url) as ledger:
        reply = ledger.get_response("x", model="sandbox/byok", caller=CALLER)
        record = httpx.get(
            f"{sandbox.base_url}/generation",
            params={"id": str(reply.generation_id)},
            headers={"Authorization": f"Bearer {KEY}"},
        )
        ledger.settle()
    data = exact.loads(record.content)["data"]
    shown = only(home, "select * from generation_metrics")
    assert shown["id"] == reply.request_id
    assert shown["caller"] == CALLER
    assert shown["measured_ms"] is not None
    assert (shown["flags"], shown["unknown_fields"]) == (None, None)
    for name, said in data.items():
        if name in LEFT_OUT:
            continue
        column = RENAMED.get(name, name)
        assert _same(shown[column], said), name
    assert len(data) > 40


def _same(shown: Any, said: Any) -> bool:
    if isinstance(said, list):
        return bool(exact.loads(shown) == said)
    if isinstance(shown, str) and isinstance(said, int | Decimal):
        return Decimal(shown) == said
    return bool(shown == said)


RECORD = (
    b'{"data":{"id":"gen-raw-1","total_cost":0.5,"cache_discount":-0.25,"latency":5314,'
    b'"generation_time":6036.5,"native_tokens_reasoning":11,"native_tokens_completion":10,'
    b'"tokens_prompt":"nine","new_figure":7,"data_region":"mars","workspace_id":7,'
    b'"provider_responses":[{"status":529,"provider_name":"Acme","raw":"x"},7,'
    b'{"status":200,"latency":1e400}]}}'
)


def test_a_record_of_odd_members_is_booked_with_what_was_odd(tmp_path: Path) -> None:
    def serve(connection: socket.socket) -> None:
        asked = read_request(connection)
        body = BODY if asked.startswith(b"POST") else RECORD
        connection.sendall(answer(body, headers="Connection: close"))

    home = tmp_path / "home"
    with RawServer(serve) as server, open_ledger(home, server.base_url) as ledger:
        ledger.get_response("x", model="m/x", caller=CALLER)
        ledger.settle()
    row = only(home, "select * from generation_metrics")
    assert row["cache_discount_usd"] == "-0.25"
    assert (row["latency_ms"], row["generation_time_ms"]) == (5314, 6036)
    assert (row["native_tokens_reasoning"], row["native_tokens_completion"]) == (11, 10)
    assert row["tokens_prompt"] is None
    assert row["flags"] == "tokens_prompt:type"
    assert row["unknown_fields"] == "new_figure:number"
    assert (row["data_region"], row["workspace_id"]) == ("mars", None)
    assert exact.loads(row["provider_responses"]) == [
        {"status": 529, "provider_name": "Acme"},
        {"status": 200, "latency": None},
    ]


def test_a_settled_cost_that_differs_is_shown_and_counts(tmp_path: Path) -> None:
    home = tmp_path / "home"
    model = "sandbox/cost-0.5,settled-0.7500000000001"
    with Sandbox() as sandbox, open_ledger(home, sandbox.base_url) as ledger:
        same = ledger.get_response("x", model="sandbox/cost-0.5", caller=CALLER)
        reply = ledger.get_response("x", model=model, caller=CALLER)
        ledger.settle()
        (day,) = ledger.report("day")
    found = only(home, "select * from cost_difference")
    assert found["id"] == reply.request_id != same.request_id
    assert (found["reported_pico"], found["settled_pico"]) == (500_000_000_000, 750_000_000_000)
    assert (found["difference_pico"], found["difference_usd"]) == (250_000_000_000, "0.25")
    counted = only(home, "select cost_pico from request_status where id = ?", reply.request_id)
    assert counted == {"cost_pico": 750_000_000_000}
    assert day.total_usd == "1.25"
