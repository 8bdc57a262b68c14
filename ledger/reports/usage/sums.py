"""What requests come to, as the books add it up: by hours or days of a zone, and by names."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from sqlalchemy import Connection, text

from ledger import clock
from ledger.books import sql_files
from ledger.reports.usage import zones
from ledger.reports.usage.question import TIMES, Question
from ledger.reports.usage.zones import Span

Sums: TypeAlias = dict[str, int]
"""Figures by column: counts, tokens, and amounts in integer picodollars."""

_NO_KEY = "CAST(NULL AS text)"
_MODEL = "coalesce(s.model, s.model_asked)"
_NAMES = {
    "caller": "s.caller",
    "member": "m.member",
    "model": _MODEL,
    "provider": "s.provider",
    "tag": "t.key || '=' || t.value",
    "status": "s.status",
}
_MEMBERS = "LEFT JOIN chain_member AS m ON m.chain = s.chain"
_TAGS = "LEFT JOIN request_tag AS t ON t.request_id = s.id"
_TAGGED = "s.id IN (SELECT request_id FROM request_tag WHERE key = :tag_key AND value = :tag_value)"


class Found(NamedTuple):
    """The figures of one combination of keys; of weeks and months still those of each day."""

    keys: tuple[str | None, ...]
    sums: Sums


class Adder:
    """The statements of one question, for the engine and the days of some books."""

    def __init__(self, connection: Connection, asked: Question) -> None:
        self._connection = connection
        self._asked = asked
        self._sql = sql_files.load("reports", connection.dialect.name)
        self._spans = self._offsets()

    def sums(self, by: Sequence[str]) -> list[Found]:
        """What the requests that are asked for come to by none, one or two keys."""
        if not self._spans:
            return []
        values: dict[str, str] = {}
        key, also = [*(self._key(name) for name in by), _NO_KEY, _NO_KEY][:2]
        query = self._sql["members" if "member" in by else "added_up"].body.format(
            key=key, also=also, joins=self._joins(by, values), conditions=self._conditions(values)
        )
        found = self._connection.execute(text(query), values)
        names = list(found.keys())[2:]
        return [
            Found(tuple(row[: len(by)]), dict(zip(names, map(int, row[2:]), strict=True)))
            for row in found
        ]

    def _offsets(self) -> list[Span]:
        """Of the zone, while requests started; none where there are none."""
        first, last = self._connection.execute(text(self._sql["extent"].body)).one()
        if first is None:
            return []
        period = self._asked.period
        window = period.window(dt.date.fromisoformat(first), dt.date.fromisoformat(last))
        return zones.spans(period.zone, *window)

    # --- keys -----------------------------------------------------------------------------

    def _key(self, name: str) -> str:
        if name not in TIMES:
            return _NAMES[name]
        pieces = [
            self._local("local_hour" if name == "hour" else "local_day", span)
            for span in self._spans
        ]
        *earlier, last = zip(self._spans, pieces, strict=True)
        cases = [
            f"WHEN s.started_at < '{clock.to_text(span.end)}' THEN {piece}"
            for span, piece in earlier
        ]
        return f"CASE {' '.join(cases)} ELSE {last[1]} END" if cases else last[1]

    def _local(self, function: str, span: Span) -> str:
        seconds = int(span.offset.total_seconds())
        if function == "local_day" and not seconds:
            return "s.day"
        local = self._sql[function].body.format(at="s.started_at", offset=f"{seconds:+d}")
        return local if function == "local_day" else f"{local} || '{_suffix(span.offset)}'"

    def _joins(self, by: Sequence[str], values: dict[str, str]) -> str:
        joins = [_MEMBERS] if "member" in by else []
        if "tag" in by:
            joins.append(_TAGS)
            if self._asked.of is not None:
                joins.append("AND t.key = :of")
                values["of"] = self._asked.of
        return " ".join(joins)

    # --- conditions -----------------------------------------------------------------------

    def _conditions(self, values: dict[str, str]) -> str:
        """What the requests must meet; the values of its parameters go into `values`."""
        asked, found = self._asked, ["1 = 1"]
        for name, column, wanted in (
            ("caller", "s.caller", asked.caller),
            ("model", _MODEL, asked.model),
        ):
            if wanted is not None:
                found.append(f"{column} = :{name}")
                values[name] = wanted
        if asked.tag is not None:
            found.append(_TAGGED)
            values["tag_key"], values["tag_value"] = asked.tag
        if asked.period.is_limited:
            found.append(self._in_period(values))
        return " AND ".join(found)

    def _in_period(self, values: dict[str, str]) -> str:
        either = []
        for number, (start, end) in enumerate(self._asked.period.stretches(self._spans)):
            values |= {f"start_{number}": clock.to_text(start), f"end_{number}": clock.to_text(end)}
            either.append(f"s.started_at >= :start_{number} AND s.started_at < :end_{number}")
        return f"({' OR '.join(either) or '1 = 0'})"


def _suffix(offset: dt.timedelta) -> str:
    """An offset as hours are shown with it: `Z`, `+05:45`."""
    return dt.datetime.min.replace(tzinfo=dt.timezone(offset)).isoformat()[19:] if offset else "Z"
