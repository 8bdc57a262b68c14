"""What the provider says of credits, key and models, and what a key is not told, in words."""

import json
import os
import socket
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from callkit import CALLER, KEY, change_config, count, only, open_ledger
from rawserver import RawServer, answer, read_request

from ledger import clock, errors
from ledger.__main__ import main
from ledger.client import Ledger
from ledger.openrouter import exact
from ledger.sandbox import Sandbox

OTHER = "sk-or-v1-" + "cd" * 32
SILENCE_S = 20


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    with open_ledger(home, sandbox.base_url) as opened:
        yield opened


def shown(capsys: pytest.CaptureFixture[str], home: Path, *words: str) -> str:
    """What a command prints."""
    assert main(["--home", str(home), *words]) == 0
    return capsys.readouterr().out


@pytest.fixture
def environment(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    monkeypatch.setenv("OPENROUTER_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("LEDGER_CALLERS_ROOT", str(tmp_path / "callers"))
    monkeypatch.setenv("LEDGER_BACKGROUND", "0")
    monkeypatch.chdir(tmp_path)


# --- credits ---------------------------------------------------------------------------------


def test_a_management_key_is_told_the_credits_and_they_are_booked(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    sandbox.configure(total_credits=Decimal("12.345678901234"))
    ledger.get_response("x", model="sandbox/cost-0.1", caller=CALLER)
    sandbox.configure(management_keys={KEY})
    found = ledger.credits()
    assert (found.purchased_usd, found.used_usd) == (Decimal("12.345678901234"), Decimal("0.1"))
    assert found.remaining_usd == Decimal("12.245678901234")
    assert (found.note, found.key) == (None, None)
    row = only(
        home, "select total_credits_pico, total_usage_pico, note, key_hash from credit_snapshot"
    )
    assert (row["total_credits_pico"], row["total_usage_pico"]) == (
        12_345_678_901_234,
        100_000_000_000,
    )
    assert row["note"] is None
    assert row["key_hash"] == only(home, "select key_hash from request")["key_hash"]


@pytest.mark.parametrize("zeros", [False, True])
def test_an_ordinary_key_is_not_told_and_that_is_no_empty_account(
    ledger: Ledger, home: Path, sandbox: Sandbox, *, zeros: bool
) -> None:
    sandbox.configure(credits_as_zeros=zeros, key_limit=Decimal(5))
    ledger.get_response("x", model="sandbox/cost-0.1", caller=CALLER)
    found = ledger.credits()
    assert (found.purchased_usd, found.used_usd, found.remaining_usd) == (None, None, None)
    assert found.note is not None
    assert "management key" in found.note
    assert ("zero and zero" in found.note) == zeros
    assert found.key is not None
    assert found.key.limit_remaining_usd == Decimal("4.9")
    row = only(home, "select total_credits_pico, total_usage_pico, note from credit_snapshot")
    assert row == {"total_credits_pico": None, "total_usage_pico": None, "note": found.note}


def test_a_management_key_with_zeros_has_an_empty_account(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    sandbox.configure(management_keys={KEY}, total_credits=Decimal(0))
    found = ledger.credits()
    assert found.purchased_usd == found.remaining_usd == 0
    assert found.note is None
    assert only(home, "select total_credits_pico as n from credit_snapshot")["n"] == 0


def test_an_overdrawn_account_is_below_zero(ledger: Ledger, sandbox: Sandbox) -> None:
    sandbox.configure(total_credits=Decimal("0.05"))
    ledger.get_response("x", model="sandbox/cost-0.1", caller=CALLER)
    sandbox.configure(management_keys={KEY})
    assert ledger.credits().remaining_usd == Decimal("-0.05")


def test_another_refusal_is_that_error_and_books_nothing(
    ledger: Ledger, home: Path, sandbox: Sandbox
) -> None:
    sandbox.configure(refused_keys={KEY})
    with pytest.raises(errors.AuthenticationFailed):
        ledger.credits()
    sandbox.configure(refused_keys=set())
    sandbox.fail("403-key-limit", endpoint="credits")
    with pytest.raises(errors.KeyLimitReached):
        ledger.credits()
    assert count(home, "credit_snapshot") == 0


HOSTILE = [
    b"",
    b"<html>",
    b"[]",
    b"{}",
    b'{"data":null}',
    b'{"data":{"total_credits":"12","total_usage":1}}',
    b'{"data":{"total_credits":NaN,"total_usage":1}}',
    b'{"data":{"total_credits":1e400,"total_usage":1}}',
    b'{"data":{"total_credits":true,"total_usage":1}}',
    b'{"data":' * 100_000,
    b'{"data":{"total_credits":1}}' + b" " * 2_000_000,
]


@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: body[:40].decode())
def test_no_answer_about_credits_or_key_is_believed_unread(home: Path, body: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(body, headers="Connection: close"))

    with RawServer(serve) as server, open_ledger(home, server.base_url) as ledger:
        for ask in (ledger.credits, ledger.listed_models):
            with pytest.raises(errors.AnswerInvalid):
                ask()
        assert ledger.status().requests == 0
    assert count(home, "credit_snapshot") == 0


def test_credits_on_the_command_line(
    capsys: pytest.CaptureFixture[str], home: Path, sandbox: Sandbox, environment: None
) -> None:
    said = shown(capsys, home, "credits")
    assert "not told" in said
    assert "management key" in said
    sandbox.configure(management_keys={KEY}, total_credits=Decimal("0.0000001"))
    said = shown(capsys, home, "credits", "--json")
    assert '"purchased_usd": 0.0000001' in said
    document = exact.loads(said)
    assert (document["purchased_pico"], document["note"]) == (100_000, None)
    assert KEY not in said


# --- the key's limits, in status ---------------------------------------------------------------


def test_status_says_what_the_key_may_spend(
    capsys: pytest.CaptureFixture[str], home: Path, sandbox: Sandbox, environment: None
) -> None:
    sandbox.configure(key_limit=Decimal("7.5"))
    said = shown(capsys, home, "status")
    assert "7.5 USD" in said
    assert "sk-or-v1-aba...abab from the environment variable OPENROUTER_API_KEY" in said
    document = json.loads(shown(capsys, home, "status", "--json"))
    assert document["key_limits"]["limit_usd"] == 7.5
    assert document["not_asked"] is None
    assert KEY not in said
    sandbox.configure(management_keys={KEY})
    assert "management key, which runs no model" in shown(capsys, home, "status")


def test_status_offline_asks_nobody(home: Path, tmp_path: Path) -> None:
    def never(connection: socket.socket) -> None:
        asked.append(connection.recv(1))

    asked: list[bytes] = []
    with RawServer(never) as server, open_ledger(home, server.base_url) as ledger:
        found = ledger.status(offline=True)
    assert (found.key_limits, found.not_asked) == (None, "--offline")
    assert asked == []


def _silent(connection: socket.socket) -> None:
    read_request(connection)
    connection.recv(1)


def test_status_is_there_soon_whatever_the_provider_does(home: Path) -> None:
    with RawServer(_silent) as server, open_ledger(home, server.base_url) as ledger:
        began = clock.monotonic()
        found = ledger.status()
        took = clock.monotonic() - began
    assert found.key_limits is None
    assert found.not_asked
    assert took < 4.5


def test_status_without_a_network_says_so(home: Path) -> None:
    for url in ("https://no-such-host.invalid/v1", "http://127.0.0.1:9/v1"):
        with open_ledger(home, url) as ledger:
            assert "could not be reached" in (ledger.status().not_asked or "")


def test_status_with_a_refused_key_says_why(home: Path, ledger: Ledger, sandbox: Sandbox) -> None:
    sandbox.configure(refused_keys={KEY})
    assert "401" in (ledger.status().not_asked or "")


# --- models ------------------------------------------------------------------------------------


def test_status_warns_of_a_config_whose_model_is_not_listed(
    ledger: Ledger, tmp_path: Path, sandbox: Sandbox
) -> None:
    ledger.get_response("x", model="openai/gpt-4o-mini", caller=CALLER)
    (path,) = (tmp_path / "callers").rglob("openrouter_skill_config.json")

    def advice(model: Any) -> list[str]:
        change_config(path, ai_model=model)
        return [line for line in ledger.status().advice if "does not list" in line]

    (line,) = advice("gone/away:free")
    for said in (CALLER, "gone/away:free", str(path), "models list --free"):
        assert said in line
    for model in ("openai/gpt-4o-mini", "openai/gpt-4o-mini:nitro", "@preset/mine", "~openai/x"):
        assert advice(model) == []


def test_a_free_model_that_is_gone_names_the_config_that_asks_for_it(
    ledger: Ledger, tmp_path: Path, sandbox: Sandbox
) -> None:
    ledger.get_response("x", model="openai/gpt-4o-mini", caller=CALLER)
    (path,) = (tmp_path / "callers").rglob("openrouter_skill_config.json")
    change_config(path, ai_model="gone/away:free")
    sandbox.fail(404, message="No endpoints found for gone/away:free.")
    with pytest.raises(errors.FreeModelGone) as caught:
        ledger.get_response("x", model="gone/away:free", caller=CALLER)
    assert str(path) in str(caught.value)
    assert "models list --free" in str(caught.value)


# --- keys --------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_a_key_is_on_no_command_line_and_in_no_address(ledger: Ledger, sandbox: Sandbox) -> None:
    ledger.get_response("x", model="openai/gpt-4o-mini", caller=CALLER)
    ledger.credits()
    ledger.status()
    ledger.settle()
    assert KEY.encode() not in Path("/proc/self/cmdline").read_bytes()
    for seen in sandbox.calls:
        assert KEY not in repr(seen)


def test_a_management_key_that_would_run_a_model_is_refused_with_the_reason(
    ledger: Ledger, sandbox: Sandbox
) -> None:
    sandbox.configure(management_keys={KEY})
    with pytest.raises(errors.ManagementKeyRefused) as caught:
        ledger.get_response("x", model="openai/gpt-4o-mini", caller=CALLER)
    assert "use an ordinary key" in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_files_that_may_hold_a_key_are_their_owners_alone_whatever_the_umask(
    home: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    before = os.umask(0)
    try:
        with open_ledger(home, sandbox.base_url, api_key=None) as ledger:
            monkeypatch.chdir(home.parent)
            with pytest.raises(errors.KeyMissing):
                ledger.get_response("x", model="m/x", caller=CALLER)
        with open_ledger(home, sandbox.base_url) as ledger:
            ledger.get_response("x", model="m/x", caller=CALLER)
            ledger.export()
    finally:
        os.umask(before)
    for path in (home / ".env", *(home / "api_json").iterdir(), *home.glob("ledger.db*")):
        assert path.stat().st_mode & 0o077 == 0, path
