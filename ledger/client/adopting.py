"""Putting other people's clients on the books: transports, ready clients, and `install`."""

import functools
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ledger.client.wiring import Wired

if TYPE_CHECKING:
    import httpx

    from ledger.calls.foreign import Foreign, Known
    from ledger.calls.installed import Installation


class Adopting(Wired):
    """What a ledger gives to clients of other making.

    Each takes:

    - `family`: whose clients it is for, `httpx` or `httpx2`; loaded only when it is asked for.
    - `caller`: the name to book the calls under; else the module that calls the SDK, and where
      nobody can tell, none.
    - `hosts`: hosts and base URLs whose calls are booked beside OpenRouter's own.
    """

    @functools.cached_property
    def foreign(self) -> "Foreign":
        """The recorder of requests that other libraries make."""
        from ledger.calls.foreign import Foreign

        rooms = (self.books, self.desk, self.backlog, self.digests)
        return Foreign(*rooms, self._open_once, self._after, self.gate)

    def transport(
        self,
        caller: str | None = None,
        family: str = "httpx",
        *,
        hosts: Iterable[str] = (),
        inner: "httpx.BaseTransport | None" = None,
    ) -> "httpx.BaseTransport":
        """A transport that records the calls that pass through it, and changes no byte of them.

        Args:
            caller: see the class.
            family: see the class.
            hosts: see the class.
            inner: what sends; the family's own transport, with the proxies of the environment.

        Raises:
            RequestInvalid: the family is not there.
            CallerInvalid: `caller` is no name.
            ConfigInvalid: one of `hosts` is none.
        """
        known = _known(caller, hosts)
        if inner is None:
            from ledger.calls.direct import direct

            inner = direct(family)
        return self.foreign.recording(inner, family, known)

    def async_transport(
        self,
        caller: str | None = None,
        family: str = "httpx",
        *,
        hosts: Iterable[str] = (),
        inner: "httpx.AsyncBaseTransport | None" = None,
    ) -> "httpx.AsyncBaseTransport":
        """`transport` for async clients."""
        from ledger.callers import tasks

        known = _known(caller, hosts)
        if inner is None:
            from ledger.calls.direct import async_direct

            inner = async_direct(family)
        transport = self.foreign.async_recording(inner, family, known)
        # An SDK may make tasks of a call: while this is in use, tasks remember who made them.
        weakref.finalize(transport, tasks.remember())
        return transport

    def http_client(
        self,
        family: str = "httpx",
        *,
        caller: str | None = None,
        hosts: Iterable[str] = (),
        **options: Any,
    ) -> Any:
        """A client of a family whose calls are recorded: `OpenAI(http_client=...)`.

        Args:
            family: see the class.
            caller: see the class.
            hosts: see the class.
            **options: those of the family's own `Client`; a `transport` among them sends.

        Raises:
            As `transport`.
        """
        from ledger.calls import direct, families

        own, rest = direct.split(options)
        inner = rest.pop("transport", None) or direct.direct(family, **own)
        transport = self.transport(caller, family, hosts=hosts, inner=inner)
        return families.family(family).module.Client(transport=transport, **rest)

    def async_http_client(
        self,
        family: str = "httpx",
        *,
        caller: str | None = None,
        hosts: Iterable[str] = (),
        **options: Any,
    ) -> Any:
        """`http_client` for async code: `AsyncOpenAI(http_client=...)`."""
        from ledger.calls import direct, families

        own, rest = direct.split(options)
        inner = rest.pop("transport", None) or direct.async_direct(family, **own)
        transport = self.async_transport(caller, family, hosts=hosts, inner=inner)
        return families.family(family).module.AsyncClient(transport=transport, **rest)

    def openai(self, *, caller: str | None = None, **options: Any) -> Any:
        """OpenAI's client for OpenRouter, on the books, with the ledger's base URL and key.

        Args:
            caller: see the class.
            **options: those of `openai.OpenAI`.

        Raises:
            RequestInvalid: the package `openai` is not there.
            KeyMissing, KeyInvalid: there is no key.
        """
        kind, family, options = self._for_openai("OpenAI", options)
        return kind(http_client=self.http_client(family, caller=caller), **options)

    def async_openai(self, *, caller: str | None = None, **options: Any) -> Any:
        """`openai` for async code."""
        kind, family, options = self._for_openai("AsyncOpenAI", options)
        return kind(http_client=self.async_http_client(family, caller=caller), **options)

    def install(self, *, hosts: Iterable[str] = ()) -> "Installation":
        """Put every client of both families on the books, for code that hides its client.

        Args:
            hosts: see the class.

        Returns:
            What undoes it: `.uninstall()`, or `with ledger.install():`.
        """
        from ledger.calls.installed import Installation

        return Installation(lambda: self.foreign, _known(None, hosts))

    def _for_openai(self, kind: str, options: dict[str, Any]) -> tuple[Any, str, dict[str, Any]]:
        """The class, the family that it takes, and its options with base URL and key."""
        from ledger.adoption import sdks

        module = sdks.load("openai")
        rules = self.desk.rules()
        if "base_url" not in options:
            options = {"base_url": self.desk.base_url(rules), **options}
        if "api_key" not in options:
            options = {"api_key": self.desk.key(rules)[0], **options}
        return getattr(module, kind), sdks.family_of("openai"), options


def _known(caller: str | None, hosts: Iterable[str]) -> "Known":
    from ledger.calls.foreign import known

    return known(caller, hosts)
