"""The sandbox's account: keys and limits, its clock, activity, analytics, cached responses."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # no ledger is opened here

HELLO = [{"role": "user", "content": "Hello there"}]
MANAGEMENT = "sk-or-v1-" + "3b" * 32
D = Decimal
NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)  # a Monday


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox(management_keys=[MANAGEMENT]) as running:
        yield running


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.reset()
    server.set_clock(NOON)
    return server


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """The management key's."""
    headers = {"Authorization": f"Bearer {MANAGEMENT}"}
    with httpx.Client(base_url=sandbox.base_url, headers=headers, timeout=10) as made:
        yield made


def exact(answer: httpx.Response) -> Any:
    return json.loads(answer.content, parse_float=D)["data"]


def status(sandbox: Sandbox, **body: Any) -> int | None:
    return sandbox.outside(**body).status


def test_a_call_outside_any_ledger_is_seen_and_charged(sandbox: Sandbox) -> None:
    call = sandbox.outside(model="a/b", directives="cost-0.5", user="someone")
    assert (call.charged, call.params["user"], call.status) == (D("0.5"), "someone", 200)
    assert call.key_hash == hashlib.sha256(sandbox.key.encode()).hexdigest()


def test_the_clock_can_be_set_and_goes_on(sandbox: Sandbox, client: httpx.Client) -> None:
    sandbox.set_clock(dt.datetime(2026, 11, 22, 23, 30, tzinfo=dt.UTC))
    sandbox.configure(generation_delay_s=3600)
    first = sandbox.outside()
    assert first.started_at.date() == dt.date(2026, 11, 22)
    found = {"id": first.generation_id or ""}
    assert client.get("/generation", params=found).status_code == 404
    sandbox.advance(3600)
    assert client.get("/generation", params=found).status_code == 200
    assert sandbox.outside().started_at.date() == dt.date(2026, 11, 23)
    httpx.post(f"{sandbox.control_url}/clock", json={"at": "2025-01-01T00:00:00Z"})
    assert sandbox.now.year == 2025
    with pytest.raises(ValueError, match="time zone"):
        sandbox.set_clock(dt.datetime(2025, 1, 1))  # noqa: DTZ001 - the point of the test


def test_usage_is_counted_by_utc_day_week_and_month(sandbox: Sandbox) -> None:
    for at in ("2026-10-31T23:59:59Z", "2026-11-01T00:00:00Z", "2026-11-22T23:59:59Z"):
        sandbox.outside(directives=f"cost-1,at-{at}")
    sandbox.outside(directives="cost-1,at-2026-11-23T00:00:00Z")
    sandbox.outside(directives="byok")
    headers = {"Authorization": f"Bearer {sandbox.key}"}
    data = exact(httpx.get(f"{sandbox.base_url}/key", headers=headers))
    windows = [data[f"usage_{name}"] for name in ("daily", "weekly", "monthly")]
    assert (data["usage"], windows) == (4, [1, 1, 3])
    assert data["byok_usage"] == data["byok_usage_daily"] == D("0.0003253")


def test_keys_are_made_changed_listed_and_deleted(sandbox: Sandbox, client: httpx.Client) -> None:
    made = client.post("/keys", json={"name": "skill", "limit": 1.5, "limit_reset": "daily"})
    assert made.status_code == 201
    secret, data = made.json()["key"], made.json()["data"]
    assert data["hash"] == hashlib.sha256(secret.encode()).hexdigest()
    assert (data["limit"], data["limit_remaining"], data["usage"]) == (1.5, 1.5, 0)
    assert secret not in client.get("/keys").text
    assert status(sandbox, key=secret, directives="cost-0.5") == 200
    path = f"/keys/{data['hash']}"
    assert exact(client.get(path))["limit_remaining"] == 1
    changed = exact(client.patch(path, json={"limit": None, "disabled": True}))
    assert (changed["limit"], changed["disabled"]) == (None, True)
    assert changed["updated_at"]
    assert status(sandbox, key=secret) == 401
    client.patch(path, json={"disabled": False})
    assert status(sandbox, key=secret) == 200
    assert client.delete(path).json() == {"deleted": True}
    assert status(sandbox, key=secret) == 401
    assert client.get(path).status_code == 404
    assert client.post("/keys", json={}).status_code == 400
    assert client.post("/keys", json={"name": "x", "limit_reset": "yearly"}).status_code == 400
    assert client.post("/keys", json={"name": "x", "limit": -1}).status_code == 400


def test_keys_come_a_hundred_a_page_and_only_to_management(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    for number in range(101):
        client.post("/keys", json={"name": f"key {number}"})
    assert len(client.get("/keys").json()["data"]) == 100
    assert [key["name"] for key in client.get("/keys?offset=100").json()["data"]] == ["key 0"]
    normal = {"Authorization": f"Bearer {sandbox.key}"}
    for method, path in [
        ("GET", "/keys"),
        ("POST", "/keys"),
        ("GET", "/activity"),
        ("GET", "/analytics/meta"),
        ("POST", "/analytics/query"),
        ("GET", "/credits"),
    ]:
        answer = httpx.request(method, f"{sandbox.base_url}{path}", headers=normal)
        assert answer.status_code == 403, path


@pytest.mark.parametrize(
    ("reset", "later"), [("daily", 86_400), ("weekly", 7 * 86_400), ("monthly", 31 * 86_400)]
)
def test_a_limit_refuses_until_its_window_ends(
    sandbox: Sandbox, client: httpx.Client, reset: str, later: int
) -> None:
    made = client.post("/keys", json={"name": "k", "limit": 1, "limit_reset": reset}).json()
    assert status(sandbox, key=made["key"], directives="cost-0.9") == 200
    assert status(sandbox, key=made["key"], directives="cost-0.9") == 200  # it overshoots once
    assert status(sandbox, key=made["key"]) == 403
    headers = {"Authorization": f"Bearer {made['key']}"}
    refused = httpx.post(
        f"{sandbox.base_url}/chat/completions",
        json={"model": "a/b", "messages": HELLO},
        headers=headers,
    )
    assert refused.json()["error"]["message"] == f"Key limit exceeded ({reset} limit)."
    data = exact(httpx.get(f"{sandbox.base_url}/key", headers=headers))
    assert (data["limit_remaining"], data["limit_reset"]) == (D("-0.8"), reset)
    ends = {"daily": "2026-11-24", "weekly": "2026-11-30", "monthly": "2026-12-01"}
    assert data["effective_budget"]["resets_at"] == f"{ends[reset]}T00:00:00.000Z"
    assert data["effective_budget"]["spend_usd"] == D("1.8")
    assert status(sandbox) == 200  # another key is not concerned
    sandbox.advance(later)
    assert status(sandbox, key=made["key"]) == 200


def test_a_limit_may_count_byok_and_keys_expire(sandbox: Sandbox, client: httpx.Client) -> None:
    asked = {"name": "k", "limit": 0.0003, "include_byok_in_limit": True}
    made = client.post("/keys", json=asked).json()
    assert status(sandbox, key=made["key"], directives="byok") == 200
    assert status(sandbox, key=made["key"]) == 403
    short = client.post("/keys", json={"name": "s", "expires_at": "2026-11-23T13:00:00Z"}).json()
    assert status(sandbox, key=short["key"]) == 200
    sandbox.advance(3600)
    assert status(sandbox, key=short["key"]) == 401


def test_a_limit_for_any_key_can_be_refused_either_way(sandbox: Sandbox) -> None:
    sandbox.configure(key_limit=D("0.1"))
    assert status(sandbox, directives="cost-0.1") == 200
    assert status(sandbox) == 403
    sandbox.configure(key_limit_status="402")
    assert status(sandbox) == 402


def test_credits_can_run_out(sandbox: Sandbox, client: httpx.Client) -> None:
    sandbox.configure(enforce_credits=True, total_credits=D("0.01"))
    asked: dict[str, Any] = {"model": "openai/gpt-4-0314", "messages": HELLO}
    headers = {"Authorization": f"Bearer {sandbox.key}"}
    url = f"{sandbox.base_url}/chat/completions"
    refused = httpx.post(url, json={**asked, "max_tokens": 1000}, headers=headers)
    assert refused.status_code == 402
    assert "can only afford 166" in refused.json()["error"]["message"]
    assert status(sandbox, directives="cost-0.01") == 200
    assert status(sandbox, model="a/b:free") == 402
    assert exact(client.get("/credits")) == {"total_credits": D("0.01"), "total_usage": D("0.01")}


def test_activity_has_a_row_a_day_model_and_endpoint(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    for at, model in [
        ("2026-11-23T00:00:00Z", "a/b"),  # today: not yet
        ("2026-11-22T23:59:59Z", "a/b"),
        ("2026-11-22T00:00:00Z", "a/b"),
        ("2026-11-22T12:00:00Z", "c/d"),
        ("2026-10-24T00:00:00Z", "a/b"),
        ("2026-10-23T23:59:59Z", "a/b"),  # too long ago
    ]:
        sandbox.outside(model=model, directives=f"cost-0.25,at-{at}")
    sandbox.outside(model="a/b", directives="byok,at-2026-11-22T13:00:00Z", key=MANAGEMENT[:-2])
    rows = exact(client.get("/activity"))
    assert [(row["date"], row["model"], row["requests"]) for row in rows] == [
        ("2026-11-22", "a/b", 3),
        ("2026-11-22", "c/d", 1),
        ("2026-10-24", "a/b", 1),
    ]
    assert (rows[0]["usage"], rows[0]["byok_usage_inference"]) == (D("0.5"), D("0.0003253"))
    assert rows[0]["model_permaslug"].startswith("a/b-20")
    key_hash = hashlib.sha256(sandbox.key.encode()).hexdigest()
    own = exact(client.get("/activity", params={"api_key_hash": key_hash}))
    assert own[0]["requests"] == 2
    assert len(exact(client.get("/activity", params={"date": "2026-10-24"}))) == 1
    for day in ("2026-11-23", "2026-10-23", "never"):
        refused = client.get("/activity", params={"date": day})
        assert refused.status_code == 400
        assert "(completed) UTC days" in refused.json()["error"]["message"]
    sandbox.configure(activity_times=True)
    assert exact(client.get("/activity"))[0]["date"] == "2026-11-22 00:00:00"


def query(client: httpx.Client, **body: Any) -> Any:
    return exact(client.post("/analytics/query", json=body))


def test_analytics_find_calls_by_id_and_by_user(sandbox: Sandbox, client: httpx.Client) -> None:
    calls = [sandbox.outside(user=f"u{n}", directives="cost-0.0000014") for n in range(3)]
    wanted = [call.generation_id for call in calls[:2]]
    data = query(
        client,
        metrics=["total_usage", "request_count", "tokens_prompt"],
        dimensions=["generation_id", "external_user"],
        filters=[{"field": "generation_id", "operator": "in", "value": wanted}],
    )
    rows = {row["generation_id"]: row for row in data["data"]}
    assert set(rows) == set(wanted)
    first = rows[wanted[0]]
    assert (first["external_user"], first["request_count"]) == ("u0", "1")
    assert first["total_usage"] == D("0.000001")  # six decimals
    assert data["metadata"] == {"query_time_ms": 1, "row_count": 2, "truncated": False}
    by_user = [{"field": "external_user", "operator": "eq", "value": "u2"}]
    found = query(client, metrics=["request_count"], dimensions=["generation_id"], filters=by_user)
    assert [row["generation_id"] for row in found["data"]] == [calls[2].generation_id]


def test_analytics_sum_over_time_from_sunday_to_sunday(
    sandbox: Sandbox, client: httpx.Client
) -> None:
    for at in ("2026-11-21T23:00:00Z", "2026-11-22T00:00:00Z", "2026-11-23T01:00:00Z"):
        sandbox.outside(directives=f"cost-1,at-{at}")
    weeks = query(client, metrics=["credits_usage"], granularity="week")["data"]
    assert weeks == [
        {"date__week": "2026-11-15T00:00:00.000Z", "credits_usage": 1},
        {"date__week": "2026-11-22T00:00:00.000Z", "credits_usage": 2},
    ]
    one = query(client, metrics=["request_count"], granularity="day", limit=1)
    assert (len(one["data"]), one["metadata"]["truncated"]) == (1, True)
    none = query(client, metrics=["request_count"], dimensions=["external_user"])["data"]
    assert none == [{"external_user": None, "request_count": "3"}]
    ordered = query(
        client,
        metrics=["credits_usage"],
        granularity="day",
        order_by={"field": "credits_usage", "direction": "desc"},
    )["data"]
    assert len(ordered) == 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"metrics": ["nothing"]},
        {"metrics": ["request_count"], "dimensions": ["nothing"]},
        {"metrics": ["request_count"], "dimensions": ["model", "provider", "user"]},
        {"metrics": ["request_count"], "granularity": "year"},
        {"metrics": ["request_count"], "limit": 10_001},
        {"metrics": ["request_count"], "time_range": {"start": "2026-01-01", "end": "x"}},
        {
            "metrics": ["request_count"],
            "dimensions": ["generation_id"],
            "time_range": {"start": "2026-10-01T00:00:00Z", "end": "2026-11-23T00:00:00Z"},
        },
    ],
)
def test_questions_without_sense_are_refused(client: httpx.Client, body: Any) -> None:
    assert client.post("/analytics/query", json=body).status_code == 400


def test_analytics_say_what_they_can_be_asked(client: httpx.Client) -> None:
    told = exact(client.get("/analytics/meta"))
    names = {part: {one["name"] for one in told[part]} for part in told}
    assert {"total_usage", "credits_usage", "byok_usage"} <= names["metrics"]
    assert {"generation_id", "external_user", "api_key_id"} <= names["dimensions"]


def test_cached_responses_are_free_under_a_new_id(sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {sandbox.key}", "X-OpenRouter-Cache": "true"}

    def ask(**more: str) -> httpx.Response:
        body = {"model": "perplexity/sonar", "messages": HELLO}
        url = f"{sandbox.base_url}/chat/completions"
        return httpx.post(url, json=body, headers={**headers, **more})

    first, second = ask(), ask()
    states = [answer.headers["X-OpenRouter-Cache-Status"] for answer in (first, second)]
    assert states == ["MISS", "HIT"]
    usage = second.json()["usage"]
    assert (usage["cost"], usage["total_tokens"]) == (0, 0)
    assert second.json()["choices"] == first.json()["choices"]
    assert second.json()["id"] != first.json()["id"]
    assert second.headers["X-OpenRouter-Cache-Source-Id"] == first.json()["id"]
    found = httpx.get(
        f"{sandbox.base_url}/generation",
        params={"id": second.json()["id"]},
        headers={"Authorization": f"Bearer {sandbox.key}"},
    )
    assert exact(found)["response_cache_source_id"] == first.json()["id"]
    sandbox.advance(301)
    assert ask().headers["X-OpenRouter-Cache-Status"] == "MISS"
    cleared = ask(**{"X-OpenRouter-Cache-Clear": "true"})
    assert cleared.headers["X-OpenRouter-Cache-Status"] == "MISS"
