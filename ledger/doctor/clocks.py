"""The clock: against the newest rows of the books, and against the provider's."""

import datetime as dt
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx
from sqlalchemy import text

from ledger import clock as wall
from ledger.calls.pool import Pool
from ledger.calls.route import DEADLINE
from ledger.doctor.findings import Finding, Patient

_ASK_S = 5.0
# The provider's Date has whole seconds, and the answer takes a while.
_SMALL_S, _LARGE_S = 5, 300
_CURE = "Set the clock by a time server: days and months of the books follow it."
# Of neighbours by id, which never step back within a process, the later in time comes later.
_STEPPED = """
SELECT count(*) FROM (
    SELECT process_id, started_at,
        lag(started_at) OVER (PARTITION BY process_id ORDER BY id) AS before
    FROM (SELECT id, process_id, started_at FROM request ORDER BY id DESC LIMIT 1000) AS latest
) AS neighbours
WHERE started_at < before
"""


def clock(patient: Patient) -> Iterator[Finding]:
    """Whether it is behind the books, stepped back lately, or differs from the provider's."""
    if patient.has_books:
        yield from _against_the_books(patient)
    if patient.is_offline:
        return
    yield _against_the_provider(patient)


def _against_the_books(patient: Patient) -> Iterator[Finding]:
    with patient.reading() as connection:
        newest = connection.execute(text("SELECT max(started_at) FROM request")).scalar_one()
        stepped = connection.execute(text(_STEPPED)).scalar_one()
    ahead = 0.0 if newest is None else (wall.from_text(newest) - wall.now()).total_seconds()
    if ahead > _SMALL_S:
        says = f"The newest request started {ahead:.0f} s in the future: the clock stepped back."
        yield Finding("clock", "warn", says, _CURE)
    elif stepped:
        says = f"The clock stepped back in the middle of {stepped} of the last 1,000 requests."
        yield Finding("clock", "warn", says, _CURE)
    else:
        yield Finding("clock", "ok", "It is not behind the books, and did not step back lately.")


def _against_the_provider(patient: Patient) -> Finding:
    """The difference from the `Date` of any answer; no key is sent."""
    url = patient.desk.base_url(patient.desk.rules())
    try:
        said = _date_of(url)
    except (httpx.HTTPError, OSError) as error:
        says = f"{url} could not be asked for its time: {type(error).__name__}: {error}"
        return Finding("clock", "warn", says, "See to the connection, or ask with --offline.")
    if said is None:
        return Finding("clock", "ok", f"{url} was reached, and does not tell its time.")
    off = (wall.now() - said).total_seconds()
    if abs(off) <= _SMALL_S:
        return Finding("clock", "ok", f"It agrees with that of {url}.")
    way = "ahead of" if off > 0 else "behind"
    says = f"It is {abs(off):.0f} s {way} that of {url}."
    return Finding("clock", "fail" if abs(off) > _LARGE_S else "warn", says, _CURE)


def _date_of(url: str) -> dt.datetime | None:
    """The time that a server says it has; None where it does not.

    Raises:
        httpx.HTTPError: it can't be reached.
    """
    request = httpx.Request(
        "HEAD",
        url,
        extensions={
            "timeout": dict.fromkeys(("connect", "read", "write", "pool"), _ASK_S),
            DEADLINE: wall.monotonic() + _ASK_S,
        },
    )
    pool = Pool()
    try:
        response = pool.handle_request(request)
        response.stream.close()  # type: ignore[union-attr]
        moment = parsedate_to_datetime(response.headers.get("date", ""))
    except ValueError:
        return None
    finally:
        pool.close()
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
