"""Proving the books: against what the provider says."""

import os
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from ledger import money
from ledger.client.wiring import Wired
from ledger.errors import RequestInvalid

if TYPE_CHECKING:
    from ledger.audit.results import Reconciliation


class Auditing(Wired):
    """What shows that the books are right."""

    def reconcile(  # noqa: PLR0913 - what may be chosen, all by name
        self,
        month: str | None = None,
        *,
        since: str | None = None,
        until: str | None = None,
        activity: str | os.PathLike[str] | None = None,
        tolerance: Decimal | str | None = None,
        management_key: str | None = None,
    ) -> "Reconciliation":
        """Compare the books with what the provider says, and explain the difference.

        Compared are the provider's activity by UTC day, model and key, its counters of the key,
        and the differences of the account's credits. A look at the credits is booked, as
        `credits` does; nothing else is.

        Args:
            month: `2026-11`; this month so far if neither it nor `since` or `until` is given.
            since: the first UTC day, such as `2026-11-23`; else the first of the last one's month.
            until: the last UTC day; today if left out.
            activity: a CSV of the provider's activity, instead of asking for it.
            tolerance: USD that may stay unexplained; a millionth if left out.
            management_key: a key that may see the account; else `OPENROUTER_MANAGEMENT_KEY`.

        Raises:
            RequestInvalid: no such time, tolerance or file.
            KeyMissing, KeyInvalid: there is nobody to ask as.
            ProviderError, ConnectionFailed: the provider refused, or no answer came.
            LedgerUnavailable: the books can't be read or written.
        """
        from ledger.audit import periods, reconciling

        asked = reconciling.Asked(
            periods.chosen(month, since, until),
            None if activity is None else Path(activity),
            management_key,
            reconciling.DEFAULT_TOLERANCE_PICO if tolerance is None else _tolerance(tolerance),
        )
        self._open()
        return reconciling.reconcile(self, asked)


def _tolerance(amount: Decimal | str) -> int:
    """Picodollars of a tolerance.

    Raises:
        RequestInvalid: it is no amount.
    """
    try:
        return money.to_pico(Decimal(amount))
    except (ArithmeticError, TypeError, ValueError) as error:
        raise RequestInvalid(
            f"{amount!r} is no tolerance.", hint="Give USD as text, such as 0.01."
        ) from error
