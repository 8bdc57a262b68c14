"""What requests come to, as the books add it up: by hours or days of a zone, and by names."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from sqlalchemy import Connection, text

from ledger import clock
from ledger.books import sql_files
from ledger.reports.usage import sources, zones
from ledger.reports.usage.question import TIMES, Question
from ledger.reports.usage.sources import Source
from ledger.reports.usage.zones import Span

Sums: TypeAlias = dict[str, int]
"""Figures by column: counts, tokens, and amounts in integer picodollars."""

_NO_KEY = "CAST(NULL AS text)"
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
        stale = connection.execute(text(self._sql["stale"].body), {"most": sources.MUCH_STALE})
        self._is_stale = stale.scalar_one() >= sources.MUCH_STALE
        limited = asked.period.is_limited
        self._stretches = asked.period.stretches(self._spans) if limited else []

    def sums(self, by: Sequence[str]) -> list[Found]:
        """What the requests that are asked for come to by none, one or two keys."""
        if not self._spans or (self._asked.period.is_limited and not self._stretches):
            return []
        values: dict[str, str] = {}
        source = sources.source(
            self._asked, by, self._spans, self._stretches, is_stale=self._is_stale
        )
        key, also = [*(self._key(source, name) for name in by), _NO_KEY, _NO_KEY][:2]
        query = self._sql[source.statement].body.format(
            key=key,
            also=also,
            joins=self._joins(by, values),
            conditions=self._conditions(source, values),
        )
        found = self._connection.execute(text(query), values)
        names = list(found.keys())[2:]
        return [
            *(
                Found(tuple(row[: len(by)]), dict(zip(names, map(int, row[2:]), strict=True)))
                for row in found
            ),
            *self._openings(by, dict.fromkeys(names, 0)),
        ]

    def _openings(self, by: Sequence[str], nothing: Sums) -> Iterator[Found]:
        """The same of opening balances, which nobody knows more of than day, caller and model."""
        asked = self._asked
        if asked.tag is not None:
            return
        values: dict[str, str] = {}
        is_of_callers = asked.caller is not None or {"caller", "member"} & set(by)
        values["other"] = "time" if is_of_callers else "caller"
        key, also = [*map(sources.opening_key, by), _NO_KEY, _NO_KEY][:2]
        conditions = f"s.breakdown <> :other AND {self._conditions(sources.OPENINGS, values)}"
        query = self._sql["openings"].body.format(key=key, also=also, conditions=conditions)
        for row in self._connection.execute(text(query), values):
            yield Found(tuple(row[: len(by)]), nothing | {"declared_pico": int(row[2])})

    def _offsets(self) -> list[Span]:
        """Of the zone, while requests started; none where there are none."""
        first, last = self._connection.execute(text(self._sql["extent"].body)).one()
        if first is None:
            return []
        period = self._asked.period
        window = period.window(dt.date.fromisoformat(first), dt.date.fromisoformat(last))
        return zones.spans(period.zone, *window)

    # --- keys -----------------------------------------------------------------------------

    def _key(self, source: Source, name: str) -> str:
        if name not in TIMES:
            return source.names[name]
        if source.is_of_days:
            return source.day
        pieces = [self._local(source, span, of_hours=name == "hour") for span in self._spans]
        cases = [
            f"WHEN {source.at} < '{clock.to_text(span.end)}' THEN {piece}"
            for span, piece in zip(self._spans[:-1], pieces[:-1], strict=True)
        ]
        return f"CASE {' '.join(cases)} ELSE {pieces[-1]} END" if cases else pieces[-1]

    def _local(self, source: Source, span: Span, *, of_hours: bool) -> str:
        seconds = int(span.offset.total_seconds())
        if not of_hours and not seconds:
            return source.day
        name = "local_hour" if of_hours else "local_day"
        local = self._sql[name].body.format(at=source.at, offset=f"{seconds:+d}")
        return f"{local} || '{_suffix(span.offset)}'" if of_hours else local

    def _joins(self, by: Sequence[str], values: dict[str, str]) -> str:
        joins = [_MEMBERS] if "member" in by else []
        if "tag" in by:
            joins.append(_TAGS)
            if self._asked.of is not None:
                joins.append("AND t.key = :of")
                values["of"] = self._asked.of
        return " ".join(joins)

    # --- conditions -----------------------------------------------------------------------

    def _conditions(self, source: Source, values: dict[str, str]) -> str:
        """What the rows must meet; the values of its parameters go into `values`."""
        asked, found = self._asked, ["1 = 1"]
        for name, wanted in (("caller", asked.caller), ("model", asked.model)):
            if wanted is not None:
                found.append(f"{source.names[name]} = :{name}")
                values[name] = wanted
        if asked.tag is not None:
            found.append(_TAGGED)
            values["tag_key"], values["tag_value"] = asked.tag
        if self._stretches:
            found.append(self._in_period(source, values))
        return " AND ".join(found)

    def _in_period(self, source: Source, values: dict[str, str]) -> str:
        either = []
        for number, edges in enumerate(self._stretches):
            for name, edge in zip(("start", "end"), map(clock.to_text, edges), strict=True):
                values[f"{name}_{number}"] = edge[:10] if source.is_of_days else edge
            either.append(f"{source.at} >= :start_{number} AND {source.at} < :end_{number}")
        return f"({' OR '.join(either)})"


def _suffix(offset: dt.timedelta) -> str:
    """An offset as hours are shown with it: `Z`, `+05:45`."""
    return dt.datetime.min.replace(tzinfo=dt.timezone(offset)).isoformat()[19:] if offset else "Z"
