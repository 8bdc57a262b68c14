"""`sql`: exact answers on both engines, in every form, and the statements that are shipped."""

import csv
import io
import json
import secrets
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import engines
import pytest
from callkit import open_ledger, rows
from sqlkit import HOSTILE, SECRET, filled

from ledger import money
from ledger.__main__ import main
from ledger.client import Ledger
from ledger.errors import (
    NotFoundInLedger,
    QuestionInvalid,
    StatementFailed,
    StatementRefused,
    StatementStopped,
)
from ledger.openrouter import exact
from ledger.reports.named import all_named

NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    filled(tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    with open_ledger(home, NOWHERE) as opened:
        yield opened


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str, code: int = 0) -> tuple[str, str]:
        assert main(["--home", str(home), "sql", *words]) == code
        captured = capsys.readouterr()
        return captured.out, captured.err

    return run


def test_usd_is_exact_text_on_every_engine(ledger: Ledger) -> None:
    found = ledger.sql(
        "SELECT caller, count(*) AS n, sum(total_pico) AS pico, usd(sum(total_pico)) AS usd"
        " FROM request_status WHERE caller LIKE 'flow%' GROUP BY caller ORDER BY caller"
    )
    assert found.columns == ("caller", "n", "pico", "usd")
    assert [row[0] for row in found.rows] == ["flow_a", "flow_b"]
    for _, _, pico, usd in found.rows:
        assert isinstance(pico, int)
        assert usd == money.usd_text(pico)
    assert found.warnings == ()
    edges = [0, 1, -1, 10**12, -(10**12) - 5, 2**63 - 1, -(2**63 - 1), 123_000_000]
    asked = ", ".join(f"usd({pico}) AS u{place}" for place, pico in enumerate(edges))
    (row,) = ledger.sql(f"SELECT {asked}, usd(NULL) AS missing").rows
    assert row == (*map(money.usd_text, edges), None)


READS = [
    "SELECT day, sum(cost_pico) OVER (ORDER BY day, id) AS x FROM request_status",
    "WITH a AS (SELECT * FROM request) SELECT count(*) AS x FROM a",
    "WITH a AS (SELECT 1 AS x), b AS (SELECT 2 AS y) SELECT count(*) AS n FROM a, b",
    "SELECT id, id FROM request",
    "SELECT r.id, o.id FROM request AS r LEFT JOIN outcome AS o ON o.id = r.id",
    "VALUES (1, 'x'), (2, 'y')",
    "SELECT lower(caller), upper(caller), substr(day, 1, 7), trim(day) FROM request_status;",
    "  -- a comment\n SELECT 1 AS x -- another ; one\n ;  ",
    "/* ; */ SELECT ';--' AS x",
    "SELECT CASE WHEN cost_pico > 0 THEN 'a' ELSE 'b' END AS x FROM request_status",
    "SELECT model AS m, count(DISTINCT day) AS d FROM request_status GROUP BY 1 ORDER BY 1",
    "SELECT model AS m FROM request_status GROUP BY 1 HAVING count(*) > 1 LIMIT 2 OFFSET 1",
    "SELECT 1 AS x UNION ALL SELECT 2 EXCEPT SELECT 3",
    "SELECT count(*) AS n FROM request_status WHERE id IN (SELECT id FROM outcome)",
    "SELECT CAST(cost_pico AS text) AS x, abs(-1) AS y, round(1) AS z FROM request_status",
    "SELECT count(*) AS n FROM daily_usage UNION ALL SELECT count(*) FROM listed_models",
    "SELECT replace(day, '-', '/') AS x, length(id) AS y FROM request_status",
    "SELECT max(day) AS x, min(day) AS y, avg(latency_ms) AS z FROM request_status",
    "SELECT rank() OVER (PARTITION BY caller ORDER BY cost_pico) AS x FROM request_status",
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n",
]


def test_what_only_reads_runs(ledger: Ledger) -> None:
    for statement in READS:
        assert ledger.sql(statement).rows, statement


def test_what_does_not_run_says_why(ledger: Ledger) -> None:
    for statement, kind, says in (
        ("SELECT missing FROM request", StatementFailed, "missing"),
        ("SELECT 1 FROM nowhere", StatementFailed, "nowhere"),
        ("SELECT 1 FRM request", StatementFailed, "request"),
        ("DELETE FROM outcome", StatementRefused, "refused"),
        ("SELECT text FROM content", StatementRefused, "it reads content"),
    ):
        with pytest.raises(StatementFailed, match=says) as caught:
            ledger.sql(statement)
        assert type(caught.value) is kind, statement


def test_time_is_a_limit(ledger: Ledger) -> None:
    endless = (
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS x FROM n"
    )
    with pytest.raises(StatementStopped, match="more than 1 s"):
        ledger.sql(endless, seconds=1, rows=10**9)
    assert ledger.sql(endless, rows=2).rows == [(1,), (2,)]


def test_rows_are_a_limit_and_it_is_said(ledger: Ledger) -> None:
    found = ledger.sql("SELECT id FROM request ORDER BY id", rows=5)
    assert (len(found.rows), found.is_cut) == (5, True)
    assert "more rows than the 5" in found.warnings[0]
    assert not ledger.sql("SELECT id FROM request ORDER BY id", rows=24).is_cut


def test_an_answer_that_is_too_large_is_stopped(ledger: Ledger) -> None:
    large = (
        "WITH RECURSIVE s (x, i) AS (SELECT 'xxxxxxxx', 1 UNION ALL SELECT x || x, i + 1 FROM s"
        " WHERE i < 16), n (j) AS (SELECT 1 UNION ALL SELECT j + 1 FROM n WHERE j < 1000)"
        " SELECT x FROM s, n WHERE i = 16"
    )
    with pytest.raises(StatementStopped, match="MiB"):
        ledger.sql(large)


SUMS = [
    "SELECT sum(cost_usd) FROM request_status",
    "SELECT TOTAL ( r.cost_usd ) FROM request_status r",
    "SELECT sum(CAST(total_usd AS numeric)) AS x FROM request_status",
    "SELECT max(cost_usd) AS x FROM request_status",
]


def test_a_sum_over_usd_is_warned_of(ledger: Ledger) -> None:
    for statement in SUMS:
        try:
            said = " ".join(ledger.sql(statement).warnings)
        except StatementFailed as error:  # a server has no sum of texts
            said = str(error)
        assert "usd(sum(cost_pico))" in said


def test_no_warning_without_a_cause(ledger: Ledger) -> None:
    for statement in (
        "SELECT usd(sum(cost_pico)) AS cost_usd FROM request_status",
        "SELECT 'sum(cost_usd)' AS x -- sum(cost_usd)\n FROM request",
        "SELECT avg(latency_ms) AS x FROM request_status",
    ):
        assert ledger.sql(statement).warnings == ()


def test_no_float_comes_out(ledger: Ledger) -> None:
    found = ledger.sql(
        "SELECT 0.1 + 0.2 AS x, 1.0 / 3 AS y, sum(cost_pico) * 1.5 AS z FROM outcome"
    )
    assert not [value for value in found.rows[0] if isinstance(value, float)]
    if engines.server() is None:
        assert "not exact" in found.warnings[0]


# --- forms -------------------------------------------------------------------------------------


AMOUNTS = (
    "SELECT caller, count(*) AS requests, usd(sum(total_pico)) AS total_usd,"
    " usd(-sum(total_pico)) AS less_usd FROM request_status GROUP BY caller ORDER BY caller"
)


def test_json_has_exact_numbers(run: Any, ledger: Ledger) -> None:
    said, _ = run(AMOUNTS, "--json")
    assert "E-" not in said
    found = exact.loads(said)
    assert found["columns"] == ["caller", "requests", "total_usd", "less_usd"]
    expected = {row[0]: Decimal(row[2]) for row in ledger.sql(AMOUNTS).rows}
    assert {row["caller"]: row["total_usd"] for row in found["rows"]} == expected
    assert (found["is_cut"], found["warnings"]) == (False, [])
    again = exact.loads(run("SELECT 1 AS x, 2 AS x, NULL AS y", "--json")[0])
    assert again["rows"] == [{"x": 1, "x_2": 2, "y": None}]


def test_a_hostile_cell_does_nothing_in_any_form(run: Any) -> None:
    shown, _ = run(AMOUNTS)
    assert "\x1b" not in shown
    assert "\\x1b[2J" in shown
    cells = next(
        row for row in csv.reader(io.StringIO(run(AMOUNTS, "--csv")[0])) if "cmd" in row[0]
    )
    assert cells[0].startswith("'=cmd")
    assert Decimal(cells[2]) == -Decimal(cells[3])
    marked = next(line for line in run(AMOUNTS, "--markdown")[0].splitlines() if "cmd" in line)
    assert "<script" not in marked
    assert "\x1b" not in marked
    assert len(marked.replace("\\|", "").split("|")) == 6
    named, _ = run("SELECT '=1+1' AS x_usd, '@x' AS \"=evil\"", "--csv")
    assert named.splitlines() == ["x_usd,'=evil", "'=1+1,'@x"]


def test_markdown_is_a_table(run: Any) -> None:
    lines = run("SELECT 1 AS n, 'a|b' AS t, NULL AS z", "--markdown")[0].splitlines()
    assert lines == ["| n | t | z |", "| ---: | --- | --- |", "| 1 | a\\|b |  |"]


def test_the_statement_can_come_from_a_file_or_stdin(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "asked.sql"
    path.write_text("-- how many\nSELECT count(*) AS n\nFROM request;\n", "utf-8")
    assert exact.loads(run("--file", str(path), "--json")[0])["rows"] == [{"n": 24}]
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 7 AS n"))
    assert exact.loads(run("--file", "-", "--json")[0])["rows"] == [{"n": 7}]
    assert "cannot be read" in run("--file", str(tmp_path / "none.sql"), code=2)[1]
    assert "not both" in run("SELECT 1", "--file", str(path), code=2)[1]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "--list"),
        (("SELECT 1", "--json", "--csv"), 2, "Choose one"),
        (("SELECT 1", "--nope", "x"), 2, "nope"),
        (("SELECT", "1"), 2, "quotes"),
        (("DROP TABLE request",), None, "statement"),
        (("nobody_named_me",), 1, "--list"),
        (("caller_month",), 2, "--month"),
        (("caller_month", "--month"), 2, "no value"),
        (("caller_month", "--month", "2026-13"), 2, "no month"),
        (("caller_month", "--month", "2026-11' OR 1=1"), 2, "no month"),
        (("caller_month", "--mnth", "2026-11"), 2, "no parameter 'mnth'"),
        (("dearest", "--month", "2026-11", "--top", "many"), 2, "no integer"),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    home: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int | None,
    says: str,
) -> None:
    found = main(["--home", str(home), "sql", *words])
    said = capsys.readouterr()
    assert found == code or (code is None and found in (2, 3))
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert says in said.err


def test_warnings_go_to_stderr(run: Any) -> None:
    said, warned = run("SELECT id FROM request", "--limit", "3", "--csv")
    assert len(said.splitlines()) == 4
    assert warned.startswith("warning: There are more rows than the 3")


# --- the statements that are shipped -----------------------------------------------------------

GIVEN: dict[str, dict[str, Any]] = {
    "month": {"month": "2026-11"},
    "caller": {"caller": "flow_a"},
    "since": {"since": "2026-11-01"},
    "model": {"model": "maker/m0"},
}


def test_every_shipped_statement_runs(ledger: Ledger) -> None:
    for named in ledger.named_statements():
        given: dict[str, Any] = {}
        for each in named.parameters:
            given |= GIVEN[each.name] if each.default is None else {}
        found = ledger.ask_named(named.name, given)
        assert found.rows or named.name == "one_generation_twice", named.name
        assert found.warnings == ()


def test_the_month_of_each_caller_equals_a_plain_sum(ledger: Ledger, home: Path) -> None:
    expected: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows(home, "SELECT caller, total_pico FROM request_status WHERE day < '2026-12-01'"):
        expected[row["caller"]][0] += 1
        expected[row["caller"]][1] += row["total_pico"] or 0
    found = ledger.ask_named("caller_month", {"month": "2026-11"})
    assert {row[0]: [row[1], row[3]] for row in found.rows} == {
        name: [count, money.usd_text(pico)] for name, (count, pico) in expected.items()
    }
    assert ledger.ask_named("caller_month", {"month": "2025-01"}).rows == []


def test_values_are_bound_and_never_part_of_the_statement(ledger: Ledger) -> None:
    for hostile in ("flow_a' OR '1'='1", "%", "x%s%(y)s:z", HOSTILE, "\\"):
        found = ledger.ask_named("caller_days", {"caller": hostile, "since": "2026-01-01"})
        assert bool(found.rows) == (hostile == HOSTILE)


def test_named_statements_by_command(run: Any) -> None:
    listed, _ = run("--list")
    assert "caller_month: what each caller spent in a month" in listed
    assert "    --month MONTH: the UTC month, such as 2026-11" in listed
    told = exact.loads(run("--list", "--json")[0])
    assert {each["name"] for each in told} == {each.name for each in all_named()}
    first = exact.loads(run("caller_month", "--month", "2026-11", "--json")[0])
    again = exact.loads(run("caller_month", "--month=2026-11", "--json")[0])
    assert first == again
    assert {row["caller"] for row in first["rows"]} == {"flow_a", "flow_b", HOSTILE}


def test_unknown_names_and_values_are_typed_errors(ledger: Ledger) -> None:
    with pytest.raises(NotFoundInLedger):
        ledger.ask_named("no_such")
    with pytest.raises(QuestionInvalid, match="must be told the month"):
        ledger.ask_named("caller_month")
    with pytest.raises(QuestionInvalid):
        ledger.ask_named("dearest", {"month": "2026-11", "top": -1})


# --- a role that may only read -----------------------------------------------------------------


@pytest.fixture
def reader_url(home: Path) -> Iterator[Any]:
    """A function that makes a role which may only SELECT, and tells its URL."""
    server = engines.server()
    if server is None:
        pytest.skip("a file has no roles")
    database, role = engines.database_of(home), f"reader_{secrets.token_hex(4)}"

    def make(*, temporary: bool) -> str:
        with server.connect(database) as connection:
            connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
            connection.execute(f'REVOKE TEMP ON DATABASE "{database}" FROM PUBLIC')
            connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
            connection.execute(f"REVOKE SELECT ON content FROM {role}")
            if temporary:
                connection.execute(f'GRANT TEMP ON DATABASE "{database}" TO {role}')
        return f"postgresql+psycopg://{role}:x@127.0.0.1:{server.port}/{database}"

    yield make
    with server.connect(database) as connection:
        connection.execute(f"DROP OWNED BY {role}")
        connection.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize("temporary", [True, False])
def test_a_role_that_may_only_read_is_enough(
    home: Path, reader_url: Any, *, temporary: bool
) -> None:
    with open_ledger(home, NOWHERE, url=reader_url(temporary=temporary)) as ledger:
        assert ledger.sql("SELECT count(*) AS n FROM request_status").rows == [(24,)]
        assert ledger.ask_named("caller_month", {"month": "2026-11"}).rows
        for statement in (
            "SELECT text FROM content",
            "DELETE FROM outcome",
            "WITH x AS (DELETE FROM outcome RETURNING 1) SELECT 1 AS y FROM x",
            "SELECT pg_read_file('/etc/passwd')",
            "SELECT lo_export(1, '/tmp/x')",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT 1; SELECT 2",
            "SET default_transaction_read_only = off",
            "SELECT rolpassword FROM pg_authid",
        ):
            with pytest.raises(StatementFailed) as caught:
                ledger.sql(statement)
            assert SECRET not in str(caught.value)


def test_a_role_that_may_write_and_make_no_view_is_refused(home: Path, reader_url: Any) -> None:
    url = reader_url(temporary=False)
    role = url.partition("//")[2].partition(":")[0]
    server = engines.server()
    assert server is not None
    with server.connect(engines.database_of(home)) as connection:
        connection.execute(f"GRANT DELETE ON outcome TO {role}")
    with (
        open_ledger(home, NOWHERE, url=url) as ledger,
        pytest.raises(StatementRefused, match="name a role that may only SELECT"),
    ):
        ledger.sql("SELECT 1 AS x")


def test_the_list_as_json_is_one_document(run: Any) -> None:
    assert isinstance(json.loads(run("--list", "--json")[0]), list)
