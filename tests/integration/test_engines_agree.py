"""The same books on both engines: the same schema, the same answers, the same files."""

import datetime as dt
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import engines
import pgserver
import pytest
from books_kit import FACTS, ODD_TEXT, plain
from export_rows import START, Rows, exact
from sqlalchemy import inspect, text

from ledger import settings
from ledger.books import derived, process
from ledger.books.base import metadata
from ledger.books.books import Books
from ledger.books.models import Caller, RequestTag
from ledger.books.target import locate
from ledger.client import Ledger
from ledger.exchange.snapshots import export

pytestmark = pytest.mark.one_engine  # each test is about both

STATUSES = ("finished", "failed", "cancelled", "interrupted")
COSTS = (None, 0, 1, 100_000, 1_234_567_890_123, 10**15 + 7)
NAMES = ("flow_mbank", "zażółć", "a.b-c", "Ω", "under_score")


@dataclass
class Both:
    """One home, with its books on either engine."""

    home: Path
    file: Books
    server: Books

    def ledger(self, books: Books) -> Ledger:
        url = None if books is self.file else _url(books)
        return Ledger(home=self.home, url=url, background=False)


def _url(books: Books) -> str:
    return books.target.url.render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def both(postgres: pgserver.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """The same rows, to the last byte, in a file and on a server."""
    name = f"agree_{engines.unique()}"
    postgres.create(name, engines.TEMPLATE)
    folder = tmp_path_factory.mktemp("agree")
    home = folder / "home"
    home.mkdir()
    file = Books(locate(settings.resolve(home=home, environ={})), process.describe)
    file.prepare()
    server = Books(engines.at(home, postgres.url(name)), process.describe)
    rows = Rows(home, file)
    _fill(rows, random.Random(20261123), folder)
    everything = list(rows.waiting)
    rows.book()
    server.writer.write(type(file.process).model_validate(file.process), *everything)
    yield Both(home, file, server)
    file.close()
    server.close()
    postgres.drop(name)


def _fill(rows: Rows, chance: random.Random, folder: Path) -> None:
    callers = [rows.caller(name, folder / f"caller{n}") for n, name in enumerate(NAMES)]
    for each in callers:
        rows.event(each, "created", folder / f"{each.name}.json")
        rows.event(each, "refused", folder / "x.json", f'not "writable" \\ {ODD_TEXT}')
    rows.refusal(None)
    for number in range(300):
        at = START + dt.timedelta(minutes=chance.randrange(60 * 24 * 70), microseconds=number)
        caller: Caller | None = chance.choice([None, *callers])
        model = chance.choice(("openai/gpt-4o", "maker/model:free", "Ünï/code"))
        request = rows.request(
            caller, at, model_asked=model, chain=caller and f"top->{caller.name}"
        )
        if chance.random() < 0.3:
            rows.waiting.append(
                RequestTag(request_id=request.id, key="team", value=chance.choice(NAMES))
            )
        if chance.random() < 0.1:
            continue
        known = chance.random() < 0.7
        grade = chance.choice(("pending", "not_charged", "unknown"))
        cost = chance.choice(COSTS)
        more: dict[str, Any] = {} if cost is not None else {"cost_grade": grade}
        rows.outcome(
            request,
            cost,
            status=chance.choice(STATUSES),
            generation_id=f"gen-{number}" if known or grade == "pending" else None,
            prompt_tokens=chance.choice((None, 0, 17, 2**53 + 1)),
            completion_tokens=chance.choice((None, 3)),
            upstream_pico=chance.choice((None, 5)),
            is_byok=chance.choice((None, True, False)),
            error_type=chance.choice((None, "RateLimited")),
            **more,
        )
        if known and chance.random() < 0.5:
            rows.generation(f"gen-{number}", chance.randrange(10**13), tokens_prompt=5)
    for each in callers:
        rows.refusal(each, chance.choice(("ModelRequired", "CallerDisabled")))


# --- the schema ---------------------------------------------------------------------------


def test_tables_columns_and_keys_are_the_same(both: Both) -> None:
    found = []
    for books in (both.file, both.server):
        with books.read() as connection:
            seen = inspect(connection)
            found.append(
                {
                    table: (
                        [
                            (column["name"], column["nullable"])
                            for column in seen.get_columns(table)
                        ],
                        seen.get_pk_constraint(table)["constrained_columns"],
                        sorted(
                            (key["constrained_columns"], key["referred_table"])
                            for key in seen.get_foreign_keys(table)
                        ),
                        sorted(key["column_names"] for key in seen.get_unique_constraints(table)),
                    )
                    for table in metadata.tables
                }
            )
    assert found[0] == found[1]


def test_views_have_the_same_names_columns_and_order(both: Both) -> None:
    with both.server.read() as connection:
        seen = inspect(connection)
        server = {
            name: [column["name"] for column in seen.get_columns(name)]
            for name in seen.get_view_names()
        }
    assert server == _views_of_file(both.home / "ledger.db")
    assert set(server) == set(derived.view_names("sqlite"))
    assert derived.view_names("sqlite") == derived.view_names("postgresql")


def _views_of_file(path: Path) -> dict[str, list[str]]:
    """As any other program sees them: a reader of ours may not look into those with documents."""
    with plain(path) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall()
        return {
            name: [
                column[0]
                for column in connection.execute(f"SELECT * FROM {name} LIMIT 0").description
            ]
            for (name,) in names
        }


def test_every_table_is_guarded_by_triggers_on_both(both: Both) -> None:
    with both.file.read() as connection:
        query = "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'"
        file = {tuple(row) for row in connection.exec_driver_sql(query)}
    with both.server.read() as connection:
        query = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal"
        server = {tuple(row) for row in connection.exec_driver_sql(query)}
    assert file <= server, "what a file refuses a server does, too"
    assert {name.removeprefix(f"{table}_") for table, name in server - file} == {"no_truncate"}
    assert {table for table, _ in file} == {table.name for table in FACTS}


# --- the answers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "view", [name for name in derived.view_names("sqlite") if not name.startswith("export_")]
)
def test_every_view_tells_the_same(both: Both, view: str) -> None:
    found = [_told(books, view) for books in (both.file, both.server)]
    assert found[0] == found[1]
    may_be_empty = view.startswith("listed_") or view == "usage_openings"
    assert found[0] or may_be_empty, "a comparison of nothing shows nothing"


def _told(books: Books, view: str) -> list[str]:
    with books.read() as connection:
        rows = connection.execute(text(f"SELECT * FROM {view}")).mappings().all()
    return sorted(json.dumps({name: _plain(row[name]) for name in row}) for row in rows)


def _plain(value: Any) -> Any:
    """A sum of integers is an integer on every engine."""
    if isinstance(value, Decimal):
        assert value == int(value)
        return int(value)
    return value


@pytest.mark.parametrize(
    "by", ["hour", "day", "week", "month", "caller", "member", "model", "provider", "tag", "status"]
)
def test_every_report_tells_the_same(both: Both, by: str) -> None:
    found = []
    for books in (both.file, both.server):
        with both.ledger(books) as ledger:
            found.append(repr(ledger.report(by)))
    assert found[0] == found[1]


def test_every_exported_document_is_the_same(both: Both) -> None:
    for all_of_them in (False, True):
        export(both.file, both.home, every_entry=all_of_them)
        file = _documents(both.home.parent)
        export(both.server, both.home, every_entry=all_of_them)
        server = _documents(both.home.parent)
        assert len(file) == 3 * (2 + len(NAMES))
        assert set(file) == set(server)
        for path, document in file.items():
            assert document == server[path], path


def _documents(folder: Path) -> dict[str, Any]:
    return {str(path.relative_to(folder)): exact(path) for path in folder.rglob("*_json/*.json")}
