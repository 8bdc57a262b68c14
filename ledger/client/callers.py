"""Callers and their configs: who there is, who a file would be, and what may be changed."""

import os
from typing import TYPE_CHECKING, Any

from ledger.callers.known import known_names
from ledger.client.wiring import Wired

if TYPE_CHECKING:
    from ledger.callers.explaining import Explanation
    from ledger.calls.configuring import Configs, ConfigShown
    from ledger.calls.naming import Renamed
    from ledger.reports.callers import CallerEntry


class Callers(Wired):
    """What a ledger knows of its callers."""

    def callers(self) -> "list[CallerEntry]":
        """Every caller: folder, config and model, calls, their cost and the latest of them."""
        from ledger.reports import callers

        return callers.entries(self.books, self.settings.home)

    def explain_caller(
        self, file: str | os.PathLike[str], line: int | None = None
    ) -> "Explanation":
        """Which caller a file would be, and by which rule. Nothing is called or written.

        Args:
            file: a module.
            line: a line of it: code in a transparent function is never the caller.

        Raises:
            RequestInvalid: there is no such file or line.
            ConfigInvalid: the home's config is broken.
        """
        if self.books.revision is not None:
            with self.books.read() as connection:
                self._register.read(connection)
        from ledger.callers.explaining import explain

        home = self.settings.home
        paths, known = self.desk.rules().transparent, known_names(home)
        return explain(os.fspath(file), line, home=home, transparent_paths=paths, known=known)

    def rename_caller(self, old: str, new: str) -> "Renamed":
        """Show a caller under another name from now on, with all that it ever did.

        Raises:
            CallerInvalid: the new name can't be one.
            RequestInvalid: the names are the same.
            NotFoundInLedger: no caller is shown under the old name.
        """
        from ledger.calls import naming

        return naming.rename(self.books, old, new)

    def show_config(self, caller: str | None = None) -> "ConfigShown":
        """What a caller's config says; without a caller, what counts for everyone.

        Raises:
            NotFoundInLedger: no caller has that name.
            ConfigInvalid: the file can't be read as a config.
        """
        return self._configs().show(caller)

    def set_config(self, key: str, value: Any, caller: str | None = None) -> "ConfigShown":
        """Set one value in a caller's config, or in the home's; the rest of the file stays.

        Raises:
            RequestInvalid: there is no such setting, or it can't have that value.
            NotFoundInLedger: no caller has that name, or it has no config yet.
            ConfigInvalid: the file can't be read as a config as it is.
            LedgerUnavailable: the file can't be written.
        """
        return self._configs().set(key, value, caller)

    def restore_config(self, caller: str) -> "ConfigShown":
        """Give a caller's config the values that the books last had for it.

        Raises:
            NotFoundInLedger: no caller has that name, or the books have no other values.
            LedgerUnavailable: the file can't be written.
        """
        return self._configs().restore(caller)

    def _configs(self) -> "Configs":
        from ledger.calls.configuring import Configs

        return Configs(self.books, self._register, self.settings.home)
