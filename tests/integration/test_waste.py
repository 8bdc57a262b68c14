"""What was paid for nothing, and the digests that tell what was asked again."""

import datetime as dt
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from callkit import DRIVERS, KEY, call, count, only, open_ledger, rows
from export_rows import Rows, open_rows

from ledger import money
from ledger.__main__ import main
from ledger.books.models import RequestDigest, Resolution
from ledger.calls.digests import SECRET_FILE, Digests
from ledger.client import Ledger
from ledger.openrouter import exact
from ledger.sandbox import Sandbox

MODEL = "maker/model"
START = dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)
CANARY = "canary-prompt-text"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as started:
        yield started


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEDGER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    with open_ledger(home, sandbox.base_url) as opened:
        yield opened


def digests(home: Path) -> list[str]:
    found = rows(home, "select digest from request_digest order by id")
    return [str(row["digest"]) for row in found]


@pytest.mark.parametrize("driver", DRIVERS)
def test_each_call_has_a_digest_of_its_messages_and_of_nothing_else(
    ledger: Ledger, home: Path, driver: str
) -> None:
    call(ledger, driver, CANARY, model=MODEL)
    call(ledger, driver, CANARY, model="other/model", temperature=0.5, tags={"a": "b"})
    call(ledger, driver, [{"role": "user", "content": CANARY}], model="maker/ünïcode-model")
    call(ledger, driver, f"{CANARY}.", model=MODEL)
    first, second, third, fourth = digests(home)
    assert first == second == third != fourth
    assert CANARY.encode().hex() not in "".join(digests(home))


def test_a_stream_and_a_whole_answer_that_ask_the_same_have_the_same_digest(
    ledger: Ledger, home: Path
) -> None:
    ledger.get_response(CANARY, MODEL, "flow_x")
    with ledger.stream_response(CANARY, MODEL, "flow_x") as stream:
        list(stream)
    assert len(set(digests(home))) == 1


def test_what_an_sdk_sends_has_a_digest_too(ledger: Ledger, home: Path) -> None:
    key = {"Authorization": f"Bearer {KEY}"}
    body = {"model": MODEL, "messages": [{"role": "user", "content": CANARY}]}
    with ledger.http_client(base_url=str(ledger.desk.base_url(ledger.desk.rules()))) as client:
        for _ in range(2):
            client.post("/chat/completions", json=body, headers=key).raise_for_status()
    first, second = digests(home)
    assert first == second


def test_the_secret_is_its_owners_alone_and_another_home_has_another(
    ledger: Ledger, home: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    ledger.get_response(CANARY, MODEL, "flow_x")
    secret = (home / SECRET_FILE).read_bytes()
    assert len(secret) == 32
    if os.name == "posix":
        assert stat.S_IMODE((home / SECRET_FILE).stat().st_mode) == 0o600
    with open_ledger(tmp_path / "other" / "home", sandbox.base_url) as other:
        other.get_response(CANARY, MODEL, "flow_x")
    assert digests(home) != digests(tmp_path / "other" / "home")
    with open_ledger(home, sandbox.base_url) as again:
        again.get_response(CANARY, MODEL, "flow_x")
    assert len(set(digests(home))) == 1


def test_a_secret_that_is_no_secret_stops_no_call(ledger: Ledger, home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / SECRET_FILE).write_bytes(b"short")
    ledger.get_response(CANARY, MODEL, "flow_x")
    assert (count(home, "request"), count(home, "request_digest")) == (1, 0)


def test_a_request_without_a_body_has_no_digest(tmp_path: Path) -> None:
    assert Digests(tmp_path).rows("id", b"") == ()


# --- the report -------------------------------------------------------------------------------


def plant(home: Path, planted: list[dict[str, Any]]) -> None:
    opened: Rows = open_rows(home)
    callers = {name: opened.caller(name, None, provision=False) for name in ("one", "other")}
    for number, each in enumerate(planted):
        at = START + dt.timedelta(minutes=number)
        endpoint = {"endpoint": each.pop("endpoint", "chat/completions")}
        caller = callers[each.pop("caller", "one")]
        digest = each.pop("digest", None)
        model = each.pop("model_asked", MODEL)
        request = opened.request(caller, at, model_asked=model, chain=caller.name)
        request.endpoint = endpoint["endpoint"]
        opened.outcome(request, **({"completion_tokens": 5} | each))
        if digest:
            opened.waiting.append(RequestDigest(id=request.id, digest=digest))
    opened.book()
    opened.books.close()


PLANTED: list[dict[str, Any]] = [
    {"pico": 1, "digest": "a"},
    {"pico": 2, "digest": "a"},  # repeated
    {"pico": 4, "digest": "a", "caller": "other"},
    {"pico": 8, "digest": "a"},  # repeated: the other caller's is none of its own
    {"pico": 16, "digest": "b", "finish_reason": "length"},  # cut
    {"pico": 32, "digest": "a"},
    {"pico": 64, "digest": "a", "model_asked": "other/model"},
    {"pico": 128, "completion_tokens": 0},  # empty
    {"pico": 256, "completion_tokens": 0, "endpoint": "embeddings"},
    {"pico": 512, "status": "failed", "completion_tokens": 0},  # failed, once
    {"pico": 1024, "status": "interrupted", "caller": "other"},  # failed
    {"pico": 0, "status": "failed"},
    {"pico": None, "status": "cancelled"},
    {"pico": 2048, "finish_reason": "stop"},
    {"pico": 4096},  # two without a digest are not the same
]


def test_each_request_is_wasted_in_one_way_or_in_none(home: Path) -> None:
    plant(home, [dict(each) for each in PLANTED])
    with Ledger(home=home, background=False) as ledger:
        found = ledger.waste()
        sums: dict[str, int] = {}
        for row in found:
            sums[row.kind] = sums.get(row.kind, 0) + row.total_pico
        assert sums == {"failed": 512 + 1024, "empty": 128, "cut": 16, "repeated": 2 + 8}
        assert [row.total_pico for row in found] == sorted(
            (row.total_pico for row in found), reverse=True
        )
        assert {row.caller for row in ledger.waste("other")} == {"other"}
        assert not ledger.waste(since="2026-11-24")


def test_waste_comes_in_every_format_with_one_total(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(home, [dict(each) for each in PLANTED])
    whole = 512 + 1024 + 128 + 16 + 10
    assert main(["report", "waste", "--json"]) == 0
    document = exact.loads(capsys.readouterr().out)
    assert sum(row["total_pico"] for row in document) == whole
    for form in ([], ["--markdown"]):
        assert main(["report", "waste", *form]) == 0
        assert f"{money.usd_text(whole)} USD" in capsys.readouterr().out
    assert main(["report", "waste", "--csv", "--caller", "one"]) == 0
    assert "interrupted" not in capsys.readouterr().out


def test_what_an_answer_was_cut_at_is_told_by_a_real_call(
    ledger: Ledger, sandbox: Sandbox, home: Path
) -> None:
    sandbox.reply(cost="0.25", times=1)
    ledger.get_response(CANARY, MODEL, "flow_x", max_tokens=1)
    sandbox.reply(cost="0.5", times=2)
    ledger.get_response(CANARY, MODEL, "flow_x")
    found = {row.kind: row.total_usd for row in ledger.waste()}
    assert found == {"cut": "0.25", "repeated": "0.5"}
    assert only(home, "select count(*) as n from request_digest")["n"] == 2


def test_what_was_only_declared_is_no_spend_of_a_commit_and_no_waste(home: Path) -> None:
    opened = open_rows(home)
    caller = opened.caller("one", None, provision=False)
    opened.call(caller, 3)
    lost = opened.call(caller, None, status="failed")
    opened.book()
    stated = Resolution(
        process_id=opened.books.process.id, request_id=lost.id, at=START, kind="cost", cost_pico=99
    )
    opened.waiting.append(stated)
    opened.book()
    opened.books.close()
    with Ledger(home=home, background=False) as ledger:
        assert ledger.report("status").totals.declared_pico == 99
        assert ledger.waste() == []
        (commit,) = ledger.commits()
        assert (commit.known_requests, commit.total_pico, commit.cost_per_call_pico) == (1, 3, 3)
