"""`install()`: every client of both families on the books, for code that hides its client.

`Client.send` and `AsyncClient.send` are wrapped, so that the request, with its redirects, is one
row whatever transport is below: some are no transport of the family's own. What goes through one of
our transports anyway is left to it. Threads and pools carry the chain of callers meanwhile, and
tasks remember who made them. Undone by `uninstall`, or at the end of a `with`.
"""

import functools
import importlib.util
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ledger.callers import tasks
from ledger.callers.carrying import patch_threads
from ledger.calls.families import NAMES, family
from ledger.calls.foreign import Foreign, Known
from ledger.calls.transports import SEEN, is_recording
from ledger.errors import LedgerError
from ledger.logs import logger
from ledger.openrouter import billable, hosts

if TYPE_CHECKING:
    import httpx


class Installation:
    """`install()` while it is in force.

    Args:
        foreign: gives the recorder of a ledger, asked at each request.
        known: what counts as a call.
    """

    def __init__(self, foreign: Callable[[], Foreign], known: Known) -> None:
        self._foreign = foreign
        self._known = known
        with _changing:
            if not _in_force:
                _undo.extend((patch_threads(), tasks.remember()))
            _in_force.append(self)
            for name in NAMES:
                if importlib.util.find_spec(name) is not None:
                    _wrap(name)

    def uninstall(self) -> None:
        """Undo it; a second time changes nothing."""
        with _changing:
            if self in _in_force:
                _in_force.remove(self)
            if not _in_force:
                _unwrap()
                while _undo:
                    _undo.pop()()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.uninstall()

    def watches(self, client: Any, request: "httpx.Request") -> bool:
        """Whether a request that a client is to send is recorded here."""
        if not self._foreign().is_call(request, self._known):
            return False
        # Where a transport of ours is below, it records: it may be another ledger's.
        find = getattr(client, "_transport_for_url", None)
        return find is None or not is_recording(find(request.url))

    def seems_call(self, request: "httpx.Request") -> bool:
        """Whether a request is one that the books want, as far as that can be told without them."""
        place = hosts.below(str(request.url), (*hosts.OPENROUTER, *self._known.named))
        return place is not None and billable.recognise(request.method, place.path) is not None

    def transport(self, name: str, send: Callable[[], Any]) -> "httpx.BaseTransport":
        """A recording transport that sends by a client's own method."""
        through: Any = _Through(send)
        return self._foreign().recording(through, name, self._known)

    def async_transport(self, name: str, send: Callable[[], Any]) -> "httpx.AsyncBaseTransport":
        """The same for tasks."""
        through: Any = _AsyncThrough(send)
        return self._foreign().async_recording(through, name, self._known)


_in_force: list[Installation] = []
_changing = threading.RLock()
_undo: list[Callable[[], None]] = []
_originals: dict[type[Any], tuple[Any, Any]] = {}


def _wrap(name: str) -> None:
    module = family(name).module
    for kind, make in ((module.Client, _sending), (module.AsyncClient, _async_sending)):
        if kind not in _originals:
            original = kind.send
            wrapper = make(name, original)
            _originals[kind] = (original, wrapper)
            kind.send = wrapper


def _unwrap() -> None:
    """Put the methods back, but where somebody else has wrapped them since: ours rest then."""
    for kind, (original, wrapper) in list(_originals.items()):
        if kind.send is wrapper:
            kind.send = original
            del _originals[kind]


def _watching(client: Any, request: "httpx.Request") -> "Installation | LedgerError | None":
    """The installation that records a request: the latest, where it wants it.

    An error where there is no ledger to record what seems to be a call: so it is not made.
    """
    latest = _in_force[-1] if _in_force else None
    if latest is None:
        return None
    try:
        return latest if latest.watches(client, request) else None
    except LedgerError as error:
        if not latest.seems_call(request):
            return None
        logger.error("call not made: %s", error)
        return error


def _sending(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """`Client.send` that records."""

    @functools.wraps(original)
    def send(self: Any, request: Any, *, stream: bool = False, **more: Any) -> Any:
        watching = _watching(self, request)
        if watching is None:
            return original(self, request, stream=stream, **more)
        if isinstance(watching, LedgerError):
            return family(name).answer(watching, request)
        through = functools.partial(original, self, request, stream=True, **more)
        response = watching.transport(name, through).handle_request(request)
        try:
            if not stream:
                response.read()
        except BaseException:
            response.close()
            raise
        return response

    return send


def _async_sending(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """`AsyncClient.send` that records."""

    @functools.wraps(original)
    async def send(self: Any, request: Any, *, stream: bool = False, **more: Any) -> Any:
        watching = _watching(self, request)
        if watching is None:
            return await original(self, request, stream=stream, **more)
        if isinstance(watching, LedgerError):
            return family(name).answer(watching, request)
        through = functools.partial(original, self, request, stream=True, **more)
        response = await watching.async_transport(name, through).handle_async_request(request)
        try:
            if not stream:
                await response.aread()
        except BaseException:
            await response.aclose()
            raise
        return response

    return send


class _Through:
    """Sends by a client's own method. What is below is told that the request is seen."""

    def __init__(self, send: Callable[[], Any]) -> None:
        self._send = send

    def handle_request(self, request: Any) -> Any:
        request.extensions[SEEN] = True
        try:
            return self._send()
        finally:
            request.extensions.pop(SEEN, None)


class _AsyncThrough(_Through):
    """The same for tasks."""

    async def handle_async_request(self, request: Any) -> Any:
        request.extensions[SEEN] = True
        try:
            return await self._send()
        finally:
            request.extensions.pop(SEEN, None)
