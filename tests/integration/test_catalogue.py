"""What the provider lists, booked where it changed."""

import datetime as dt
import json
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from books_kit import count, opened
from freezegun import freeze_time

from ledger import clock
from ledger.catalogue import changes, reading, sync
from ledger.errors import (
    AnswerInvalid,
    ConnectionFailed,
    LedgerError,
    NotFound,
    NotFoundInLedger,
    RateLimited,
    RequestInvalid,
)


class Provider:
    """A provider's lists, as its endpoints would answer."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, Any]] = {}
        self.offers: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[str] = []

    def lists(self, model: str, prompt: str = "0.000001", **more: Any) -> None:
        self.models[model] = {
            "id": model,
            "name": model.title(),
            "context_length": 8192,
            "pricing": {"prompt": prompt, "completion": "0.000002"},
            "supported_parameters": ["tools", "max_tokens"],
        } | more
        self.offers.setdefault(model, [self.offer("One", prompt)])

    @staticmethod
    def offer(provider: str, prompt: str, **more: Any) -> dict[str, Any]:
        pricing = {"prompt": prompt, "completion": "0.000002"}
        return {"provider_name": provider, "tag": provider.lower(), "pricing": pricing} | more

    def get(self, path: str) -> bytes:
        self.asked.append(path)
        if path == sync.MODELS_PATH:
            return json.dumps({"data": list(self.models.values())}).encode()
        model = path.removeprefix("/models/").removesuffix("/endpoints")
        if model not in self.offers:
            raise NotFound("nobody offers it")
        return json.dumps({"data": {"id": model, "endpoints": self.offers[model]}}).encode()


@pytest.fixture
def provider() -> Provider:
    made = Provider()
    made.lists("maker/small")
    made.lists("maker/large", "0.00001")
    return made


def test_a_row_is_booked_only_where_something_changed(tmp_path: Path, provider: Provider) -> None:
    with opened(tmp_path) as books:
        first = sync.sync(books, provider.get)
        again = sync.sync(books, provider.get)
        provider.models["maker/small"]["supported_parameters"].reverse()  # says nothing new
        provider.models["maker/large"]["pricing"]["prompt"] = "0.00002"
        third = sync.sync(books, provider.get)
        rows = count(tmp_path / "ledger.db", "catalogue_model")
    assert (first.models, first.changed_models, first.changed_endpoints) == (2, 2, 2)
    assert (again.changed_models, again.changed_endpoints) == (0, 0)
    assert (third.changed_models, rows) == (1, 3)


def test_the_past_can_be_asked(tmp_path: Path, provider: Provider) -> None:
    with opened(tmp_path) as books:
        with freeze_time("2026-11-01T10:00:00Z"):
            sync.sync(books, provider.get)
        provider.lists("maker/large", "0.00003")
        provider.offers["maker/large"].append(provider.offer("Two", "0.00009"))
        del provider.models["maker/small"]
        provider.lists("maker/new")
        with freeze_time("2026-11-02T10:00:00Z"):
            sync.sync(books, provider.get)
        before, after = (
            dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC),
            dt.datetime(2026, 11, 3, tzinfo=dt.UTC),
        )
        then = reading.models(books, before)
        now = reading.models(books, after)
        offers = reading.endpoints(books, "maker/large", after)
        found = changes.changes(then, now)
        told = reading.history(books, "maker/small")
        with pytest.raises(NotFoundInLedger, match="models sync"):
            reading.model(books, "maker/small", after)
    assert [entry.model for entry in then] == ["maker/large", "maker/small"]
    assert [entry.model for entry in now] == ["maker/large", "maker/new"]
    assert [offer.provider for offer in offers] == ["One", "Two"]
    assert [(each.model, each.kind) for each in found] == [
        ("maker/large", "changed"),
        ("maker/new", "new"),
        ("maker/small", "gone"),
    ]
    ((name, old, new),) = found[0].fields
    assert (name, f"{old:f}", f"{new:f}") == ("prompt_price", "0.00001", "0.00003")
    assert [entry.is_listed for entry in told if entry.endpoint is None] == [True, False]


def test_a_model_that_comes_back_is_listed_again(tmp_path: Path, provider: Provider) -> None:
    gone = provider.models.pop("maker/small")
    provider.models["maker/small"] = gone
    with opened(tmp_path) as books:
        sync.sync(books, provider.get, endpoints=False)
        del provider.models["maker/small"]
        sync.sync(books, provider.get, endpoints=False)
        sync.sync(books, provider.get, endpoints=False)
        provider.models["maker/small"] = gone
        back = sync.sync(books, provider.get, endpoints=False)
        told = reading.history(books, "maker/small")
    assert back.changed_models == 1
    assert [entry.is_listed for entry in told] == [True, False, True]


def test_one_model_whose_offers_fail_does_not_stop_the_others(
    tmp_path: Path, provider: Provider
) -> None:
    def get(path: str) -> bytes:
        if "large" in path:
            raise RateLimited("too many")
        return provider.get(path)

    with opened(tmp_path) as books:
        found = sync.sync(books, get)
    assert found.failed == (sync.NotLooked("maker/large", "too many"),)
    assert (found.looked_at, found.changed_endpoints) == (1, 1)


def test_offers_can_be_looked_at_for_some_models_only(tmp_path: Path, provider: Provider) -> None:
    with opened(tmp_path) as books:
        sync.sync(books, provider.get, only=["maker/small"])
        with pytest.raises(RequestInvalid, match="maker/none"):
            sync.sync(books, provider.get, only=["maker/none"])
    assert provider.asked.count("/models/maker/small/endpoints") == 1
    assert "/models/maker/large/endpoints" not in provider.asked


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"data": {}}', b'{"error": {}}'])
def test_a_list_that_cannot_be_read_changes_nothing(tmp_path: Path, body: bytes) -> None:
    with opened(tmp_path) as books:
        books.prepare()
        with pytest.raises(AnswerInvalid):
            sync.sync(books, lambda _path: body)
        assert count(tmp_path / "ledger.db", "catalogue_model") == 0


def test_equal_offers_of_one_provider_are_told_apart(tmp_path: Path, provider: Provider) -> None:
    twice = provider.offer("One", "0.1")
    provider.offers["maker/small"] = [twice, twice | {"quantization": "fp8"}]
    with opened(tmp_path) as books:
        sync.sync(books, provider.get)
        found = reading.endpoints(books, "maker/small")
    assert [offer.endpoint for offer in found] == ["one", "one#2"]


@pytest.mark.parametrize("fault", [NotFound("no such page"), b"<html>", b'{"data": {}}', b""])
def test_offers_that_could_not_be_had_are_not_gone(
    tmp_path: Path, provider: Provider, fault: LedgerError | bytes
) -> None:
    def get(path: str) -> bytes:
        if "large" in path and isinstance(fault, LedgerError):
            raise fault
        return fault if "large" in path and isinstance(fault, bytes) else provider.get(path)

    with opened(tmp_path) as books:
        sync.sync(books, provider.get)
        found = sync.sync(books, get)
        offers = reading.endpoints(books, "maker/large")
    assert [each.model for each in found.failed] == ["maker/large"]
    assert found.failed[0].reason
    assert [offer.endpoint for offer in offers] == ["one"]


def test_offers_of_a_model_that_is_gone_are_gone_with_it(
    tmp_path: Path, provider: Provider
) -> None:
    with opened(tmp_path) as books:
        sync.sync(books, provider.get)
        del provider.models["maker/large"]
        found = sync.sync(books, provider.get)
        offers = reading.endpoints(books)
        again = sync.sync(books, provider.get)
    assert (found.changed_models, found.changed_endpoints) == (1, 1)
    assert [offer.model for offer in offers] == ["maker/small"]
    assert (again.changed_models, again.changed_endpoints) == (0, 0)


@pytest.mark.parametrize(
    "body", [b'{"data": []}', b'{"data": [{"id": "a/b"}], "links": {"next": "/models?offset=1"}}']
)
def test_a_list_that_is_not_whole_says_of_no_model_that_it_is_gone(
    tmp_path: Path, provider: Provider, body: bytes
) -> None:
    with opened(tmp_path) as books:
        sync.sync(books, provider.get)
        with pytest.raises(AnswerInvalid, match="may not be gone"):
            sync.sync(books, lambda _path: body)
        assert len(reading.models(books)) == 2


def test_a_few_endpoints_are_asked_for_at_once_and_no_more(tmp_path: Path) -> None:
    provider = Provider()
    for number in range(30):
        provider.lists(f"maker/m{number:02d}")
    lock = threading.Lock()
    running, most = 0, 0

    def get(path: str) -> bytes:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        clock.sleep(0.005)
        with lock:
            running -= 1
        return provider.get(path)

    with opened(tmp_path) as books:
        found = sync.sync(books, get)
    assert 1 < most <= sync.IN_FLIGHT
    assert (found.looked_at, found.changed_endpoints) == (30, 30)


def test_where_nobody_answers_any_more_the_rest_is_not_asked(tmp_path: Path) -> None:
    provider = Provider()
    for number in range(100):
        provider.lists(f"maker/m{number:02d}")
    asked: list[str] = []

    def get(path: str) -> bytes:
        if path == sync.MODELS_PATH:
            return provider.get(path)
        asked.append(path)
        raise ConnectionFailed("nobody there")

    with opened(tmp_path) as books:
        found = sync.sync(books, get)
    assert len(found.failed) == 100
    assert sync.IN_FLIGHT <= len(asked) <= 2 * sync.IN_FLIGHT
    assert "not asked" in found.failed[-1].reason
    assert (found.models, found.changed_models) == (100, 100)


def test_what_changed_names_conditions_and_discounts(tmp_path: Path, provider: Provider) -> None:
    night = {"utc_start": 1630, "utc_end": 30, "prompt": "0.0000005"}
    with opened(tmp_path) as books:
        sync.sync(books, provider.get)
        before = reading.models(books)
        pricing = {"prompt": "-1", "completion": "0.000002", "overrides": [night], "discount": 0.25}
        provider.models["maker/large"]["pricing"] = pricing
        sync.sync(books, provider.get)
        (found,) = changes.changes(before, reading.models(books))
    fields = {name: (old, new) for name, old, new in found.fields}
    assert fields["prompt_price"] == (Decimal("0.00001"), None)
    assert fields["discount"] == (0, Decimal("0.25"))
    (override,) = fields["overrides"][1]
    assert (override.utc_start, override.utc_end) == (1630, 30)
    assert override.prices == {"prompt": Decimal("0.0000005")}
