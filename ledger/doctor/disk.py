"""The disk that the books are on, its space, and who may read what."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath

from ledger.books import disk
from ledger.callers import templates
from ledger.callers.keys import ENV_FILE
from ledger.doctor.findings import Finding, Patient

_MIB = 1024 * 1024
_LITTLE, _TOO_LITTLE = 256 * _MIB, 16 * _MIB
# A log beyond this is held by a reader: the ledger itself restarts it at 4 MiB.
_LONG_LOG = 64 * _MIB
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def file_system(patient: Patient) -> Iterator[Finding]:
    """Whether SQLite's log can be trusted there."""
    if patient.path is None:
        return
    yield of_kind(disk.kind_of(patient.path), patient.path)


def of_kind(kind: str | None, path: Path) -> Finding:
    """What a type of file system means for the books."""
    if disk.is_of_a_network(kind):
        says = f"{path} is on a network file system ({kind}), where SQLite can lose rows."
        cure = "Set LEDGER_HOME to a folder on this machine's own disk."
        return Finding("file system", "fail", says, cure)
    if disk.is_of_a_container(kind):
        says = f"{path} is on its container's own disk ({kind}) and goes with it."
        return Finding("file system", "warn", says, "Mount a volume, and set LEDGER_HOME to it.")
    return Finding("file system", "ok", f"{path} is on {kind or 'a disk of this machine'}.")


def space(patient: Patient) -> Iterator[Finding]:
    """Whether there is room for more rows, and for the log."""
    folder = _nearest(patient.path.parent if patient.path else patient.settings.home)
    free = shutil.disk_usage(folder).free
    says = f"{free // _MIB} MiB are free at {folder}."
    cure = "Free some space: without it no call is made, for none can be recorded."
    if free < _LITTLE:
        yield Finding("space", "fail" if free < _TOO_LITTLE else "warn", says, cure)
    else:
        yield Finding("space", "ok", says)
    log = patient.path.with_name(patient.path.name + "-wal") if patient.path else None
    if log is not None and log.exists() and log.stat().st_size > _LONG_LOG:
        yield Finding(
            "space",
            "warn",
            f"{log} has {log.stat().st_size // _MIB} MiB: some program reads the ledger for long.",
            "End that program; the next calls then cut the log.",
        )


def kinds(patient: Patient) -> Iterator[Finding]:
    """Whether folders are folders and files are files: a pipe where the books go would hang."""
    home, path = patient.settings.home, patient.path
    wrong = [each for each in (home, home / templates.HOME_FOLDER) if _is_other(each, folder=True)]
    wrong += [path] if path is not None and _is_other(path, folder=False) else []
    for each in wrong:
        cure = f"Move it away, or set LEDGER_HOME elsewhere: {each}"
        is_path = each == path
        says = f"{each} is no {'file' if is_path else 'folder'}, but something else."
        yield Finding("kinds", "fail", says, cure)
    if not wrong:
        yield Finding("kinds", "ok", "Folders are folders, and files are files.")


def _is_other(path: Path, *, folder: bool) -> bool:
    """Whether something of another kind is there."""
    return os.path.lexists(path) and not (path.is_dir() if folder else path.is_file())


def permissions(patient: Patient) -> Iterator[Finding]:
    """Whether the ledger may write, and nobody else may read."""
    home = patient.settings.home
    if os.name != "posix":
        yield icacls(home)
    if not home.exists():
        parent = _nearest(home)
        if not os.access(parent, os.W_OK | os.X_OK):
            says = f"{home} is not there and can't be made: {parent} is not writable."
            yield Finding("permissions", "fail", says, "Set LEDGER_HOME to a folder of yours.")
        return
    closed = [path for path in _ours(patient) if not os.access(path, _needed(path))]
    wide = [path for path in _ours(patient) if os.name == "posix" and _is_wide(path)]
    for path in closed:
        cure = f"chmod u+rwX {path}, or set LEDGER_HOME to a folder of yours."
        yield Finding("permissions", "fail", f"{path} can't be read and written.", cure)
    for path in wide:
        yield Finding("permissions", "warn", f"Others may read {path}.", f"chmod go= {path}")
    if not closed and not wide and os.name == "posix":
        yield Finding("permissions", "ok", f"{home} is yours alone.")


def icacls(home: PurePath) -> Finding:
    """The line for Windows, where file modes guard nothing."""
    return Finding(
        "permissions",
        "warn",
        "Windows guards files by access lists, not by the modes that the ledger sets.",
        f'icacls "{home}" /inheritance:r /grant:r "%USERNAME%:(OI)(CI)F"',
    )


def _ours(patient: Patient) -> list[Path]:
    """The home, and what of it may hold a key or figures."""
    home, path = patient.settings.home, patient.path
    folder = home / templates.HOME_FOLDER
    found = [home, home / ENV_FILE, folder / templates.API_CONFIG_FILE]
    if path is not None:
        found += [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]
    return [each for each in found if each.exists()]


def _needed(path: Path) -> int:
    return os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0)


def _is_wide(path: Path) -> bool:
    return bool(path.stat().st_mode & _OTHERS)


def _nearest(folder: Path) -> Path:
    """A folder, or the nearest above it that is there."""
    return next((each for each in (folder, *folder.parents) if each.exists()), folder)
