"""Other people's SDKs, each with one way of adopting the ledger, and the same ten calls.

A driver makes the calls of a list, one after the other, with one client. What fails raises the
SDK's own error, which is the failure's proof; the drivers swallow it, since the books tell.
"""

import asyncio
import contextlib
import importlib
import importlib.metadata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ledger.client import Ledger
from ledger.errors import LedgerError

TEN = (
    ("openai/gpt-4o-mini", "Hello"),
    ("anthropic/claude-sonnet-4", "Grüße aus Köln, und eine längere Frage."),
    ("deepseek/deepseek-chat-v3.1:free", "What is free?"),
    ("openai/gpt-4o-mini:nitro", "Faster!"),
    ("sandbox/cost-1e-7", "Nearly nothing"),
    ("sandbox/cost-0.0004970133333333333", "To the last digit"),
    ("sandbox/settled-0.5", "Dearer than it said"),
    ("sandbox/byok", "With a key of one's own"),
    ("sandbox/served-x-ai/grok-4", "Who answers?"),
    ("sandbox/error-400", "What is wrong"),
)
"""Model and message of each call; the last one fails."""

Calls = tuple[tuple[str, str], ...]


def missing(package: str, major: int | None = None) -> str | None:
    """Why an SDK can't run here; None where it can."""
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return f"{package} is not installed"
    if major is not None and int(version.partition(".")[0]) != major:
        return f"{package} {version} is not {major}"
    return None


@dataclass(frozen=True)
class Sdk:
    """One SDK in one mode.

    Attributes:
        name: of the driver, with the SDK's major version where that matters.
        package: the distribution that it needs.
        major: the version that it needs; None: any.
        endpoint: what its calls are booked as.
        streamed: whether its answers are streams.
        obeys: whether it heeds `x-should-retry`; litellm tries everything again that it is told to.
        make: makes the calls, retrying as often as `retries` says.
    """

    name: str
    package: str
    major: int | None
    endpoint: str
    streamed: bool
    obeys: bool
    make: Callable[[Ledger, Calls, int], None]

    def calls(self, ledger: Ledger, calls: Calls, retries: int = 0) -> None:
        """Make the calls; skips the test where the SDK is absent."""
        absent = missing(self.package, self.major)
        if absent:
            pytest.skip(absent)
        self.make(ledger, calls, retries)


SDKS: list[Sdk] = []


def sdk(  # noqa: PLR0913 - what tells a driver from another, all by name
    name: str,
    package: str,
    *,
    major: int | None = None,
    endpoint: str = "chat/completions",
    streamed: bool = False,
    obeys: bool = True,
) -> Callable[[Callable[[Ledger, Calls, int], Any]], Callable[[Ledger, Calls, int], Any]]:
    """List a driver; one that is async is run in a loop of its own."""

    def listed(driver: Callable[[Ledger, Calls, int], Any]) -> Callable[[Ledger, Calls, int], Any]:
        def make(ledger: Ledger, calls: Calls, retries: int) -> None:
            result = driver(ledger, calls, retries)
            if asyncio.iscoroutine(result):
                asyncio.run(result)

        SDKS.append(Sdk(name, package, major, endpoint, streamed, obeys, make))
        return driver

    return listed


def base_url(ledger: Ledger) -> str:
    """Where the sandbox is."""
    assert ledger.settings.base_url is not None
    return ledger.settings.base_url


@contextlib.contextmanager
def failing() -> Iterator[None]:
    """A call that may fail, with the SDK's own error; never with one of ours."""
    try:
        yield
    except (LedgerError, AssertionError):
        raise
    except Exception:  # noqa: BLE001 - each SDK has a tree of its own; the books tell
        pass


def message(text: str) -> list[dict[str, str]]:
    """What is asked, in the form that most of them take."""
    return [{"role": "user", "content": text}]


def package(name: str) -> Any:
    """A package that may be absent, unknown to the type checker."""
    return importlib.import_module(name)
