"""The files beside the books: configs that can be read, snapshots that say what the books say."""

from collections.abc import Iterator
from pathlib import Path

from ledger.callers import configs, templates
from ledger.doctor.findings import Finding, Patient
from ledger.errors import ConfigInvalid
from ledger.exchange import folders, snapshots

_LISTED = 3


def config_files(patient: Patient) -> Iterator[Finding]:
    """Whether the home's configs, and those of the callers of this machine, can be read."""
    home = patient.settings.home
    configs.read_global_config(home)
    paths = []
    if patient.has_books:
        with patient.reading() as connection:
            paths = [folder.path for folder in folders.find(connection, home)[0]]
    broken = 0
    for path in paths:
        try:
            configs.read_caller_config(path / templates.SKILL_CONFIG_FILE, "")
        except ConfigInvalid as error:
            broken += 1
            yield Finding("config files", "fail", error.message, error.hint)
    if not broken:
        says = f"The configs of the home and of {len(paths)} callers' folders can be read."
        yield Finding("config files", "ok", says)


def json_files(patient: Patient) -> Iterator[Finding]:
    """Whether the snapshots say what the views yield now."""
    if not patient.has_books:
        return
    home = patient.settings.home
    rules = configs.read_global_config(home)
    missing, stale = snapshots.differing(patient.books, home)
    if not missing and not stale:
        yield Finding("json files", "ok", "Every file says what the books say.")
    if missing:
        says = f"{len(missing)} were not written yet: {_some(missing)}."
        yield Finding("json files", "ok", says, "python -m ledger export")
    if stale:
        says = f"{len(stale)} differ from the books: {_some(stale)}."
        if not rules.auto_export:
            says += " auto_export is off."
        yield Finding("json files", "warn", says, "python -m ledger export")


def _some(paths: tuple[Path, ...]) -> str:
    listed = ", ".join(map(str, paths[:_LISTED]))
    return listed + (", ..." if len(paths) > _LISTED else "")
