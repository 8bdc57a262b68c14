"""Whether a text of a user's source is the URL of an LLM call that belongs on the books."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from ledger.adoption.texts import UNKNOWN
from ledger.openrouter import billable, hosts

# Below a host that can't be told, these alone are surely an LLM's.
_SURE = ("chat/completions", "completions", "embeddings", "rerank", "audio/speech")
_ENDINGS = tuple(f"/{name}" for name in (*_SURE, "audio/transcriptions"))


class Urls:
    """The hosts whose calls are to be booked.

    Args:
        named: hosts and base URLs that count beside OpenRouter's own, as `hosts.checked` gives.
    """

    def __init__(self, named: tuple[str, ...]) -> None:
        self._bases = (*hosts.OPENROUTER, *named)
        self._hosts = {_host(base if "://" in base else f"//{base}") for base in self._bases}

    def is_known(self, text: str) -> bool:
        """Whether a base URL is at one of the hosts."""
        return _host(text) in self._hosts

    def other(self, texts: Iterable[str]) -> str | None:
        """A base URL that is surely another host's; it has to be named to be booked."""
        whole = (text for text in sorted(texts) if "://" in text and UNKNOWN not in text)
        return next((text for text in whole if not self.is_known(text)), None)

    def is_call(self, text: str, *, also_paths: bool = False) -> bool:
        """Whether a text is the URL of something that costs, or may be.

        Args:
            text: with `UNKNOWN` for what only the running program knows.
            also_paths: whether a path alone counts.
        """
        text = text.partition("?")[0]
        if "://" not in text:
            return text.startswith(("/", UNKNOWN) if also_paths else UNKNOWN) and text.endswith(
                _ENDINGS
            )
        if not self.is_known(text):
            return False
        found = hosts.below(text, self._bases)
        return found is None or UNKNOWN in found.path or _costs(found.path)


def _costs(path: str) -> bool:
    return billable.recognise("POST", path) is not None


def _host(text: str) -> str | None:
    try:
        return urlsplit(text).hostname
    except ValueError:
        return None
