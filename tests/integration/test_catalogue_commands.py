"""`models`, over real HTTP: what is on offer, booked and told with exact prices."""

import contextlib
import json
import socket
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from callkit import KEY, count, open_ledger
from freezegun import freeze_time
from rawserver import RawServer, answer, read_request

from ledger.__main__ import main
from ledger.catalogue.choosing import Wanted, chosen
from ledger.client import Ledger
from ledger.openrouter import exact

NIGHT = {"utc_start": 1630, "utc_end": 30, "prompt": "0.00000013"}
WEEKEND = {**NIGHT, "utc_days": ["saturday", "sunday"], "completion": "0.0000005"}
LONG = {"min_prompt_tokens": 200000, "prompt": "0.000006"}
HOSTILE = "maker/\x1b[2J=cmd"


def priced(prompt: str, completion: str, **more: Any) -> dict[str, Any]:
    return {"prompt": prompt, "completion": completion, **more}


def model(name: str, pricing: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "name": name.title(),
        "context_length": 8192,
        "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
        "supported_parameters": ["max_tokens", "tools"],
        "pricing": pricing,
    } | more


def usual() -> dict[str, dict[str, Any]]:
    listed = [
        model("maker/small", priced("0.000000004", "2.574e-7")),
        model("maker/day", priced("0.0000002574", "0.0000011", overrides=[NIGHT, WEEKEND])),
        model("maker/long", priced("0.000003", "0.000015", overrides=[LONG], request="0.01")),
        model("maker/gift:free", priced("0", "0"), supported_parameters=["seed"]),
        model("maker/router", priced("-1", "-1"), context_length=2_000_000),
        model(
            "maker/eyes",
            priced("0.00001", "0.00002"),
            context_length=None,
            architecture={"input_modalities": ["text", "image"], "output_modalities": ["image"]},
        ),
        model(HOSTILE, priced("1", "2")),
    ]
    return {entry["id"]: entry for entry in listed}


class Lister:
    """A provider of lists over HTTP."""

    def __init__(self) -> None:
        self.models = usual()
        self.broken: dict[str, bytes] = {}
        self.heads: list[bytes] = []

    def __call__(self, connection: socket.socket) -> None:
        with contextlib.suppress(ConnectionResetError):
            while True:
                head = read_request(connection)
                self.heads.append(head)
                connection.sendall(self._answer(head.split(b" ")[1].decode("ascii")))

    def _answer(self, path: str) -> bytes:
        if path == "/api/v1/models?output_modalities=all":
            return answer(json.dumps({"data": list(self.models.values())}).encode())
        name = path.removeprefix("/api/v1/models/").removesuffix("/endpoints")
        if name in self.broken:
            return self.broken[name]
        entry = self.models.get(name)
        pricing = entry["pricing"] if entry else priced("1", "2")
        offer = {"provider_name": "One", "tag": "one", "pricing": pricing}
        return answer(json.dumps({"data": {"endpoints": [offer]}}).encode())


@pytest.fixture
def lister() -> Lister:
    return Lister()


@pytest.fixture
def home(lister: Lister, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with RawServer(lister) as server:
        monkeypatch.setenv("OPENROUTER_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
        monkeypatch.setenv("LEDGER_BACKGROUND", "0")
        monkeypatch.setenv("LEDGER_CALLERS_ROOT", str(tmp_path / "callers"))
        monkeypatch.chdir(tmp_path)
        yield tmp_path / "home"


@pytest.fixture
def ledger(home: Path, lister: Lister) -> Iterator[Ledger]:
    import os

    with open_ledger(home, os.environ["OPENROUTER_BASE_URL"]) as opened:
        yield opened


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str) -> str:
        assert main(["--home", str(home), "models", *words]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run


def test_what_is_on_offer_is_listed_live_without_a_key_and_stored_nowhere(
    ledger: Ledger, home: Path, lister: Lister
) -> None:
    found = ledger.listed_models()
    assert [entry.model for entry in found] == sorted(lister.models)
    assert not (home / "ledger.db").exists()
    assert b"authorization" not in lister.heads[0].lower()
    assert KEY.encode() not in lister.heads[0]


def test_a_look_is_booked_and_a_second_one_books_nothing(run: Any, home: Path) -> None:
    first = exact.loads(run("sync", "--json"))
    again = exact.loads(run("sync", "--json"))
    assert (first["models"], first["changed_models"], first["changed_endpoints"]) == (7, 7, 7)
    assert (again["changed_models"], again["changed_endpoints"], again["failed"]) == (0, 0, [])
    assert (count(home, "catalogue_model"), count(home, "catalogue_endpoint")) == (7, 7)


def test_no_key_goes_out_with_a_look(run: Any, lister: Lister) -> None:
    run("sync")
    assert len(lister.heads) == 8
    assert not [head for head in lister.heads if b"authorization" in head.lower()]


def test_one_model_without_an_answer_is_named_and_the_rest_is_booked(
    run: Any, lister: Lister
) -> None:
    lister.broken["maker/small"] = answer(b'{"error":{"code":404,"message":"gone"}}', "404 No")
    lister.broken["maker/day"] = answer(b"<html>")
    said = run("sync")
    assert "offers of 5 looked at" in said
    assert "not looked at: maker/small: " in said
    assert "not looked at: maker/day: its endpoints could not be read" in said
    failed = exact.loads(run("sync", "--json"))["failed"]
    assert [each["model"] for each in failed] == ["maker/small", "maker/day"]
    assert all(each["reason"] for each in failed)


def test_prices_are_exact_and_minus_one_is_unknown(run: Any) -> None:
    run("sync")
    for words in (("list",), ("list", "--booked")):
        said = run(*words)
        assert "0.2574" in said
        assert "0.004" in said
        assert "unknown" in said
        text = run(*words, "--json")
        found = {entry["model"]: entry for entry in exact.loads(text)}
        assert found["maker/small"]["prompt_price"] == Decimal("0.000000004")
        assert found["maker/router"]["prompt_price"] is None
        assert found["maker/router"]["pricing"]["base"] == {"prompt": None, "completion": None}
        assert found["maker/long"]["request_price"] == Decimal("0.01")
        assert "E-" not in text


def test_conditions_of_prices_are_kept_and_shown(run: Any) -> None:
    run("sync")
    said = run("show", "maker/day")
    assert "16:30-00:30 UTC" in said
    assert "prompt 0.13 USD/M" in said
    assert "on sat, sun UTC" in said
    assert "above 200000 prompt tokens" in run("show", "maker/long")
    assert "0.01 USD each" in run("show", "maker/long")
    found = exact.loads(run("show", "maker/day", "--json"))
    night, weekend = found["pricing"]["overrides"]
    assert (night["utc_start"], night["utc_end"], night["utc_days"]) == (1630, 30, None)
    assert weekend["prices"]["completion"] == Decimal("0.0000005")
    assert found["offers"][0]["endpoint"] == "one"
    assert found["offers"][0]["pricing"] == found["pricing"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("--free",), ["maker/gift:free"]),
        (("EYES",), ["maker/eyes"]),
        (("--max-prompt-price", "0.004"), ["maker/gift:free", "maker/small"]),
        (("--max-prompt-price", "0.00399999"), ["maker/gift:free"]),
        (("--max-completion-price", "1.1"), ["maker/day", "maker/gift:free", "maker/small"]),
        (("--min-context", "8193"), ["maker/router"]),
        (("--input", "image"), ["maker/eyes"]),
        (("--output", "image", "--input", "text"), ["maker/eyes"]),
        (("--supports", "seed"), ["maker/gift:free"]),
        (("--supports", "seed", "--supports", "tools"), []),
    ],
)
def test_filters(run: Any, words: tuple[str, ...], names: list[str]) -> None:
    run("sync", "--no-endpoints")
    for more in ((), ("--booked",)):
        found = exact.loads(run("list", *words, *more, "--json"))
        assert [entry["model"] for entry in found] == names


def test_an_unknown_price_meets_no_bound(ledger: Ledger) -> None:
    everything = ledger.listed_models()
    bound = Wanted(max_prompt_price=Decimal(10**9))
    assert "maker/router" not in {entry.model for entry in chosen(everything, bound)}


def test_history_and_diff_tell_what_changed(run: Any, lister: Lister) -> None:
    with freeze_time("2026-11-01T10:00:00Z"):
        run("sync")
    lister.models["maker/small"]["pricing"]["prompt"] = "0.000000005"
    lister.models["maker/day"]["pricing"]["overrides"] = [NIGHT]
    del lister.models["maker/eyes"]
    with freeze_time("2026-11-02T10:00:00Z"):
        run("sync")
    lister.models["maker/eyes"] = usual()["maker/eyes"]
    with freeze_time("2026-11-03T10:00:00Z"):
        run("sync")
    assert run("history", "maker/eyes").splitlines() == [
        "2026-11-01T10:00:00Z  maker/eyes: new",
        "2026-11-01T10:00:00Z  maker/eyes by one: new",
        "2026-11-02T10:00:00Z  maker/eyes: gone",
        "2026-11-02T10:00:00Z  maker/eyes by one: gone",
        "2026-11-03T10:00:00Z  maker/eyes: new",
        "2026-11-03T10:00:00Z  maker/eyes by one: new",
    ]
    period = ("diff", "--since", "2026-11-01T12:00Z", "--until", "2026-11-02T12:00Z")
    said = run(*period)
    assert "maker/small: changed: prompt_price 0.000000004 -> 0.000000005" in said
    assert "maker/day by one: changed: overrides [" in said
    assert "maker/eyes: gone" in said
    found = {
        (each["model"], each["endpoint"]): each for each in exact.loads(run(*period, "--json"))
    }
    (field,) = found["maker/small", "one"]["fields"]
    assert field == {
        "name": "prompt_price",
        "before": Decimal("0.000000004"),
        "after": Decimal("0.000000005"),
    }
    assert run("diff", "--since", "2026-11-03T12:00Z").strip() == "Nothing changed."
    at = exact.loads(run("list", "--at", "2026-11-02T12:00Z", "--json"))
    assert "maker/eyes" not in {entry["model"] for entry in at}
    earlier = exact.loads(run("show", "maker/small", "--at", "2026-11-01T12:00Z", "--json"))
    assert earlier["prompt_price"] == Decimal("0.000000004")


def test_a_hostile_name_does_nothing_to_a_terminal(run: Any) -> None:
    run("sync")
    for words in (("list",), ("list", "--booked"), ("show", HOSTILE), ("history", HOSTILE)):
        assert "\x1b" not in run(*words)
        assert "\\x1b[2J=cmd" in run(*words)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("list", "--max-prompt-price", "cheap"), 2),
        (("list", "--max-prompt-price", "-1"), 2),
        (("list", "--at", "soon"), 2),
        (("diff", "--since", "99999d"), 0),
        (("diff", "--since", "2026-13-01"), 2),
        (("show", "maker/none"), 1),
        (("history", "maker/none"), 1),
        (("sync", "maker/none"), 3),
    ],
)
def test_what_cannot_be_asked_says_so(
    run: Any, home: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int
) -> None:
    run("sync")
    assert main(["--home", str(home), "models", *words]) == code
    assert capsys.readouterr().err.count("\n") == (code > 0)
