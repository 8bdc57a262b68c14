"""`reconcile` as a command, and what is wrong with what it is given or told."""

import socket
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from callkit import CALLER, KEY, count, open_ledger
from freezegun import freeze_time
from rawserver import RawServer, answer, read_request

from ledger import errors
from ledger.__main__ import main
from ledger.client import Ledger
from ledger.openrouter import exact
from ledger.sandbox import Sandbox

MANAGEMENT = "sk-or-v1-" + "3b" * 32
MODEL = "openai/gpt-4o-mini"
NOW = "2026-11-23T12:00:00Z"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(management_keys=[MANAGEMENT]) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path, sandbox: Sandbox) -> Iterator[Ledger]:
    with open_ledger(home, sandbox.base_url) as opened, freeze_time("2026-11-20T12:00:00Z"):
        yield opened


@pytest.fixture
def environment(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    monkeypatch.setenv("OPENROUTER_MANAGEMENT_KEY", MANAGEMENT)
    monkeypatch.setenv("OPENROUTER_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("LEDGER_CALLERS_ROOT", str(tmp_path / "callers"))
    monkeypatch.setenv("LEDGER_BACKGROUND", "0")
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], home: Path, *words: str) -> tuple[int, str, str]:
    with freeze_time(NOW):
        code = main(["--home", str(home), "reconcile", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def call(ledger: Ledger, directives: str) -> Any:
    return ledger.get_response("Hello", model=f"sandbox/{directives}", caller=CALLER)


# --- the command --------------------------------------------------------------------------------


@pytest.mark.usefixtures("environment")
def test_the_command_says_what_differs_and_why(
    ledger: Ledger, home: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    call(ledger, "cost-0.1")
    sandbox.outside(model=MODEL, key=KEY, directives="cost-1e-7")
    code, out, _ = run(capsys, home, "--month", "2026-11")
    assert code == 0
    assert "not in the ledger" in out
    assert "0.0000001" in out
    assert "Nothing is unexplained." in out
    assert MANAGEMENT not in out
    code, out, _ = run(capsys, home, "--json")
    told = exact.loads(out)
    assert code == 0
    assert told["period"] == {"first": "2026-11-01", "last": "2026-11-23"}
    assert (told["ledger_usd"], told["provider_usd"]) == (Decimal("0.1"), Decimal("0.1000001"))
    (line,) = told["lines"]
    assert (line["kind"], line["difference_pico"]) == ("outside", 100_000)
    assert '"difference_usd": 0.0000001' in out


@pytest.mark.usefixtures("environment")
def test_an_unexplained_rest_above_the_tolerance_is_exit_code_1(
    ledger: Ledger, home: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    call(ledger, "cost-0.1")
    sandbox.reset()  # the provider forgets it
    code, out, _ = run(capsys, home)
    assert code == 1
    assert "calls that the provider does not know" in out
    assert "Unexplained: 0.1 USD, above the tolerance of 0.000001 USD." in out
    assert run(capsys, home, "--tolerance", "0.1")[0] == 0
    assert run(capsys, home, "--tolerance", "0.0999999")[0] == 1


@pytest.mark.usefixtures("environment")
def test_a_hostile_model_does_nothing_in_a_terminal(
    home: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    with freeze_time("2026-11-20T12:00:00Z"):
        sandbox.outside(model="evil/\x1b[2J\u202e[red]x", key=KEY, directives="cost-1")
    code, out, _ = run(capsys, home)
    assert code == 0
    assert "\x1b[2J" not in out
    assert "\u202e" not in out


# --- wrong times ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--month", "2026-13"], "'2026-13-01' is no day"),
        (["--month", "November"], "'November' is no month"),
        (["--month", "2026-1"], "'2026-1' is no month"),
        (["--month", "0001-01"], "is no day"),
        (["--month", "2026-12"], "2026-12 has not begun: it is 2026-11-23 (UTC)."),
        (["--since", "2026-11-24"], "2026-11-24 is after 2026-11-23"),
        (["--since", "2026-11-20", "--until", "2026-11-19"], "the period has no day"),
        (["--until", "2026-11-31"], "'2026-11-31' is no day"),
        (["--since", "2026-11-2٣"], "is no day"),
        (["--month", "2026-11", "--since", "2026-11-01"], "not both"),
        (["--tolerance", "much"], "'much' is no tolerance"),
        (["--tolerance", "-1"], "'-1' is no tolerance"),
        (["--tolerance", "NaN"], "'NaN' is no tolerance"),
        (["--tolerance", "1e9999999"], "is no tolerance"),
    ],
)
@pytest.mark.usefixtures("environment")
def test_a_wrong_time_or_tolerance_says_what_would_be_right(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    code, out, err = run(capsys, home, *words)
    assert code in {2, 3}
    assert said in err
    assert not out
    assert err.count("\n") == 1


def test_an_empty_month_has_nothing_to_explain(ledger: Ledger) -> None:
    with freeze_time(NOW):
        result = ledger.reconcile("2026-11", management_key=MANAGEMENT)
        old = ledger.reconcile("2020-02", management_key=MANAGEMENT)
    assert (result.lines, result.groups, result.rest_pico) == ((), (), 0)
    assert old.days == ()
    assert "the provider tells the last 30 completed days only" in old.notes[0]
    assert "2020-02-01 to 2020-02-29" in old.notes[0]


def test_days_that_the_provider_tells_no_more_are_named_and_not_compared(ledger: Ledger) -> None:
    with freeze_time("2026-10-20T12:00:00Z"):
        call(ledger, "cost-0.1")
        with pytest.raises(errors.ProviderUnavailable):
            call(ledger, "error-500")
    with freeze_time(NOW):
        result = ledger.reconcile("2026-10", management_key=MANAGEMENT)
    assert result.days[0] == "2026-10-24"
    assert (result.ledger_pico, result.rest_pico) == (0, 0)
    (line,) = result.lines
    assert (line.kind, line.note) == ("unknown", "the provider was not asked about this day")


# --- a wrong file --------------------------------------------------------------------------------

GOOD = "date,model,usage,requests\n2026-11-20,a/b,0.5,1\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column date"),
        ("a,b\n1,2\n", "no column date or model or usage"),
        ("date,model\n2026-11-20,a/b\n", "no column usage"),
        (GOOD + "2026-11-20,a/b,many,1\n", "at line 3: an amount"),
        (GOOD + "2026-11-20,a/b,NaN,1\n", "at line 3: a row without a usable usage:nan"),
        (GOOD + "2026-11-20,a/b,-1,1\n", "at line 3: a row without a usable usage:negative"),
        (GOOD + "2026-11-20,a/b,1e400,1\n", "at line 3: a row without a usable usage:range"),
        (GOOD + "2026-11-20,a/b,1,1.5\n", "at line 3: an amount or a number"),
        (GOOD + "2026-11-20,a/b,1,-1\n", "at line 3: a row without a usable requests"),
        (GOOD + "yesterday,a/b,1,1\n", "at line 3: a row without a usable date"),
        (GOOD + "2026-11-20,,1,1\n", "at line 3: a row without a usable model"),
        (GOOD + "2026-11-20\n", "at line 3"),
        (GOOD + '2026-11-20,"a/b,1,1\n', "no CSV at line"),
        (GOOD + "2026-11-20,a/b,1,1\x00\n", "line 3"),
        ("{}", "no column date"),
    ],
)
@pytest.mark.usefixtures("environment")
def test_a_file_that_is_no_activity_names_the_line(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    path = tmp_path / "activity.csv"
    path.write_text(text, "utf-8")
    code, out, err = run(capsys, home, "--activity", str(path))
    assert (code, out) == (3, "")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("environment")
def test_a_file_may_be_missing_a_folder_or_no_text(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "latin.csv").write_bytes(GOOD.encode() + b"\xff\xfe\n")
    for name, said in (
        ("none.csv", "No such file"),
        (".", "directory"),
        ("latin.csv", "no UTF-8 text"),
    ):
        code, _, err = run(capsys, home, "--activity", str(tmp_path / name))
        assert code == 3
        assert said in err


def test_a_file_in_another_order_and_spelling_is_read(ledger: Ledger, tmp_path: Path) -> None:
    ledger.get_response("Hello", model="sandbox/cost-0.5", caller=CALLER)
    path = tmp_path / "export.csv"
    text = "\ufeffRequests,Usage,Model,Extra,Date\r\n1,5E-1,sandbox/cost-0.5,x,2026-11-20 00:00:00"
    path.write_text(text + "\r\n\r\n" + "7,1,a/b,x,2026-09-01\r\n", "utf-8")
    with freeze_time(NOW):
        result = ledger.reconcile(activity=path)
    assert (result.lines, result.rest_pico) == ((), 0)
    assert result.provider_pico == result.ledger_pico == 500_000_000_000
    assert "1 rows of export.csv are of other days." in result.notes


# --- a provider that fails ------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ["key", "activity", "analytics", "credits"])
def test_an_error_in_the_middle_is_that_error_and_nothing_is_booked(
    ledger: Ledger, home: Path, sandbox: Sandbox, endpoint: str
) -> None:
    call(ledger, "cost-0.1")
    sandbox.outside(model=MODEL, key=KEY)
    for status, kind in ((500, errors.ProviderUnavailable), (429, errors.RateLimited)):
        sandbox.fail(status, endpoint=endpoint)
        with freeze_time(NOW), pytest.raises(kind):
            ledger.reconcile(management_key=MANAGEMENT)
    assert count(home, "credit_snapshot") == 0
    assert count(home, "generation") == 0
    with freeze_time(NOW):
        assert ledger.reconcile(management_key=MANAGEMENT).is_explained


def test_records_that_cannot_be_had_leave_six_decimals_and_say_so(
    ledger: Ledger, sandbox: Sandbox
) -> None:
    sandbox.outside(model=MODEL, key=KEY, directives="cost-0.0000001234")
    sandbox.fail(404, endpoint="generation", times=None)
    with freeze_time("2026-11-20T12:10:00Z"):
        result = ledger.reconcile(management_key=MANAGEMENT)
    (line,) = result.lines
    assert (line.kind, line.amount_pico, line.model) == ("outside", 0, None)
    assert "1 calls could not be looked up" in "".join(result.notes)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"data": {}}', b'{"data": [{"date": 5}]}', b'{"data": 1}']
)
def test_an_answer_that_is_none_is_a_typed_error(home: Path, body: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        asked = read_request(connection)
        said = b'{"data": {"usage": 0, "is_management_key": false}}'
        connection.sendall(answer(said if b"/key" in asked.split(b"\r\n")[0] else body))

    with (
        RawServer(serve) as server,
        open_ledger(home, server.base_url) as ledger,
        pytest.raises(errors.AnswerInvalid, match="activity"),
    ):
        ledger.reconcile(management_key=MANAGEMENT)


def test_a_provider_that_is_gone_is_a_failed_connection(home: Path) -> None:
    gone = "http://127.0.0.1:9/api/v1"
    with open_ledger(home, gone) as ledger, pytest.raises(errors.ConnectionFailed):
        ledger.reconcile(management_key=MANAGEMENT)


@pytest.mark.parametrize("key", ["n0 key", "sk-or-v1-\u0661", "sk-or-v1-" + "5a" * 32 + "\nx"])
def test_a_management_key_that_cannot_be_one_is_refused_without_being_shown(
    ledger: Ledger, key: str
) -> None:
    with pytest.raises(errors.KeyInvalid) as caught:
        ledger.reconcile(management_key=key)
    assert key not in str(caught.value)


def test_an_ordinary_key_in_place_of_a_management_key_says_which_is_needed(
    ledger: Ledger,
) -> None:
    with pytest.raises(errors.ManagementKeyRequired):
        ledger.reconcile(management_key=KEY)


def test_a_management_key_alone_is_enough(home: Path, sandbox: Sandbox) -> None:
    with open_ledger(home, sandbox.base_url, api_key=None) as ledger, freeze_time(NOW):
        with pytest.raises(errors.KeyMissing):
            ledger.reconcile()
        result = ledger.reconcile(management_key=MANAGEMENT)
    assert (result.source, result.lines) == ("activity", ())
