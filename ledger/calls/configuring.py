"""Config files by command: shown, changed and restored, for a caller or for the whole home."""

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlmodel import col, select

from ledger import clock, files
from ledger.books import faults
from ledger.books.books import Books
from ledger.books.lockfile import LockFile
from ledger.books.models import ProvisioningEvent
from ledger.callers import configs, editing, provisioning, templates
from ledger.callers.documents import Document, read_document
from ledger.calls import naming
from ledger.calls.naming import Booked
from ledger.calls.register import Register, parsed
from ledger.errors import ConfigInvalid, NotFoundInLedger, RequestInvalid
from ledger.openrouter import endpoints, keys

LOCK_FILE = ".config.lock"
_KEY = re.compile(r"\s*(bearer\s+)?sk-", re.IGNORECASE)
_SECRET = re.compile(r"key|secret|token|password", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, slots=True)
class ConfigShown:
    """A config as it counts.

    Attributes:
        path: of its file.
        exists: whether there is one.
        caller: whose it is; None for the home's, which counts for everyone.
        section: the keys under which a value for this caller would be set.
        values: what counts, defaults included; never a key.
    """

    path: Path
    exists: bool
    caller: str | None
    section: str
    values: dict[str, Any]


class Configs:
    """The config files of one ledger.

    Args:
        books: say whose config is where.
        register: books what changes.
        home: the ledger's home.
    """

    def __init__(self, books: Books, register: Register, home: Path) -> None:
        self._books = books
        self._register = register
        self._home = home

    def show(self, caller: str | None) -> ConfigShown:
        """What counts for everyone, or for one caller.

        Raises:
            NotFoundInLedger: no caller has that name.
            ConfigInvalid: the file can't be read as a config.
            LedgerUnavailable: there are no books yet, to look a caller up in.
        """
        if caller is None:
            return self._show_home()
        found, is_shared = self._find(caller)
        path = provisioning.config_path(found.caller(self._home), self._home)
        config = configs.read_caller_config(path, found.name)
        document = read_document(path)
        section = _section(document, found.name, is_shared=is_shared)
        values = without_keys(configs.template_values(config) | config.extra)
        return ConfigShown(path, config.exists, found.shown, ".".join(section), values)

    def set(self, key: str, value: Any, caller: str | None) -> ConfigShown:
        """Set one value in a config file, checked, in one step; everything else in it stays.

        Where several callers share a file, the value is set for this one alone, under
        `config.callers`.

        Raises:
            RequestInvalid: there is no such setting, or it can't have that value.
            NotFoundInLedger: no caller has that name, or it has no config yet.
            ConfigInvalid: the file can't be read as a config as it is.
            LedgerUnavailable: the file can't be written.
        """
        with self._lock():
            if caller is None:
                self._set_home(key, value)
            else:
                self._set_caller(caller, key, value)
        return self.show(caller)

    def restore(self, caller: str) -> ConfigShown:
        """Give a caller's config the values that the books last had for it.

        Where the file has just these, the ones before them: so a config that was lost and made
        anew from the template gets its own values back. A file that is no config is put aside.

        Raises:
            NotFoundInLedger: no caller has that name, or the books have no values for it.
            LedgerUnavailable: the file can't be written.
        """
        found, is_shared = self._find(caller)
        path = provisioning.config_path(found.caller(self._home), self._home)
        with self._lock():
            document, now = self._readable(path, found.name)
            values = self._values_before(found, now)
            if document is None:
                self._make(path, found.name, values)
            else:
                section = _section(document, found.name, is_shared=is_shared)
                self._write(document, section, values, found.name)
            self._book(found, path)
        return self.show(caller)

    # --- the home -------------------------------------------------------------------------

    def _show_home(self) -> ConfigShown:
        path = self._home / templates.HOME_FOLDER / templates.OPENROUTER_CONFIG_FILE
        rules = configs.read_global_config(self._home)
        values = {name: getattr(rules, name) for name in configs.HOME_SETTINGS}
        values["base_url"] = rules.base_url or rules.provider_base_url or templates.BASE_URL
        values["timeout_seconds"] = editing.exact_number(rules.timeout_seconds)
        return ConfigShown(path, path.exists(), None, "config", values)

    def _set_home(self, key: str, value: Any) -> None:
        _check_key(key, configs.HOME_SETTINGS)
        with _as_unavailable(self._home):
            provisioning.ensure_home_configs(self._home, auto_export=True)
            path = self._home / templates.HOME_FOLDER / templates.OPENROUTER_CONFIG_FILE
            document = read_document(path)
            assert document is not None
            self._check_home(document)
            editing.write_values(document, ("config",), {key: value}, self._check_home)

    def _check_home(self, document: Document) -> None:
        fields = configs.home_fields(document, self._home)
        if fields.get("base_url"):
            endpoints.check_base_url(fields["base_url"])

    # --- callers --------------------------------------------------------------------------

    def _find(self, caller: str) -> tuple[Booked, bool]:
        """A caller, and whether another one has the same folder."""
        with self._books.read() as connection:
            found = naming.find(connection, caller)
            everyone = naming.booked(connection)
        return found, any(
            each.folder == found.folder and each.name != found.name and each.shown != found.shown
            for each in everyone
        )

    def _set_caller(self, caller: str, key: str, value: Any) -> None:
        found, is_shared = self._find(caller)
        path = provisioning.config_path(found.caller(self._home), self._home)
        document = read_document(path)
        if document is None:
            raise NotFoundInLedger(
                f"Caller {caller!r} has no config at {path}.",
                hint="Its next call makes it, and so does `python -m ledger config restore"
                f" --caller {caller}`.",
            )
        config = configs.caller_config(document, found.name)
        _check_key(key, (*templates.TEMPLATE_FIELDS, *config.extra))
        section = _section(document, found.name, is_shared=is_shared)
        self._write(document, section, {key: value}, found.name)
        self._book(found, path)

    def _write(
        self, document: Document, section: tuple[str, ...], values: dict[str, Any], name: str
    ) -> None:
        with _as_unavailable(document.path):
            editing.write_values(
                document, section, values, lambda changed: configs.caller_config(changed, name)
            )

    def _readable(self, path: Path, name: str) -> tuple[Document | None, dict[str, Any] | None]:
        """The config as it is, and its values; what is no config is put aside first."""
        try:
            document = read_document(path)
            if document is None:
                return None, None
            return document, configs.template_values(configs.caller_config(document, name))
        except ConfigInvalid:
            stamp = clock.to_text(clock.now()).replace(":", "").replace(".", "")
            with _as_unavailable(path):
                files.replace(path, path.with_name(f"{path.stem}-{stamp}.broken"))
            return None, None

    def _values_before(self, found: Booked, now: dict[str, Any] | None) -> dict[str, Any]:
        """The latest booked values that the file does not have now."""
        with self._books.read() as connection:
            for text in _booked_values(connection, found.id):
                values = parsed(text)
                if values is not None and values != now:
                    return values
        raise NotFoundInLedger(
            f"The books have no other values of caller {found.shown!r}'s config.",
            hint="They are kept when a config is made, and when a call finds it changed.",
        )

    def _make(self, path: Path, name: str, values: dict[str, Any]) -> None:
        """Make a config anew, with these values in the place of the template's."""
        data = templates.caller_config_document(clock.to_text(clock.now()))
        data["config"] |= values
        with _as_unavailable(path):
            path.parent.mkdir(parents=path.is_relative_to(self._home), exist_ok=True)
            editing.write_document(path, data, lambda made: configs.caller_config(made, name))

    def _book(self, found: Booked, path: Path) -> None:
        """Book what the config says now."""
        self._books.writer.write(self._register.notice(found.id, found.name, path))

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """One change at a time in a home."""
        lock = LockFile(self._home / LOCK_FILE)
        with _as_unavailable(self._home):
            files.private_folder(self._home)
            lock.lock()
        try:
            yield
        finally:
            lock.unlock()
            lock.close()


def without_keys(value: Any, name: str = "") -> Any:
    """A value to be shown: what is a key, or is named like a secret, is masked."""
    if isinstance(value, dict):
        return {key: without_keys(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [without_keys(item, name) for item in value]
    is_text = isinstance(value, str)
    return keys.mask(value) if is_text and (_KEY.match(value) or _SECRET.search(name)) else value


def _booked_values(connection: Connection, caller_id: str) -> list[str | None]:
    """The values of a caller's events, the latest first."""
    query = select(ProvisioningEvent.template_values).where(
        col(ProvisioningEvent.caller_id) == caller_id
    )
    return list(connection.execute(query.order_by(col(ProvisioningEvent.id).desc())).scalars())


def _section(document: Document | None, name: str, *, is_shared: bool) -> tuple[str, ...]:
    """Where a value for this caller alone belongs in its folder's config."""
    if document is not None and name in document.section("config", "callers"):
        return ("config", "callers", name)
    return ("config", "callers", name) if is_shared else ("config",)


def _check_key(key: str, allowed: tuple[str, ...]) -> None:
    if key not in allowed:
        raise RequestInvalid(
            f"There is no setting {key[:80]!r} here.", hint=f"There are {', '.join(allowed)}."
        )


@contextlib.contextmanager
def _as_unavailable(path: Path) -> Iterator[None]:
    """What the system refuses is said with the path."""
    try:
        yield
    except OSError as error:
        raise faults.unavailable(error, os.fspath(path)) from error
