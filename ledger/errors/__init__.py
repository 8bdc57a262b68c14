"""Everything that can go wrong, as one tree.

LedgerError
├── CallRefused              the call was never sent; nothing was charged
│   ├── CallerProvisioned    the caller's first call: its config was just created
│   ├── ModelRequired        no model was passed; the ledger never picks one
│   ├── CallerUnknown        nobody can say which module called
│   ├── CallerInvalid        an explicit caller name that cannot be one
│   ├── CallerDisabled       `enabled: false`, in the caller's config or for everyone
│   ├── ConfigInvalid        a config file that cannot be read as one
│   ├── KeyMissing           no API key in any of the places looked at
│   ├── KeyInvalid           an API key that cannot be one
│   ├── ProviderUnsupported  a provider that is not OpenRouter
│   └── RequestInvalid       messages or parameters that cannot be sent
├── LedgerUnavailable        the books cannot be opened or written, so no call is made
│   ├── LedgerBusy           another writer held the books for too long
│   ├── LedgerTooNew         the books were written by a newer version
│   ├── UpgradeRequired      a server database whose schema is older: run `upgrade`
│   └── MigrationFailed      an upgrade failed; the books are as they were
├── OutcomeNotRecorded       the answer came but could not be booked; the error carries it
├── ProviderError            the provider answered with an error
│   ├── BadRequest           400, 413, 422
│   ├── AuthenticationFailed 401
│   ├── CreditsExhausted     402
│   ├── PermissionDenied     403
│   ├── NotFound             404
│   ├── RateLimited          429
│   ├── ProviderUnavailable  408 and 5xx
│   ├── AnswerFailed         HTTP 200 with an error inside
│   └── AnswerInvalid        an answer that is no completion: HTML, empty, not JSON
├── ConnectionFailed         no answer came
│   ├── NotSent              DNS, connect, TLS or pool failed before a byte was written
│   ├── ConnectionLost       the connection broke after the request was written
│   ├── SilenceTimeout       nothing came for `timeout_seconds`
│   └── DeadlineExceeded     the call's total `timeout` passed
├── GenerationUnavailable    the provider's own record could not be fetched
├── SnapshotFailed           a JSON file could not be written
├── BackupFailed             a backup could not be made or verified
└── NotFoundInLedger         nothing in the books has that id or name

`str(error)` says what happened, to whom, and what to do. Each class has its exit code for the
command line: 1 other, 2 usage, 3 refused, 4 books, 5 provider, 6 connection.
"""

from ledger.errors.base import (
    LedgerError,
)
from ledger.errors.connection import (
    ConnectionFailed,
    ConnectionLost,
    DeadlineExceeded,
    NotSent,
    SilenceTimeout,
)
from ledger.errors.keeping import (
    BackupFailed,
    LedgerBusy,
    LedgerTooNew,
    LedgerUnavailable,
    MigrationFailed,
    NotFoundInLedger,
    OutcomeNotRecorded,
    SnapshotFailed,
    UpgradeRequired,
)
from ledger.errors.provider import (
    AnswerFailed,
    AnswerInvalid,
    AuthenticationFailed,
    BadRequest,
    CreditsExhausted,
    GenerationUnavailable,
    NotFound,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from ledger.errors.refusals import (
    CallerDisabled,
    CallerInvalid,
    CallerProvisioned,
    CallerUnknown,
    CallRefused,
    ConfigInvalid,
    KeyInvalid,
    KeyMissing,
    ModelRequired,
    ProviderUnsupported,
    RequestInvalid,
)

__all__ = [
    "AnswerFailed",
    "AnswerInvalid",
    "AuthenticationFailed",
    "BackupFailed",
    "BadRequest",
    "CallRefused",
    "CallerDisabled",
    "CallerInvalid",
    "CallerProvisioned",
    "CallerUnknown",
    "ConfigInvalid",
    "ConnectionFailed",
    "ConnectionLost",
    "CreditsExhausted",
    "DeadlineExceeded",
    "GenerationUnavailable",
    "KeyInvalid",
    "KeyMissing",
    "LedgerBusy",
    "LedgerError",
    "LedgerTooNew",
    "LedgerUnavailable",
    "MigrationFailed",
    "ModelRequired",
    "NotFound",
    "NotFoundInLedger",
    "NotSent",
    "OutcomeNotRecorded",
    "PermissionDenied",
    "ProviderError",
    "ProviderUnavailable",
    "ProviderUnsupported",
    "RateLimited",
    "RequestInvalid",
    "SilenceTimeout",
    "SnapshotFailed",
    "UpgradeRequired",
]

for _name in __all__:  # people import them from here, so here is where they say they are
    globals()[_name].__module__ = __name__
