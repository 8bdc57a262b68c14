"""Figures as one JSON document: the views' column names, amounts as exact numbers."""

import dataclasses
import datetime as dt
import os
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from ledger import clock
from ledger.openrouter import exact


@runtime_checkable
class HasJson(Protocol):
    """What says itself how it is shown."""

    def as_json(self) -> dict[str, Any]:
        """Its members, already in what JSON has."""
        ...


def document(value: Any) -> str:
    """Any result of the library as JSON text: rows, dataclasses, paths and times included.

    Raises:
        TypeError: a float, or another type that has no exact form.
    """
    return exact.dumps(_plain(value), indent=2)


def _plain(value: Any) -> Any:
    """The value in what JSON has; what is left over is for `exact` to write or refuse."""
    if isinstance(value, HasJson):
        return value.as_json()
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, dt.datetime):
        return clock.to_text(value)
    return value
