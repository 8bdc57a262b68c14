"""Whose requests are booked: those below a known base URL, or to a host that was named.

Everything else passes through unseen, whatever its path looks like.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from ledger.errors import ConfigInvalid

OPENROUTER = tuple(f"https://{region}openrouter.ai/api/v1" for region in ("", "eu.", "us."))
"""OpenRouter's own base URLs, the regional ones too."""

_PORTS = {"http": 80, "https": 443}
# A host alone does not say where below it the API is; these are the usual places.
_USUAL = ("/api/v1", "/v1", "")


@dataclass(frozen=True, slots=True)
class Below:
    """Where a request goes: to a path below a base URL, as the books name it."""

    base_url: str
    path: str


@dataclass(frozen=True, slots=True)
class _Base:
    """A base URL, or a host of which neither scheme nor paths are known, taken apart."""

    text: str
    scheme: str
    host: str
    port: int | None

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The paths below which the API may be."""
        return (urlsplit(self.text).path,) if self.scheme else _USUAL

    def is_of(self, scheme: str, host: str, port: int | None) -> bool:
        """Whether a URL of that origin is at this host."""
        if self.host != host or (self.scheme and self.scheme != scheme):
            return False
        usual = _PORTS.get(scheme)
        return (self.port or usual) == (port or usual)


def below(url: str, bases: tuple[str, ...]) -> Below | None:
    """The base URL that a URL is below; None where it is below none of them.

    Args:
        url: absolute.
        bases: base URLs, or hosts with or without a port, as `checked` gives them.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    for base in map(_parsed, bases):
        if base is None or not base.is_of(parts.scheme, host, port):
            continue
        for prefix in base.prefixes:
            if parts.path.startswith(f"{prefix}/"):
                origin = f"{parts.scheme}://{host}{f':{port}' if port else ''}"
                named = base.text if base.scheme else origin + prefix
                return Below(named, parts.path[len(prefix) :])
    return None


def checked(named: Iterable[str]) -> tuple[str, ...]:
    """Hosts and base URLs that a user named, in the form that `below` takes.

    Raises:
        ConfigInvalid: one is none. The message never repeats it, for it may hold a password.
    """
    found = tuple(each.strip().rstrip("/") for each in named)
    if None in map(_parsed, found):
        raise ConfigInvalid(
            "A host to be booked cannot be used.",
            hint="Name a host, a host:port, or a base URL without a user name in it.",
        )
    return found


@lru_cache(maxsize=64)
def _parsed(text: str) -> _Base | None:
    """A base URL or host taken apart; None where it is neither."""
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        port = parts.port
    except ValueError:
        return None
    is_url = "://" in text
    fits = parts.scheme in _PORTS if is_url else not parts.path
    has_more = parts.query or parts.fragment or "@" in parts.netloc or len(text.split()) != 1
    if not parts.hostname or has_more or not fits:
        return None
    return _Base(text, parts.scheme, parts.hostname, port)
