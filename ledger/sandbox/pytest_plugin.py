"""The pytest fixture `ledger_sandbox`: a throw-away ledger against a local OpenRouter.

Installed with the package. Importing it loads pytest and the standard library only; a run that
doesn't use the fixture pays for nothing else.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ledger.sandbox.server import Sandbox

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture(scope="session")
def _ledger_sandbox_server() -> Iterator["Sandbox"]:
    """One server a test process, whatever xdist makes of them."""
    from ledger.sandbox.server import Sandbox

    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def ledger_sandbox(
    _ledger_sandbox_server: "Sandbox",
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator["Sandbox"]:
    """A sandbox of this test's own: no call, no script, no ledger from before.

    Home, key and base URL are throw-away, callers' folders stay below `tmp_path`, nothing runs in
    the background, and any other host is blocked. Modules started as other processes inherit all
    of it but the block. Calls that SDKs make through httpx are on the books too, as under
    `ledger.install()`.

    Yields:
        The running `Sandbox`: `reply`, `fail`, `calls`, `spent`, `expect`.
    """
    import ledger
    from ledger.sandbox import guard

    sandbox = _ledger_sandbox_server
    sandbox.reset()
    sandbox.home = tmp_path / "ledger_home"
    _environment(sandbox, monkeypatch, tmp_path)
    guard.block(monkeypatch.setattr)
    _forget_default_ledger()
    try:
        with ledger.install():
            yield sandbox
    finally:
        _forget_default_ledger()
        sandbox.reset()
        sandbox.home = None


def _environment(sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Point the ledger at the sandbox and into the test's own folder."""
    monkeypatch.setenv("LEDGER_HOME", str(tmp_path / "ledger_home"))
    monkeypatch.setenv("LEDGER_CALLERS_ROOT", str(tmp_path / "callers"))
    monkeypatch.setenv("LEDGER_BACKGROUND", "0")
    monkeypatch.delenv("LEDGER_URL", raising=False)
    monkeypatch.setenv("OPENROUTER_API_KEY", sandbox.key)
    monkeypatch.setenv("OPENROUTER_BASE_URL", sandbox.base_url)
    for name in _PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def _forget_default_ledger() -> None:
    """Close the process's default ledger, where there can be one: it may have another home."""
    client = sys.modules.get("ledger.client")
    if client is not None:
        client.reset_default()
