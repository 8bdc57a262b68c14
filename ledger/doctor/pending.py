"""What is not known yet: costs that are still asked for, and requests without an end."""

import datetime as dt
from collections.abc import Iterator

from sqlalchemy import text

from ledger import clock
from ledger.doctor.findings import Finding, Patient

# The provider has its record after 30 s; the schedule gives up long after this.
_OLD = dt.timedelta(hours=1)
_COUNTS = text("""
    SELECT
        count(CASE WHEN cost_grade = 'pending' THEN 1 END) AS pending,
        count(CASE WHEN cost_grade = 'pending' AND started_at < :old THEN 1 END) AS old,
        count(CASE WHEN cost_grade = 'unknown' AND status <> 'open' THEN 1 END) AS unknown,
        count(CASE WHEN status = 'open' AND started_at < :old THEN 1 END) AS left_open
    FROM request_status
""")


def requests(patient: Patient) -> Iterator[Finding]:
    """How many costs are pending, for how long, and how many nobody can say."""
    if not patient.has_books:
        return
    with patient.reading() as connection:
        old = clock.to_text(clock.now() - _OLD)
        found = connection.execute(_COUNTS, {"old": old}).one()
    if found.old:
        says = f"{found.pending} costs are pending, {found.old} of them for more than an hour."
        yield Finding("pending", "warn", says, "python -m ledger settle")
    else:
        yield Finding("pending", "ok", f"{found.pending} costs are pending, none for long.")
    if found.left_open:
        says = (
            f"{found.left_open} requests have no end: their process was killed, or still waits"
            " after an hour."
        )
        cure = "python -m ledger settle lists them; https://openrouter.ai/activity has their cost"
        yield Finding("pending", "warn", says, cure)
    if found.unknown:
        says = f"{found.unknown} requests ended with a cost that nobody can say."
        yield Finding("pending", "ok", says, "https://openrouter.ai/activity has it by time")
