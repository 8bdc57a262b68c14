from decimal import Decimal

import pytest

from ledger.openrouter.generation import NotARecord
from ledger.openrouter.listings import is_whole, parse_endpoints, parse_models


def test_models_have_exact_prices_and_minus_one_is_unknown() -> None:
    models = parse_models(
        b'{"data": [{"id": "a/b", "name": "B", "context_length": 8192,'
        b'"pricing": {"prompt": "0.000000004", "completion": "2.574e-7"}},'
        b'{"id": "a/c:free", "pricing": {"prompt": "0", "completion": "0", "request": "0"}},'
        b'{"id": "a/d", "pricing": {"prompt": "0", "completion": "0", "request": "0.01"}},'
        b'{"id": "openrouter/auto", "context_length": null,'
        b'"pricing": {"prompt": "-1", "completion": "-1"}},'
        b'{"id": "odd", "pricing": {"prompt": "NaN", "completion": true}},'
        b'{"id": "bare"}, {"name": "no id"}, "odd"]}'
    )
    assert [(model.id, model.pricing.is_free) for model in models] == [
        ("a/b", False),
        ("a/c:free", True),
        ("a/d", False),
        ("openrouter/auto", False),
        ("odd", False),
        ("bare", False),
    ]
    assert models[0].pricing.base == {
        "prompt": Decimal("0.000000004"),
        "completion": Decimal("2.574e-7"),
    }
    assert (models[0].context_length, models[3].context_length) == (8192, None)
    assert models[3].pricing.base == models[4].pricing.base == {"prompt": None, "completion": None}


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"data": {}}'])
def test_what_is_no_list_of_models_is_no_record(body: bytes) -> None:
    with pytest.raises(NotARecord):
        parse_models(body)


@pytest.mark.parametrize("body", [b'{"data": {}}', b'{"data": {"endpoints": {}}}', b"[]"])
def test_what_is_no_list_of_endpoints_is_no_record(body: bytes) -> None:
    with pytest.raises(NotARecord):
        parse_endpoints(body, "a/b")


@pytest.mark.parametrize(
    ("links", "whole"),
    [
        ("null", True),
        ("{}", True),
        ('{"next": null}', True),
        ('{"next": "/models?offset=5"}', False),
    ],
)
def test_a_list_that_goes_on_elsewhere_is_not_whole(links: str, *, whole: bool) -> None:
    assert is_whole(f'{{"data": [], "links": {links}}}'.encode()) is whole
