"""Everything that can go wrong, as one tree.

LedgerError
├── CallRefused              the call was never sent; nothing was charged
│   ├── CallerProvisioned    the caller's first call: its config was just created
│   ├── ModelRequired        no model was passed; the ledger never picks one
│   ├── CallerUnknown        nobody can say which module called
│   ├── CallerInvalid        an explicit caller name that cannot be one
│   │   └── ChainTooDeep     more callers through each other than a chain may have
│   ├── TagInvalid           a tag that cannot be one
│   ├── CallerDisabled       `enabled: false`, in the caller's config or for everyone
│   ├── ConfigInvalid        a config file that cannot be read as one
│   ├── KeyMissing           no API key in any of the places looked at
│   ├── KeyInvalid           an API key that cannot be one
│   ├── ProviderUnsupported  a provider that is not OpenRouter
│   ├── RequestInvalid       messages or parameters that cannot be sent
│   ├── BudgetExceeded       a budget that refuses has no room for what the call could cost
│   └── Unbounded            what the call could cost has no upper bound
├── LedgerUnavailable        the books cannot be opened or written, so no call is made
│   ├── LedgerBusy           another writer held the books for too long
│   ├── LedgerTooNew         the books were written by a newer version
│   ├── UpgradeRequired      a server database whose schema is older: run `upgrade`
│   └── MigrationFailed      an upgrade failed; the books are as they were
├── OutcomeNotRecorded       the answer came but could not be booked; the error carries it
├── AnswerMismatched         the answer is not what `response_model` describes; it is booked
├── ProviderError            the provider answered with an error
│   ├── BadRequest           400 and its like
│   │   ├── ContextTooLong        the messages don't fit into the model's context
│   │   ├── RequestTooLarge       413
│   │   └── RequestUnprocessable  422
│   ├── AuthenticationFailed 401: the key
│   ├── CreditsExhausted     402
│   │   ├── NoCreditsLeft         they are used up
│   │   └── RequestUnaffordable   the request could cost more than is left
│   ├── PermissionDenied     403
│   │   ├── ModerationRefused     the input, by moderation
│   │   ├── GuardrailRefused      the input, by a guardrail of the account
│   │   ├── KeyLimitReached       the key's own spending limit; also a 402
│   │   ├── WorkspaceBudgetReached  a budget of the workspace or of a guardrail
│   │   └── KeyKindWrong          a key of a kind that may not do this
│   │       ├── ManagementKeyRefused   a management key runs no model
│   │       └── ManagementKeyRequired  an ordinary key administers nothing
│   ├── NotFound             404
│   │   ├── ModelNotFound         no such model, or nobody serves it; also a 400
│   │   │   └── FreeModelGone     a `:free` model that is offered no more
│   │   └── NoEndpointLeft        served, but not under these policies or rules
│   ├── RateLimited          429
│   │   ├── FreeTierLimited       free models, by minute or day; with the reset time
│   │   ├── AccountRateLimited    OpenRouter's own limit
│   │   └── ProviderRateLimited   the limit of the provider behind it
│   ├── ProviderUnavailable  408 and 5xx
│   │   ├── ProviderTimedOut      408, 504, 524
│   │   ├── ProviderOverloaded    529
│   │   └── NoProviderAvailable   503
│   ├── AnswerFailed         HTTP 200 with an error inside
│   └── AnswerInvalid        an answer that is no completion: HTML, empty, not JSON
├── ConnectionFailed         no answer came
│   ├── NotSent              DNS, connect, TLS or pool failed before a byte was written
│   │   ├── NameNotResolved
│   │   ├── ConnectionRefused
│   │   ├── ConnectTimedOut
│   │   ├── TlsFailed
│   │   └── ProxyFailed
│   ├── ConnectionLost       the connection broke after the request was written
│   ├── SilenceTimeout       nothing came for `timeout_seconds`
│   └── DeadlineExceeded     the call's total `timeout` passed
├── GenerationUnavailable    the provider's own record could not be fetched
├── SnapshotFailed           a JSON file could not be written
├── ImportFailed             a file could not be imported
├── BackupFailed             a backup could not be made or verified
├── NotFoundInLedger         nothing in the books has that id or name
├── QuestionInvalid          a report, period, time zone or filter that cannot be one
└── StatementFailed          a statement of `sql` that the database can't run
    ├── StatementRefused     it does more than read what may be read
    └── StatementStopped     it ran into a limit of time, memory or size

`str(error)` says what happened, to whom, and what to do. Each class has its exit code for the
command line: 1 other, 2 usage, 3 refused, 4 books, 5 provider, 6 connection.
"""

from ledger.errors.asking import (
    QuestionInvalid,
    StatementFailed,
    StatementRefused,
    StatementStopped,
)
from ledger.errors.base import (
    LedgerError,
)
from ledger.errors.connection import (
    ConnectionFailed,
    ConnectionLost,
    ConnectionRefused,
    ConnectTimedOut,
    DeadlineExceeded,
    NameNotResolved,
    NotSent,
    ProxyFailed,
    SilenceTimeout,
    TlsFailed,
)
from ledger.errors.keeping import (
    AnswerMismatched,
    BackupFailed,
    ImportFailed,
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
    AccountRateLimited,
    AnswerFailed,
    AnswerInvalid,
    AuthenticationFailed,
    BadRequest,
    ContextTooLong,
    CreditsExhausted,
    FreeModelGone,
    FreeTierLimited,
    GenerationUnavailable,
    GuardrailRefused,
    KeyKindWrong,
    KeyLimitReached,
    ManagementKeyRefused,
    ManagementKeyRequired,
    ModelNotFound,
    ModerationRefused,
    NoCreditsLeft,
    NoEndpointLeft,
    NoProviderAvailable,
    NotFound,
    PermissionDenied,
    ProviderError,
    ProviderOverloaded,
    ProviderRateLimited,
    ProviderTimedOut,
    ProviderUnavailable,
    RateLimited,
    RequestTooLarge,
    RequestUnaffordable,
    RequestUnprocessable,
    WorkspaceBudgetReached,
)
from ledger.errors.refusals import (
    BudgetExceeded,
    CallerDisabled,
    CallerInvalid,
    CallerProvisioned,
    CallerUnknown,
    CallRefused,
    ChainTooDeep,
    ConfigInvalid,
    KeyInvalid,
    KeyMissing,
    ModelRequired,
    ProviderUnsupported,
    RequestInvalid,
    TagInvalid,
    Unbounded,
)

__all__ = [
    "AccountRateLimited",
    "AnswerFailed",
    "AnswerInvalid",
    "AnswerMismatched",
    "AuthenticationFailed",
    "BackupFailed",
    "BadRequest",
    "BudgetExceeded",
    "CallRefused",
    "CallerDisabled",
    "CallerInvalid",
    "CallerProvisioned",
    "CallerUnknown",
    "ChainTooDeep",
    "ConfigInvalid",
    "ConnectTimedOut",
    "ConnectionFailed",
    "ConnectionLost",
    "ConnectionRefused",
    "ContextTooLong",
    "CreditsExhausted",
    "DeadlineExceeded",
    "FreeModelGone",
    "FreeTierLimited",
    "GenerationUnavailable",
    "GuardrailRefused",
    "ImportFailed",
    "KeyInvalid",
    "KeyKindWrong",
    "KeyLimitReached",
    "KeyMissing",
    "LedgerBusy",
    "LedgerError",
    "LedgerTooNew",
    "LedgerUnavailable",
    "ManagementKeyRefused",
    "ManagementKeyRequired",
    "MigrationFailed",
    "ModelNotFound",
    "ModelRequired",
    "ModerationRefused",
    "NameNotResolved",
    "NoCreditsLeft",
    "NoEndpointLeft",
    "NoProviderAvailable",
    "NotFound",
    "NotFoundInLedger",
    "NotSent",
    "OutcomeNotRecorded",
    "PermissionDenied",
    "ProviderError",
    "ProviderOverloaded",
    "ProviderRateLimited",
    "ProviderTimedOut",
    "ProviderUnavailable",
    "ProviderUnsupported",
    "ProxyFailed",
    "QuestionInvalid",
    "RateLimited",
    "RequestInvalid",
    "RequestTooLarge",
    "RequestUnaffordable",
    "RequestUnprocessable",
    "SilenceTimeout",
    "SnapshotFailed",
    "StatementFailed",
    "StatementRefused",
    "StatementStopped",
    "TagInvalid",
    "TlsFailed",
    "Unbounded",
    "UpgradeRequired",
    "WorkspaceBudgetReached",
]

for _name in __all__:  # people import them from here, so here is where they say they are
    globals()[_name].__module__ = __name__
