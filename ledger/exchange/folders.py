"""Which JSON folder the callers of the books have on this machine, and which have none."""

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

from ledger.books.process import host_name
from ledger.callers import configs, places, provisioning
from ledger.callers.detection import Caller
from ledger.callers.names import NO_FOLDER

# A caller is of this machine where its first process ran here, or one of its calls was made here.
# A process that keeps its host to itself (`record_host: false`) is taken for one of this machine.
_CALLERS = """
SELECT c.id, c.name, c.folder, p.host,
    CASE WHEN p.host IS NULL OR p.host = :here OR EXISTS (
        SELECT 1 FROM request AS r JOIN process AS q ON q.id = r.process_id
        WHERE r.caller_id = c.id AND (q.host IS NULL OR q.host = :here)
    ) THEN 1 ELSE 0 END AS is_here
FROM caller AS c
JOIN process AS p ON p.id = c.process_id
ORDER BY CASE c.folder WHEN '' THEN 0 ELSE 1 END, c.id
"""


@dataclass(frozen=True, slots=True)
class JsonFolder:
    """A folder of JSON files, and the ids of the callers whose usage they show."""

    path: Path
    caller_ids: tuple[str, ...]


def find(connection: Connection, home: Path) -> tuple[list[JsonFolder], list[str]]:
    """The folders to write to, by path, and in words why other callers have none.

    Raises:
        ConfigInvalid: the home's config is broken.
    """
    may_provision = configs.read_global_config(home).auto_provision
    found: dict[Path, list[str]] = {}
    skipped: list[str] = []
    homeless: dict[str, str] = {}
    for row in connection.execute(text(_CALLERS), {"here": host_name()}):
        if row.folder == NO_FOLDER:
            homeless[row.name] = row.id
            continue
        caller = _caller(row.name, row.folder, home)
        if caller.folder is not None and not row.is_here:
            skipped.append(f"{row.folder}: caller {row.name} is of another host, {row.host}")
            continue
        try:
            path = provisioning.config_path(caller, home).parent
            reason = _obstacle(caller, path, may_provision=may_provision)
        except OSError as error:
            path, reason = Path(row.folder), f"cannot be looked at: {error.strerror}"
        if reason:
            skipped.append(f"{path}: caller {row.name}'s folder {reason}")
        else:
            found.setdefault(path, []).append(row.id)
            # What a file says of a caller is shown where the caller of that name is at home.
            found[path] += [homeless.pop(row.name)] if row.name in homeless else []
    return [JsonFolder(path, tuple(ids)) for path, ids in sorted(found.items())], skipped


def _caller(name: str, folder: str, home: Path) -> Caller:
    """A caller as it was detected, as far as its folder goes."""
    path = Path(folder)
    own = None if path == home / "callers" / name else path
    return Caller(name, own, name, None, "as booked")


def _obstacle(caller: Caller, path: Path, *, may_provision: bool) -> str | None:
    """Why nothing is written to a JSON folder, if so."""
    if not path.is_absolute() or not path.is_dir():
        return "does not exist any more"
    in_home = caller.folder is None or path != caller.folder / f"{caller.folder.name}_json"
    if not in_home and caller.folder and not places.is_module_folder(caller.folder):
        return "is where packages are installed"
    if not may_provision and not _has_own_files(path):
        return "has no config, and auto_provision is off"
    return None


def _has_own_files(path: Path) -> bool:
    """Whether the ledger or its user made one of a caller's three files there."""
    with os.scandir(path) as entries:
        return any(each.name.startswith("openrouter_skill_") for each in entries)
