"""What a statement may use, and how job and answer pass between the two processes.

Nothing heavy is loaded here: the reading process starts with this.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

REFUSED, FAILED, STOPPED = "refused", "failed", "stopped"
"""Why there is no answer: it may not be run, it could not be, or it ran into a limit."""

_NUMBER = "number"
_ROWS_A_PIECE = 500
_BYTES_A_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a statement may take.

    Attributes:
        seconds: of running, in all.
        rows: that are told; what comes after is cut off, and said to be.
        bytes: of all that is told together.
        value_bytes: of one value, also of those on the way (SQLite).
        memory: bytes that the reading process may use, as far as the system can hold it to that.
        spilled: bytes of each temporary file that a sort may need, where the system can tell.
    """

    seconds: float = 30
    rows: int = 10_000
    bytes: int = 64 * 1024 * 1024
    value_bytes: int = 1_000_000
    memory: int = 1024 * 1024 * 1024
    spilled: int = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Job:
    """One statement to run.

    Attributes:
        engine: `sqlite` or `postgresql`.
        where: the path of the file, or what psycopg connects with.
        statement: the SQL.
        values: of its parameters, where it is one of ours.
        relations: tables and views that it may read.
        limits: how much it may take.
    """

    engine: str
    where: Any = field(repr=False)
    statement: str
    values: dict[str, Any] | None
    relations: tuple[str, ...]
    limits: Limits = Limits()

    def to_line(self) -> bytes:
        """The job as one line."""
        return json.dumps(asdict(self)).encode("ascii") + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Job":
        """The job of a line."""
        told = json.loads(line)
        limits = Limits(**told.pop("limits"))
        return cls(**told | {"relations": tuple(told["relations"]), "limits": limits})


class Fault(Exception):
    """No answer, why, and in whose words."""

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(said)
        self.kind = kind
        self.said = said


def cell_to_json(value: Any) -> Any:
    """A cell for the line: whole numbers and texts as they are, others by their exact text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return {_NUMBER: repr(value)}
    if isinstance(value, Decimal):
        return {_NUMBER: f"{value:f}" if value.is_finite() else str(value)}
    if isinstance(value, bytes | bytearray | memoryview):
        return f"x'{bytes(value).hex()}'"
    return json.dumps(value, default=str) if isinstance(value, dict | list) else str(value)


def cell_from_json(value: Any) -> Any:
    """The cell that `cell_to_json` wrote; a number with a point is a Decimal, never a float."""
    return _decimal(value[_NUMBER]) if isinstance(value, dict) else value


def _decimal(text: str) -> Decimal | int | str:
    number = Decimal(text)
    if not number.is_finite():
        return text
    return int(text) if text.lstrip("-").isdigit() else number


def pieces(rows: Iterator[tuple[Any, ...]], limits: Limits) -> Iterator[list[Any]]:
    """Rows as JSON cells, some at a time.

    Raises:
        Fault: they are more bytes than may be told.
    """
    waiting: list[list[Any]] = []
    size, told = 0, 0
    for row in rows:
        cells = [cell_to_json(value) for value in row]
        waiting.append(cells)
        size += sum(len(cell) if isinstance(cell, str) else 24 for cell in cells)
        if told + size > limits.bytes:
            raise Fault(STOPPED, f"the answer has more than {limits.bytes // 1024**2} MiB")
        if len(waiting) >= _ROWS_A_PIECE or size >= _BYTES_A_PIECE:
            yield waiting
            told += size
            waiting, size = [], 0
    yield waiting
