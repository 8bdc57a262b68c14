"""Looking at the provider's lists, and booking what has changed since the last look."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from ledger.books.base import Table
from ledger.books.books import Books
from ledger.books.unit import Transaction
from ledger.catalogue import history
from ledger.errors import AnswerInvalid, LedgerError, NotFound, RequestInvalid
from ledger.openrouter import exact, listings
from ledger.openrouter.generation import NotARecord

Get = Callable[[str], bytes]
"""Fetches a path below the base URL and returns the body; raises a LedgerError."""
Progress = Callable[[int, int], None]

MODELS_PATH = "/models?output_modalities=all"
"""Without the parameter only models that answer in text are listed."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a look at the catalogue found.

    Attributes:
        models: models that are listed now.
        changed_models: rows booked for models: new, changed, listed again or gone.
        looked_at: models whose endpoints were looked at.
        changed_endpoints: rows booked for endpoints.
        failed: models whose endpoints could not be had, with the reason.
    """

    models: int
    changed_models: int
    looked_at: int
    changed_endpoints: int
    failed: tuple[tuple[str, str], ...]


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
        get: fetches a path of the provider.
        only: models whose endpoints are looked at; all that are listed if empty.
        endpoints: whether each model's endpoints are looked at too, a request a model.
        progress: called with (done, all) as endpoints are looked at.

    Raises:
        LedgerError: the list could not be had, or the books can't be written.
        RequestInvalid: a model of `only` isn't listed.
    """
    listed = _models(get)
    names = [model.id for model in listed]
    unknown = sorted(set(only) - set(names))
    if unknown:
        raise RequestInvalid(
            f"OpenRouter does not list {', '.join(unknown)}.",
            hint="See `python -m ledger models list` for the names.",
        )
    changed = books.writer.write(lambda t: _book_models(t, listed, books.process.id))
    wanted = (list(only) or names) if endpoints else []
    booked, failed = 0, []
    for done, name in enumerate(wanted, 1):
        try:
            booked += _sync_endpoints(books, get, name)
        except LedgerError as error:
            failed.append((name, error.message))
        if progress is not None:
            progress(done, len(wanted))
    return SyncReport(len(names), changed, len(wanted) - len(failed), booked, tuple(failed))


def _models(get: Get) -> list[listings.ListedModel]:
    try:
        return listings.parse_models(get(MODELS_PATH))
    except (exact.NotJson, NotARecord) as error:
        raise AnswerInvalid(f"OpenRouter's list of models could not be read: {error}.") from None


def _sync_endpoints(books: Books, get: Get, model: str) -> int:
    """Look at one model's endpoints; the number of rows booked."""
    try:
        offers = listings.parse_endpoints(
            get(f"/models/{quote(model, safe='/:')}/endpoints"), model
        )
    except NotFound:  # nobody offers it just now
        offers = []
    except (exact.NotJson, NotARecord) as error:
        raise AnswerInvalid(f"its endpoints could not be read: {error}") from None
    found = books.writer.write(lambda t: _book_endpoints(t, model, offers, books.process.id))
    return int(found)


def _book_models(
    transaction: Transaction, listed: Iterable[listings.ListedModel], process_id: str
) -> int:
    booked = history.newest_models(transaction.connection)
    return _add(transaction, history.model_rows(listed, booked, process_id))


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
