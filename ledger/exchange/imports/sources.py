"""A file that is imported: what kind it is, told by its content, and its records."""

import datetime as dt
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from ledger import clock
from ledger.errors import RequestInvalid
from ledger.exchange.imports import activity, databases, plan, tracker, walking
from ledger.exchange.imports.opening import broken, open_plain
from ledger.exchange.imports.records import Record
from ledger.exchange.imports.walking import Broken, Walker

Progress = Callable[[int], None]
Reader = Callable[[Walker, str], Iterator[Record]]

API_LOG, API_DATA = "api_log", "api_data"
SKILL_LOG, SKILL_DATA = "skill_log", "skill_data"
USAGE_TRACKER = "usage_tracker"

_JSON: dict[str, Reader] = {
    API_LOG: plan.log,
    API_DATA: plan.api_data,
    SKILL_LOG: plan.log,
    SKILL_DATA: plan.skill_data,
    USAGE_TRACKER: tracker.read,
}
KINDS = (*_JSON, activity.KIND, databases.LLM, databases.LEDGER)
_SQLITE = b"SQLite format 3\0"
# A data file's totals are of the calls in the log beside it, and of earlier ones.
_LOG_BESIDE = {
    API_DATA: ("api_data.json", "api_log.json"),
    SKILL_DATA: ("openrouter_skill_data.json", "openrouter_skill_log.json"),
}
_MOST_EVENTS = 1000


class Source(Protocol):
    """What is imported.

    Attributes:
        kind: one of `KINDS`.
        path: where it is, as it is told.
        size: its bytes, or how many rows; None where nobody knows.
        digest: of its bytes, after a whole pass; None where it has none.
        last_day: the UTC day on which it was last changed.
    """

    kind: str
    path: str
    size: int | None
    digest: str | None
    last_day: str

    def records(self, progress: Progress | None = None) -> Iterator[Record]:
        """Every record, from the beginning each time."""
        ...


class JsonSource:
    """A JSON file; a data file brings the log beside it along."""

    def __init__(self, path: Path, kind: str) -> None:
        self.kind = kind
        self._file = path
        self.path = os.path.abspath(path)  # noqa: PTH100 - a link stays as given
        self.digest: str | None = None
        self._log = _log_beside(path, kind)
        self._states: dict[Path, tuple[int, int]] = {}
        files = [each for each in (self._log, path) if each is not None]
        self.size: int | None = sum(each.stat().st_size for each in files)
        changed = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
        self.last_day = clock.day_of(changed)

    def records(self, progress: Progress | None = None) -> Iterator[Record]:
        """Every record, from the beginning each time.

        Raises:
            ImportFailed: the file is no JSON to its end, can't be read, or is being changed.
        """
        before = 0
        if self._log is not None:
            yield from self._pass(self._log, _with_prefix(self._log.name), progress, 0)
            before = self._states[self._log][0]
        yield from self._pass(self._file, _JSON[self.kind], progress, before)

    def _pass(
        self, path: Path, read: Reader, progress: Progress | None, before: int
    ) -> Iterator[Record]:
        def tell(done: int) -> None:
            if progress is not None:
                progress(before + done)

        with open_plain(path) as file:
            found = os.fstat(file.fileno())
            state = found.st_size, found.st_mtime_ns
            if self._states.setdefault(path, state) != state:
                raise broken(path, "it is changed while it is read", hint="Import it again.")
            walker = Walker(file, tell)
            try:
                yield from read(walker, str(path))
            except Broken as error:
                raise broken(path, str(error)) from None
            except OSError as error:
                raise broken(path, error.strerror or str(error)) from error
            self.digest = walker.digest.hexdigest()


def open_source(where: str, kind: str | None) -> Source:
    """The file as a source of records.

    Args:
        where: the file, or the URL of another ledger.
        kind: what it is; None is told by its content.

    Raises:
        ImportFailed: it can't be read, or is none of these.
        RequestInvalid: there is no such kind.
    """
    if kind is not None and kind not in KINDS:
        raise RequestInvalid(
            f"There is no kind {kind!r}.", hint=f"Choose one of {', '.join(KINDS)}."
        )
    if "://" in where:
        return databases.LedgerSource(where)
    path = Path(where)
    with open_plain(path) as file:
        head = file.read(4096)
        file.seek(0)
        if head.startswith(_SQLITE):
            return databases.opened(path, kind)
        if kind == activity.KIND or (kind is None and activity.is_header(head)):
            return activity.ActivitySource(path)
        found = kind or _detect(file, path)
    if found not in _JSON:
        raise broken(path, "it is no database")
    return JsonSource(path, found)


def _with_prefix(name: str) -> Reader:
    return lambda walker, file: plan.log(walker, file, f"{name} ")


def _log_beside(path: Path, kind: str) -> Path | None:
    own, other = _LOG_BESIDE.get(kind, ("", ""))
    beside = path.with_name(other) if other and path.name == own else None
    return beside if beside is not None and beside.is_file() else None


def _detect(file: BinaryIO, path: Path) -> str:
    """What a JSON document is, by the first entries that tell.

    Raises:
        ImportFailed: it is none of the kinds.
    """
    seen: set[walking.Path] = set()

    def wanted(at: walking.Path) -> bool:
        seen.add(at)
        return plan.is_walked(at) or tracker.is_walked(at)

    number, is_entry = 0, False
    try:
        for number, (at, value) in enumerate(Walker(file).walk(wanted)):
            seen.update({at[:1], at[:2]})
            is_entry = at[:1] == ("logs",)
            if is_entry and isinstance(value, dict) and "operation" in value:
                break  # the operations of openrouter_log.json
            found = _kind(seen, is_decided=is_entry)
            if found is not None:
                return found
            if number > _MOST_EVENTS:
                break
    except Broken as error:
        raise broken(path, str(error)) from None
    found = None if number > _MOST_EVENTS or is_entry else _kind(seen, is_decided=True)
    if found is None:
        raise broken(
            path, "it is none of the kinds of files that are known", hint="Say which: --from KIND."
        )
    return found


def _kind(seen: set[walking.Path], *, is_decided: bool) -> str | None:
    """The kind that what was seen so far decides, if it does."""
    if any(("data", name) in seen for name in (tracker.CALLS, *tracker.TOTALS)):
        return USAGE_TRACKER
    if any((name,) in seen for name in (*tracker.TOTALS, "current_session")):
        return API_DATA
    is_skill = ("skill_name",) in seen
    if ("logs",) in seen and is_decided:
        return SKILL_LOG if is_skill else API_LOG
    if is_skill and ("data",) in seen:
        return SKILL_DATA
    return None
