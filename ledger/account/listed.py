"""The provider's lists of models and offers, fetched: public, so no key is sent."""

import contextlib
from collections.abc import Callable, Iterator

from ledger import clock
from ledger.account.limits import Asking
from ledger.calls import asking
from ledger.calls.pool import Pool
from ledger.catalogue import reading, sync
from ledger.catalogue.reading import Entry
from ledger.openrouter import endpoints

MAX_LIST = 64 * 1024 * 1024
"""The most bytes of a list that are read; a real one has about one million."""


def listed_models(ledger: Asking, *, total_s: float = asking.TOTAL_S) -> list[Entry]:
    """The models on offer now, in the alphabet's order. Stores nothing.

    Args:
        ledger: knows the base URL.
        total_s: seconds that it may take in all.

    Raises:
        ProviderError: the provider refused, or said nothing that can be read.
        ConnectionFailed: no answer came.
    """
    with getting(ledger, total_s) as get:
        listed = sync.listed_now(get)
    seen_at = clock.now()
    return sorted((reading.as_listed(each, seen_at) for each in listed), key=lambda e: e.model)


@contextlib.contextmanager
def getting(ledger: Asking, total_s: float = asking.TOTAL_S) -> Iterator[Callable[[str], bytes]]:
    """A function that gets a path of the provider, from several threads if need be.

    Args:
        ledger: knows the base URL.
        total_s: seconds that each answer may take in all.
    """
    desk = ledger.desk
    base_url = desk.base_url(desk.rules())
    pool = Pool(max_connections=sync.IN_FLIGHT)
    try:
        yield lambda path: asking.ask_over(
            pool, endpoints.url(base_url, path), None, total_s, MAX_LIST
        )
    finally:
        pool.close()
