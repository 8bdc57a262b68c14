"""Looking at the provider's lists, and booking what has changed since the last look."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote

from ledger.books.base import Table
from ledger.books.books import Books
from ledger.books.unit import Transaction
from ledger.catalogue import history
from ledger.errors import (
    AnswerInvalid,
    ConnectionFailed,
    LedgerError,
    RateLimited,
    RequestInvalid,
)
from ledger.openrouter import endpoints as paths
from ledger.openrouter import exact, listings
from ledger.openrouter.generation import NotARecord

Get = Callable[[str], bytes]
"""Fetches a path below the base URL and returns the body; raises a LedgerError."""
Progress = Callable[[int, int], None]

MODELS_PATH = paths.ALL_MODELS
IN_FLIGHT = 8
"""How many models' endpoints are asked for at once, and how many failures in a row end the asking
where each says that the next one would fail too."""


@dataclass(frozen=True, slots=True)
class NotLooked:
    """A model whose endpoints could not be had, and why; what was booked of them stays."""

    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a look at the catalogue found.

    Attributes:
        models: models that are listed now.
        changed_models: rows booked for models: new, changed, listed again or gone.
        looked_at: models whose endpoints were looked at.
        changed_endpoints: rows booked for endpoints, those of models that are gone among them.
        failed: models whose endpoints could not be had.
    """

    models: int
    changed_models: int
    looked_at: int
    changed_endpoints: int
    failed: tuple[NotLooked, ...]


def sync(
    books: Books,
    get: Get,
    *,
    only: Sequence[str] = (),
    endpoints: bool = True,
    progress: Progress | None = None,
) -> SyncReport:
    """Book what the provider lists now, where it differs from what was booked last.

    Args:
        books: where it is booked.
        get: fetches a path of the provider; called from several threads.
        only: models whose endpoints are looked at; all that are listed if empty.
        endpoints: whether each model's endpoints are looked at too, a request a model.
        progress: called with (done, all) as endpoints are looked at.

    Raises:
        LedgerError: the list could not be had, or the books can't be written.
        RequestInvalid: a model of `only` isn't listed.
    """
    listed = _whole_list(get)
    names = [model.id for model in listed]
    unknown = sorted(set(only) - set(names))
    if unknown:
        raise RequestInvalid(
            f"OpenRouter does not list {', '.join(unknown)}.",
            hint="See `python -m ledger models list` for the names.",
        )
    changed, booked = books.writer.write(lambda t: _book_models(t, listed, books.process.id))
    wanted = list(dict.fromkeys(only or names)) if endpoints else []
    failed = []
    for done, (name, found) in enumerate(_looks(get, wanted), 1):
        if isinstance(found, LedgerError):
            failed.append(NotLooked(name, found.message))
        else:
            booked += _book_offers(books, name, found)
        if progress is not None:
            progress(done, len(wanted))
    return SyncReport(len(names), changed, len(wanted) - len(failed), booked, tuple(failed))


def listed_now(get: Get) -> list[listings.ListedModel]:
    """The models that the provider lists now.

    Raises:
        AnswerInvalid: the answer is no list of models.
        LedgerError: there was none.
    """
    return _read_models(get(MODELS_PATH))


def _read_models(body: bytes) -> list[listings.ListedModel]:
    try:
        return listings.parse_models(body)
    except (exact.NotJson, NotARecord) as error:
        raise AnswerInvalid(f"OpenRouter's list of models could not be read: {error}.") from None


def _whole_list(get: Get) -> list[listings.ListedModel]:
    """As `listed_now`, where a model that is missing is gone.

    Raises:
        AnswerInvalid: nobody can tell so, for the list is empty or goes on elsewhere.
    """
    body = get(MODELS_PATH)
    listed = _read_models(body)
    if not listed or not listings.is_whole(body):
        what = "goes on on another page" if listed else "is empty"
        raise AnswerInvalid(
            f"OpenRouter's list of models {what}, so what is missing may not be gone.",
            hint="Nothing was booked. Try again later.",
        )
    return listed


class _Patience:
    """Ends the asking once as many failures as are in flight, in a row, speak of all models."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._lock = threading.Lock()

    @property
    def is_over(self) -> bool:
        return self._in_a_row >= IN_FLIGHT

    def hear(self, error: LedgerError | None) -> None:
        with self._lock:
            of_all = isinstance(error, ConnectionFailed | RateLimited)
            self._in_a_row = self._in_a_row + 1 if of_all else 0


_Found = list[listings.ListedEndpoint] | LedgerError


def _looks(get: Get, models: Sequence[str]) -> Iterator[tuple[str, _Found]]:
    """Each model in order, with its endpoints or what was wrong; a few are asked for at once."""
    patience = _Patience()
    with ThreadPoolExecutor(IN_FLIGHT, "ledger-catalogue") as threads:
        asked = [(model, threads.submit(_look, get, model, patience)) for model in models]
        try:
            for model, waited_for in asked:
                yield model, waited_for.result()
        finally:
            for _, waited_for in asked:
                waited_for.cancel()


def _look(get: Get, model: str, patience: _Patience) -> _Found:
    """Look at one model's endpoints; what goes wrong is theirs alone."""
    if patience.is_over:
        return LedgerError("not asked: those before it all failed for want of an answer")
    try:
        body = get(f"{paths.MODELS}/{quote(model, safe='/:')}/endpoints")
        found = listings.parse_endpoints(body, model)
    except LedgerError as error:
        patience.hear(error)
        return error
    except (exact.NotJson, NotARecord) as error:
        return AnswerInvalid(f"its endpoints could not be read: {error}")
    patience.hear(None)
    return found


def _book_offers(books: Books, model: str, offers: Iterable[listings.ListedEndpoint]) -> int:
    found = books.writer.write(lambda t: _book_endpoints(t, model, offers, books.process.id))
    return int(found)


def _book_models(
    transaction: Transaction, listed: Iterable[listings.ListedModel], process_id: str
) -> tuple[int, int]:
    """Book what changed; offers of a model that is gone are gone with it."""
    booked = history.newest_models(transaction.connection)
    rows = history.model_rows(listed, booked, process_id)
    gone = [row.model for row in rows if not row.is_listed]
    offers = sum(_book_endpoints(transaction, model, (), process_id) for model in gone)
    return _add(transaction, rows), offers


def _book_endpoints(
    transaction: Transaction,
    model: str,
    offers: Iterable[listings.ListedEndpoint],
    process_id: str,
) -> int:
    booked = history.newest_endpoints(transaction.connection, model)
    return _add(transaction, history.endpoint_rows(model, offers, booked, process_id))


def _add(transaction: Transaction, rows: Sequence[Table]) -> int:
    if rows:
        transaction.add(*rows)
    return len(rows)
