"""What came from files and from other ledgers, and the totals that they state without calls.

Their amounts are declared: somebody's file says so, and neither an answer nor the provider's own
record does. They are summed in a column of their own.
"""

from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, Text
from sqlmodel import Field, UniqueConstraint

from ledger.books.base import (
    Table,
    amount,
    key,
    may_point_to,
    moment,
    not_negative,
    number,
    one_of,
    points_to,
    required_amount,
    required_text,
    strict,
    text,
)
from ledger.clock import Real


class ImportedFile(Table, table=True):
    """A file, as it was when something of it was booked.

    `series` is the id of the first such row of the same file, which may have grown or been moved
    since; `digest` the SHA-256 of its bytes.
    """

    __tablename__ = "imported_file"
    __table_args__: ClassVar[Any] = strict(
        not_negative("size"), Index("ix_imported_file_path", "path")
    )

    id: str = key()
    process_id: str = points_to("process.id")
    at: Real.Moment = moment()
    kind: str = required_text()
    path: str = required_text()
    digest: str | None = text()
    size: int | None = number()
    zone: str | None = text()
    series: str = required_text()


class ImportedCall(Table, table=True):
    """What a file says of one call. Its id is the request's.

    `key` tells the call from all others, so that it is booked once: its generation id, else a
    digest of what the file says. `place` is where it stands in the file, `stated_at` its time
    there, to the letter.
    """

    __tablename__ = "imported_call"
    __table_args__: ClassVar[Any] = strict(
        UniqueConstraint("key"),
        not_negative("cost_pico", "upstream_pico"),
        Index("ix_imported_call_file_id", "file_id"),
    )

    id: str = Field(primary_key=True, sa_type=Text, sa_column_args=[ForeignKey("request.id")])
    file_id: str = points_to("imported_file.id")
    key: str = required_text()
    place: str = required_text()
    stated_at: str = required_text()
    stated_day: str = required_text()
    cost_pico: int | None = amount()
    upstream_pico: int | None = amount()
    cost_text: str | None = text()


class OpeningBalance(Table, table=True):
    """What a file's total states beyond the calls that are known one by one.

    A file tells its totals by time and again by caller, and nobody can say which caller spent
    what on which day. So a row has a breakdown: `all` counts in every report, `time` in all but
    those by caller, `caller` in those alone; the two add up to the same. `bucket` is the total's
    name in the file, `day` the UTC day that it is booked on: a month's first, and of a total
    without a time the first day that the file knows. Rows of one bucket add up: a later one
    corrects an earlier, up where the total grew, down where calls became known one by one.
    """

    __tablename__ = "opening_balance"
    __table_args__: ClassVar[Any] = strict(
        one_of("breakdown", "all", "time", "caller"),
        Index("ix_opening_balance_file_id", "file_id"),
        Index("ix_opening_balance_day", "day"),
    )

    id: str = key()
    file_id: str = points_to("imported_file.id")
    at: Real.Moment = moment()
    source: str = required_text()
    breakdown: str = required_text()
    bucket: str = required_text()
    day: str = required_text()
    caller_id: str | None = may_point_to("caller.id")
    model: str | None = text()
    provider: str | None = text()
    requests: int | None = number()
    tokens: int | None = number()
    cost_pico: int = required_amount()
    upstream_pico: int | None = amount()
    stated_pico: int = required_amount()
    stated_requests: int | None = number()
    stated_tokens: int | None = number()
