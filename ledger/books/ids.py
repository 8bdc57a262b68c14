"""Primary keys: UUIDv7 as text, increasing within a process even when the clock steps back."""

import os
import threading
import uuid

from ledger import clock

_MS_BITS, _COUNTER_BITS, _RANDOM_BITS = 48, 12, 62
_COUNTER_MAX = (1 << _COUNTER_BITS) - 1
_VERSION, _VARIANT = 0x7, 0b10
_EPOCH_MS_PER_S = 1000


class _Sequence:
    """The last time and counter given out, under one lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ms = 0
        self._counter = 0

    def next(self, now_ms: int) -> tuple[int, int]:
        """A (milliseconds, counter) pair greater than any before it."""
        with self._lock:
            if now_ms > self._ms:
                self._ms, self._counter = now_ms, 0
            elif self._counter < _COUNTER_MAX:
                self._counter += 1
            else:
                self._ms, self._counter = self._ms + 1, 0
            return self._ms, self._counter


_sequence = _Sequence()


def _restart() -> None:
    """A forked child must not wait for a lock that no thread of its own holds."""
    global _sequence  # noqa: PLW0603 - one sequence a process, replaced as a whole
    _sequence = _Sequence()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restart)


def new_id() -> str:
    """A new UUIDv7 (RFC 9562) in canonical text; ids of one process sort as they were made."""
    now_ms = int(clock.now().timestamp() * _EPOCH_MS_PER_S)
    ms, counter = _sequence.next(now_ms)
    tail = int.from_bytes(os.urandom(8), "big") >> (64 - _RANDOM_BITS)
    return _text(ms, counter, tail)


def floor_at(epoch_ms: int) -> str:
    """The smallest id of a moment: ids made since then compare as greater or equal."""
    return _text(epoch_ms, 0, 0)


def is_id(text: str) -> bool:
    """Whether a text is an id in canonical form."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _text(ms: int, counter: int, tail: int) -> str:
    head = (ms & ((1 << _MS_BITS) - 1)) << 16 | _VERSION << 12 | counter
    digits = f"{head:016x}{_VARIANT << 62 | tail:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
