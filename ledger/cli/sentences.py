"""What a command did or found, in plain lines."""

from typing import TYPE_CHECKING

from ledger.openrouter import exact
from ledger.reports.terminal import harmless

if TYPE_CHECKING:
    from ledger.callers.explaining import Explanation
    from ledger.calls.configuring import ConfigShown
    from ledger.calls.naming import Renamed
    from ledger.exchange.imports.importing import ImportReport
    from ledger.exchange.snapshots import ExportReport
    from ledger.limits.balances import BudgetState
    from ledger.settlement.settler import SettleReport

_LISTED = 20


def settlement(found: "SettleReport") -> str:
    """What a round settled, and each request that is still pending or unknown."""
    done = (
        f"Settled {found.settled}; not ready {found.not_ready}, failed {found.failed},"
        f" given up {found.given_up}, skipped {found.skipped}."
    )
    pending = [
        f"pending: {row.request_id} {row.caller or '-'} {row.generation_id}"
        for row in found.pending
    ]
    unknown = [
        f"unknown: {row.request_id} {row.caller or '-'} {row.status}" for row in found.unknown
    ]
    lines = [done, *_some(pending), *_some(unknown)]
    if found.stopped is not None:
        lines.append(f"Stopped early: {found.stopped}")
    return "\n".join(harmless(line) for line in lines)


def files(found: "ExportReport") -> str:
    """The files that an export wrote, how many it left alone, and what it had to skip."""
    lines = [f"wrote {path}" for path in found.written]
    lines += [f"skipped {reason}" for reason in found.skipped]
    lines.append(f"{len(found.written)} written, {len(found.unchanged)} unchanged.")
    return "\n".join(harmless(line) for line in lines)


def imported(found: "ImportReport") -> str:
    """What an import booked, and what there is to be said of the file."""
    counts = f"{found.calls} calls, {found.booked} new, {found.known} known"
    lines = [f"{found.path} ({found.kind}): {counts}; {found.calls_usd:f} USD declared."]
    if found.balances:
        lines.append(
            f"Opening balances: {found.balances} rows, {found.balances_usd:f} USD beyond the calls."
        )
    if found.bad_rows:
        lines.append(f"Skipped {found.bad_rows} bad rows.")
    lines += [f"note: {note}" for note in _some(list(found.notes))]
    return "\n".join(harmless(line) for line in lines)


def bad_rows(found: "ImportReport") -> list[str]:
    """Each row that was skipped: file, place, reason."""
    lines = [f"skipped {row.file}: {row.place}: {row.reason}" for row in found.bad]
    more = found.bad_rows - len(found.bad)
    lines += [f"skipped {more} more"] if more else []
    return [harmless(line) for line in lines]


def explanation(found: "Explanation") -> str:
    """Who a file is, where its config is, and why."""
    where = f"{found.file}:{found.line}" if found.line is not None else str(found.file)
    lines = [
        f"file: {where}",
        f"caller: {found.name or 'none'}",
        *([f"config: {found.config}"] if found.config else []),
        f"rule: {found.rule}",
    ]
    return "\n".join(harmless(line) for line in lines)


def renamed(found: "Renamed") -> str:
    """What is shown under the new name."""
    count = "1 request is" if found.requests == 1 else f"{found.requests} requests are"
    return f"{found.old} is {found.new} from now on; {count} shown under it."


def budget(found: "BudgetState") -> str:
    """What a budget allows from now on, and what its present period has spent already."""
    each = "in all" if found.period == "total" else f"a {found.period} ({found.zone})"
    what = {"refuse": "refuses what could cost more", "warn": "warns"}[found.at_limit]
    said = (
        f"Budget {found.name!r}: {found.limit_usd:f} USD {each} for {found.scope}; it {what}."
        f" {found.spent_usd:f} USD spent, {found.held_usd:f} held."
    )
    return harmless(said)


def config(found: "ConfigShown") -> str:
    """A config's values, a line each, and where they stand."""
    place = str(found.path) if found.exists else f"{found.path} (not there: defaults)"
    lines = [f"{place}, {found.section}"]
    lines += [f"  {name}: {exact.dumps(_json(value))}" for name, value in found.values.items()]
    return "\n".join(harmless(line) for line in lines)


def _json(value: object) -> object:
    """A path among the values as text."""
    return [str(each) for each in value] if isinstance(value, tuple) else value


def _some(lines: list[str]) -> list[str]:
    """The first of them, and how many more there are."""
    more = len(lines) - _LISTED
    return lines if more <= 0 else [*lines[:_LISTED], f"... and {more} more"]
