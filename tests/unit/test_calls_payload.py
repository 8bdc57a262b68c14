"""The body of a request: what is sent, what a config adds, what is refused."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.callers.configs import CallerConfig
from ledger.calls import payload
from ledger.errors import ProviderUnsupported, RequestInvalid

OWN = CallerConfig(
    Path("c.json"), ai_model="own/model", ai_temperature=Decimal("0.30"), ai_max_tokens=12
)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
FREE_NAMES = st.text().filter(lambda name: name not in ("model", "messages", "stream"))


@given(
    params=st.dictionaries(FREE_NAMES, PLAIN),
    message=st.dictionaries(st.text(), PLAIN),
    model=st.text(min_size=1),
)
def test_any_json_goes_out_as_it_came_in(
    params: dict[str, Any], message: dict[str, Any], model: str
) -> None:
    body = payload.encode(model, [message], params)
    assert json.loads(body) == {"model": model, "messages": [message], **params}
    assert body.isascii()


@pytest.mark.parametrize("stream", [True, 1, "yes"])
def test_a_stream_is_refused_by_name(stream: object) -> None:
    with pytest.raises(RequestInvalid, match="stream_response"):
        payload.encode("m", "x", {"stream": stream})


def test_a_config_adds_only_to_its_own_model() -> None:
    assert payload.from_config("own/model", {}, OWN) == {"temperature": 0.3, "max_tokens": 12}
    assert payload.from_config("own/model:free", {}, OWN) == {}
    assert payload.from_config("own/model", {"temperature": None}, OWN) == {"max_tokens": 12}
    for name in ("max_tokens", "max_completion_tokens"):
        assert payload.from_config("own/model", {name: None}, OWN) == {"temperature": 0.3}


def test_a_config_without_values_adds_nothing() -> None:
    assert payload.from_config("m", {}, CallerConfig(Path("c.json"), ai_model="m")) == {}
    zero = CallerConfig(Path("c.json"), ai_model="m", ai_temperature=0)
    assert payload.from_config("m", {}, zero) == {"temperature": 0}


def test_only_a_provider_by_name_is_looked_at() -> None:
    given_object: dict[str, Any] = {"provider": {"order": ["x"]}}
    payload.check_provider(given_object, "openrouter")
    assert given_object == {"provider": {"order": ["x"]}}
    named: dict[str, Any] = {"provider": "openrouter"}
    payload.check_provider(named, "openai")
    assert named == {}
    with pytest.raises(ProviderUnsupported, match="'openai'"):
        payload.check_provider({}, "openai")


@pytest.mark.parametrize("timeout", [None, 1e-9, 5, 0.5, payload.MAX_TIMEOUT_S])
def test_a_timeout_is_a_number_of_seconds(timeout: object) -> None:
    payload.check_call("m", timeout)


@pytest.mark.parametrize(
    "timeout", [0, -1, True, "5", float("nan"), float("inf"), payload.MAX_TIMEOUT_S + 1, [], 1j]
)
def test_any_other_timeout_is_refused(timeout: object) -> None:
    with pytest.raises(RequestInvalid, match="timeout must be"):
        payload.check_call("m", timeout)


@pytest.mark.parametrize("model", [0, 5, b"m", ["m"], {}])
def test_a_model_is_text(model: object) -> None:
    with pytest.raises(RequestInvalid, match="model must be text"):
        payload.check_call(model, None)
