"""Times as people write them on a command line."""

import datetime as dt
import re

import typer

_AGO = re.compile(r"(?P<count>\d{1,5})(?P<unit>[dh])")
_UNITS = {"d": dt.timedelta(days=1), "h": dt.timedelta(hours=1)}
FORMS = "2026-11-23, 2026-11-23T10:30Z, or 7d or 12h ago"


def moment(text: str) -> dt.datetime:
    """An aware moment; where no zone is named, the time is UTC.

    Raises:
        typer.BadParameter: it is no time.
    """
    from ledger import clock

    ago = _AGO.fullmatch(text.strip())
    try:
        if ago is not None:
            return clock.now() - int(ago["count"]) * _UNITS[ago["unit"]]
        found = dt.datetime.fromisoformat(text.strip())
        return found.replace(tzinfo=found.tzinfo or dt.UTC).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time: write {FORMS}.") from None
