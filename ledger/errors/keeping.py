"""What goes wrong with the books themselves and the files made from them."""

from ledger.errors.base import LedgerError


class LedgerUnavailable(LedgerError):
    """The books cannot be opened or written, so no call is made."""

    exit_code = 4


class LedgerBusy(LedgerUnavailable):
    """Another writer held the books for longer than a writer waits."""


class LedgerTooNew(LedgerUnavailable):
    """The books were written by a newer version of this package."""


class UpgradeRequired(LedgerUnavailable):
    """A server database whose schema is older than this package."""


class MigrationFailed(LedgerUnavailable):
    """An upgrade failed; the books are as they were before it."""


class OutcomeNotRecorded(LedgerError):
    """The answer came, but its outcome could not be booked: `reply` carries the answer."""

    exit_code = 4


class AnswerMismatched(LedgerError):
    """The answer is not what `response_model` describes; it is booked, and `reply` carries it."""

    exit_code = 5


class SnapshotFailed(LedgerError):
    """A JSON file could not be written; the old one is whole."""


class ImportFailed(LedgerError):
    """A file could not be imported: it is not what it should be, or a row of it is not."""


class BackupFailed(LedgerError):
    """A backup could not be made or did not verify."""

    exit_code = 4


class NotFoundInLedger(LedgerError):
    """Nothing in the books has that id or name."""
