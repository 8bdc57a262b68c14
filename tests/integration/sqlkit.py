"""What the tests of `sql` share: books with something of everything, and their whole state."""

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import engines
from books_kit import (
    MOMENT,
    a_caller,
    a_generation,
    a_request,
    an_attempt,
    an_outcome,
    opened,
)

from ledger import clock
from ledger.books.base import Table, metadata
from ledger.books.books import Books
from ledger.books.models import CatalogueEndpoint, CatalogueModel, Content, Refusal, RequestTag

SECRET = "the shed is green"
HOSTILE = "=cmd|' /C calc'!A0\x1b[2J<script>alert(1)</script>|`x`"


def filled(home: Path) -> None:
    """Make books in which every public view has a row, over two months."""
    with opened(home) as books:
        books.writer.write(*_rows(books))


def _rows(books: Books) -> list[Table]:
    callers = [a_caller(books, name) for name in ("flow_a", "flow_b", HOSTILE)]
    made: list[Table] = list(callers)
    for number in range(24):
        started = MOMENT + dt.timedelta(days=number)
        request = a_request(
            books,
            started_at=started,
            caller_id=callers[number % 3].id,
            chain=f"boss->{callers[number % 3].name}" if number % 3 < 2 else None,
            model_asked=f"maker/m{number % 4}",
        )
        made += [request, RequestTag(request_id=request.id, key="team", value=f"t{number % 2}")]
        made += _ending(books, request, number)
    first: Any = made[len(callers)]
    made.append(Content(request_id=first.id, at=MOMENT, kind="message", text=SECRET))
    return [*made, _refusal(books), *_catalogue(books)]


def _ending(books: Books, request: Any, number: int) -> list[Table]:
    generation_id = f"gen-{number}"
    if number % 8 == 7:
        return []
    if number % 8 == 6:
        return [an_outcome(request, status="failed", error_type="RateLimited", http_status=429)]
    more: dict[str, Any] = {"generation_id": generation_id, "prompt_tokens": 100 + number}
    more |= {"completion_tokens": 7, "model": f"maker/m{number % 4}", "provider": "One"}
    if number % 8 == 5:
        attempt = an_attempt(books, generation_id, "not_ready")
        return [an_outcome(request, cost_grade="pending", **more), attempt]
    status = "cancelled" if number % 8 == 4 else "finished"
    outcome = an_outcome(request, status=status, cost_pico=10**9 + number, **more)
    if number % 2:
        return [outcome]
    return [outcome, a_generation(books, generation_id, 10**9 + number * 3)]


def _refusal(books: Books) -> Table:
    return Refusal(
        process_id=books.process.id,
        caller_name="flow_a",
        source="test",
        at=MOMENT,
        day=clock.day_of(MOMENT),
        reason="ModelRequired",
        message="no model",
    )


def _catalogue(books: Books) -> list[Table]:
    common: dict[str, Any] = {
        "process_id": books.process.id,
        "seen_at": MOMENT,
        "model": "maker/m0",
        "is_listed": True,
        "prompt_price": "0.000001",
        "completion_price": "0.000002",
        "pricing_text": '{"completion": "0.000002", "prompt": "0.000001"}',
        "context_length": 8192,
        "digest": "x",
    }
    return [
        CatalogueModel(name="M0", supported_parameters="tools", input_kinds="text", **common),
        CatalogueEndpoint(endpoint="one", provider="One", **common),
    ]


def state(home: Path) -> dict[str, Any]:
    """All that a statement could have changed: every byte of a file, every row of a server."""
    server = engines.server()
    if server is None:
        around = {
            str(path.relative_to(home.parent))
            for path in home.parent.rglob("*")
            if not path.name.endswith(("-shm", "-wal"))
        }
        return {
            "bytes": hashlib.sha256((home / "ledger.db").read_bytes()).hexdigest(),
            "files": around,
        }
    found: dict[str, Any] = {
        name: engines.read(home, f"SELECT * FROM {name} ORDER BY 1")[1] for name in metadata.tables
    }
    for what, query in _CATALOGS.items():
        found[what] = engines.read(home, query)[1]
    return found


_CATALOGS = {
    "relations": "SELECT relname, relkind FROM pg_class WHERE oid > 16384 ORDER BY 1",
    "functions": "SELECT proname FROM pg_proc WHERE oid > 16384 ORDER BY 1",
    "roles": "SELECT rolname, rolsuper FROM pg_roles ORDER BY 1",
    "large objects": "SELECT count(*) FROM pg_largeobject_metadata",
    "extensions": "SELECT extname FROM pg_extension ORDER BY 1",
}
