"""One run of a program, as every row that it books names it."""

from ledger.books.base import Table, key, moment, number, text
from ledger.clock import Real


class Process(Table, table=True):
    """One run of a program: where it ran, as whom, from which commit of its checkout."""

    __tablename__ = "process"

    id: str = key()
    first_seen_at: Real.Moment = moment()
    host: str | None = text()
    os_user: str | None = text()
    pid: int | None = number()
    started_at: str | None = text()
    boot_id: str | None = text()
    program: str | None = text()
    git_commit: str | None = text()
    python_version: str | None = text()
    ledger_version: str | None = text()
