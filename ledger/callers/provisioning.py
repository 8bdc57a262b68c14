"""Making the config files, once: of many processes at the same time, one makes each file.

A file that is there is its user's and is never written over. Nothing is made beside the code of
an installed package.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ledger import clock, errors, files, logs
from ledger.callers import configs, places, templates
from ledger.callers.detection import Caller

Kind = Literal["created", "found", "changed", "refused"]


@dataclass(frozen=True, slots=True)
class Provision:
    """What was done about a caller's config.

    Attributes:
        kind: `created`; `found`, it was there; `changed`, its values are others now; `refused`,
            the caller's folder could not have it, so it was created in the home.
        path: the config file.
        values: its template fields' values.
        reason: why it was refused.
    """

    kind: Kind
    path: Path
    values: dict[str, Any]
    reason: str | None = None


def ensure_home_configs(home: Path, *, auto_export: bool) -> None:
    """Make the home's two config files from their templates, unless they are there.

    Args:
        home: the ledger's home.
        auto_export: what a new `openrouter_config.json` says about it.

    Raises:
        OSError: the home can't be written.
    """
    folder = home / templates.HOME_FOLDER
    own, api = folder / templates.OPENROUTER_CONFIG_FILE, folder / templates.API_CONFIG_FILE
    if own.exists() and api.exists():
        return
    files.private_folder(home)  # first: a folder made on the way to another is anybody's
    files.private_folder(folder)
    now = _now()
    document = templates.openrouter_config_document(now, auto_export=auto_export)
    files.create_once(own, templates.render(document))
    files.create_once(api, templates.render(templates.api_config_document(now)))


def config_path(caller: Caller, home: Path) -> Path:
    """Where a caller's config is; where there is none, where it would be made first.

    A config in the home counts only while the caller's folder has none.
    """
    own = caller.json_folder(home) / templates.SKILL_CONFIG_FILE
    if caller.folder is None or places.is_there(own):
        return own
    fallback = _fallback(caller, home) / templates.SKILL_CONFIG_FILE
    return fallback if places.is_there(fallback) or _is_closed(own) else own


def look(caller: Caller, home: Path) -> Provision | None:
    """What there is of a caller's config, where none may be made.

    Raises:
        ConfigInvalid: there is one, and it can't be read as one.
    """
    path = config_path(caller, home)
    return _found(caller, path) if places.is_there(path) else None


def provision(caller: Caller, home: Path) -> Provision:
    """Give a caller its three files, in its own folder or, where that can't be, in the home.

    Raises:
        ConfigInvalid: there is a config already, and it can't be read as one.
        LedgerUnavailable: the home can't be written either.
    """
    found = look(caller, home)
    if found is not None:
        return found
    path = caller.json_folder(home) / templates.SKILL_CONFIG_FILE
    reason = _refusal(caller, path.parent)
    if reason is None and caller.folder is not None:
        try:
            path.parent.mkdir(exist_ok=True)
            made = _make(path)
        except OSError as error:
            reason = f"{path.parent} cannot be written: {error.strerror}"
        else:
            return _created(caller, path, "created") if made else _found(caller, path)
    return _in_home(caller, home, reason)


def _is_closed(path: Path) -> bool:
    """Whether this user may not even look for a file."""
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _refusal(caller: Caller, folder: Path) -> str | None:
    """Why a caller's folder is not even tried."""
    if caller.folder is not None and not places.is_module_folder(caller.folder):
        return f"nothing is written into {caller.folder}, where packages are installed"
    if caller.folder is not None and not places.is_below(str(folder), caller.folder):
        return f"{folder} is a link that leads elsewhere"
    if caller.folder is None and caller.file is None:
        return "no file called, so there is no folder"
    return None


def _in_home(caller: Caller, home: Path, reason: str | None) -> Provision:
    """Make the three files in the home; a reason makes it a refusal of the caller's folder."""
    path = _fallback(caller, home) / templates.SKILL_CONFIG_FILE
    if not places.is_below(str(path.parent), home / "callers"):
        raise errors.LedgerUnavailable(
            f"{path.parent} is a link that leads out of the home.",
            hint="Remove it, and call again.",
            caller=caller.name,
        )
    try:
        files.private_folder(path.parent)
        made = _make(path)
    except OSError as error:
        raise errors.LedgerUnavailable(
            f"{path.parent} cannot be written: {error.strerror}.",
            hint="Set LEDGER_HOME to a folder that can be.",
            caller=caller.name,
        ) from None
    if not made:
        return _found(caller, path)
    return _created(caller, path, "refused" if reason else "created", reason)


def _created(caller: Caller, path: Path, kind: Kind, reason: str | None = None) -> Provision:
    """Report a config that this call made, with what it says for this caller."""
    logs.logger.info("caller %s: config created at %s", caller.name, path)
    if reason:
        logs.logger.log(logging.WARNING, "caller %s: %s", caller.name, reason)
    values = configs.template_values(configs.read_caller_config(path, caller.name))
    return Provision(kind, path, values, reason)


def _found(caller: Caller, path: Path) -> Provision:
    """Report a config that was there."""
    values = configs.template_values(configs.read_caller_config(path, caller.name))
    return Provision("found", path, values)


def _make(config: Path) -> bool:
    """Make data and log, then the config: so where there is a config, the others were made.

    Returns:
        Whether this call made the config.
    """
    data, log = templates.caller_data_document(), templates.caller_log_document()
    files.create_once(config.parent / templates.SKILL_DATA_FILE, templates.render(data))
    files.create_once(config.parent / templates.SKILL_LOG_FILE, templates.render(log))
    return files.create_once(config, templates.render(templates.caller_config_document(_now())))


def _fallback(caller: Caller, home: Path) -> Path:
    """The caller's folder in the home."""
    return home / "callers" / caller.name


def _now() -> str:
    """The moment at which a file is made, as its `timestamp`."""
    return clock.to_text(clock.now())
