"""Callers in the books: their rows, their names, and what was done about their configs."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger import clock
from ledger.books.books import Books
from ledger.books.unit import Transaction
from ledger.callers import configs, provisioning
from ledger.callers.configs import CallerConfig
from ledger.callers.detection import Caller
from ledger.callers.known import known_names
from ledger.callers.names import NO_FOLDER
from ledger.callers.provisioning import Kind, Provision
from ledger.errors import ConfigInvalid
from ledger.openrouter import exact

_EVENTS = "SELECT caller_id, template_values FROM provisioning_event ORDER BY id"

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ledger.books.models import ProvisioningEvent


@dataclass(slots=True)
class Known:
    """A caller that has a row.

    Attributes:
        id: of its row.
        config: where its config was found.
        is_stand_in: whether that is in the home, in the place of the caller's own folder.
        seen: the last reading of the config, once it was compared with the books.
    """

    id: str
    config: Path
    is_stand_in: bool
    seen: CallerConfig | None = None


class Register:
    """The callers that this process has met, by name and folder."""

    def __init__(self, books: Books, home: Path) -> None:
        self._books = books
        self._home = home
        self._known: dict[tuple[str, str], Known] = {}
        self._booked: dict[tuple[str, str], str] = {}
        self._values: dict[str, str | None] = {}

    def folder_of(self, caller: Caller) -> str:
        """The folder that is half of a caller's identity."""
        return str(caller.folder or caller.json_folder(self._home))

    def find(self, caller: Caller) -> Known | None:
        """What is known of a caller, without asking the books."""
        key = (caller.name, self.folder_of(caller))
        if key not in self._known and key in self._booked:
            path = provisioning.config_path(caller, self._home)
            self._known[key] = self._found(caller, self._booked[key], path)
        return self._known.get(key)

    def remember(
        self, caller: Caller, caller_id: str, config: Path, provision: Provision | None
    ) -> None:
        """A caller's row is committed, with what was provisioned."""
        key = (caller.name, self.folder_of(caller))
        self._known[key] = self._found(caller, caller_id, config)
        if provision is not None and provision.kind != "found":
            self._values[caller_id] = _text(provision.values)

    def _found(self, caller: Caller, caller_id: str, config: Path) -> Known:
        return Known(caller_id, config, config.parent != caller.json_folder(self._home))

    def learn(self, transaction: Transaction) -> None:
        """A step: read which folder has which name, so that names agree between processes.

        Also the values of each caller's config as they were last booked.

        Plain SQL: this is on the way of every process's first call, and the first statement that
        is built from classes costs more than the call.
        """
        self.read(transaction.connection)

    def read(self, connection: "Connection") -> None:
        """Read the same without a transaction for writing."""
        names = known_names(self._home)
        rows = connection.exec_driver_sql("SELECT id, name, folder FROM caller ORDER BY id")
        for caller_id, name, folder in rows:
            if folder == NO_FOLDER:
                continue
            self._booked[name, folder] = caller_id
            homeless = Path(folder) == self._home / "callers" / name
            names.learn(name, None if homeless else Path(folder))
        events = connection.exec_driver_sql(_EVENTS)
        self._values |= {caller_id: values for caller_id, values in events}  # noqa: C416 - rows are no pairs to mypy

    def enter(
        self, caller: Caller, provision: Provision | None
    ) -> Callable[[Transaction], str | None]:
        """A step: give a caller its row if it has none, and book what was provisioned.

        It returns the row's id, to be remembered once it is committed. None where another folder
        has the name by now: then the names known here are corrected, and nothing is booked.

        A config that was found is an event only for a caller that is new: of many processes at
        once, one creates and the others find nothing new.
        """
        key = (caller.name, self.folder_of(caller))

        def step(transaction: Transaction) -> str | None:
            from sqlmodel import col, select

            from ledger.books.models import Caller as CallerRow

            query = select(CallerRow.folder, CallerRow.id).where(col(CallerRow.name) == key[0])
            query = query.where(col(CallerRow.folder) != NO_FOLDER)
            rows = transaction.connection.execute(query.order_by(col(CallerRow.id))).all()
            found = next((row.id for row in rows if row.folder == key[1]), None)
            if rows and found is None:
                owner = rows[0].folder
                is_home = Path(owner) == self._home / "callers" / key[0]
                known_names(self._home).correct(key[0], None if is_home else Path(owner))
                return None
            caller_id = found or self._insert(transaction, key)
            if provision is not None and (provision.kind != "found" or found is None):
                transaction.add(self._event(caller_id, provision))
            return caller_id

        return step

    def is_news(self, caller: Caller, config: CallerConfig) -> bool:
        """Whether a config's template fields differ from what was last booked, as known here."""
        known = self.find(caller)
        assert known is not None
        booked = parsed(self._values.get(known.id))
        return booked is None or booked != configs.template_values(config)

    def notice(self, caller_id: str, name: str, path: Path) -> Callable[[Transaction], None]:
        """A step: book that a caller's config has changed, unless another process has.

        The file is read again here, under the writers' lock: so the books have the changes in
        the order in which they were made, and each once.
        """

        def step(transaction: Transaction) -> None:
            self._values[caller_id] = last = _last_values(transaction.connection, caller_id)
            try:
                config = configs.read_caller_config(path, name)
            except ConfigInvalid:
                return  # in the midst of an edit: the next call sees what came of it
            values = configs.template_values(config)
            if config.exists and values != parsed(last):
                kind: Kind = "found" if last is None else "changed"
                event = self._event(caller_id, Provision(kind, path, values))
                transaction.add(event)
                self._values[caller_id] = event.template_values

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


def _last_values(connection: "Connection", caller_id: str) -> str | None:
    """The values that the latest event of a caller has."""
    from sqlmodel import col, select

    from ledger.books.models import ProvisioningEvent

    query = select(ProvisioningEvent.template_values).where(
        col(ProvisioningEvent.caller_id) == caller_id
    )
    found = connection.execute(query.order_by(col(ProvisioningEvent.id).desc()).limit(1))
    return found.scalar_one_or_none()


def _text(values: dict[str, Any]) -> str:
    return exact.dumps(values, indent=2)


def parsed(text: str | None) -> dict[str, Any] | None:
    """The values in an event; 0.5 and 0.50 are equal."""
    if text is None:
        return None
    values: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return values
