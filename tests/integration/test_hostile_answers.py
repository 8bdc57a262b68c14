"""Every hostile answer, by both drivers: one row of the right grade, and a reply or an error."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import hostile
import pytest
from callkit import CALLER, DRIVERS, KEY, call, change_config, failure, only, open_ledger
from hostile import ID, Hostile
from rawserver import RawServer

from ledger import clock, errors
from ledger.client import Ledger

LONGEST_S = 30.0


class Place(NamedTuple):
    """A ledger, its home, and the driver that it is called by."""

    ledger: Ledger
    home: Path
    driver: str


@pytest.fixture(scope="module", params=DRIVERS)
def place(
    engine: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    home = tmp_path_factory.mktemp(request.param) / "home"
    with hostile.server() as server, open_ledger(home, server.base_url) as ledger:
        yield Place(ledger, home, request.param)


@pytest.mark.parametrize("case", hostile.CASES, ids=lambda case: case.name)
def test_a_hostile_answer_is_one_row_and_a_reply_or_a_typed_error(
    place: Place, case: Hostile
) -> None:
    began = clock.monotonic()
    if case.kind is None:
        reply = call(place.ledger, place.driver, model=case.model, timeout=case.timeout_s)
        assert str(reply) == case.text
        said = (reply.request_id, reply.generation_id)
    else:
        error = failure(place.ledger, place.driver, model=case.model, timeout=case.timeout_s)
        assert type(error) is case.kind
        assert (error.caller, error.model) == (CALLER, case.model)
        assert error.http_status == case.http_status
        said = (error.request_id, error.generation_id)
    assert clock.monotonic() - began < LONGEST_S
    assert said[1] == (ID if case.has_id else None)
    _is_booked(place.home, case, said[0])


def _is_booked(home: Path, case: Hostile, request_id: str) -> None:
    """One request, one outcome, and what the view says of them."""
    row = only(
        home,
        "select o.* from request r join outcome o on o.id = r.id where r.model_asked = ?",
        case.model,
    )
    assert row["id"] == request_id
    assert row["generation_id"] == (ID if case.has_id else None)
    assert (row["status"], row["http_status"]) == (case.ends, case.http_status)
    assert (row["cost_grade"], row["cost_pico"]) == (case.grade, case.cost)
    assert row["flags"] == case.flags
    assert row["error_type"] == (case.kind.__name__ if case.kind else None)
    seen = only(home, "select status, cost_pico from request_status where id = ?", request_id)
    assert seen == {"status": case.ends, "cost_pico": case.cost}


# --- no answer at all ------------------------------------------------------------------------


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _no_tls(connection: socket.socket) -> None:
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\nThis is no TLS")


NOWHERE = {
    "refused": (errors.ConnectionRefused, "http://127.0.0.1:{closed}/v1"),
    "an unknown name": (errors.NameNotResolved, "https://no-such-host.invalid/v1"),
    "a name that is none": (errors.NameNotResolved, "https://" + "a" * 64 + ".invalid/v1"),
    "no TLS there": (errors.TlsFailed, "https://127.0.0.1:{plain}/v1"),
}


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", NOWHERE)
def test_where_nobody_answers_nothing_is_charged_and_the_reason_is_said(
    tmp_path: Path, name: str, driver: str
) -> None:
    kind, url = NOWHERE[name]
    home = tmp_path / "home"
    with RawServer(_no_tls) as plain:
        url = url.format(closed=_free_port(), plain=plain.port)
        with open_ledger(home, url) as ledger:
            error = failure(ledger, driver, model="m/x", timeout=20)
    assert type(error) is kind
    assert "Nothing was sent or charged" in error.hint
    row = only(home, "select status, cost_grade, error_type, http_status from outcome")
    assert row == {
        "status": "failed",
        "cost_grade": "not_charged",
        "error_type": kind.__name__,
        "http_status": None,
    }


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_silence_longer_than_a_read_may_last_is_an_error_of_its_own(
    tmp_path: Path, driver: str
) -> None:
    home = tmp_path / "home"
    with hostile.server() as server, open_ledger(home, server.base_url) as ledger:
        ledger._open()
        change_config(home / "api_json" / "openrouter_config.json", timeout_seconds=1)
        error = failure(ledger, driver, model="hostile/silence", timeout=60)
    assert type(error) is errors.SilenceTimeout
    row = only(home, "select status, cost_grade from outcome")
    assert row == {"status": "interrupted", "cost_grade": "unknown"}


MEASURED = """
import re, sys
from ledger import errors
from ledger.client import Ledger

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024

with Ledger(home=sys.argv[1], base_url=sys.argv[2], api_key=sys.argv[3], background=False) as books:
    books.get_response("x", model="hostile/cost 1e-7", caller="probe")
    before = peak()
    try:
        books.get_response("x", model="hostile/a bomb", caller="probe")
    except errors.AnswerInvalid:
        print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_half_a_gigabyte_in_half_a_megabyte_takes_no_more_than_the_bound(tmp_path: Path) -> None:
    with hostile.server() as server:
        ran = subprocess.run(
            [sys.executable, "-c", MEASURED, str(tmp_path / "home"), server.base_url, KEY],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
            env={**os.environ, "LEDGER_CALLERS_ROOT": str(tmp_path / "callers")},
        )
    grown = int(ran.stdout)
    print(f"a bomb of {hostile.BOMB_MIB} MiB: {grown} MiB more at the peak")
    assert grown < 100
