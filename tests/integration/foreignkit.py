"""What the tests of foreign requests share: an exchange for each, and clients of both families."""

import contextlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import engines

from ledger import clock
from ledger.books.ids import new_id
from ledger.books.models import Request
from ledger.books.unit import Work
from ledger.calls.families import family
from ledger.calls.recorder import Exchange
from ledger.calls.transports import async_recording, recording
from ledger.client import Ledger

FAMILIES = ("httpx", "httpx2")


def exchange_for(ledger: Ledger) -> Any:
    """Makes exchanges as a transport's owner would: `/elsewhere` passes unrecorded."""

    def make(request: Any) -> Generator[Work, Any, Exchange | None]:
        yield from ()
        if request.url.path.endswith("/elsewhere"):
            return None
        now = clock.now()
        row = Request.booked(
            id=new_id(),
            process_id=ledger.books.process.id,
            source="transport",
            endpoint="chat/completions",
            base_url="http://127.0.0.1",
            model_asked="openai/gpt-4o-mini",
            started_at=now,
            day=now.date().isoformat(),
        )
        return Exchange(row, None, float("inf"), is_own=False)

    return make


def client(ledger: Ledger, name: str, hook: Any = None, **more: Any) -> Any:
    """A client of a family, recorded by this ledger."""
    module = family(name).module
    transport = recording(
        module.HTTPTransport(),
        ledger.books.writer,
        family_name=name,
        exchange_for=hook or exchange_for(ledger),
        backlog=ledger.backlog,
    )
    return module.Client(transport=transport, base_url=ledger.settings.base_url, **more)


def async_client(ledger: Ledger, name: str, hook: Any = None, **more: Any) -> Any:
    """The same for tasks."""
    module = family(name).module
    transport = async_recording(
        module.AsyncHTTPTransport(),
        ledger.books.writer,
        family_name=name,
        exchange_for=hook or exchange_for(ledger),
        backlog=ledger.backlog,
    )
    return module.AsyncClient(transport=transport, base_url=ledger.settings.base_url, **more)


@contextlib.contextmanager
def outcomes_refused(home: Path) -> Iterator[None]:
    """Books that take requests but no outcomes, as a disk that fills up between the two."""
    with engines.refusing(home):
        yield
