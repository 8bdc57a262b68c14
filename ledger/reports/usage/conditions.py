"""The conditions of reports that read requests one by one: whose they are, and of which time."""

from ledger import clock
from ledger.reports.usage import periods
from ledger.reports.usage.periods import Period


def of(period: Period, caller: str | None) -> tuple[str, dict[str, str]]:
    """What rows of `request_status AS s` must meet, as SQL and the values of its parameters."""
    found, values = ["1 = 1"], dict[str, str]()
    if caller is not None:
        found.append("s.caller = :caller")
        values["caller"] = caller
    for edge, name, sign in ((period.since, "since", ">="), (period.until, "until", "<")):
        if edge is not None:
            found.append(f"s.started_at {sign} :{name}")
            values[name] = clock.to_text(periods.instant(edge, period.zone))
    return " AND ".join(found), values
