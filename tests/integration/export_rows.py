"""Rows for the tests of the export: an ecosystem's callers, their calls and how they ended."""

import datetime as dt
import json
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import engines

from ledger import clock, money, settings
from ledger.books import process
from ledger.books.base import Table
from ledger.books.books import Books
from ledger.books.models import Caller, Generation, Outcome, ProvisioningEvent, Refusal, Request
from ledger.callers import provisioning
from ledger.callers.detection import Caller as Detected

START = dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)


@dataclass
class Rows:
    """A ledger that is filled row by row; what is not said is a finished call of no cost."""

    home: Path
    books: Books
    waiting: list[Table] = field(default_factory=list)
    made: int = 0

    def caller(self, name: str, folder: Path | None, *, provision: bool = True) -> Caller:
        """A caller with a row, and unless said otherwise with its three files."""
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        known = Detected(name, folder, name, str((folder or self.home) / "x.py"), "")
        if provision:
            provisioning.provision(known, self.home)
        row = Caller(
            process_id=self.books.process.id,
            first_seen_at=START,
            name=name,
            folder=str(folder or known.json_folder(self.home)),
        )
        self.waiting.append(row)
        return row

    def request(self, caller: Caller | None, at: dt.datetime | None = None, **more: Any) -> Request:
        """A request, one second after the one before; without an outcome it is open."""
        moment = at or START + dt.timedelta(seconds=self.made)
        self.made += 1
        row = Request(
            process_id=more.pop("process_id", self.books.process.id),
            caller_id=caller.id if caller else None,
            source="get_response",
            endpoint="/chat/completions",
            base_url="https://openrouter.ai/api/v1",
            model_asked=more.pop("model_asked", "openai/gpt-4o"),
            started_at=moment,
            day=clock.day_of(moment),
            **more,
        )
        self.waiting.append(row)
        return row

    def outcome(self, request: Request, pico: int | None = None, **more: Any) -> Outcome:
        """How a request ended; with a cost it is reported."""
        graded = {"cost_grade": "unknown" if pico is None else "reported", "status": "finished"}
        row = Outcome(
            id=request.id,
            ended_at=request.started_at + dt.timedelta(milliseconds=420),
            latency_ms=420,
            cost_pico=pico,
            **(graded | more),
        )
        self.waiting.append(row)
        return row

    def call(self, caller: Caller | None, pico: int | None = None, **more: Any) -> Outcome:
        """A request and its outcome."""
        asked = {key: more.pop(key) for key in ("at", "model_asked") if key in more}
        return self.outcome(self.request(caller, **asked), pico, **more)

    def generation(self, generation_id: str, pico: int, **more: Any) -> Generation:
        """The provider's own record."""
        row = Generation(
            process_id=self.books.process.id,
            generation_id=generation_id,
            settled_at=START,
            cost_text=money.usd_text(pico),
            cost_pico=pico,
            **more,
        )
        self.waiting.append(row)
        return row

    def refusal(self, caller: Caller | None, reason: str = "ModelRequired") -> Refusal:
        """A call that was never sent."""
        row = Refusal(
            process_id=self.books.process.id,
            caller_id=caller.id if caller else None,
            caller_name=caller.name if caller else None,
            source="get_response",
            at=START,
            day=clock.day_of(START),
            reason=reason,
            message="a model must be passed",
        )
        self.waiting.append(row)
        return row

    def event(self, caller: Caller, kind: str, path: Path, reason: str | None = None) -> None:
        """What was done about a caller's config."""
        row = ProvisioningEvent(
            process_id=self.books.process.id,
            caller_id=caller.id,
            at=START,
            kind=kind,
            path=str(path),
            reason=reason,
        )
        self.waiting.append(row)

    def book(self) -> None:
        """Commit what was said so far."""
        for first in range(0, len(self.waiting), 5000):
            self.books.writer.write(*self.waiting[first : first + 5000])
        self.waiting.clear()


def open_rows(home: Path) -> Rows:
    """An empty ledger of a home."""
    books = Books(engines.located(settings.resolve(home=home, environ={})), process.describe)
    home.mkdir(parents=True, exist_ok=True)
    books.prepare()
    return Rows(home, books)


def exact(path: Path) -> Any:
    """A file's JSON, opened as any module does, with exact numbers."""
    with path.open() as file:
        return json.load(file, parse_float=Decimal)
