"""No answer came, and whether the request may have reached the provider."""

from ledger.errors.base import LedgerError


class ConnectionFailed(LedgerError):
    """No answer came."""

    exit_code = 6


class NotSent(ConnectionFailed):
    """DNS, connect, TLS or pool failed before a request byte was written. Not charged."""


class NameNotResolved(NotSent):
    """DNS knows no address of the host."""


class ConnectionRefused(NotSent):
    """The host was reached and nothing listens there."""


class ConnectTimedOut(NotSent):
    """The host did not answer in time."""


class TlsFailed(NotSent):
    """No secure connection could be made: the certificate, or what is between, is at fault."""


class ProxyFailed(NotSent):
    """The proxy that the environment names refused or broke off."""


class ConnectionLost(ConnectionFailed):
    """The connection broke after the request was written; it may have been charged."""


class SilenceTimeout(ConnectionFailed):
    """Nothing came for `timeout_seconds`; it may have been charged."""


class DeadlineExceeded(ConnectionFailed):
    """The call's total `timeout` passed; it may have been charged."""
