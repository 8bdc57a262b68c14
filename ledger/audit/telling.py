"""A comparison for people and for programs."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import IO, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ledger import money
from ledger.audit.results import KINDS, Check, Drift, Line, Reconciliation
from ledger.reports.tables import print_facts, screen
from ledger.reports.terminal import harmless

_PICO = "_pico"
_SHOWN = 20
_KEY_LETTERS = 8


def as_json(found: Reconciliation) -> dict[str, Any]:
    """For `jsonout.document`: every `*_pico` has its `*_usd` beside it, exact."""
    plain: dict[str, Any] = _plain(found)
    plain["period"] = {
        "first": found.period.first.isoformat(),
        "last": found.period.last.isoformat(),
    }
    plain["rest_pico"] = found.rest_pico
    plain["is_explained"] = found.is_explained
    told: dict[str, Any] = _with_usd(plain)
    return told


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
        if isinstance(value, Drift):
            named["difference_pico"] = value.difference_pico
        return {name: _plain(member) for name, member in named.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _with_usd(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_usd(each) for each in value]
    if not isinstance(value, dict):
        return value
    told: dict[str, Any] = {}
    for name, member in value.items():
        told[name] = _with_usd(member)
        if name.endswith(_PICO):
            usd = None if member is None else money.to_usd(member).normalize()
            told[f"{name.removesuffix(_PICO)}_usd"] = usd
    return told


def show(found: Reconciliation, *, file: IO[str] | None = None) -> None:
    """Print the sums, what explains their difference, and what is left."""
    print_facts(_facts(found), file)
    terminal = screen(file)
    if found.lines:
        terminal.print(_lines(found.lines))
    for check in found.checks:
        terminal.print(Text(harmless(_check(check))))
    for note in found.notes:
        terminal.print(Text(harmless(note)))
    terminal.print(Text(_verdict(found)))


def _facts(found: Reconciliation) -> Iterator[tuple[str, str]]:
    yield "UTC days", f"{found.period.first} to {found.period.last}"
    if found.source == "key":
        return
    of = "the provider's export" if found.source == "csv" else "the provider's activity"
    yield "compared with", f"{of} of {len(found.days)} days"
    yield "ledger USD", money.usd_text(found.ledger_pico)
    yield "provider USD", money.usd_text(found.provider_pico)
    yield "difference USD", money.usd_text(found.provider_pico - found.ledger_pico)


def _lines(lines: Iterable[Line]) -> Table:
    """A row a line; of many of one kind the first, and how many more."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("why", "UTC day", "model", "key", "call"):
        table.add_column(title, overflow="fold")
    for title in ("calls", "USD"):
        table.add_column(title, justify="right", no_wrap=True)
    kinds: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        kinds[line.kind].append(line)
    for kind, several in kinds.items():
        for line in several[:_SHOWN]:
            table.add_row(*(Text(harmless(cell)) for cell in _cells(line)))
        rest = several[_SHOWN:]
        if rest:
            amount = money.usd_text(sum(line.amount_pico or 0 for line in rest))
            calls = str(sum(line.requests for line in rest))
            table.add_row(KINDS[kind], f"and {len(rest)} more", "", "", "", calls, amount)
    return table


def _cells(line: Line) -> tuple[str, ...]:
    why = KINDS[line.kind] + (f": {line.note}" if line.note else "")
    call = line.generation_id or line.request_id or ""
    amount = "unknown" if line.amount_pico is None else money.usd_text(line.amount_pico)
    key = (line.key_hash or "")[:_KEY_LETTERS]
    return why, line.day, line.model or "", key, call, str(line.requests), amount


def _check(check: Check) -> str:
    told, ours = money.usd_text(check.provider_pico), money.usd_text(check.ledger_pico)
    text = f"{check.what}: {told} USD, in the ledger {ours} USD"
    if check.explained_pico:
        text += f", explained {money.usd_text(check.explained_pico)} USD"
    if check.rest_pico:
        text += f", unexplained {money.usd_text(check.rest_pico)} USD"
    return f"{text} ({check.note})" if check.note else text


def _verdict(found: Reconciliation) -> str:
    rest = money.usd_text(found.rest_pico)
    if not found.rest_pico:
        return "Nothing is unexplained."
    enough = "within" if found.is_explained else "above"
    tolerance = money.usd_text(found.tolerance_pico)
    return f"Unexplained: {rest} USD, {enough} the tolerance of {tolerance} USD."
