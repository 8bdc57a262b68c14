"""OpenRouter's activity as CSV: one row a generation, or one a day, model and endpoint.

Columns are found by their names, in any order; others are ignored. Times and days are UTC.
`byok_usage_inference` is what a provider charged beside the credits.
"""

import codecs
import csv
import datetime as dt
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ledger import clock
from ledger.exchange.imports import records, zones
from ledger.exchange.imports.account import BUCKET
from ledger.exchange.imports.opening import broken, open_plain
from ledger.exchange.imports.records import BadRow, Call, Fault, Record, Total

KIND = "activity"
_BOM = codecs.BOM_UTF8
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LONGEST = 1 << 20
_OF_CALLS = frozenset({"generation_id", "created_at"})
_OF_DAYS = frozenset({"date", "usage"})
_DAY = len("2026-11-23")
_Row = dict[str, str | None]


class _Broken(ValueError):
    """The file is no such CSV."""


class ActivitySource:
    """An activity export."""

    kind = KIND

    def __init__(self, path: Path) -> None:
        self._file = path
        self.path = os.path.abspath(path)  # noqa: PTH100 - a link stays as given
        self.digest: str | None = None
        found = path.stat()
        self.size: int | None = found.st_size
        self._state = found.st_size, found.st_mtime_ns
        self.last_day = clock.day_of(dt.datetime.fromtimestamp(found.st_mtime, dt.UTC))

    def records(self, progress: Callable[[int], None] | None = None) -> Iterator[Record]:
        """Every row.

        Raises:
            ImportFailed: the file is no such CSV, can't be read, or is being changed.
        """
        hashed = hashlib.sha256()
        with open_plain(self._file) as file:
            found = os.fstat(file.fileno())
            if self._state != (found.st_size, found.st_mtime_ns):
                raise broken(self.path, "it is changed while it is read", hint="Import it again.")
            rows = csv.reader(_lines(file, hashed.update, progress), strict=True)
            try:
                yield from self._rows(rows)
            except (_Broken, csv.Error) as error:
                raise broken(self.path, f"line {rows.line_num}: {error}") from None
        self.digest = hashed.hexdigest()

    def _rows(self, rows: Any) -> Iterator[Record]:
        names = [name.strip() for name in next(iter(rows), [])]
        read = _reader(names)
        for values in rows:
            if not values:
                continue
            place = f"line {rows.line_num}"
            if len(values) != len(names):
                said = f"it has {len(values)} cells, and the header {len(names)}"
                yield BadRow(self.path, place, said)
                continue
            try:
                yield read(place, dict(zip(names, values, strict=True)))
            except Fault as fault:
                yield BadRow(self.path, place, str(fault))


def is_header(head: bytes) -> bool:
    """Whether a file begins with a header of either form."""
    line = head.removeprefix(_BOM).splitlines()[:1]
    names = (
        {name.strip().strip('"') for name in line[0].decode("utf-8", "replace").split(",")}
        if line
        else set()
    )
    return names >= _OF_CALLS or names >= _OF_DAYS


def _lines(
    file: BinaryIO, update: Callable[[bytes], None], progress: Callable[[int], None] | None
) -> Iterator[str]:
    """The lines, in bounded memory."""
    done = 0
    while line := file.readline(_LONGEST):
        if not done:
            if line[:2] in _WIDE:
                raise _Broken("no CSV in UTF-8: it is UTF-16")
            update(line)
            line, done = line.removeprefix(_BOM), len(line)
        else:
            update(line)
            done += len(line)
        if len(line) == _LONGEST and not line.endswith(b"\n"):
            raise _Broken("a line has no end")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            raise _Broken("it is no UTF-8") from None
        if "\0" in text:
            raise _Broken("it holds NUL characters")
        if progress is not None:
            progress(done)
        yield text


def _reader(names: list[str]) -> Callable[[str, _Row], Record]:
    """What reads rows with these columns.

    Raises:
        _Broken: they are of neither form, or a name comes twice.
    """
    if len(set(names)) < len(names):
        raise _Broken("a column comes twice")
    if set(names) >= _OF_CALLS:
        return _call
    if set(names) >= _OF_DAYS:
        return _total
    raise _Broken("it has the columns of no activity export")


def _call(place: str, row: _Row) -> Call:
    generation_id = records.generation_id(row["generation_id"])
    if generation_id is None:
        raise Fault("it has no generation id")
    at = (row["created_at"] or "").strip()
    latency = records.first(row, "generation_time_ms", "latency_ms")
    return Call(
        place,
        stated_at=at if at[_DAY:].rstrip().endswith(("Z", "UTC")) or "+" in at else f"{at}Z",
        generation_id=generation_id,
        model=records.words(row.get("model_permaslug") or row.get("model"), "model"),
        provider=records.words(row.get("provider_name"), "provider"),
        status="cancelled" if (row.get("cancelled") or "").casefold() == "true" else "finished",
        prompt_tokens=records.count(row.get("tokens_prompt"), "tokens_prompt"),
        completion_tokens=records.count(row.get("tokens_completion"), "tokens_completion"),
        latency_ms=records.milliseconds(latency, "generation_time_ms"),
        cost=records.amount(records.first(row, "cost_total", "usage"), "cost_total"),
        upstream=records.amount(row.get("byok_usage_inference"), "byok_usage_inference"),
    )


def _total(place: str, row: _Row) -> Total:
    day = zones.day((row["date"] or "").strip()[:_DAY])
    if len(day) != _DAY:
        raise Fault("it is of no day")
    model = records.words(row.get("model") or row.get("model_permaslug"), "model")
    cost = records.amount(row["usage"], "usage")
    if cost is None:
        raise Fault("it states no usage")
    tokens = [records.count(row.get(name), name) for name in ("prompt_tokens", "completion_tokens")]
    which = records.first(row, "endpoint_id", "provider_name") or ""
    key = records.first(row, "api_key_hash", "workspace_id") or ""
    return Total(
        place,
        bucket=":".join((f"{BUCKET}{day}", model or "", which, key)).rstrip(":"),
        cost=cost,
        day=day,
        model=model,
        provider=records.words(row.get("provider_name"), "provider"),
        requests=records.count(row.get("requests"), "requests"),
        tokens=sum(each or 0 for each in tokens),
        upstream=records.amount(row.get("byok_usage_inference"), "byok_usage_inference"),
        is_of_account=True,
    )
