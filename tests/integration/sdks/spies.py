"""Watching the bytes on both sides of the recording transport."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import pytest

from ledger.calls.families import family
from ledger.calls.foreign import Foreign


@dataclass
class Passed:
    """What was seen of an answer on one side."""

    request: bytes
    status: int
    headers: list[tuple[bytes, bytes]]
    body: list[bytes] = field(default_factory=list)


class Spy:
    """Passes everything on, and keeps a copy."""

    def __init__(self, inner: Any, seen: list[Passed], family_name: str) -> None:
        self._inner = inner
        self._seen = seen
        module = family(family_name).module
        self._sync = type("Seen", (_Seen, module.SyncByteStream), {})
        self._async = type("AsyncSeen", (_AsyncSeen, module.AsyncByteStream), {})

    def handle_request(self, request: Any) -> Any:
        response = self._inner.handle_request(request)
        response.stream = self._sync(response.stream, self._note(request, response))
        return response

    async def handle_async_request(self, request: Any) -> Any:
        response = await self._inner.handle_async_request(request)
        response.stream = self._async(response.stream, self._note(request, response))
        return response

    def close(self) -> None:
        self._inner.close()

    async def aclose(self) -> None:
        await self._inner.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()

    def _note(self, request: Any, response: Any) -> Passed:
        passed = Passed(request.read(), response.status_code, list(response.headers.raw))
        self._seen.append(passed)
        return passed


class _Seen:
    def __init__(self, inner: Any, passed: Passed) -> None:
        self._inner = inner
        self._passed = passed

    @property
    def elapsed(self) -> Any:
        return getattr(self._inner, "elapsed", None)

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._inner:
            self._passed.body.append(chunk)
            yield chunk

    def close(self) -> None:
        self._inner.close()


class _AsyncSeen(_Seen):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            self._passed.body.append(chunk)
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def watch(patch: pytest.MonkeyPatch) -> tuple[list[Passed], list[Passed]]:
    """Spies around every recording transport that is made from now on: below it, and above."""
    below: list[Passed] = []
    above: list[Passed] = []
    for name in ("recording", "async_recording"):
        original = getattr(Foreign, name)

        def made(
            self: Foreign, inner: Any, family_name: str, known: Any, original: Any = original
        ) -> Any:
            spied = Spy(inner, below, family_name)
            return Spy(original(self, spied, family_name, known), above, family_name)

        patch.setattr(Foreign, name, made)
    return below, above
