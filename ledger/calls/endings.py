"""How an exchange that raised has ended: its status, its error, and whether it can have cost.

A connection that was never made, or a request of which no byte was written, is free. After the
first byte the provider may have worked and charged, whatever became of the answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ledger import errors
from ledger.calls import unreachable

# By name: the families of clients have classes of their own, under the same names.
_NEVER_SENT = frozenset(
    ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol")
)
# Of these the network layer knows better: it counts as written what was handed to the system.
_SENT_IF_WRITTEN = frozenset(("LocalProtocolError", "WriteTimeout"))
SETTLE = "If the provider did the work, its cost is settled later; don't send it again unseen."


@dataclass(frozen=True, slots=True)
class Ending:
    """An end without a whole answer.

    Attributes:
        status: the outcome's status.
        sent: whether bytes of the request may have reached the provider.
        error: makes the typed error; None where the exception itself goes on (cancellation).
    """

    status: str
    sent: bool
    error: Callable[..., errors.LedgerError] | None


def of(error: BaseException, *, wrote: bool, over: bool) -> Ending:
    """The ending that an exception means.

    Args:
        error: what the transport raised.
        wrote: whether bytes of the request were written.
        over: whether the call's total time was over when it was raised.
    """
    if not isinstance(error, Exception):
        return Ending("cancelled", wrote, None)
    sent = wrote or _is(error, "RequestError")
    if _is(error, *_NEVER_SENT) or (_is(error, *_SENT_IF_WRITTEN) and not wrote):
        sent = False
    status = "interrupted" if sent else "failed"
    return Ending(status, sent, _explained(error, sent=sent, over=over))


def _explained(error: Exception, *, sent: bool, over: bool) -> Callable[..., errors.LedgerError]:
    """The class of error and its words, for the facts that the recorder adds."""
    kind: type[errors.ConnectionFailed]
    if over and _is(error, "TimeoutException"):
        kind, said = errors.DeadlineExceeded, "The call's total time was over before it ended."
        hint = f"Pass a longer timeout=. {SETTLE if sent else ''}".strip()
    elif not sent:
        kind, advice = unreachable.why(error)
        said = f"OpenRouter could not be reached: {_cause(error)}."
        hint = f"{advice} Nothing was sent or charged."
    elif _is(error, "TimeoutException"):
        kind, said = errors.SilenceTimeout, "Nothing came from OpenRouter for too long."
        hint = f"Raise timeout_seconds in openrouter_config.json. {SETTLE}"
    else:
        kind, said = errors.ConnectionLost, f"The connection broke: {_cause(error)}."
        hint = SETTLE

    def explained(**facts: Any) -> errors.LedgerError:
        found = kind(said, hint=hint, **facts)
        found.__cause__ = error
        return found

    return explained


def _is(error: BaseException, *names: str) -> bool:
    """Whether an exception's class, or one that it comes from, has one of these names."""
    return any(kind.__name__ in names for kind in type(error).__mro__)


def _cause(error: Exception) -> str:
    """The transport's own words; they name hosts and system errors, never a header or body."""
    words = str(error) or type(error).__name__
    return words.rstrip(".")[:300]
