"""A view's rows as Parquet, a group of rows at a time: amounts are decimals, counts integers."""

import importlib
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from ledger import clock
from ledger.errors import SnapshotFailed
from ledger.settings import DISTRIBUTION

_ROWS_A_GROUP = 10_000
# 12 decimals are picodollars; 38 digits are the most that every reader knows.
_DIGITS, _PLACES = 38, 12
_COUNTS = ("_pico", "_requests", "_tokens", "_ms", "_length")
_COUNT_NAMES = frozenset(
    {
        "requests", "finished", "failed", "cancelled", "interrupted", "attempts", "tokens",
        "created", "streamed", "app_id",
    }
)  # fmt: skip
_COUNT_BEGINS = ("is_", "num_", "tokens_", "native_tokens_", "max_")
_TIMES = frozenset({"started_at", "ended_at", "settled_at", "last_attempt_at", "since", "period"})


class _Sink:
    """Where the writer writes to: what it wrote is taken away after each group."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: Any) -> int:
        """Keep some bytes."""
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """What is here stays until it is taken."""

    def take(self) -> bytes:
        """Everything since the last time."""
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def pieces(
    columns: Sequence[str], names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Iterator[bytes]:
    """The file, a group of rows at a time.

    Args:
        columns: as the view has them, which tells their types.
        names: what they are called in the file.
        rows: their values.

    Raises:
        SnapshotFailed: pyarrow is not installed.
    """
    arrow, parquet = _loaded("pyarrow"), _loaded("pyarrow.parquet")
    kinds = [_kind(arrow, column) for column in columns]
    schema = arrow.schema(
        [arrow.field(name, kind) for name, kind in zip(names, kinds, strict=True)]
    )
    sink, waiting = _Sink(), iter(rows)
    writer = parquet.ParquetWriter(
        arrow.PythonFile(sink, mode="w"), schema, compression="zstd", use_dictionary=True
    )
    while group := list(islice(waiting, _ROWS_A_GROUP)):
        arrays = [
            arrow.array([_value(column, value) for value in values], type=kind)
            for column, kind, values in zip(columns, kinds, zip(*group, strict=True), strict=True)
        ]
        writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
        yield sink.take()
    writer.close()
    yield sink.take()


def _loaded(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SnapshotFailed(
            f"Parquet needs pyarrow, which cannot be loaded: {error}.",
            hint=f"Install it with: pip install '{DISTRIBUTION}[parquet]'",
        ) from error


def _kind(arrow: Any, column: str) -> Any:
    """What a column holds, by its name: a view of no rows has the same types as any other."""
    if column.endswith("_usd"):
        return arrow.decimal128(_DIGITS, _PLACES)
    if column in _TIMES:
        return arrow.timestamp("us", tz="UTC")
    if column in _COUNT_NAMES or column.endswith(_COUNTS) or column.startswith(_COUNT_BEGINS):
        return arrow.int64()
    return arrow.string()


def _value(column: str, value: Any) -> Any:
    if value is None:
        return None
    if column.endswith("_usd"):
        return Decimal(value)
    if column in _TIMES:
        return clock.from_text(value)
    return int(value) if isinstance(value, int | Decimal) else value
