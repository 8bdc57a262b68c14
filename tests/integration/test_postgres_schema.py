"""A server's schema: made and upgraded only where asked, once, whole; its facts stay."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import engines
import pgserver
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from books_kit import CLASSES, FACTS, a_request, full_rows, in_processes
from psycopg import Connection, errors
from sqlalchemy import create_engine, insert, inspect
from sqlalchemy.pool import NullPool
from test_migrations import scripts_with

from ledger.books import derived, migrate, process
from ledger.books.base import metadata
from ledger.books.books import Books
from ledger.books.target import Target
from ledger.errors import LedgerTooNew, LedgerUnavailable, MigrationFailed, UpgradeRequired

pytestmark = pytest.mark.one_engine  # about a server

REVISIONS = [
    script.revision
    for script in ScriptDirectory(str(migrate.scripts())).walk_revisions()
    if script.revision != migrate.HEAD
]

Made = Callable[..., Target]


@pytest.fixture
def make(postgres: pgserver.Server, request: pytest.FixtureRequest) -> Iterator[Made]:
    """Makes databases of this test: empty, or copies of another."""
    made: list[str] = []

    def database(template: str = "template0") -> Target:
        name = f"schema_{engines.unique()}"
        postgres.create(name, template)
        made.append(name)
        return engines.at(Path("/nowhere"), postgres.url(name))

    yield database
    for name in made:
        postgres.drop(name)


@pytest.fixture
def empty(make: Made) -> Target:
    return make()


@pytest.fixture
def ledger(make: Made) -> Target:
    return make(engines.TEMPLATE)


def opened(target: Target) -> Books:
    return Books(target, process.describe)


def connected(target: Target) -> Connection[Any]:
    import psycopg

    url = target.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(url, autocommit=True)


def ask(target: Target, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connected(target) as connection:
        cursor = connection.execute(sql, values or None)
        return cursor.fetchall() if cursor.description else []


def write_one(target: Target) -> None:
    books = opened(target)
    try:
        books.writer.write(a_request(books))
    finally:
        books.close()


# --- made by command ----------------------------------------------------------------------


def test_an_empty_database_asks_for_the_upgrade_and_works_after_it(empty: Target) -> None:
    for attempt in (write_one, lambda target: opened(target).read().__enter__()):
        with pytest.raises(UpgradeRequired, match="python -m ledger upgrade") as caught:
            attempt(empty)
        assert "There is no ledger in postgresql://" in str(caught.value)
    assert ask(empty, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    assert opened(empty).revision is None
    done = migrate.upgrade(empty)
    assert (done.before, done.after, done.backup) == (None, migrate.HEAD, None)
    assert migrate.upgrade(empty).before == migrate.HEAD
    write_one(empty)
    assert ask(empty, "SELECT count(*) FROM request") == [(1,)]


def test_an_older_schema_asks_for_the_upgrade(ledger: Target) -> None:
    write_one(ledger)
    ask(ledger, "UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(UpgradeRequired, match=r"0001.*pg_dump.*ledger upgrade"):
        write_one(ledger)


def test_a_newer_schema_asks_for_the_newer_version(ledger: Target) -> None:
    ask(ledger, "UPDATE alembic_version SET version_num = '7777'")
    for attempt in (write_one, migrate.upgrade):
        with pytest.raises(LedgerTooNew, match=r"7777.*install"):
            attempt(ledger)


def test_another_applications_database_is_left_alone(empty: Target) -> None:
    ask(empty, "CREATE TABLE alembic_version (version_num text)")
    ask(empty, "INSERT INTO alembic_version VALUES ('abc')")
    for attempt in (write_one, migrate.upgrade):
        with pytest.raises(LedgerUnavailable, match="another application"):
            attempt(empty)
    assert ask(empty, "SELECT version_num FROM alembic_version") == [("abc",)]


def _upgrade(url: str, scripts: str) -> tuple[str | None, str]:
    done = migrate.upgrade(engines.at(Path("/nowhere"), url), Path(scripts))
    return done.before, done.after


def test_of_eight_upgrades_at_once_one_does_it(empty: Target) -> None:
    url = empty.url.render_as_string(hide_password=False)
    done = in_processes(_upgrade, [(url, str(migrate.scripts()))] * 8)
    assert sorted(done, key=str) == [(migrate.HEAD,) * 2] * 7 + [(None, migrate.HEAD)]
    write_one(empty)


def test_an_upgrade_beside_writers_loses_no_row(ledger: Target, tmp_path: Path) -> None:
    books = opened(ledger)
    books.writer.write(a_request(books))
    with ThreadPoolExecutor(5) as pool:
        writing = [
            pool.submit(lambda: [books.writer.write(a_request(books)) for _ in range(100)])
            for _ in range(4)
        ]
        done = pool.submit(migrate.upgrade, ledger, scripts_with(tmp_path / "scripts"))
        assert done.result(60).after == "9002"
        for each in writing:
            each.result(60)
    books.close()
    assert ask(ledger, "SELECT count(*) FROM request") == [(401,)]
    assert ask(ledger, "SELECT * FROM note") == [("made by the upgrade",)]


@pytest.mark.parametrize(
    ("then", "why"),
    [
        ('raise RuntimeError("half-way")', "half-way"),
        ('op.execute("INSERT INTO nowhere VALUES (1)")', "nowhere"),
        ('op.execute("DROP VIEW request_status")', "request_status"),
        (
            "op.execute(\"INSERT INTO request SELECT 'x', 'nobody' FROM process\")",
            "fk_request|null value",
        ),
    ],
    ids=["raises", "bad-sql", "view-is-gone", "broken-reference"],
)
def test_a_failing_migration_leaves_the_database_as_it_was(
    then: str, why: str, ledger: Target, tmp_path: Path
) -> None:
    write_one(ledger)
    before = everything(ledger)
    with pytest.raises(MigrationFailed, match=why):
        migrate.upgrade(ledger, scripts_with(tmp_path / "scripts", then))
    assert everything(ledger) == before
    write_one(ledger)


def everything(target: Target) -> list[Any]:
    """What the schema is made of, and the rows of each table."""
    of_public = "namespace = 'public'::regnamespace ORDER BY 1"
    made = [
        ask(target, f"SELECT relname, pg_get_viewdef(oid) FROM pg_class WHERE relkind = 'v'"
            f" AND rel{of_public}"),
        ask(target, "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
            " ORDER BY 1"),
        ask(target, "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"),
        ask(target, f"SELECT proname, prosrc FROM pg_proc WHERE pro{of_public}"),
        shape(target),
    ]  # fmt: skip
    return made + [ask(target, f"SELECT * FROM {name} ORDER BY 1") for name in metadata.tables]


# --- models, migrations, views ------------------------------------------------------------


def shape(target: Target) -> dict[str, Any]:
    """All that the tables say, apart from the order in which it was said."""
    engine = create_engine(target.url, poolclass=NullPool)
    seen = inspect(engine)
    found: dict[str, Any] = {}
    for table in sorted(set(seen.get_table_names()) - {"alembic_version"}):
        found[table] = {
            "columns": [
                (c["name"], c["type"].__class__.__name__, c["nullable"], c["default"])
                for c in seen.get_columns(table)
            ],
            "key": seen.get_pk_constraint(table)["name"],
            "checks": sorted((c["name"], c["sqltext"]) for c in seen.get_check_constraints(table)),
            "unique": sorted(
                (u["name"], u["column_names"]) for u in seen.get_unique_constraints(table)
            ),
            "references": sorted(
                (f["name"], f["constrained_columns"], f["referred_table"], f["referred_columns"])
                for f in seen.get_foreign_keys(table)
            ),
            "indexes": sorted(
                (str(i["name"]), tuple(i["column_names"]), i["unique"])
                for i in seen.get_indexes(table)
                if not str(i["name"]).startswith("content_search")
            ),
        }  # fmt: skip
    engine.dispose()
    return found


def test_models_and_migrations_make_the_same_tables(ledger: Target, empty: Target) -> None:
    engine = create_engine(empty.url, poolclass=NullPool)
    metadata.create_all(engine)
    engine.dispose()
    assert shape(ledger) == shape(empty)
    assert set(shape(ledger)) == set(metadata.tables)


def alembic(target: Target, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Alembic as its own command line runs it in a checkout."""
    monkeypatch.setenv("LEDGER_URL", target.url.render_as_string(hide_password=False))
    config = Config()
    config.set_main_option("script_location", str(migrate.scripts()))
    return config


def test_alembic_finds_nothing_to_add(ledger: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    command.check(alembic(ledger, monkeypatch))


def test_down_to_nothing_and_up_again(ledger: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    before, config = everything(ledger), alembic(ledger, monkeypatch)
    command.downgrade(config, "base")
    left = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    assert {name for (name,) in ask(ledger, left)} == {"alembic_version", "alembic_version_pkc"}
    command.upgrade(config, "head")
    assert everything(ledger) == before
    write_one(ledger)


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_upgrade_from_each_revision_keeps_its_rows(
    empty: Target, monkeypatch: pytest.MonkeyPatch, revision: str
) -> None:
    command.upgrade(alembic(empty, monkeypatch), revision)
    asked: dict[str, str] = {}
    engine = create_engine(empty.url, poolclass=NullPool)
    with engine.begin() as connection:
        there = inspect(engine)
        for row in full_rows():
            table = str(type(row).__tablename__)
            if there.has_table(table):
                known = {column["name"] for column in there.get_columns(table)}
                values = row.model_dump(include=known)
                connection.execute(insert(metadata.tables[table]).values(values))
                asked[table] = f"SELECT {', '.join(sorted(known))} FROM {table}"
    engine.dispose()
    before = {table: ask(empty, query) for table, query in asked.items()}
    assert len(before["request"]) == 1
    assert migrate.upgrade(empty).before == revision
    assert {table: ask(empty, query) for table, query in asked.items()} == before
    write_one(empty)


def test_text_sorts_by_its_bytes_also_in_columns_that_come_later(ledger: Target) -> None:
    unsorted = ask(
        ledger,
        "SELECT table_name, column_name FROM information_schema.columns WHERE data_type = 'text'"
        " AND table_schema = 'public' AND collation_name IS DISTINCT FROM 'C'"
        " AND table_name = ANY(%s)",
        list(metadata.tables),
    )
    assert unsorted == []
    ask(ledger, "ALTER TABLE caller_alias DISABLE TRIGGER ALL")
    ask(ledger, "ALTER TABLE caller_alias ADD COLUMN later text")
    engine = create_engine(ledger.url, poolclass=NullPool)
    with engine.begin() as connection:
        derived.drop(connection)
        derived.create(connection)
    engine.dispose()
    later = "SELECT collation_name FROM information_schema.columns WHERE column_name = 'later'"
    assert ask(ledger, later) == [("C",)]


# --- facts stay ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def filled(postgres: pgserver.Server) -> Iterator[Target]:
    """A ledger with one row of every fact table; no test may change it."""
    name = f"filled_{engines.unique()}"
    postgres.create(name, engines.TEMPLATE)
    target = engines.at(Path("/nowhere"), postgres.url(name))
    books = opened(target)
    books.writer.write(*full_rows())
    books.close()
    yield target
    postgres.drop(name)


def attacks(connection: Connection[Any], table: str) -> Iterator[tuple[str, list[Any]]]:
    """Statements that would change or remove the row, or act as if it were not there."""
    names = list(metadata.tables[table].columns.keys())
    row = connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()
    assert row is not None
    marks = ", ".join(["%s"] * len(names))
    for name in names:
        yield f"UPDATE {table} SET {name} = {name}", []
    yield f"UPDATE ONLY {table} SET id = 'x'", []
    yield f"WITH gone AS (UPDATE {table} SET id = 'x' RETURNING id) SELECT * FROM gone", []
    yield f"SELECT * FROM {table} FOR UPDATE; UPDATE {table} SET id = 'x' WHERE id = id", []
    yield f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1", []
    yield f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1 ON CONFLICT DO NOTHING", []
    yield f"INSERT INTO {table} VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET id = 'x'", [*row]
    keys = [["id"], *engines.unique_keys(table)]
    for key in keys:
        fresh = [
            value if name in key or name != "id" else f"{value}x"
            for name, value in zip(names, row, strict=True)
        ]
        target = ", ".join(key)
        upsert = f"ON CONFLICT ({target}) DO UPDATE SET {names[1]} = 'x'"
        yield f"INSERT INTO {table} VALUES ({marks}) {upsert}", fresh
    merge = f"MERGE INTO {table} AS t USING (SELECT 1) AS s ON true WHEN MATCHED THEN"
    yield f"{merge} UPDATE SET id = 'x'", []
    if not metadata.tables[table].info.get("purgeable"):
        yield f"{merge} DELETE", []
        yield f"DELETE FROM {table}", []
        yield f"DELETE FROM {table} WHERE id = %s", [row[names.index("id")]]
        yield f"WITH gone AS (DELETE FROM {table} RETURNING id) SELECT * FROM gone", []
        yield f"TRUNCATE {table} CASCADE", []


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize("table", sorted(table.name for table in FACTS))
def test_no_statement_changes_or_removes_a_fact(filled: Target, table: str, role: str) -> None:
    """Also by a superuser in the role in which ordinary triggers and references are off."""
    with connected(filled) as connection:
        connection.execute(f"SET session_replication_role = {role}")
        before = connection.execute(f"SELECT * FROM {table}").fetchall()
        assert len(before) >= 1
        tried = list(attacks(connection, table))
        assert len(tried) > 10
        for sql, params in tried:
            with pytest.raises(errors.IntegrityError, match="insert-only"):  # noqa: PT012 - says what passed
                connection.execute(sql, params or None)
                pytest.fail(f"went through: {sql}")
            assert connection.execute(f"SELECT * FROM {table}").fetchall() == before


def test_a_copy_in_of_a_known_row_is_refused(filled: Target) -> None:
    with connected(filled) as connection:
        row = connection.execute("SELECT * FROM process").fetchone()
        with (
            pytest.raises(errors.UniqueViolation, match="insert-only"),
            connection.cursor().copy("COPY process FROM STDIN") as copy,
        ):
            copy.write_row(row or ())


def test_every_table_has_its_triggers_and_they_fire_always(filled: Target) -> None:
    found = ask(
        filled,
        "SELECT c.relname, t.tgname, t.tgenabled FROM pg_trigger AS t JOIN pg_class AS c"
        r" ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgname LIKE '%\_no\_%'",
    )
    kinds = ("no_delete", "no_replace", "no_truncate", "no_update")
    expected = {
        (table.name, f"{table.name}_{kind}")
        for table in FACTS
        for kind in kinds
        if not (table.info.get("purgeable") and kind in ("no_delete", "no_truncate"))
    }
    assert {(table, trigger) for table, trigger, _ in found} == expected
    assert {enabled for _, _, enabled in found} in ({b"A"}, {"A"})


def test_every_class_has_a_table_here(filled: Target) -> None:
    assert set(CLASSES) == set(metadata.tables)
    assert all(ask(filled, f"SELECT count(*) FROM {table.name}")[0][0] for table in FACTS)
