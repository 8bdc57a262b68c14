"""Outcomes of foreign calls that could not be booked: kept, and booked before the next call."""

import os
from collections import deque
from collections.abc import Generator
from typing import Any, cast

from ledger.books.models import Outcome
from ledger.books.unit import Step, Transaction, Work
from ledger.errors import LedgerError, LedgerUnavailable
from ledger.limits.claims import Ending

_MAX_OWED = 10_000


class Backlog:
    """What the books are owed. An SDK could not be told, so the next call is."""

    def __init__(self) -> None:
        self._owed: deque[Work] = deque(maxlen=_MAX_OWED)
        self._process = os.getpid()

    def add(self, ending: Work) -> None:
        """Keep what could not be booked at the end of a call: mostly its outcome."""
        self._owed.append(ending)

    def pay(self) -> Generator[Work, Any, None]:
        """Book all of it, where there is anything.

        Raises:
            LedgerUnavailable: it still can't be booked.
        """
        if self._process != os.getpid():  # a fork: what is owed is the parent's to pay
            self.__init__()  # type: ignore[misc]
        if not self._owed:
            return
        owed = list(self._owed)
        try:
            yield lambda transaction: [unless_booked(each)(transaction) for each in owed]
        except LedgerError as error:
            raise LedgerUnavailable(
                f"The outcomes of {len(owed)} calls made through a transport could not be booked.",
                hint=f"They are kept, and tried again before the next call. {error}",
            ) from error
        for each in owed:
            if each in self._owed:
                self._owed.remove(each)


def unless_booked(ending: Work) -> Step:
    """A step: book the end of a call, unless it is there. What is a step already sees to that."""
    outcome = ending.outcome if isinstance(ending, Ending) else ending
    if not isinstance(outcome, Outcome):
        return cast("Step", ending)

    def step(transaction: Transaction) -> None:
        from sqlmodel import col, select

        found = select(Outcome.id).where(col(Outcome.id) == outcome.id)
        if transaction.connection.execute(found).first() is not None:
            return
        if isinstance(ending, Ending):
            ending.run(transaction)
        else:
            transaction.insert(outcome)

    return step
