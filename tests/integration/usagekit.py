"""What the tests of reports share: calls that are planted, and an independent sum of them."""

import csv
import datetime as dt
import io
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from export_rows import Rows, open_rows

from ledger.books.models import Caller, RequestTag

PICO = Decimal("1e-12")
# What clocks did at these times: changes of both kinds, by an hour and by half of one, over
# midnight too, a day that never was, one that came twice, and offsets of odd seconds.
TURNS = {
    "Europe/Berlin": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "America/New_York": ("2026-03-08T07:00", "2026-11-01T06:00"),
    "Australia/Lord_Howe": ("2026-04-04T15:00", "2026-10-03T15:30"),
    "America/St_Johns": ("2006-04-02T03:31", "2006-10-29T02:31"),
    "America/Sao_Paulo": ("2018-11-04T03:00", "2018-02-18T02:00"),
    "Pacific/Apia": ("2011-12-30T10:00",),
    "Pacific/Kwajalein": ("1993-08-21T12:00",),
    "Africa/Monrovia": ("1972-01-07T00:44:30",),
    "Asia/Kathmandu": ("2026-02-28T18:15",),
    "Africa/Cairo": ("2026-04-23T22:00", "2026-10-29T21:00"),
}
LEAPS = ("2028-02-28T12:00", "2028-02-29T00:00", "2028-03-01T00:00", "2029-01-01T00:00")
ZONES = ("UTC", *TURNS, "Asia/Kolkata", "Pacific/Chatham", "America/Los_Angeles", "Etc/GMT-14")


@dataclass
class Planted:
    """One call, as a test knows it without asking the books."""

    at: dt.datetime
    caller: str
    model: str
    pico: int | None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def usd(self) -> Decimal:
        return (self.pico or 0) * PICO


def plant(home: Path, calls: Iterable[Planted]) -> None:
    """Book calls, without a server."""
    rows = open_rows(home)
    try:
        callers: dict[str, Caller] = {}
        for call in calls:
            if call.caller not in callers:
                callers[call.caller] = rows.caller(call.caller, None, provision=False)
            _book(rows, callers[call.caller], call)
        rows.book()
    finally:
        rows.books.close()


def _book(rows: Rows, caller: Caller, call: Planted) -> None:
    request = rows.request(caller, call.at, model_asked=call.model, chain=caller.name)
    rows.outcome(request, call.pico, model=call.model)
    rows.waiting += [
        RequestTag(request_id=request.id, key=key, value=value) for key, value in call.tags.items()
    ]


def around_turns(seed: int = 7) -> list[Planted]:
    """A call at each moment around which clocks or calendars do something, and one beside it."""
    chosen = random.Random(seed)
    turns = [*(turn for turns in TURNS.values() for turn in turns), *LEAPS]
    before = (-dt.timedelta(hours=1), -dt.timedelta(microseconds=1), dt.timedelta(0))
    beside = (dt.timedelta(0), dt.timedelta(seconds=30), dt.timedelta(minutes=47))
    return [
        Planted(
            dt.datetime.fromisoformat(turn).replace(tzinfo=dt.UTC) + step + more,
            f"caller_{chosen.randrange(4)}",
            f"maker/model-{chosen.randrange(3)}",
            chosen.randrange(10**13),
        )
        for turn in turns
        for step in before
        for more in beside
    ]


LABELS: dict[str, Callable[[dt.datetime], str]] = {
    "hour": lambda at: f"{at:%Y-%m-%dT%H}:00{at.replace(microsecond=0).isoformat()[19:]}",
    "day": lambda at: at.date().isoformat(),
    "week": lambda at: at.strftime("%G-W%V"),
    "month": lambda at: at.date().isoformat()[:7],
}
"""How an independent reader names the time of a moment of some zone."""


def label(key: str, call: Planted, zone: str) -> str:
    """What a call is booked under in a report by `key`."""
    if key not in LABELS:
        return str(getattr(call, key))
    said = LABELS[key](call.at.astimezone(ZoneInfo(zone)))
    return said.replace("+00:00", "Z") if key == "hour" else said


def summed(calls: Iterable[Planted], *by: str, zone: str = "UTC") -> dict[tuple[str, ...], Decimal]:
    """An independent sum, in Decimal."""
    found: dict[tuple[str, ...], Decimal] = {}
    for call in calls:
        key = tuple(label(name, call, zone) for name in by)
        found[key] = found.get(key, Decimal(0)) + call.usd
    return found


def csv_rows(text: str) -> list[dict[str, str]]:
    """The rows of a CSV as any reader takes them."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def markdown_rows(text: str) -> Iterator[dict[str, str]]:
    """The rows of the first Markdown table of a text, its total among them as `all`."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    names: list[Any] = cells[0]
    for row in cells[2:]:
        yield dict(zip(names, row, strict=True))
