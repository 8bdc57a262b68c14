"""Where OpenRouter is, and where on it the things are."""

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, quote, urlsplit

from ledger.errors import ConfigInvalid

DEFAULT_BASE_URL = "https://openrouter.ai/api/v1"

CHAT_COMPLETIONS = "/chat/completions"
GENERATION = "/generation"
CREDITS = "/credits"
KEY = "/key"
ACTIVITY = "/activity"
ANALYTICS = "/analytics/query"
MODELS = "/models"
ALL_MODELS = "/models?output_modalities=all"
"""Without the parameter only models that answer in text are listed."""

_HINT = (
    f"Set OPENROUTER_BASE_URL (or `base_url` in the config) to a URL such as {DEFAULT_BASE_URL}."
)
_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|::1")
_UNPRINTABLE = re.compile(r"[\s\x00-\x20\x7f]")


def check_base_url(url: str) -> str:
    """The base URL without a trailing slash, once it is one that a key may be sent to.

    `https`, or `http` to this machine only: a key sent in the clear is a key given away.

    Raises:
        ConfigInvalid: it cannot be one. The message never repeats the URL, which may hold a
            password.
    """
    text = url.strip()
    faults = _faults(text, _split(text))
    fault = next((fault for applies, fault in faults if applies), None)
    if fault is not None:
        raise ConfigInvalid(f"The base URL cannot be used: {fault}.", hint=_HINT)
    return text.rstrip("/")


def url(base_url: str, path: str) -> str:
    """The address of a path such as `CHAT_COMPLETIONS` under a checked base URL."""
    return base_url + path


def generation_url(base_url: str, generation_id: str) -> str:
    """The address of the provider's record of a generation; ids are opaque text."""
    return f"{base_url}{GENERATION}?id={quote(generation_id, safe='', errors='replace')}"


def _split(text: str) -> SplitResult | None:
    """The parts of a URL; None where its brackets or its port are none."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _faults(text: str, parts: SplitResult | None) -> Iterator[tuple[bool, str]]:
    """What may be wrong with a URL, and whether it is, in words that repeat no part of it."""
    yield not text, "it is empty"
    yield bool(_UNPRINTABLE.search(text)) or "\\" in text, "it has characters that no URL has"
    if parts is None or not parts.hostname:
        yield True, "it names no host, or has no `https://`"
        return
    yield "@" in parts.netloc, "it has a user name or password in it; the key goes elsewhere"
    yield "?" in text or "#" in text, "it has a query or a fragment; paths are added at its end"
    yield parts.scheme not in ("https", "http"), "it is neither https nor http"
    yield (
        parts.scheme == "http" and not _LOOPBACK.fullmatch(parts.hostname),
        "http would send the key in the clear; only https may leave this machine",
    )
    yield (
        parts.path.rstrip("/").endswith(CHAT_COMPLETIONS),
        f"it ends in {CHAT_COMPLETIONS}, which is added to it",
    )
