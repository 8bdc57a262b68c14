"""Settings from arguments and the environment: where the books and the JSON files live."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DISTRIBUTION = "openrouter-ledger"

# A writer waits this long for its turn before it says who is in the way.
WRITE_PATIENCE_S = 60.0
# Total time of one call, when the call names none.
DEFAULT_DEADLINE_S = 600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What was decided before any file was read.

    Attributes:
        home: the folder of the ledger, its JSON files and its callers without a folder.
        url: an SQLAlchemy URL, or None for `<home>/ledger.db`.
        base_url: the provider's base URL by argument or environment, or None.
        background: whether settlement and export run by themselves in the background.
        callers_root: where set, every caller's folder goes below it (tests).
        summary: whether a line at the end of the process says what its calls cost.
    """

    home: Path
    url: str | None
    base_url: str | None
    background: bool
    callers_root: Path | None
    summary: bool = False


def resolve(
    *,
    home: str | os.PathLike[str] | None = None,
    url: str | None = None,
    base_url: str | None = None,
    background: bool | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settings by argument, else by environment, else the platform's own place."""
    env = os.environ if environ is None else environ
    root = env.get("LEDGER_CALLERS_ROOT")
    return Settings(
        home=_home(home, env),
        url=url or env.get("LEDGER_URL") or None,
        base_url=base_url or env.get("OPENROUTER_BASE_URL") or None,
        background=env.get("LEDGER_BACKGROUND", "1") != "0" if background is None else background,
        callers_root=Path(root) if root else None,
        summary=env.get("LEDGER_SUMMARY", "0") == "1",
    )


def _home(argument: str | os.PathLike[str] | None, env: Mapping[str, str]) -> Path:
    """An absolute home, never the current folder by accident."""
    chosen = argument or env.get("LEDGER_HOME")
    if chosen:
        return Path(os.path.abspath(Path(chosen).expanduser()))  # noqa: PTH100 - links stay as given
    import platformdirs

    return platformdirs.user_data_path(DISTRIBUTION, appauthor=False)
