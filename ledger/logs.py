"""Logging: the stdlib logger `ledger`, and the ecosystem's own logger where one is importable.

No line carries a key, a prompt or an answer. Lines carry caller, model and request id.
"""

import logging

logger = logging.getLogger("ledger")
logger.addHandler(logging.NullHandler())

_once: set[str] = set()


def log_once(key: str, level: int, message: str, *args: object) -> None:
    """Log a line the first time that `key` is seen in this process."""
    if key in _once:
        return
    _once.add(key)
    logger.log(level, message, *args)
