"""Times as files state them, as UTC moments: by their own offset, else by a zone's rules."""

import datetime as dt
import re
import zoneinfo

from ledger.errors import RequestInvalid
from ledger.exchange.imports.records import Fault

_FORM = re.compile(
    r"\s*(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,6})\d*)?"
    r"\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?\s*",
    re.ASCII | re.IGNORECASE,
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MONTH = re.compile(r"\d{4}-\d\d", re.ASCII)


class Zone:
    """The zone of times that do not name theirs.

    Args:
        name: an IANA zone; None is that of this machine.

    Attributes:
        name: as it is told.
        ambiguous: how many times came twice that day, when clocks went back: the first is meant.
        missing: how many times there never were, when clocks went forward: what the clock would
            have shown without that is meant.

    Raises:
        RequestInvalid: there is no such zone.
    """

    def __init__(self, name: str | None) -> None:
        self.name = name or "this machine's zone"
        self.ambiguous = self.missing = 0
        self._zone: dt.tzinfo | None = None
        if name is not None:
            try:
                self._zone = zoneinfo.ZoneInfo(name)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
                raise RequestInvalid(
                    f"There is no time zone {name!r}.", hint="Name one as in Europe/Warsaw or UTC."
                ) from None

    def utc(self, stated: str) -> dt.datetime:
        """The moment that a time means.

        Raises:
            Fault: it is no time.
        """
        moment = _parsed(stated)
        if moment.tzinfo is None:
            return self._local(moment)
        try:
            return moment.astimezone(dt.UTC)
        except OverflowError:
            raise Fault("the time is out of range") from None

    def _local(self, naive: dt.datetime) -> dt.datetime:
        try:
            first, second = (self._at(naive.replace(fold=fold)) for fold in (0, 1))
            if first != second:
                if self._shown(first) == naive:
                    self.ambiguous += 1
                else:
                    self.missing += 1
        except (OverflowError, OSError, ValueError):
            raise Fault("the time is out of range") from None
        return first

    def _at(self, naive: dt.datetime) -> dt.datetime:
        """By a naive time's own fold; without a zone, Python asks the machine."""
        aware = naive if self._zone is None else naive.replace(tzinfo=self._zone)
        return aware.astimezone(dt.UTC)

    def _shown(self, moment: dt.datetime) -> dt.datetime:
        return moment.astimezone(self._zone).replace(tzinfo=None, fold=0)


def day(text: object) -> str:
    """A day or a month, `2026-11-23` or `2026-11`, that is one.

    Raises:
        Fault: it isn't.
    """
    if isinstance(text, str):
        whole = f"{text}-01" if _MONTH.fullmatch(text) else text
        if _DAY.fullmatch(whole):
            try:
                dt.date.fromisoformat(whole)
            except ValueError:
                pass
            else:
                return text
    raise Fault("it is of no day or month")


def _parsed(stated: str) -> dt.datetime:
    found = _FORM.fullmatch(stated)
    if found is None:
        raise Fault("it has no time that can be read")
    date, time, fraction, zone = found.groups()
    time = time if time.count(":") > 1 else f"{time}:00"
    offset = "+00:00" if (zone or "").upper() in ("Z", "UTC") else zone or ""
    try:
        return dt.datetime.fromisoformat(f"{date}T{time}.{(fraction or '0').ljust(6, '0')}{offset}")
    except ValueError:
        raise Fault("its time is no time of a calendar and clock") from None
