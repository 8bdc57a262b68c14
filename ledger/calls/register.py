"""Callers in the books: their rows, their names, and what was done about their configs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger import clock
from ledger.books.books import Books
from ledger.books.unit import Transaction
from ledger.callers import provisioning, templates
from ledger.callers.detection import Caller
from ledger.callers.known import known_names
from ledger.callers.provisioning import Provision

if TYPE_CHECKING:
    from ledger.books.models import ProvisioningEvent


@dataclass(slots=True)
class Known:
    """A caller that has a row: its id, and where its config was found."""

    id: str
    config: Path


class Register:
    """The callers that this process has met, by name and folder."""

    def __init__(self, books: Books, home: Path) -> None:
        self._books = books
        self._home = home
        self._known: dict[tuple[str, str], Known] = {}
        self._booked: dict[tuple[str, str], str] = {}

    def folder_of(self, caller: Caller) -> str:
        """The folder that is half of a caller's identity."""
        return str(caller.folder or caller.json_folder(self._home))

    def find(self, caller: Caller) -> Known | None:
        """What is known of a caller, without asking the books."""
        key = (caller.name, self.folder_of(caller))
        if key not in self._known and key in self._booked:
            path = provisioning.config_path(caller, self._home)
            self._known[key] = Known(self._booked[key], path)
        return self._known.get(key)

    def remember(self, caller: Caller, caller_id: str, config: Path) -> None:
        """A caller's row is committed."""
        self._known[caller.name, self.folder_of(caller)] = Known(caller_id, config)

    def learn(self, transaction: Transaction) -> None:
        """A step: read which folder has which name, so that names agree between processes.

        Plain SQL: this is on the way of every process's first call, and the first statement that
        is built from classes costs more than the call.
        """
        names = known_names(self._home)
        rows = transaction.connection.exec_driver_sql(
            "SELECT id, name, folder FROM caller ORDER BY id"
        )
        for caller_id, name, folder in rows:
            self._booked[name, folder] = caller_id
            homeless = Path(folder) == self._home / "callers" / name
            names.learn(name, None if homeless else Path(folder))

    def enter(self, caller: Caller, provision: Provision | None) -> Callable[[Transaction], str]:
        """A step: give a caller its row if it has none, and book what was provisioned.

        It returns the row's id, to be remembered once it is committed.

        A config that was found is an event only for a caller that is new: of many processes at
        once, one creates and the others find nothing new.
        """
        key = (caller.name, self.folder_of(caller))

        def step(transaction: Transaction) -> str:
            from sqlmodel import col, select

            from ledger.books.models import Caller as CallerRow

            found = transaction.connection.execute(
                select(CallerRow.id).where(
                    col(CallerRow.name) == key[0], col(CallerRow.folder) == key[1]
                )
            ).scalar_one_or_none()
            caller_id = found or self._insert(transaction, key)
            if provision is not None and (provision.kind != "found" or found is None):
                transaction.add(self._event(caller_id, provision))
            return caller_id

        return step

    def _insert(self, transaction: Transaction, key: tuple[str, str]) -> str:
        from ledger.books.models import Caller as CallerRow

        row = CallerRow(
            process_id=self._books.process.id,
            first_seen_at=clock.now(),
            name=key[0],
            folder=key[1],
        )
        transaction.add(row)
        return row.id

    def _event(self, caller_id: str, provision: Provision) -> "ProvisioningEvent":
        from ledger.books.models import ProvisioningEvent

        return ProvisioningEvent(
            process_id=self._books.process.id,
            caller_id=caller_id,
            at=clock.now(),
            kind=provision.kind,
            path=str(provision.path),
            template_values=_text(provision.values),
            reason=provision.reason,
        )


def _text(values: dict[str, Any]) -> str:
    return templates.render(values).decode("ascii").strip()
