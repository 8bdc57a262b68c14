"""The pytest plugin, in pytest runs of their own: as a user's project has it."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.one_engine  # about what no database could change

ROOT = Path(__file__).parents[2]
PLUGINS = ("ledger.sandbox.pytest_plugin", "xdist.plugin", "pytest_asyncio.plugin")

INI = """[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""


def run_pytest(folder: Path, source: str, *args: str) -> str:
    """Output of a pytest run over one test file, without plugins but those named here."""
    (folder / "test_it.py").write_text(textwrap.dedent(source))
    (folder / "pytest.ini").write_text(INI)
    plugins = [part for name in PLUGINS for part in ("-p", name)]
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(ROOT),
        "LEDGER_URL": "sqlite:///elsewhere.db",
        "HTTPS_PROXY": "http://proxy.invalid:1",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "-q", "-rA", *args],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return ran.stdout + ran.stderr


def test_the_fixture_points_everything_at_the_sandbox_and_the_tests_folder(tmp_path: Path) -> None:
    output = run_pytest(
        tmp_path,
        """
        import os
        import httpx

        def ask():
            return httpx.post(
                os.environ["OPENROUTER_BASE_URL"] + "/chat/completions",
                json={"model": "a/b", "messages": [{"role": "user", "content": "Hi"}]},
                headers={"Authorization": "Bearer " + os.environ["OPENROUTER_API_KEY"]},
            )

        def test_environment(ledger_sandbox, tmp_path):
            assert os.environ["LEDGER_HOME"].startswith(str(tmp_path))
            assert os.environ["LEDGER_CALLERS_ROOT"].startswith(str(tmp_path))
            assert os.environ["LEDGER_BACKGROUND"] == "0"
            assert "LEDGER_URL" not in os.environ and "HTTPS_PROXY" not in os.environ
            ledger_sandbox.reply(text="scripted")
            with ledger_sandbox.expect(calls=1, max_cost="0.01"):
                assert "scripted" in ask().text

        def test_is_fresh(ledger_sandbox):
            assert ledger_sandbox.calls == []
            assert "scripted" not in ask().text

        async def test_async(ledger_sandbox):
            async with httpx.AsyncClient() as client:
                assert (await client.get(ledger_sandbox.base_url + "/models")).status_code == 200

        def test_afterwards():
            assert os.environ["LEDGER_URL"] == "sqlite:///elsewhere.db"
            assert "OPENROUTER_BASE_URL" not in os.environ
        """,
    )
    assert "4 passed" in output, output


def test_other_hosts_are_blocked_and_named(tmp_path: Path) -> None:
    output = run_pytest(
        tmp_path,
        """
        import asyncio
        import socket
        import httpx
        import pytest

        def test_blocked(ledger_sandbox):
            with pytest.raises(RuntimeError, match="openrouter.ai"):
                httpx.get("https://openrouter.ai/api/v1/models")
            with pytest.raises(RuntimeError, match="192.0.2.1"):
                socket.create_connection(("192.0.2.1", 80), timeout=1)
            with socket.socket() as plain, pytest.raises(RuntimeError, match="192.0.2.2"):
                plain.connect_ex(("192.0.2.2", 80))

        async def test_blocked_async(ledger_sandbox):
            with pytest.raises(RuntimeError, match="192.0.2.3"):
                await asyncio.open_connection("192.0.2.3", 80)
            with pytest.raises(RuntimeError, match="example.org"):
                await asyncio.open_connection("example.org", 80)

        def test_this_machine_is_open(ledger_sandbox):
            host, port = ledger_sandbox.base_url.split("/")[2].split(":")
            for name in (host, "localhost"):
                socket.create_connection((name, int(port)), timeout=5).close()

        def test_nothing_stays_patched():
            assert "connect" not in vars(socket.socket)
            assert socket.getaddrinfo.__module__ == "socket"
        """,
    )
    assert "4 passed" in output, output


def test_a_default_ledger_of_the_process_is_closed_before_and_after(tmp_path: Path) -> None:
    output = run_pytest(
        tmp_path,
        """
        from ledger import client

        client.resets = 0
        reset = client.reset_default

        def reset_default():
            client.resets += 1
            reset()

        client.reset_default = reset_default

        def test_before(ledger_sandbox):
            assert client.resets == 1

        def test_after():
            assert client.resets == 2
        """,
    )
    assert "2 passed" in output, output


def test_an_sdks_calls_are_on_the_books_and_count_in_the_same_assertions(tmp_path: Path) -> None:
    output = run_pytest(
        tmp_path,
        """
        import os
        import httpx
        import ledger
        from openai import OpenAI

        def test_sdk(ledger_sandbox):
            ledger_sandbox.reply(text="Blue.", cost="0.0012")
            with ledger_sandbox.expect(calls=1, max_cost="0.0012"):
                with OpenAI(
                    base_url=os.environ["OPENROUTER_BASE_URL"],
                    api_key=os.environ["OPENROUTER_API_KEY"],
                ) as client:
                    asked = [{"role": "user", "content": "Name a colour."}]
                    client.chat.completions.create(model="a/b", messages=asked)
            with ledger.Ledger() as books:
                (request,) = books.requests()
            assert (request.caller, str(request.cost_usd)) == ("test_it", "0.0012")

        def test_nothing_stays_patched():
            assert "ledger" not in httpx.Client.send.__code__.co_filename
        """,
    )
    assert "2 passed" in output, output


def test_a_failed_expectation_fails_the_test_readably(tmp_path: Path) -> None:
    output = run_pytest(
        tmp_path,
        """
        def test_fails(ledger_sandbox):
            with ledger_sandbox.expect(calls=1):
                pass
        """,
    )
    assert "expected 1 calls, there were 0" in output
    assert "(no call)" in output
    assert "1 failed" in output


def test_two_xdist_workers_have_a_server_each(tmp_path: Path) -> None:
    output = run_pytest(
        tmp_path,
        """
        import os
        import httpx
        import pytest

        @pytest.mark.parametrize("number", range(12))
        def test_one(ledger_sandbox, number):
            for _ in range(number):
                httpx.post(
                    ledger_sandbox.base_url + "/chat/completions",
                    json={"model": "a/b", "messages": [{"role": "user", "content": "Hi"}]},
                    headers={"Authorization": "Bearer " + ledger_sandbox.key},
                )
            assert len(ledger_sandbox.calls) == number
            print(os.environ["PYTEST_XDIST_WORKER"], ledger_sandbox.base_url)
        """,
        "-n",
        "2",
        "--dist",
        "load",
    )
    assert "12 passed" in output, output
    servers = {line for line in output.splitlines() if line.startswith("gw")}
    assert len(servers) == 2


@pytest.mark.parametrize("heavy", ["starlette", "uvicorn", "httpx", "sqlmodel", "ledger.errors"])
def test_a_run_without_the_fixture_loads_nothing_for_it(tmp_path: Path, heavy: str) -> None:
    output = run_pytest(
        tmp_path,
        f"""
        import sys

        def test_light():
            assert "ledger.sandbox.pytest_plugin" in sys.modules
            assert {heavy!r} not in sys.modules
        """,
        "-p",
        "no:cacheprovider",
    )
    assert "1 passed" in output, output
