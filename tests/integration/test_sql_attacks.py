"""`sql` only reads: known attacks, attacks of our own, and generated ones, on both engines."""

import contextlib
import itertools
import random
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import engines
import pytest
from books_kit import opened
from callkit import open_ledger
from sqlkit import SECRET, filled, state

from ledger import clock
from ledger.books.readonly.jobs import Fault, Job, Limits
from ledger.books.readonly.runner import _where, readable
from ledger.client import Ledger
from ledger.errors import StatementFailed

NOWHERE = "http://127.0.0.1:9/v1"


class Attack(NamedTuple):
    name: str
    sqlite: str
    postgresql: str


ENDLESS = (
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n"
)
CROSS = "SELECT count(*) AS c FROM request a, request b, request c, request d, request e, request f"
DOUBLING = (
    "WITH RECURSIVE s (x, i) AS (SELECT 'xxxx', 1 UNION ALL SELECT x || x, i + 1 FROM s"
    " WHERE i < 28) SELECT max(length(x)) AS c FROM s"
)
ATTACKS = [
    Attack(
        "insert", "INSERT INTO caller (id) VALUES ('x')", "INSERT INTO caller (id) VALUES ('x')"
    ),
    Attack("update", "UPDATE outcome SET cost_pico = 0", "UPDATE outcome SET cost_pico = 0"),
    Attack(
        "a WITH that deletes",
        "WITH gone AS (SELECT id FROM outcome) DELETE FROM outcome WHERE id IN gone",
        "WITH gone AS (DELETE FROM outcome RETURNING id) SELECT * FROM gone",
    ),
    Attack(
        "replace or truncate",
        "REPLACE INTO caller SELECT * FROM caller",
        "TRUNCATE outcome CASCADE",
    ),
    Attack("drop", "DROP VIEW request_status", "DROP VIEW request_status CASCADE"),
    Attack(
        "a new table",
        "CREATE TABLE stolen AS SELECT * FROM request",
        "SELECT * INTO stolen FROM request",
    ),
    Attack(
        "a temporary table",
        "CREATE TEMP TABLE stolen AS SELECT 1",
        "CREATE TEMP TABLE stolen AS SELECT 1",
    ),
    Attack(
        "writing allowed again",
        "PRAGMA query_only=OFF",
        "SELECT set_config('transaction_read_only', 'off', false)",
    ),
    Attack(
        "another setting", "PRAGMA journal_mode=DELETE", "SET default_transaction_read_only = off"
    ),
    Attack(
        "another database",
        "ATTACH '{folder}/new.db' AS other",
        "CREATE EXTENSION dblink",
    ),
    Attack("a copy", "VACUUM INTO '{folder}/new.db'", "COPY request TO '{folder}/new.db'"),
    Attack("code", "SELECT load_extension('{folder}/x.so')", "LOAD 'auto_explain'"),
    Attack(
        "reading a file", "SELECT readfile('/etc/passwd')", "SELECT pg_read_file('/etc/passwd')"
    ),
    Attack(
        "a program",
        "SELECT writefile('{folder}/new.db', 'x')",
        "COPY (SELECT 1) TO PROGRAM 'touch {folder}/new.db'",
    ),
    Attack(
        "a second statement",
        "SELECT 1; DELETE FROM outcome",
        "SELECT 1; COMMIT; DELETE FROM settlement_attempt",
    ),
    Attack("a transaction of its own", "BEGIN IMMEDIATE", "COMMIT"),
    Attack("no end", ENDLESS, ENDLESS),
    Attack("a cross join", CROSS, CROSS),
    Attack(
        "a string of 476 MiB",
        "SELECT length(replace(printf('%0499122d', 1), '0', printf('%01000d', 1)))",
        "SELECT length(repeat('x', 499122176))",
    ),
]
MORE = {
    "sqlite": [
        "",
        " ; ",
        "-- nothing",
        "/* nothing */",
        "SELECT",
        "SELECT 1 /* ; */ ; -- \n DELETE FROM outcome",
        "EXPLAIN DELETE FROM outcome",
        "PRAGMA writable_schema=ON",
        "PRAGMA table_info(request)",
        "SELECT * FROM pragma_database_list",
        "SELECT * FROM pragma_query_only(0)",
        "SELECT count(*) FROM content",
        "SELECT text FROM content",
        "SELECT x.text FROM request AS r JOIN content AS x ON x.request_id = r.id",
        "WITH x AS (SELECT text FROM content) SELECT 1 FROM x",
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM content WHERE text LIKE 'the%')",
        "SELECT 'x\0y'",
        "SELECT '\ud800'",
        "SELECT randomblob(1000000000)",
        "SELECT hex(zeroblob(500000000))",
        "SELECT fts3_tokenizer('simple')",
        "SELECT sqlite_compileoption_get(1)",
        "SELECT edit('x')",
        "DETACH main",
        "REINDEX",
        "ANALYZE",
        "VACUUM",
        "SAVEPOINT x",
        "ROLLBACK",
        "ALTER TABLE request ADD COLUMN x",
        "CREATE TRIGGER t AFTER INSERT ON request BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE v USING fts5(x)",
        "INSERT INTO request DEFAULT VALUES RETURNING *",
        DOUBLING,
        "SELECT " + "(" * 5000 + "1" + ")" * 5000,
        "SELECT 1" + " UNION ALL SELECT 1" * 600,
        "SELECT " + "1," * 5000 + "1",
        "SELECT '" + "x" * 2_000_000 + "'",
        "SELECT usd(1.5)",
        "SELECT usd('1')",
        "SELECT sum(9223372036854775807) FROM request",
    ],
    "postgresql": [
        "",
        " ; ",
        "-- nothing",
        "SELECT 1) AS x; DELETE FROM outcome; --",
        "SELECT 1) AS x, (SELECT text FROM content",
        "SELECT 1; SELECT 2",
        "TABLE content",
        "SELECT text FROM content",
        "SELECT count(*) FROM content",
        "SELECT (SELECT max(text) FROM content)",
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM content WHERE text LIKE 'the%')",
        "WITH x AS (SELECT text FROM content) SELECT 1 AS y FROM x",
        "SELECT query_to_xml('select text from content', true, false, '')",
        "SELECT table_to_xml('content', true, false, '')",
        "SELECT database_to_xml(true, false, '')",
        "SELECT set_config('role', 'none', true), current_user",
        "SELECT set_config('statement_timeout', '0', false)",
        "SELECT current_setting('data_directory')",
        "SELECT pg_sleep(60)",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity",
        "SELECT pg_cancel_backend(1)",
        "SELECT rolpassword FROM pg_authid",
        "SELECT passwd FROM pg_shadow",
        "SELECT * FROM pg_stat_activity",
        "SELECT * FROM pg_hba_file_rules",
        "SELECT pg_ls_dir('/')",
        "SELECT pg_stat_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT lo_export(1, '/tmp/x')",
        "SELECT lo_create(0)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT pg_notify('x', 'y')",
        "SELECT pg_advisory_lock(1)",
        "SELECT nextval('x')",
        "SELECT pg_logical_emit_message(false, 'x', 'y')",
        "SELECT pg_reload_conf()",
        "SELECT pg_switch_wal()",
        "SELECT pg_create_restore_point('x')",
        "SELECT pg_stat_reset()",
        "SELECT txid_current()",
        "SELECT version()",
        "SELECT dblink('host=127.0.0.1', 'select 1')",
        "SELECT * FROM request FOR UPDATE",
        "SELECT * FROM request TABLESAMPLE SYSTEM (10) FOR SHARE",
        "COPY request TO STDOUT",
        "COPY request FROM '/etc/passwd'",
        "DO $$ BEGIN DELETE FROM outcome; END $$",
        "CALL x()",
        "LOCK TABLE request IN ACCESS EXCLUSIVE MODE",
        "LISTEN x",
        "EXPLAIN ANALYZE DELETE FROM outcome",
        "SHOW data_directory",
        "RESET ALL",
        "SET SESSION AUTHORIZATION postgres",
        "SET ROLE ledger",
        "BEGIN READ WRITE",
        "ROLLBACK",
        "DISCARD ALL",
        "DEALLOCATE ALL",
        "PREPARE x AS DELETE FROM outcome",
        "CREATE FUNCTION usd(text) RETURNS text LANGUAGE sql AS 'select $1'",
        "CREATE ROLE thief SUPERUSER",
        "ALTER SYSTEM SET log_statement = 'all'",
        "DROP DATABASE template1",
        "REFRESH MATERIALIZED VIEW request_status",
        "VACUUM",
        "CLUSTER",
        "MERGE INTO caller USING request ON true WHEN MATCHED THEN DELETE",
        "SELECT $1",
        "SELECT %s",
        "SELECT 'x\0y'",
        "SELECT '\ud800'",
        "SELECT usd(1.5)",
        "SELECT usd('NaN')",
        DOUBLING.replace("28", "40"),
    ],
}


def engine() -> str:
    return "sqlite" if engines.server() is None else "postgresql"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    filled(tmp_path / "home")
    return tmp_path / "home"


@contextlib.contextmanager
def unchanged(home: Path) -> Iterator[Ledger]:
    """A ledger; when it is closed, nothing is otherwise than before."""
    with open_ledger(home, NOWHERE) as ledger:
        ledger.sql("SELECT 1 AS x")  # whatever opening makes is there
    before = state(home)
    with open_ledger(home, NOWHERE) as ledger:
        yield ledger
    assert state(home) == before


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_ends_in_an_error_and_changes_nothing(home: Path, attack: Attack) -> None:
    statement = getattr(attack, engine()).replace("{folder}", str(home.parent))
    began = clock.monotonic()
    with unchanged(home) as ledger, pytest.raises(StatementFailed) as caught:
        ledger.sql(statement, seconds=1)
    assert clock.monotonic() - began < 15
    assert SECRET not in str(caught.value)
    assert not (home.parent / "new.db").exists()


def test_the_attacks_are_nineteen() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) == 19


class Direct:
    """The engine's guard alone, in this process: what `sql` runs in one of its own."""

    def __init__(self, home: Path) -> None:
        name = "sqlite" if engine() == "sqlite" else "postgres"
        self._guard = import_module(f"ledger.books.readonly.{name}")
        with opened(home) as books:
            self._where = _where(books)

    def rows(self, statement: str, seconds: float = 2) -> list[tuple[Any, ...]]:
        limits = Limits(seconds=seconds, rows=100)
        job = Job(engine(), self._where, statement, None, readable(engine()), limits)
        with self._guard.answered(job) as (_, rows):
            return list(itertools.islice(rows, limits.rows))


def test_more_attacks_change_nothing_either(home: Path) -> None:
    direct = Direct(home)
    direct.rows("SELECT 1 AS x")
    before = state(home)
    for statement in MORE[engine()]:
        with pytest.raises((Fault, ValueError)) as caught:
            direct.rows(statement)
        assert SECRET not in str(caught.value), statement
    assert state(home) == before


# What statements are made of, whole and broken, for both engines and for either.
_VERBS = (
    *("SELECT {e} FROM {r}", "SELECT {e} AS x FROM {r} WHERE id > 'b'") * 4,
    "SELECT {e} AS a, {e} AS b FROM {r} WHERE {e} = {e}",
    "WITH w AS (SELECT {e} AS a FROM {r}) SELECT a FROM w",
    "WITH w AS ({s}) SELECT 1 AS x",
    "SELECT * FROM ({s}) AS q",
    "SELECT {e} FROM {r} UNION ALL {s}",
    "SELECT count(*) FROM {r} GROUP BY {e} HAVING {e} > {e}",
    "INSERT INTO {r} SELECT {e}",
    "INSERT INTO {r} (id) VALUES ({e}) RETURNING id",
    "INSERT OR REPLACE INTO {r} SELECT * FROM {r}",
    "UPDATE {r} SET {c} = {e}",
    "DELETE FROM {r} WHERE {e} = {e}",
    "DELETE FROM {r}",
    "TRUNCATE {r} CASCADE",
    "DROP TABLE {r} CASCADE",
    "DROP VIEW {r}",
    "ALTER TABLE {r} RENAME TO {c}",
    "CREATE TABLE {c} AS {s}",
    "CREATE OR REPLACE VIEW {c} AS {s}",
    "CREATE INDEX {c} ON {r} (id)",
    "SELECT * INTO {c} FROM {r}",
    "PRAGMA {p}",
    "SET {p}",
    "ATTACH '{f}' AS {c}",
    "VACUUM INTO '{f}'",
    "COPY {r} TO '{f}'",
    "COPY {r} TO PROGRAM 'cat > {f}'",
    "EXPLAIN {s}",
    "{s}; {s}",
    "{s} -- {s}",
    "/* {s} */ {s}",
    "BEGIN; {s}; COMMIT",
    "DO $$ BEGIN {s}; END $$",
    "SELECT {e} FROM {r} FOR UPDATE",
)
_HARMLESS_EXPRESSIONS = ("1", "'x'", "NULL", "id", "day", "count(*)", "max(id)", "length(id)")
_EXPRESSIONS = (
    *_HARMLESS_EXPRESSIONS,
    *_HARMLESS_EXPRESSIONS,
    "cost_pico",
    "usd(sum(cost_pico))",
    "length({e})",
    "coalesce({e}, {e})",
    "({s})",
    "EXISTS ({s})",
    "{e} || {e}",
    "CAST({e} AS text)",
    "CASE WHEN {e} = {e} THEN {e} ELSE {e} END",
    "load_extension('{f}')",
    "writefile('{f}', 'x')",
    "pg_read_file('{f}')",
    "lo_export(1, '{f}')",
    "lo_create(0)",
    "set_config('{c}', 'off', false)",
    "nextval('{c}')",
    "query_to_xml('DELETE FROM {r}', true, true, '')",
    "pg_advisory_xact_lock(1)",
    "random()",
)
_RELATIONS = (
    *("request", "outcome", "request_status", "generation", "settlement_attempt") * 3,
    "daily_usage",
    "caller",
    "content",
    "sqlite_master",
    "pg_authid",
    "alembic_version",
    "({s}) AS q",
    "pragma_table_info('request')",
    "request AS a JOIN outcome AS b ON a.id = b.id",
    "stolen",
)
_WORDS = {
    "c": ("id", "day", "stolen", "cost_pico", "role", "transaction_read_only"),
    "p": (
        "query_only=OFF",
        "writable_schema=ON",
        "journal_mode=OFF",
        "role = none",
        "user_version=7",
        "default_transaction_read_only = off",
        "wal_checkpoint(TRUNCATE)",
        "SESSION AUTHORIZATION x",
    ),
}
_DEEPEST = 3


def generated(chance: random.Random, folder: Path) -> str:
    """A statement by a small grammar, broken here and there."""
    words = {
        "s": _VERBS, "e": _EXPRESSIONS, "r": _RELATIONS, "f": (f"{folder}/new.db",), **_WORDS
    }  # fmt: skip

    def grown(text: str, depth: int) -> str:
        def pick(found: re.Match[str]) -> str:
            kind = found[1]
            choices = words[kind]
            if depth >= _DEEPEST:
                choices = tuple(each for each in choices if "{" not in each) or ("SELECT 1",)
            return grown(chance.choice(choices), depth + 1)

        return re.sub(r"\{([a-z])\}", pick, text)

    made = grown(chance.choice(_VERBS), 0)
    if chance.random() < 0.1:
        place = chance.randrange(len(made))
        made = made[:place] + chance.choice(";'\"()-%:$\\") + made[place:]
    return made


def _run_generated(home: Path, count: int, seed: int) -> int:
    """How many of them ran; none changes anything."""
    direct = Direct(home)
    direct.rows("SELECT 1 AS x")
    before, chance, ran = state(home), random.Random(seed), 0
    for _ in range(count):
        statement = generated(chance, home.parent)
        with contextlib.suppress(Fault, ValueError):
            found = direct.rows(statement, seconds=0.1)
            assert SECRET not in str(found), statement
            ran += 1
    assert state(home) == before
    return ran


def test_generated_statements_change_nothing(home: Path) -> None:
    count = 300 if engine() == "sqlite" else 100
    ran = _run_generated(home, count, 7)
    assert 0.02 * count < ran < 0.8 * count  # a busy machine ends more of them


@pytest.mark.long
def test_a_thousand_generated_statements_change_nothing(home: Path) -> None:
    assert _run_generated(home, 1000, 11) > 100
