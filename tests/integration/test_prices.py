"""The catalogue as calls ask it: right after every change, and without a query where it holds."""

from pathlib import Path
from typing import Any

import pytest
from books_kit import opened
from test_catalogue import Provider

from ledger import clock
from ledger.books.books import Books
from ledger.catalogue import sync
from ledger.limits import prices
from ledger.limits.prices import PriceBook


@pytest.fixture
def provider() -> Provider:
    made = Provider()
    made.lists("maker/small")
    return made


def _counted(books: Books, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the reads of the books from now on."""
    reads: list[int] = []
    read = books.read

    def counting() -> Any:
        reads.append(1)
        return read()

    monkeypatch.setattr(books, "read", counting)
    return reads


def test_a_model_is_read_once_with_its_offers(
    tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as books:
        sync.sync(books, provider.get)
        book = PriceBook(books)
        reads = _counted(books, monkeypatch)
        found = [book.offers("maker/small") for _ in range(100)]
    assert [offer.provider for offer in found[0]] == [None, "One"]
    assert all(each is found[0] for each in found)
    assert len(reads) <= 2


def test_a_look_of_this_ledger_counts_at_once(tmp_path: Path, provider: Provider) -> None:
    with opened(tmp_path) as books:
        book = PriceBook(books)
        other = Provider()
        other.lists("maker/other")
        sync.sync(books, other.get)
        assert book.offers("maker/small") == ()
        sync.sync(books, provider.get)
        assert len(book.offers("maker/small")) == 2
        provider.offers["maker/small"].append(provider.offer("Two", "0.00009"))
        sync.sync(books, provider.get)
        book.forget()
        assert len(book.offers("maker/small")) == 3
        provider.lists("maker/large")
        del provider.models["maker/small"]
        sync.sync(books, provider.get)
        book.forget()
        assert book.offers("maker/small") == ()


def test_a_look_of_another_process_counts_within_a_second(
    tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as books, opened(tmp_path) as others:
        sync.sync(others, provider.get)
        book = PriceBook(books)
        before = book.offers("maker/small")
        provider.offers["maker/small"].append(provider.offer("Two", "0.00009"))
        sync.sync(others, provider.get)
        now = clock.monotonic()
        monkeypatch.setattr(clock.Real, "monotonic", lambda: now + prices.RECHECK_S)
        after = book.offers("maker/small")
    assert (len(before), len(after)) == (2, 3)
