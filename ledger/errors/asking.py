"""What goes wrong with a question to the books."""

from ledger.errors.base import LedgerError


class QuestionInvalid(LedgerError):
    """A report, period, time zone or filter that cannot be one."""

    exit_code = 2
