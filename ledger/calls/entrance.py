"""A caller's entrance: its row in the books, its config, and what has changed in that config."""

import logging
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger import logs
from ledger.books.unit import Work
from ledger.callers import configs, detection, places, provisioning
from ledger.callers.configs import CallerConfig
from ledger.callers.detection import Caller
from ledger.callers.known import known_names
from ledger.calls.register import Register

IGNORE_LINE = "openrouter_skill_*.json"
"""What keeps every caller's JSON files out of a checkout."""


@dataclass(frozen=True, slots=True)
class Entered:
    """A caller that is in the books.

    Attributes:
        caller: under the name that it has there.
        id: of its row.
        config: as it stands.
        is_new: whether this call made the config.
        advice: on the first files in a project, how to keep them out of git; else empty.
    """

    caller: Caller
    id: str
    config: CallerConfig
    is_new: bool = False
    advice: str = ""


def enter(
    register: Register, home: Path, caller: Caller, *, may_provision: bool
) -> Generator[Work, Any, Entered]:
    """Give a caller its row and its config where they are missing, and book what changed.

    Raises:
        ConfigInvalid: its config can't be read as one.
        LedgerUnavailable: the books or the home can't be written.
    """
    known = register.find(caller)
    if known is not None:
        if known.is_stand_in:  # by now, the caller's own folder may have one
            known.config = provisioning.config_path(caller, home)
        config = configs.read_caller_config(known.config, caller.name)
        if config is not known.seen and config.exists:
            if register.is_news(caller, config):
                yield register.notice(known.id, caller.name, known.config)
            known.seen = config
        if config.exists or not may_provision:
            return Entered(caller, known.id, config)
    provide = provisioning.provision if may_provision else provisioning.look
    provision = provide(caller, home)
    caller_id = yield register.enter(caller, provision)
    if caller_id is None:
        other = detection.renamed(caller, known_names(home))
        return (yield from enter(register, home, other, may_provision=may_provision))
    path = provision.path if provision else provisioning.config_path(caller, home)
    register.remember(caller, caller_id, path, provision)
    config = configs.read_caller_config(path, caller.name)
    is_new = provision is not None and provision.kind != "found"
    is_first = is_new and known is None and provision is not None and not provision.reason
    advice = _advise(caller, path.parent, home) if is_first else ""
    return Entered(caller, caller_id, config, is_new, advice)


def _advise(caller: Caller, folder: Path, home: Path) -> str:
    """Say once where a project's files appear, and which line keeps them out of git."""
    if caller.folder is None:
        return ""
    root = places.project_root(caller.folder)
    if known_names(home).has_below(root, besides=caller.folder):
        return ""
    logs.log_once(
        f"first-files:{root}",
        logging.INFO,
        "caller %s: its three JSON files are in %s; to keep such files out of git, add the line"
        " %s to %s",
        caller.name,
        folder,
        IGNORE_LINE,
        root / ".gitignore",
    )
    return f"To keep such files out of git, add the line {IGNORE_LINE} to .gitignore."
