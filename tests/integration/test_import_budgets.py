"""Budgets count what imported files state, before or after they are set, each by its scope."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from callkit import open_ledger
from test_import import TRACKER, save

from ledger.client import Ledger
from ledger.limits import rebuilding


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "home", "https://openrouter.ai/api/v1") as opened:
        yield opened


def spent(ledger: Ledger) -> dict[str, Decimal]:
    return {each.name: each.spent_usd for each in ledger.budgets()}


@pytest.mark.parametrize("is_set_first", [True, False])
def test_every_scope_counts_the_breakdown_that_knows_of_it(
    ledger: Ledger, tmp_path: Path, *, is_set_first: bool
) -> None:
    path = save(tmp_path / "usage_tracker_data.json", {"data": TRACKER})
    if not is_set_first:
        ledger.import_file(path, tz="UTC")
    ledger.set_budget("all", limit="100", per="total")
    ledger.set_budget("flow", limit="100", per="total", caller="flow_mbank")
    ledger.set_budget("through", limit="100", per="total", chain_member="skill1")
    ledger.set_budget("last", limit="100", per="total", chain_member="skill2")
    ledger.set_budget("today", limit="100", per="day")
    if is_set_first:
        ledger.import_file(path, tz="UTC")
    expected = {"all": "0.5", "flow": "0.3", "through": "0.2", "last": "0.2", "today": "0"}
    assert spent(ledger) == {name: Decimal(usd) for name, usd in expected.items()}
    assert rebuilding.differences(ledger.books) == []
    ledger.import_file(path, tz="UTC")
    assert spent(ledger) == {name: Decimal(usd) for name, usd in expected.items()}
