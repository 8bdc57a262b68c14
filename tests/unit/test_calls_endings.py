"""What an exception means for a call's status, its error, and whether it can have cost."""

import asyncio

import httpx
import pytest

from ledger import errors
from ledger.calls import endings

NOT_SENT = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
    httpx.PoolTimeout("full"),
    httpx.ProxyError("407"),
    httpx.UnsupportedProtocol("gopher"),
]
SENT = [
    httpx.ReadTimeout("s"),
    httpx.ReadError("reset"),
    httpx.WriteError("reset"),
    httpx.RemoteProtocolError("gone"),
    httpx.CloseError("x"),
]


@pytest.mark.parametrize("wrote", [False, True])
@pytest.mark.parametrize("error", NOT_SENT, ids=lambda error: type(error).__name__)
def test_a_connection_that_never_was_is_not_sent(error: Exception, *, wrote: bool) -> None:
    """Bytes to a proxy that refuses, or of a TLS handshake, are none of the request."""
    ending = endings.of(error, wrote=wrote, over=False)
    assert (ending.status, ending.sent) == ("failed", False)
    assert ending.error is not None
    assert isinstance(ending.error(), errors.NotSent)


@pytest.mark.parametrize("error", SENT, ids=lambda error: type(error).__name__)
def test_what_breaks_later_may_have_cost(error: Exception) -> None:
    ending = endings.of(error, wrote=True, over=False)
    assert (ending.status, ending.sent) == ("interrupted", True)


@pytest.mark.parametrize(
    "error",
    [httpx.WriteTimeout("no time"), httpx.LocalProtocolError("header"), FileNotFoundError("ca")],
    ids=lambda error: type(error).__name__,
)
def test_what_fails_before_the_first_byte_is_free(error: Exception) -> None:
    assert endings.of(error, wrote=False, over=False).sent is False
    assert endings.of(error, wrote=True, over=False).sent is True


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt(), GeneratorExit()])
@pytest.mark.parametrize("wrote", [False, True])
def test_a_cancelled_call_has_no_error_of_ours(error: BaseException, *, wrote: bool) -> None:
    assert endings.of(error, wrote=wrote, over=True) == endings.Ending("cancelled", wrote, None)


@pytest.mark.parametrize(
    ("error", "over", "kind"),
    [
        (httpx.ReadTimeout("s"), True, errors.DeadlineExceeded),
        (httpx.ReadTimeout("s"), False, errors.SilenceTimeout),
        (httpx.ConnectTimeout("s"), True, errors.DeadlineExceeded),
        (httpx.ConnectTimeout("s"), False, errors.ConnectTimedOut),
        (httpx.ReadError("reset"), True, errors.ConnectionLost),
    ],
)
def test_which_timeout_it_was(
    error: Exception, *, over: bool, kind: type[errors.LedgerError]
) -> None:
    make = endings.of(error, wrote=True, over=over).error
    assert make is not None
    made = make(caller="c", http_status=200)
    assert type(made) is kind
    assert (made.caller, made.http_status, made.__cause__) == ("c", 200, error)


def test_the_transports_words_are_cut() -> None:
    make = endings.of(httpx.ReadError("x" * 10_000), wrote=True, over=False).error
    assert make is not None
    assert len(str(make())) < 600
