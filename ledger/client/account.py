"""Asking the provider about the account: credits and the key's limits."""

from typing import TYPE_CHECKING

from ledger.client.wiring import Wired

if TYPE_CHECKING:
    from ledger.account.credits import Credits
    from ledger.account.limits import KeyLimits


class Account(Wired):
    """What the provider says of the account behind the key, now."""

    def credits(self) -> "Credits":
        """Credits purchased, used and remaining; booked as a `credit_snapshot`.

        An ordinary key is not told them: then the amounts are None and `note` says so.

        Raises:
            KeyMissing, KeyInvalid: there is no key to ask with.
            ProviderError, ConnectionFailed: the provider refused, or no answer came.
            LedgerUnavailable: it can't be booked.
        """
        from ledger.account.credits import ask_credits

        self._open()
        return ask_credits(self)

    def key_limits(self) -> "KeyLimits":
        """What the key may spend and has spent. Stores nothing.

        Raises:
            KeyMissing, KeyInvalid: there is no key to ask with.
            ProviderError, ConnectionFailed: the provider refused, or no answer came.
        """
        from ledger.account.limits import key_limits

        return key_limits(self)
