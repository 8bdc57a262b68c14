"""Rule of the one way to write: whichever door a row takes, the stored bytes are the same."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engines
import pytest
from books_kit import (
    FACTS,
    MOMENT,
    a_request,
    an_outcome,
    ask,
    bare_rows,
    books_at,
    count,
    full_rows,
    opened,
)

from ledger.books.base import Table, metadata
from ledger.books.books import Books
from ledger.books.models import Generation, Process
from ledger.errors import LedgerUnavailable


def stored(path: Path, rows: list[Table]) -> list[list[tuple[Any, ...]]]:
    """Kind and exact bytes of each column of each row."""
    found = []
    for row in rows:
        table = metadata.tables[str(row.__tablename__)]
        columns = ", ".join(engines.bytes_of(c.name) for c in table.columns)
        found.append(ask(path, f"SELECT {columns} FROM {table.name} WHERE id = ?", row.id))  # type: ignore[attr-defined]
    return found


def direct(books: Books, rows: list[Table]) -> None:
    books.writer.write(*rows)


def grouped(books: Books, rows: list[Table]) -> None:
    with books.writer._turn:  # all wait, so that one transaction takes them together
        for row in rows:
            books.writer.post(row)
    books.close()


def by_session(books: Books, rows: list[Table]) -> None:
    books.writer.write(lambda transaction: transaction.add(*rows))


def by_step(books: Books, rows: list[Table]) -> None:
    books.writer.write(lambda transaction: transaction.insert(*rows))


@pytest.mark.parametrize("make", [full_rows, bare_rows])
def test_every_door_stores_every_table_alike(
    make: Callable[[], list[Table]], tmp_path: Path
) -> None:
    rows = make()
    copies = [type(row)(**row.model_dump()) for row in rows]
    plain = [
        {key: value for key, value in row.__dict__.items() if not key.startswith("_sa")}
        for row in rows
    ]
    unmade = [type(row).booked(**values) for row, values in zip(rows, plain, strict=True)]
    ways: list[tuple[Callable[[Books, list[Table]], None], list[Table]]] = [
        (direct, rows),
        (by_session, copies),
        (grouped, rows),
        (by_step, rows),
        (direct, unmade),
    ]
    seen = []
    for number, (way, those) in enumerate(ways):
        with opened(tmp_path / str(number)) as books:
            way(books, those)
            seen.append(stored(books.path, those))
    assert len(rows) == len(FACTS)
    assert all(len(found) == 1 for found in seen[0])
    for other in seen[1:]:
        assert other == seen[0]


def test_times_amounts_and_flags_come_back_as_they_went_in(tmp_path: Path) -> None:
    east = dt.timezone(dt.timedelta(hours=5, minutes=30))
    with opened(tmp_path) as books:
        row = Generation(
            process_id=books.process.id,
            settled_at=MOMENT.astimezone(east),
            generation_id="gen-1",
            cost_pico=2**63 - 1,
            cost_text="x",
            is_byok=False,
        )
        books.writer.write(row)
        stored_as = "SELECT settled_at, cost_pico, is_byok, streamed FROM generation"
        assert ask(books.path, stored_as) == [
            ("2026-11-23T10:00:00.123456Z", 2**63 - 1, 0, None),
        ]


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("text in a number", {"timeout_ms": "soon"}),
    ("a fraction in a number", {"timeout_ms": 1.5}),
    ("a number beyond 64 bits", {"timeout_ms": 2**63}),
    ("a negative duration", {"timeout_ms": -1}),
    ("bytes in a text", {"source": b"\xff"}),
    ("a list in a text", {"source": ["a"]}),
    ("a number in a text", {"source": 5}),
    ("nothing where something must be", {"source": None}),
    ("a naive time", {"started_at": MOMENT.replace(tzinfo=None)}),
    ("a day that is not the start's", {"day": "2026-11-24"}),
    ("a word in a flag", {"streamed": "yes"}),
    ("a number in a flag", {"streamed": 2}),
    ("a process that is not booked", {"process_id": "nobody"}),
]
WRONG_OUTCOME: list[tuple[str, dict[str, Any]]] = [
    ("a float amount", {"cost_pico": 0.5, "cost_grade": "reported"}),
    ("a boolean amount", {"cost_pico": True, "cost_grade": "reported"}),
    ("an amount as text", {"cost_pico": "12", "cost_grade": "reported"}),
    ("an amount beyond 64 bits", {"cost_pico": 2**63, "cost_grade": "reported"}),
    ("a negative amount", {"cost_pico": -1, "cost_grade": "reported"}),
    ("a grade without its amount", {"cost_grade": "reported"}),
    ("an amount without its grade", {"cost_pico": 5, "cost_grade": "pending"}),
    ("a status of no meaning", {"status": "fine"}),
]


@pytest.mark.parametrize("door", [direct, by_session, by_step])
def test_rows_of_a_wrong_kind_are_refused_whole(
    door: Callable[[Books, list[Table]], None], tmp_path: Path
) -> None:
    with opened(tmp_path) as books:
        books.writer.write(a_request(books))
        for what, values in WRONG:
            good = a_request(books)
            day = {"day": "2026-11-23"} if "started_at" in values else {}
            bad = a_request(books)
            for name, value in (values | day).items():
                bad.__dict__[name] = value
            with pytest.raises(LedgerUnavailable):  # noqa: PT012 - says what passed
                door(books, [good, bad])
                pytest.fail(f"{what} was booked")
        for what, values in WRONG_OUTCOME:
            good = a_request(books)
            with pytest.raises(LedgerUnavailable):  # noqa: PT012 - says what passed
                door(books, [good, an_outcome(good, **values)])
                pytest.fail(f"{what} was booked")
        assert count(books.path) == 1
        assert count(books.path, "outcome") == 0


@pytest.mark.parametrize("door", [direct, by_session, by_step, grouped])
def test_what_no_engine_can_store_is_replaced(
    door: Callable[[Books, list[Table]], None], tmp_path: Path
) -> None:
    with opened(tmp_path) as books:
        door(books, [a_request(books, source="a\0b\ud800c\udfffd", chain="\0")])
        found = ask(books.path, "SELECT source, chain FROM request")
    assert found == [("a\ufffdb\ufffdc\ufffdd", "\ufffd")]


def test_the_process_is_booked_once_and_before_everything_else(tmp_path: Path) -> None:
    books = books_at(tmp_path)
    first: Process = books.process
    with pytest.raises(LedgerUnavailable):
        books.writer.write(a_request(books, process_id="nobody"))
    assert count(books.path, "process") == 0
    for _ in range(3):
        books.writer.write(a_request(books))
    books.close()
    assert ask(books.path, "SELECT id FROM process") == [(first.id,)]
