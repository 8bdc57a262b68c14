"""Compressions that our own calls never ask for, but other libraries' clients do.

A client asks for `br` or `zstd` where it has a package that unpacks it, so the package is there.
"""

import importlib
from collections.abc import Callable
from typing import Any

Unpack = Callable[[bytes], bytes]
"""Takes the next bytes, gives what they unpack to."""

PIECE = 4096
"""How many packed bytes are unpacked at once, so that what is too much shows early."""

_BROTLI = ("brotli", "brotlicffi")
_ZSTD = ("zstandard", "compression.zstd")


def unpacker(encoding: str) -> Unpack | None:
    """What undoes a compression; None where it is not known, or nothing here unpacks it.

    What it raises on bytes that are not what they claim is the package's own.
    """
    if encoding == "br":
        return _brotli(_first(_BROTLI))
    return _zstd(_first(_ZSTD)) if encoding == "zstd" else None


def _first(names: tuple[str, ...]) -> Any:
    """The first of these modules that is there."""
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def _brotli(module: Any) -> Unpack | None:
    if module is None:
        return None
    decompressor = module.Decompressor()
    unpack: Unpack = getattr(decompressor, "process", None) or decompressor.decompress
    return unpack


def _zstd(module: Any) -> Unpack | None:
    if module is None:
        return None
    decompressor = module.ZstdDecompressor()
    make = getattr(decompressor, "decompressobj", None)
    unpack: Unpack = (make() if make is not None else decompressor).decompress
    return unpack
