"""Where the API key comes from. A key is looked for, never shown: no repr or log line has it."""

import dataclasses
import logging
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ledger import files, logs
from ledger.callers import templates
from ledger.callers.configs import GlobalConfig
from ledger.openrouter.keys import mask

VARIABLE = "OPENROUTER_API_KEY"
ENV_FILE = ".env"
_MAX_ENV_BYTES = 1 << 20
_ENV_TEMPLATE = f"""\
# The key of this ledger's calls. Make one at https://openrouter.ai/settings/keys, take away
# the `#` of the last line and put the key behind the `=`. Only its owner may read this file.
# {VARIABLE}={templates.KEY_PLACEHOLDER}
"""


@dataclasses.dataclass(frozen=True, slots=True)
class FoundKey:
    """A key and the place in which it was found, in words; the key is not in the repr."""

    key: str = dataclasses.field(repr=False)
    source: str


def find_key(  # noqa: PLR0913 - the places to look at, all by name
    *,
    argument: str | None,
    environ: Mapping[str, str],
    config: GlobalConfig,
    home: Path,
    cwd: Path,
    is_placeholder: Callable[[str], bool],
) -> tuple[FoundKey | None, list[FoundKey]]:
    """The key that counts, and every key that was found, in the order in which they count.

    The order: the argument, the environment, `api_config.json`, the home's `.env`, the nearest
    `.env` with a key from the current folder upward. Blank text and placeholders count as absent.

    Args:
        argument: what the user passed.
        environ: the environment.
        config: the home's config.
        home: the ledger's home.
        cwd: the current folder.
        is_placeholder: whether a text only stands where a key belongs.
    """

    def usable(key: str | None) -> bool:
        return key is not None and bool(key.strip()) and not is_placeholder(key)

    api_config = home / templates.HOME_FOLDER / templates.API_CONFIG_FILE
    places = [
        (argument, "the api_key argument"),
        (environ.get(VARIABLE), f"the environment variable {VARIABLE}"),
        (config.api_key, str(api_config)),
        (_from_file(home / ENV_FILE), str(home / ENV_FILE)),
    ]
    found = [FoundKey(key, source) for key, source in places if key is not None and usable(key)]
    above = (FoundKey(key, str(path)) for path, key in _above(cwd, home) if usable(key))
    found.extend([nearest] if (nearest := next(above, None)) else [])
    _warn(found)
    return (found[0] if found else None), found


def is_wide(path: Path) -> bool:
    """Whether others than its owner may read or change a file, where the platform can say."""
    if os.name != "posix":
        return False
    try:
        return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    except OSError:
        return False


def _warn(found: list[FoundKey]) -> None:
    """Say once which of several keys counts, and which files show theirs to other users."""
    for place in found[1:]:
        if place.key.strip() != found[0].key.strip():
            logs.log_once(
                f"keys:{found[0].source}:{place.source}",
                logging.WARNING,
                "the API key %s of %s counts; %s holds another, %s, which is not used",
                mask(found[0].key),
                found[0].source,
                place.source,
                mask(place.key),
            )
    for place in found:
        path = Path(place.source)
        if path.is_absolute() and is_wide(path):
            said = "others may read %s, which holds an API key: chmod 600 it"
            logs.log_once(f"wide:{path}", logging.WARNING, said, path)


def _above(cwd: Path, home: Path) -> Iterator[tuple[Path, str]]:
    """The keys of the `.env` files from a folder upward, but the home's own."""
    for folder in (cwd, *cwd.parents):
        key = _from_file(folder / ENV_FILE) if folder != home else None
        if key is not None:
            yield folder / ENV_FILE, key


_kept: dict[Path, tuple[tuple[int, int, int], str | None]] = {}


def _from_file(path: Path) -> str | None:
    """The key in a `.env`, and nothing else of it; read anew when the file changed."""
    try:
        found = os.stat(path)  # noqa: PTH116 - asked for every folder upward; half of Path.stat
    except OSError:
        return None
    seen = (found.st_mtime_ns, found.st_size, found.st_ino)
    kept = _kept.get(path)
    if kept is None or kept[0] != seen:
        kept = (seen, _read(path))
        _kept[path] = kept
    return kept[1]


def _read(path: Path) -> str | None:
    """Read a `.env`; one that can't be read is named in the log, and has no key."""
    try:
        if not path.is_file() or path.stat().st_size > _MAX_ENV_BYTES:
            return None
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        kind = type(error).__name__
        logs.log_once(f"env:{path}", logging.WARNING, "%s cannot be read: %s", path, kind)
        return None
    if VARIABLE not in text:
        return None
    import io

    import dotenv

    return dotenv.dotenv_values(stream=io.StringIO(text), interpolate=False).get(VARIABLE)


def write_env_template(home: Path) -> bool:
    """Make the home's `.env` as a commented template, unless there is one; only its owner reads it.

    Returns:
        Whether this call made it.

    Raises:
        OSError: the home can't be written.
    """
    files.private_folder(home)
    return files.create_once(home / ENV_FILE, _ENV_TEMPLATE.encode("ascii"))
