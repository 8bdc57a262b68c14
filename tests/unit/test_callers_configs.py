"""What config files say, and the errors of those that say nothing readable."""

import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger import errors
from ledger.callers import templates
from ledger.callers.configs import (
    CallerConfig,
    GlobalConfig,
    read_caller_config,
    read_global_config,
    template_values,
)

KEY = "sk-or-v1-" + "ab" * 32


def _write(path: Path, config: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"config": config}, indent=1))
    return path


def test_the_templates_are_the_documents_that_modules_read() -> None:
    rendered = templates.render(templates.caller_config_document("2026-11-23T10:00:00.000000Z"))
    assert rendered == (
        b'{\n  "skill_name": "openrouter",\n  "timestamp": "2026-11-23T10:00:00.000000Z",\n'
        b'  "config": {\n    "ai_model": "deepseek/deepseek-chat-v3.1:free",\n'
        b'    "ai_temperature": 0.5,\n    "ai_max_tokens": 1500,\n    "enabled": true\n  }\n}\n'
    )
    assert templates.caller_data_document() == {"skill_name": "openrouter", "data": {}}
    assert templates.caller_log_document() == {"skill_name": "openrouter", "logs": []}
    own = templates.openrouter_config_document("t", auto_export=False)
    assert list(own) == ["module_name", "timestamp", "config"]
    assert own["config"]["auto_export"] is False
    assert templates.api_config_document("t")["config"]["default_provider"] == "openrouter"


def test_a_number_that_json_cannot_hold_exactly_is_not_written() -> None:
    assert templates.render({"x": Decimal("0.7")}) == b'{\n  "x": 0.7\n}\n'
    with pytest.raises(ValueError, match="loss"):
        templates.render({"x": Decimal("0.1234567890123456789012")})


def test_a_missing_config_is_the_empty_one(tmp_path: Path) -> None:
    config = read_caller_config(tmp_path / "none" / "x.json", "x")
    assert config == CallerConfig(tmp_path / "none" / "x.json")
    assert (config.exists, config.ai_model, config.enabled) == (False, None, True)


def test_the_template_reads_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(templates.render(templates.caller_config_document("t")))
    config = read_caller_config(path, "x")
    assert template_values(config) == templates.caller_config_document("t")["config"]
    assert isinstance(config.ai_temperature, Decimal)
    assert config.exists


def test_overrides_are_for_the_one_caller_that_they_name(tmp_path: Path) -> None:
    callers = {"one": {"ai_model": "m/one", "enabled": False}}
    own = {"ai_model": "m/all", "ai_temperature": 1, "voice": "dry", "callers": callers}
    path = _write(tmp_path / "c.json", own)
    one, two = read_caller_config(path, "one"), read_caller_config(path, "two")
    assert (one.ai_model, one.ai_temperature, one.enabled) == ("m/one", 1, False)
    assert (two.ai_model, two.enabled, two.extra) == ("m/all", True, {"voice": "dry"})


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    path = _write(tmp_path / "c.json", {"ai_model": "m/1"})
    assert read_caller_config(path, "x").ai_model == "m/1"
    moment = path.stat().st_mtime_ns
    _write(path, {"ai_model": "m/2"})  # same size, and within the file system's clock step
    os.utime(path, ns=(moment, moment))
    assert read_caller_config(path, "x").ai_model == "m/2"
    os.utime(path, ns=(10**18, 10**18))
    assert read_caller_config(path, "x") is read_caller_config(path, "x")
    os.utime(path, ns=(10**18, 10**18 + 1))
    assert read_caller_config(path, "x") is not None
    path.unlink()
    assert not read_caller_config(path, "x").exists


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        # Python 3.13 points to the comma, its elders to what comes after it.
        (
            '{\n "config": {\n  "ai_model": "m",\n }\n}',
            4 - (sys.version_info >= (3, 13)),
            "no JSON",
        ),
        ("", 1, "no JSON"),
        ("[]", 1, "an object"),
        ('{\n "config": []}', 2, "`config` must be an object"),
        ('{"a": {"enabled": 1},\n "config": {\n  "enabled": "yes"}}', 3, "true or false"),
        ('{"config": {"enabled": null}}', 1, "true or false"),
        ('{"config": {"x": "{\\"ai_model\\": 1}",\n "ai_model": 5}}', 2, "text in quotes"),
        ('{"config": {\n"ai_temperature": true}}', 2, "a number"),
        ('{"config": {\n"ai_temperature": 1E+99999999}}', 2, "a number"),
        ('{"config": {\n"ai_max_tokens": 1.5}}', 2, "a whole number above 0"),
        ('{"config": {\n"ai_max_tokens": 0}}', 2, "a whole number above 0"),
        ('{"config": {"callers": {\n"x": 7}}}', 2, "`config.callers.x` must be an object"),
        ('{"config": {"callers": {},\n"callers": {"x":\n{"enabled": 0}}}}', 3, "true or false"),
    ],
)
def test_a_broken_config_is_named_with_its_line_and_what_is_expected(
    tmp_path: Path, text: str, line: int, expected: str
) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(errors.ConfigInvalid) as caught:
        read_caller_config(path, "x")
    assert f"{path}, line {line}:" in str(caught.value)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe{\x00",
        b'{"config": {"ai_temperature": NaN}}',
        b'{"config": {"ai_max_tokens": ' + b"9" * 5000 + b"}}",
        b'{"a":' * 100_000,
        b" " * (1 << 20) + b"{}",
    ],
)
def test_what_is_no_text_or_no_json_is_a_typed_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(data)
    with pytest.raises(errors.ConfigInvalid, match=r"c\.json"):
        read_caller_config(path, "x")


def test_a_folder_in_the_place_of_a_config_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigInvalid, match="no regular file"):
        read_caller_config(tmp_path, "x")


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(b'\xef\xbb\xbf{"config": {"ai_model": "m"}}')
    assert read_caller_config(path, "x").ai_model == "m"


def test_without_files_the_home_has_the_defaults(tmp_path: Path) -> None:
    assert read_global_config(tmp_path) == GlobalConfig()
    assert GlobalConfig().timeout_seconds == 30


def test_the_one_file_counts_over_the_other(tmp_path: Path) -> None:
    provider = {"api_key": KEY, "base_url": "http://127.0.0.1:1/api"}
    api = {"timeout_seconds": 5, "default_provider": "other", "providers": {"openrouter": provider}}
    own = {"timeout_seconds": 7.5, "log_responses": True, "transparent": ["lib/llm.py", "/abs"]}
    _write(tmp_path / "api_json" / "api_config.json", api)
    assert read_global_config(tmp_path).timeout_seconds == 5
    _write(tmp_path / "api_json" / "openrouter_config.json", own)
    config = read_global_config(tmp_path)
    assert (config.timeout_seconds, config.log_responses) == (7.5, True)
    assert (config.default_provider, config.base_url) == ("other", None)
    assert config.provider_base_url == "http://127.0.0.1:1/api"
    assert config.transparent == (tmp_path / "lib/llm.py", Path("/abs"))
    assert config.api_key == KEY
    assert KEY not in repr(config)


@pytest.mark.parametrize("off", ["api_config.json", "openrouter_config.json"])
def test_either_file_switches_every_call_off(tmp_path: Path, off: str) -> None:
    for name in ("api_config.json", "openrouter_config.json"):
        _write(tmp_path / "api_json" / name, {"enabled": name != off})
    assert read_global_config(tmp_path).enabled is False


@pytest.mark.parametrize(
    "own",
    [
        {"timeout_seconds": 0},
        {"timeout_seconds": True},
        {"transparent": "x"},
        {"transparent": [1]},
        {"record_host": "no"},
        {"default_provider": ""},
    ],
)
def test_a_wrong_value_in_the_homes_config_is_named(tmp_path: Path, own: dict[str, Any]) -> None:
    path = _write(tmp_path / "api_json" / "openrouter_config.json", own)
    with pytest.raises(errors.ConfigInvalid, match="must be") as caught:
        read_global_config(tmp_path)
    assert f"{path}, line 3:" in str(caught.value)


def test_no_error_about_a_file_carries_the_key_in_it(tmp_path: Path) -> None:
    path = tmp_path / "api_json" / "api_config.json"
    path.parent.mkdir()
    broken = '{"config": {"providers": {"openrouter": {"api_key": ["' + KEY + '"]'
    for text in (broken, broken + "}}}}"):
        path.write_text(text)
        with pytest.raises(errors.ConfigInvalid) as caught:
            read_global_config(tmp_path)
        seen: BaseException | None = caught.value
        while seen is not None:
            assert KEY not in f"{seen} {vars(seen)}"
            seen = seen.__context__
