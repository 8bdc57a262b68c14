"""What settlement and export did, in plain lines."""

from typing import TYPE_CHECKING

from ledger.reports.terminal import harmless

if TYPE_CHECKING:
    from ledger.exchange.snapshots import ExportReport
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


def _some(lines: list[str]) -> list[str]:
    """The first of them, and how many more there are."""
    more = len(lines) - _LISTED
    return lines if more <= 0 else [*lines[:_LISTED], f"... and {more} more"]
