"""What goes wrong with a question to the books."""

from ledger.errors.base import LedgerError


class QuestionInvalid(LedgerError):
    """A report, period, time zone or filter that cannot be one."""

    exit_code = 2


class StatementFailed(LedgerError):
    """The database could not run a statement: no SQL, or no such table or column."""

    exit_code = 2


class StatementRefused(StatementFailed):
    """A statement that does more than read what may be read; it was not run."""

    exit_code = 3


class StatementStopped(StatementFailed):
    """A statement that ran into a limit of time, memory or size; nothing of it is told."""

    exit_code = 1
