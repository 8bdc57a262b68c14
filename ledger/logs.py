"""Logging: the stdlib logger `ledger`, and the ecosystem's own logger where one is importable.

No line carries a key, a prompt or an answer. Lines carry caller, model and request id.
"""

import contextlib
import importlib
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from ledger.harmless import harmless

logger = logging.getLogger("ledger")
logger.addHandler(logging.NullHandler())

_ECOSYSTEM = "prax.prax_logger"
_NAME = "system_logger"
_METHODS = {"DEBUG": "debug", "WARNING": "warning", "ERROR": "error", "CRITICAL": "error"}

_once: set[str] = set()


def place_of(error: BaseException) -> str:
    """The file and line that raised an error, for a line that must not quote its text."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def log_once(key: str, level: int, message: str, *args: object) -> None:
    """Log a line the first time that `key` is seen in this process."""
    if key in _once:
        return
    _once.add(key)
    logger.log(level, message, *args)


class SystemLogHandler(logging.Handler):
    """Passes records to a `system_logger`, as text: to its methods, or by calling it.

    Whatever that logger raises is said once on the stdlib logger and breaks nothing. What is
    logged while it is at work, as by a `system_logger` that asks a model itself, is not passed on
    to it again.

    Args:
        target: has `info`, `warning` and `error`, or is a function of one text.
    """

    def __init__(self, target: Any) -> None:
        super().__init__()
        self._target = target
        self._at_work = threading.local()

    def createLock(self) -> None:  # noqa: N802 - the name that logging gives it
        """No lock: while one thread held it, the target's own locks could never be had."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Pass a record on, without a lock.

        Returns:
            Whether the filters let it through.
        """
        if not self.filter(record):
            return False
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on, unless it comes from what passing one on led to."""
        if getattr(self._at_work, "now", False):
            return
        self._at_work.now = True
        try:
            self._entry(record)(self.format(record))
        except Exception as error:  # noqa: BLE001 - somebody else's logger, which must break no call
            kind = type(error).__name__
            log_once("system-logger", logging.WARNING, "%s raised %s", _NAME, kind)
        finally:
            self._at_work.now = False

    def _entry(self, record: logging.LogRecord) -> Callable[[str], object]:
        """The target's method for a record's level, else its `info`, else the target itself."""
        for name in (_METHODS.get(record.levelname, "info"), "info"):
            method = getattr(self._target, name, None)
            if callable(method):
                return method  # type: ignore[no-any-return]
        return self._target  # type: ignore[no-any-return]


_looked_for: list[str] = []


def follow_ecosystem() -> None:
    """Pass log lines on to `prax.prax_logger.system_logger`, where there is one; looks once.

    That module is imported here, so this is called where no lock is held and not at import: it
    may use the ledger itself. Its absence is nothing to talk about, its failure is one warning.
    Lines of INFO are passed on unless somebody set the logger's level.
    """
    if _looked_for:
        return
    _looked_for.append(_ECOSYSTEM)
    try:
        target = getattr(importlib.import_module(_ECOSYSTEM), _NAME)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever somebody else's module does
        absent = isinstance(error, ModuleNotFoundError) and error.name in {"prax", _ECOSYSTEM}
        if not absent:
            logger.warning("no lines go to %s: %s", _ECOSYSTEM, type(error).__name__)
        return
    logger.addHandler(SystemLogHandler(target))
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)


class _OneLine(logging.Filter):
    """Makes a record one line: what others wrote in it forges no second one."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_harmless, record.args))
        return True


def _harmless(value: object) -> object:
    """A value of a log line; numbers stay what they are, for `%d`."""
    if value is None or isinstance(value, int | float):
        return value
    text = str(value)
    return value if text.isprintable() else harmless(text)


logger.addFilter(_OneLine())


@contextlib.contextmanager
def shown_on(stream: TextIO) -> Iterator[None]:
    """Write every line of ours to a stream while the block runs."""
    handler, level = logging.StreamHandler(stream), logger.level
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
