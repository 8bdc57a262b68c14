"""What the tests of calls share: a ledger of their own, both drivers, and the plain books."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import engines
import pytest

from ledger.client import Ledger
from ledger.errors import LedgerError
from ledger.openrouter import exact

KEY = "sk-or-v1-" + "ab" * 32
CALLER = "flow_probe"
DRIVERS = ("sync", "async")


@contextlib.contextmanager
def open_ledger(home: Path, base_url: str, **more: Any) -> Iterator[Ledger]:
    """A ledger whose callers' folders stay beside its home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEDGER_CALLERS_ROOT", str(home.parent / "callers"))
        options: dict[str, Any] = {"api_key": KEY, "background": False} | more
        ledger = Ledger(home=home, base_url=base_url, **options)
    try:
        yield ledger
    finally:
        ledger.close()


def call(ledger: Ledger, driver: str, messages: Any = "Hello there", **asked: Any) -> Any:
    """One call by either driver."""
    asked.setdefault("caller", CALLER)
    if driver == "sync":
        return ledger.get_response(messages, **asked)
    return asyncio.run(ledger.aget_response(messages, **asked))


def failure(ledger: Ledger, driver: str, messages: Any = "Hello there", **asked: Any) -> Any:
    """The error that a call by either driver ends with."""
    with pytest.raises(LedgerError) as caught:
        call(ledger, driver, messages, **asked)
    return caught.value


def rows(home: Path, sql: str, *values: Any) -> list[dict[str, Any]]:
    """What the books say, read by nothing but the database's driver."""
    names, found = engines.read(home, sql, values)
    return [dict(zip(names, row, strict=True)) for row in found]


def only(home: Path, sql: str, *values: Any) -> dict[str, Any]:
    """The one row that there is."""
    found = rows(home, sql, *values)
    assert len(found) == 1, found
    return found[0]


def count(home: Path, table: str) -> int:
    """How many rows a table has; 0 where there are no books."""
    if not engines.exist(home):
        return 0
    return int(only(home, f"select count(*) as n from {table}")["n"])


def change_config(path: Path, **values: Any) -> None:
    """Change values under `config` of a JSON file, as its user would."""
    document = exact.loads(path.read_bytes())
    assert isinstance(document, dict)
    document["config"] |= values
    from ledger.callers import templates

    path.write_bytes(templates.render(document))
