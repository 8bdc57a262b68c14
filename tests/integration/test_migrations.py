"""Models, migrations and views say the same; an upgrade happens once, whole, or not at all."""

import ast
import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from books_kit import (
    a_request,
    ask,
    assert_sound,
    books_at,
    count,
    full_rows,
    in_processes,
    opened,
    target_of,
)
from sqlalchemy import Engine, create_engine, insert, inspect
from sqlalchemy.pool import NullPool

from ledger.books import derived, migrate
from ledger.books.base import metadata
from ledger.errors import LedgerTooNew, LedgerUnavailable, MigrationFailed

pytestmark = pytest.mark.one_engine  # about a SQLite file

# What views and triggers were at each revision. Once a release has shipped a revision, a change
# of its fingerprint asks for a migration of its own, so that old ledgers get the new views.
FINGERPRINTS = {
    "0001": "827128fb3e905ae0",
    "0002": "b1c283965d0df6ff",
    "0003": "bf8a6d66742a222f",
    "0004": "f0fa1f3d783a5bdd",
    "0005": "1ef0b604f611c2b6",
    "0006": "9f6c6057dc21e4ff",
    "0007": "fc20ea3896414ef9",
    "0008": "63df88fca8da0e71",
    "0009": "fc20ea3896414ef9",
    "0010": "66a5647ed31da0d3",
    "0011": "66a5647ed31da0d3",
    "0012": "e44a4191804760a2",
    "0013": "e44a4191804760a2",
    "0014": "521c758a33bca105",
    "0015": "f19bcb591bd44167",
    "0016": "a5b5e7d683f78264",
    "0017": "63ac7ff047ac1889",
    "0018": "df4d344f6f4814dd",
    "0019": "df4d344f6f4814dd",
    "0020": "e86925d5c10821af",
}
# Of the newest revision only: a server's views and triggers may differ where SQLite's do not.
ON_A_SERVER = {"0020": "e03d75719023e52b"}

SECOND = '''"""A second revision, for tests."""
import sqlalchemy as sa
from alembic import op

revision = "9002"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("note", sa.Column("id", sa.Text(), nullable=False), sqlite_strict=True)
    op.execute("INSERT INTO note VALUES ('made by the upgrade')")
    {then}


def downgrade() -> None:
    op.drop_table("note")
'''


def scripts_with(folder: Path, then: str = "pass") -> Path:
    """The package's scripts and one more revision."""
    shutil.copytree(migrate.scripts(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    second = SECOND.replace("{head}", migrate.HEAD).replace("{then}", then)
    (folder / "versions" / "9002_second.py").write_text(second, "utf-8")
    return folder


@contextlib.contextmanager
def engine_of(path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    yield engine
    engine.dispose()


def shape(path: Path) -> dict[str, Any]:
    """All that a schema says, apart from the order in which it was said."""
    with engine_of(path) as engine:
        seen = inspect(engine)
        found: dict[str, Any] = {}
        for table in sorted(set(seen.get_table_names()) - {"alembic_version"}):
            found[table] = {
                "columns": [
                    (c["name"], str(c["type"]), c["nullable"], c["default"])
                    for c in seen.get_columns(table)
                ],
                "key": seen.get_pk_constraint(table),
                "checks": sorted(
                    (str(c["name"]), c["sqltext"]) for c in seen.get_check_constraints(table)
                ),
                "unique": sorted(
                    (str(u["name"]), tuple(u["column_names"]))
                    for u in seen.get_unique_constraints(table)
                ),
                "references": sorted(
                    (
                        str(f["name"]),
                        tuple(f["constrained_columns"]),
                        f["referred_table"],
                        tuple(f["referred_columns"]),
                        tuple(f["options"].items()),
                    )
                    for f in seen.get_foreign_keys(table)
                ),
            }
    indexes = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    found["indexes"] = sorted((name, " ".join(sql.split())) for name, sql in ask(path, indexes))
    found["kinds"] = sorted(
        row
        for row in ask(path, "SELECT name, wr, strict FROM pragma_table_list WHERE type = 'table'")
        if not row[0].startswith(("sqlite_", "alembic_"))
    )
    return found


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    with opened(tmp_path / "home") as books:
        books.writer.write(*(a_request(books) for _ in range(5)))
        return books.path


def test_models_and_migrations_make_the_same_tables(ledger: Path, tmp_path: Path) -> None:
    with engine_of(tmp_path / "models.db") as engine:
        metadata.create_all(engine)
    modelled, migrated = shape(tmp_path / "models.db"), shape(ledger)
    assert migrated == modelled
    assert {name for name, _, _ in migrated["kinds"]} == set(metadata.tables)
    assert all(wr == 1 and strict == 1 for _, wr, strict in migrated["kinds"])
    checks = [name for table in metadata.tables for name, _ in migrated[table]["checks"]]
    assert len(checks) > 5
    assert all(name.startswith("ck_") for name in checks)


def test_views_and_triggers_are_what_the_files_say(ledger: Path) -> None:
    made = "SELECT sql FROM sqlite_master WHERE type IN ('view', 'trigger')"
    stored = sorted(sql for (sql,) in ask(ledger, made))
    assert stored == sorted(derived.statements("sqlite"))


@pytest.mark.parametrize("view", derived.view_names("sqlite"))
def test_every_view_can_be_read(ledger: Path, view: str) -> None:
    ask(ledger, f"SELECT * FROM {view}")


def test_views_and_triggers_are_those_of_the_pinned_revision() -> None:
    assert derived.fingerprint("sqlite") == FINGERPRINTS[migrate.HEAD]
    assert {migrate.HEAD: derived.fingerprint("postgresql")} == ON_A_SERVER


def test_the_known_head_is_the_scripts_head() -> None:
    directory = ScriptDirectory(str(migrate.scripts()))
    assert directory.get_heads() == [migrate.HEAD]
    assert set(FINGERPRINTS) == {script.revision for script in directory.walk_revisions()}


def test_migrations_import_nothing_of_the_package() -> None:
    files = sorted((migrate.scripts() / "versions").glob("*.py"))
    assert files
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [str(node.module)]
            assert not [name for name in names if name.split(".")[0] == "ledger"], file.name


def alembic(path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Alembic as its own command line runs it in a checkout."""
    monkeypatch.setenv("LEDGER_URL", f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(migrate.scripts()))
    return config


def test_alembic_finds_nothing_to_add(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command.check(alembic(ledger, monkeypatch))


def test_down_to_nothing_and_up_again(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, config = shape(ledger), alembic(ledger, monkeypatch)
    command.downgrade(config, "base")
    left = "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
    assert ask(ledger, left) == [("alembic_version",)]
    command.upgrade(config, "head")
    assert shape(ledger) == before
    with opened(ledger.parent) as books:
        books.writer.write(a_request(books))
        assert count(ledger) == 1


@pytest.mark.parametrize("revision", sorted(set(FINGERPRINTS) - {migrate.HEAD}))
def test_an_upgrade_from_each_revision_keeps_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str
) -> None:
    path = tmp_path / "home" / "ledger.db"
    command.upgrade(alembic(path, monkeypatch), revision)
    kept = {}
    with engine_of(path) as engine, engine.begin() as connection:
        there = inspect(engine)
        for row in full_rows():
            table = str(type(row).__tablename__)
            if there.has_table(table):
                known = {column["name"] for column in there.get_columns(table)}
                values = row.model_dump(include=known)
                connection.execute(insert(metadata.tables[table]).values(values))
                kept[table] = ", ".join(sorted(known))
    asked = {table: f"SELECT {columns} FROM {table}" for table, columns in kept.items()}
    before = {table: ask(path, query) for table, query in asked.items()}
    assert len(before["request"]) == 1
    with opened(tmp_path / "home") as books, books.read():
        assert {table: ask(path, query) for table, query in asked.items()} == before
    assert ask(path, "SELECT version_num FROM alembic_version") == [(migrate.HEAD,)]
    assert_sound(path)


def _open_and_write(home: str) -> int:
    with opened(Path(home)) as books:
        books.writer.write(a_request(books))
        with books.read() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM request").scalar_one())


def test_eight_processes_open_one_new_ledger(tmp_path: Path) -> None:
    home = tmp_path / "home"
    seen = in_processes(_open_and_write, [(str(home),)] * 8)
    path = home / "ledger.db"
    assert max(seen) == 8
    assert count(path) == count(path, "process") == 8
    assert ask(path, "SELECT version_num FROM alembic_version") == [(migrate.HEAD,)]
    assert not (home / "backups").exists()
    assert path.stat().st_mode & 0o777 == 0o600
    assert_sound(path)


def _upgrade(home: str, scripts: str) -> tuple[str | None, str, str | None]:
    done = migrate.upgrade(target_of(Path(home)), Path(scripts))
    return done.before, done.after, str(done.backup) if done.backup else None


def test_eight_processes_upgrade_one_old_ledger_once(ledger: Path, tmp_path: Path) -> None:
    scripts = scripts_with(tmp_path / "scripts")
    rows = ask(ledger, "SELECT * FROM request ORDER BY id")
    done = in_processes(_upgrade, [(str(ledger.parent), str(scripts))] * 8)
    winners = [each for each in done if each[2] is not None]
    assert [each[:2] for each in winners] == [(migrate.HEAD, "9002")]
    assert [each for each in done if each not in winners] == [("9002", "9002", None)] * 7
    assert ask(ledger, "SELECT * FROM request ORDER BY id") == rows
    assert ask(ledger, "SELECT * FROM note") == [("made by the upgrade",)]
    (saved,) = (ledger.parent / "backups").iterdir()
    assert str(saved) == winners[0][2]
    assert ask(saved, "SELECT * FROM request ORDER BY id") == rows
    assert ask(saved, "SELECT version_num FROM alembic_version") == [(migrate.HEAD,)]
    assert_sound(ledger)
    assert_sound(saved)


def everything(path: Path) -> list[Any]:
    """Schema and rows of every table, word for word."""
    schema = ask(path, "SELECT type, name, sql FROM sqlite_master ORDER BY type, name")
    tables = [name for kind, name, _ in schema if kind == "table"]
    return [schema, *(ask(path, f"SELECT * FROM {name}") for name in tables)]


@pytest.mark.parametrize(
    ("then", "why"),
    [
        ('raise RuntimeError("half-way")', "half-way"),
        ('op.execute("INSERT INTO nowhere VALUES (1)")', "no such table"),
        ('op.execute("DROP VIEW request_status")', "no such view"),
        (
            (
                "op.execute(\"INSERT INTO request SELECT 'x', 'nobody', NULL, NULL, 's', 'e', 'b',"
                ' NULL, started_at, day, NULL, NULL, NULL, NULL FROM request LIMIT 1")'
            ),
            "broke a reference in request",
        ),
    ],
    ids=["raises", "bad-sql", "view-is-gone", "broken-reference"],
)
def test_a_failing_migration_leaves_the_ledger_as_it_was(
    then: str, why: str, ledger: Path, tmp_path: Path
) -> None:
    before = everything(ledger)
    with pytest.raises(MigrationFailed, match=why) as caught:
        migrate.upgrade(target_of(ledger.parent), scripts_with(tmp_path / "scripts", then))
    assert str(ledger) in str(caught.value)
    assert everything(ledger) == before
    with opened(ledger.parent) as books:
        books.writer.write(a_request(books))
    assert count(ledger) == 6


def test_a_ledger_of_a_newer_version_is_refused(ledger: Path) -> None:
    with contextlib.closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '7777'")
    before = everything(ledger)
    books = books_at(ledger.parent)
    with pytest.raises(LedgerTooNew, match=r"7777.*install"):
        books.writer.write(a_request(books))
    with pytest.raises(LedgerTooNew), books.read():
        pass
    assert everything(ledger) == before
    assert not (ledger.parent / "backups").exists()


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE request (id TEXT)")
    before = path.read_bytes()
    books = books_at(tmp_path)
    with pytest.raises(LedgerUnavailable, match="no ledger") as caught:
        books.writer.write(a_request(books))
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"Dear diary, " * 1000)
    books = books_at(tmp_path)
    with pytest.raises(LedgerUnavailable, match="not a database") as caught:
        books.writer.write(a_request(books))
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"Dear diary, " * 1000


def test_no_backup_no_upgrade(ledger: Path, tmp_path: Path) -> None:
    (ledger.parent / "backups").write_text("a file where the folder should be", "utf-8")
    before = everything(ledger)
    with pytest.raises(MigrationFailed, match="not begun") as caught:
        migrate.upgrade(target_of(ledger.parent), scripts_with(tmp_path / "scripts"))
    assert "backups" in str(caught.value)
    assert everything(ledger) == before


def test_an_upgrade_killed_before_its_commit_is_done_by_the_next(tmp_path: Path) -> None:
    """What a kill leaves of a first opening: a marked, empty database in WAL mode."""
    path = tmp_path / "ledger.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA application_id=1279543122")
    with opened(tmp_path) as books:
        books.writer.write(a_request(books))
    assert count(path) == 1


def test_the_alembic_logger_of_the_host_keeps_its_handlers(ledger: Path, tmp_path: Path) -> None:
    import logging

    root = logging.getLogger()
    before = (list(root.handlers), root.level, root.disabled)
    migrate.upgrade(target_of(ledger.parent), scripts_with(tmp_path / "scripts"))
    assert (list(root.handlers), root.level, root.disabled) == before
    assert os.environ.get("LEDGER_URL") is None
