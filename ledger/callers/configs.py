"""What the config files say: a caller's own, and the home's two for everyone."""

import dataclasses
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger.callers import checks, templates
from ledger.callers.documents import Document, read_document

HOME_SETTINGS = (
    "base_url",
    "timeout_seconds",
    "enabled",
    "log_requests",
    "log_responses",
    "auto_provision",
    "auto_export",
    "record_host",
    "default_provider",
    "transparent",
    "find_by_id",
    "store_messages",
    "store_answers",
    "store_days",
)
"""What `openrouter_config.json` can say."""


@dataclasses.dataclass(frozen=True, slots=True)
class CallerConfig:
    """A caller's config, with the overrides for that one caller applied.

    Attributes:
        path: the file, also where there is none.
        ai_model: the model that the module is to pass, or None.
        ai_temperature: exact, as written.
        ai_max_tokens: tokens of an answer.
        enabled: False refuses the caller's calls.
        exists: whether there is a file.
        off_at: the file and line of the `enabled` that is false, where one is.
        extra: what else stands under `config`, for the module itself.
    """

    path: Path
    ai_model: str | None = None
    ai_temperature: Decimal | int | None = None
    ai_max_tokens: int | None = None
    enabled: bool = True
    exists: bool = False
    off_at: str | None = None
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class GlobalConfig:
    """What the home's two config files say for every call.

    Attributes:
        base_url: of `openrouter_config.json`.
        timeout_seconds: the longest silence.
        enabled: False, in either file, refuses every call.
        log_requests: log a line for each request, without content.
        log_responses: log a line for each response, without content.
        auto_provision: False creates no caller's files.
        auto_export: whether the background worker keeps the JSON files up to date.
        transparent: absolute paths whose code is never the caller.
        record_host: False leaves host and user out of the books.
        default_provider: the provider's name; only `openrouter` is served.
        api_key: of `api_config.json`, placeholder or not; never shown.
        provider_base_url: of `api_config.json`; counts where `base_url` is None.
        off_at: the file and line of the `enabled` that is false, where one is.
        find_by_id: put our request's id into `user` where a call gives none.
        store_messages: store what is asked, in the table `content`.
        store_answers: store what is answered, likewise.
        store_days: how long `purge` leaves it there; None is for ever.
    """

    base_url: str | None = None
    timeout_seconds: float = templates.TIMEOUT_SECONDS
    enabled: bool = True
    log_requests: bool = True
    log_responses: bool = False
    auto_provision: bool = True
    auto_export: bool = True
    transparent: tuple[Path, ...] = ()
    record_host: bool = True
    default_provider: str = "openrouter"
    api_key: str | None = dataclasses.field(default=None, repr=False)
    provider_base_url: str | None = None
    off_at: str | None = None
    find_by_id: bool = False
    store_messages: bool = False
    store_answers: bool = False
    store_days: int | None = None


def read_caller_config(path: Path, caller_name: str) -> CallerConfig:
    """A caller's config; without a file, the empty one.

    Raises:
        ConfigInvalid: the file is broken, unreadable, or a value is of the wrong kind.
    """
    document = read_document(path)
    if document is None:
        return CallerConfig(path)
    return document.once(caller_name, lambda: caller_config(document, caller_name))


def caller_config(document: Document, caller_name: str) -> CallerConfig:
    """The config's own fields, then the overrides of `config.callers.<name>` over them."""
    found = dict(document.section("config"))
    fields = _caller_fields(document, ("config",))
    if "callers" in found and caller_name in document.section("config", "callers"):
        fields |= _caller_fields(document, ("config", "callers", caller_name))
        found |= document.section("config", "callers", caller_name)
    if fields.get("enabled", True):
        fields.pop("off_at", None)
    known = {*templates.TEMPLATE_FIELDS, "callers"}
    extra = {key: value for key, value in found.items() if key not in known}
    return CallerConfig(document.path, **fields, exists=True, extra=extra)


def _caller_fields(document: Document, keys: tuple[str, ...]) -> dict[str, Any]:
    """The template's fields that stand in one section, checked."""
    kinds: dict[str, checks.Check] = {
        "ai_model": checks.text,
        "ai_temperature": checks.number,
        "ai_max_tokens": checks.count,
        "enabled": checks.switch,
    }
    section = document.section(*keys)
    fields = {
        name: check(document, (*keys, name), section[name])
        for name, check in kinds.items()
        if name in section
    }
    return fields | _off(document, keys, fields)


def _off(document: Document, keys: tuple[str, ...], fields: dict[str, Any]) -> dict[str, Any]:
    """Where a section switches calls off, if it does."""
    return {} if fields.get("enabled", True) else {"off_at": document.place(*keys, "enabled")}


def template_values(config: CallerConfig) -> dict[str, Any]:
    """The values of the template's own fields: all of a config that the books may keep."""
    return {name: getattr(config, name) for name in templates.TEMPLATE_FIELDS}


def read_global_config(home: Path) -> GlobalConfig:
    """`openrouter_config.json` over `api_config.json`; where neither says a thing, the default.

    Raises:
        ConfigInvalid: a file is broken, unreadable, or a value is of the wrong kind.
    """
    api_path, own_path = _home_paths(home)
    api, own = read_document(api_path), read_document(own_path)
    if own is None:
        return GlobalConfig(**_api_fields(api)) if api else GlobalConfig()
    return own.once(("global", api), lambda: _merged(api, own, home))


_paths: dict[Path, tuple[Path, Path]] = {}


def _home_paths(home: Path) -> tuple[Path, Path]:
    """The home's two config files; joined once, for joining costs as much as a stat."""
    if home not in _paths:
        folder = home / templates.HOME_FOLDER
        _paths[home] = (
            folder / templates.API_CONFIG_FILE,
            folder / templates.OPENROUTER_CONFIG_FILE,
        )
    return _paths[home]


def _merged(api: Document | None, own: Document, home: Path) -> GlobalConfig:
    """Both files as one; a call that either switches off is off."""
    below = _api_fields(api) if api else {}
    above = home_fields(own, home)
    enabled = below.get("enabled", True) and above.get("enabled", True)
    return GlobalConfig(**(below | above | {"enabled": enabled}))


def home_fields(document: Document, home: Path) -> dict[str, Any]:
    """What `openrouter_config.json` says, checked."""
    kinds: dict[str, checks.Check] = {
        "base_url": checks.text,
        "timeout_seconds": checks.seconds,
        "enabled": checks.switch,
        "log_requests": checks.switch,
        "log_responses": checks.switch,
        "auto_provision": checks.switch,
        "auto_export": checks.switch,
        "record_host": checks.switch,
        "default_provider": checks.name,
        "find_by_id": checks.switch,
        "store_messages": checks.switch,
        "store_answers": checks.switch,
        "store_days": checks.count,
    }
    fields = checks.checked(document, ("config",), kinds)
    if "transparent" in document.section("config"):
        fields["transparent"] = checks.paths(document, ("config", "transparent"), home)
    return fields | _off(document, ("config",), fields)


def _api_fields(document: Document) -> dict[str, Any]:
    """What `api_config.json` says."""
    fields = checks.checked(
        document,
        ("config",),
        {
            "enabled": checks.switch,
            "timeout_seconds": checks.seconds,
            "default_provider": checks.name,
        },
    )
    provider = checks.checked(
        document,
        ("config", "providers", "openrouter"),
        {"api_key": checks.text, "base_url": checks.text},
    )
    if "base_url" in provider:
        provider["provider_base_url"] = provider.pop("base_url")
    return fields | provider | _off(document, ("config",), fields)
