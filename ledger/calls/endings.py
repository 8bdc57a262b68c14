"""How an exchange that raised has ended: its status, its error, and whether it can have cost.

A connection that was never made, or a request of which no byte was written, is free. After the
first byte the provider may have worked and charged, whatever became of the answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from ledger import errors
from ledger.calls import unreachable

_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
# Of these the network layer knows better: it counts as written what was handed to the system.
_SENT_IF_WRITTEN = (httpx.LocalProtocolError, httpx.WriteTimeout)
_SETTLE = "If the provider did the work, its cost is settled later; don't send it again unseen."


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
    sent = wrote or isinstance(error, httpx.RequestError)
    if isinstance(error, _NEVER_SENT) or (isinstance(error, _SENT_IF_WRITTEN) and not wrote):
        sent = False
    status = "interrupted" if sent else "failed"
    return Ending(status, sent, _explained(error, sent=sent, over=over))


def _explained(error: Exception, *, sent: bool, over: bool) -> Callable[..., errors.LedgerError]:
    """The class of error and its words, for the facts that the recorder adds."""
    kind: type[errors.ConnectionFailed]
    if over and isinstance(error, httpx.TimeoutException):
        kind, said = errors.DeadlineExceeded, "The call's total time was over before it ended."
        hint = f"Pass a longer timeout=. {_SETTLE if sent else ''}".strip()
    elif not sent:
        kind, advice = unreachable.why(error)
        said = f"OpenRouter could not be reached: {_cause(error)}."
        hint = f"{advice} Nothing was sent or charged."
    elif isinstance(error, httpx.TimeoutException):
        kind, said = errors.SilenceTimeout, "Nothing came from OpenRouter for too long."
        hint = f"Raise timeout_seconds in openrouter_config.json. {_SETTLE}"
    else:
        kind, said = errors.ConnectionLost, f"The connection broke: {_cause(error)}."
        hint = _SETTLE

    def explained(**facts: Any) -> errors.LedgerError:
        found = kind(said, hint=hint, **facts)
        found.__cause__ = error
        return found

    return explained


def _cause(error: Exception) -> str:
    """The transport's own words; they name hosts and system errors, never a header or body."""
    words = str(error) or type(error).__name__
    return words.rstrip(".")[:300]
