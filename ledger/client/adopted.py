"""The default ledger's clients for other people's code, as the package's own functions."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger.calls.installed import Installation


def http_client(
    family: str = "httpx",
    *,
    caller: str | None = None,
    hosts: Iterable[str] = (),
    **options: Any,
) -> Any:
    """An HTTP client whose LLM calls are on the books, for SDKs that take one.

        client = OpenAI(base_url=..., api_key=..., http_client=ledger.http_client("httpx2"))

    It records what passes and changes no byte of it. A call that is refused, or can't be recorded,
    is answered with an error response, never an exception: SDKs send again what raises.

    Args:
        family: `httpx`, or `httpx2` for the SDKs that speak that one (`openai` 3, `anthropic`).
        caller: the name to book the calls under; else the module that calls the SDK, and where
            nobody can tell, none.
        hosts: hosts and base URLs whose calls are booked beside OpenRouter's own.
        **options: those of the family's own `Client`.

    Raises:
        RequestInvalid: the family is not there.
        CallerInvalid: `caller` is no name.
        ConfigInvalid: one of `hosts` is none.
    """
    from ledger.client import default

    return default().http_client(family, caller=caller, hosts=hosts, **options)


def async_http_client(
    family: str = "httpx",
    *,
    caller: str | None = None,
    hosts: Iterable[str] = (),
    **options: Any,
) -> Any:
    """`http_client` for async code. Same arguments, same errors."""
    from ledger.client import default

    return default().async_http_client(family, caller=caller, hosts=hosts, **options)


def openai(*, caller: str | None = None, **options: Any) -> Any:
    """OpenAI's own client for OpenRouter, on the books, with the ledger's base URL and key.

    Args:
        caller: the name to book the calls under; else the module that calls.
        **options: those of `openai.OpenAI`.

    Raises:
        RequestInvalid: the package `openai` is not installed.
        KeyMissing, KeyInvalid: there is no key that can be used.
    """
    from ledger.client import default

    return default().openai(caller=caller, **options)


def async_openai(*, caller: str | None = None, **options: Any) -> Any:
    """`openai` for async code. Same arguments, same errors."""
    from ledger.client import default

    return default().async_openai(caller=caller, **options)


def install(*, hosts: Iterable[str] = ()) -> "Installation":
    """Put every client of `httpx` and `httpx2` in this process on the books.

    For code that hides its client, such as litellm. Each request is one row, also where the client
    has a transport of the ledger's already.

    Args:
        hosts: hosts and base URLs whose calls are booked beside OpenRouter's own.

    Returns:
        What undoes it: `.uninstall()`, or `with ledger.install():`.

    Raises:
        ConfigInvalid: one of `hosts` is none.
    """
    from ledger.calls.foreign import known
    from ledger.calls.installed import Installation
    from ledger.client import default

    return Installation(lambda: default().foreign, known(None, hosts))
