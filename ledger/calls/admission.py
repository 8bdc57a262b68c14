"""Before anything is sent: who calls, with which config, model and key. I/O-free but for configs.

The flow is a generator: it yields work for the books and is sent what came of it, so that the
sync and the async driver share every step.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

from ledger.books import faults
from ledger.books.unit import Work
from ledger.callers import configs, provisioning
from ledger.callers.blocks import open_tags
from ledger.callers.chains import detect_in_chain
from ledger.callers.configs import CallerConfig, GlobalConfig
from ledger.callers.detection import Caller, renamed
from ledger.callers.keys import FoundKey, find_key, write_env_template
from ledger.callers.known import known_names
from ledger.calls import entrance
from ledger.calls.entrance import Entered
from ledger.calls.options import Options
from ledger.calls.payload import Messages, check_call, check_provider
from ledger.calls.register import Register
from ledger.calls.switches import check_caller_enabled, check_enabled
from ledger.errors import (
    CallerProvisioned,
    CallRefused,
    ConfigInvalid,
    KeyMissing,
    ModelRequired,
)
from ledger.logs import logger
from ledger.openrouter import endpoints, keys
from ledger.settings import Settings


@dataclass(slots=True)
class Ask:
    """What a call asks for, as it came in, and who asks."""

    messages: Messages = field(repr=False)
    model: str | None
    timeout_s: float | None
    params: dict[str, Any] = field(repr=False)
    options: Options
    caller: Caller | None = None
    tags: dict[str, str] = field(default_factory=dict)
    rules: GlobalConfig | None = None
    refused: CallRefused | None = None
    is_stream: bool = False


@dataclass(slots=True)
class Admitted:
    """A call that may be made."""

    caller: Caller
    caller_id: str
    model: str
    key: str = field(repr=False)
    key_hash: str
    base_url: str
    config: CallerConfig
    rules: GlobalConfig


BookWork = Generator[Work, Any, Any]


class Desk:
    """Admits calls. Keeps what was looked up, and looks again when a file has changed."""

    def __init__(
        self,
        settings: Settings,
        register: Register,
        api_key: str | None,
        environ: Mapping[str, str],
    ) -> None:
        self._settings = settings
        self.register = register
        self._api_key = api_key
        self._environ = environ
        self._is_open = False
        self._key: tuple[tuple[object, ...], tuple[str, str]] | None = None
        self._base_url: tuple[str | None, str] = (None, "")

    def open(self) -> None:
        """Make the home and its config files, once.

        Raises:
            LedgerUnavailable: the home can't be written.
        """
        if self._is_open:
            return
        home = self._settings.home
        try:
            provisioning.ensure_home_configs(home, auto_export=self._settings.background)
        except OSError as error:
            raise faults.unavailable(error, str(home)) from error
        self._is_open = True

    def ask(  # noqa: PLR0913, PLR0917 - what a call says, and from where
        self,
        frame: FrameType,
        messages: Messages,
        model: str | None,
        caller: str | None,
        timeout_s: float | None,
        options: Options,
        params: dict[str, Any],
    ) -> Ask:
        """Detect the caller, in the caller's own thread and frame. Refusals wait for the flow."""
        ask = Ask(messages, model, timeout_s, params, options)
        try:
            ask.rules = self.rules()
            ask.caller = self.detect(frame, caller, ask.rules)
            ask.tags = open_tags(options.tags)
        except CallRefused as refused:
            ask.refused = refused
        return ask

    def detect(
        self, frame: FrameType, explicit: str | None, rules: GlobalConfig | None = None
    ) -> Caller:
        """Who calls, and through whom.

        Raises:
            CallerUnknown: nobody can say.
            CallerInvalid: `explicit` is no name, or the chain has too many members.
            ConfigInvalid: the home's config is broken.
        """
        home, transparent = self._settings.home, (rules or self.rules()).transparent
        found = detect_in_chain(frame, explicit=explicit, transparent_paths=transparent, home=home)
        root = self._settings.callers_root
        if root is not None and found.folder is not None and not found.folder.is_relative_to(root):
            folder = root.joinpath(*found.folder.parts[1:])
            folder.mkdir(parents=True, exist_ok=True)
            found = replace(found, folder=folder)
        return found

    def renamed(self, caller: Caller) -> Caller:
        """The caller, whose name the books have for another folder."""
        return renamed(caller, known_names(self._settings.home))

    def rules(self) -> GlobalConfig:
        """What the home's config files say for every call, read anew when they change."""
        return configs.read_global_config(self._settings.home)

    def admit(self, ask: Ask) -> Generator[Work, Any, Admitted]:
        """The steps from a call that was asked for to one that may be made.

        Raises:
            CallRefused: it may not; which kind says why.
        """
        if ask.refused is not None:
            raise ask.refused
        caller, rules = ask.caller, ask.rules
        assert caller is not None
        assert rules is not None
        check_enabled(rules, caller)
        check_call(ask.model, ask.timeout_s)
        ask.options.check()
        check_provider(ask.params, rules.default_provider)
        entered = yield from entrance.enter(
            self.register, self._settings.home, caller, may_provision=rules.auto_provision
        )
        ask.caller = caller = entered.caller
        model = _model(ask, entered)
        key, key_hash = self.key(rules)
        return Admitted(
            caller, entered.id, model, key, key_hash, self.base_url(rules), entered.config, rules
        )

    def caller_config(self, caller: Caller) -> CallerConfig:
        """A caller's config as it stands; empty where there is none yet. Writes nothing."""
        path = provisioning.config_path(caller, self._settings.home)
        return configs.read_caller_config(path, caller.name)

    def key(self, rules: GlobalConfig) -> tuple[str, str]:
        """The key that counts, checked, and its hash.

        Raises:
            KeyMissing: there is none in any place.
            KeyInvalid: what is there can't be one.
        """
        seen = (self._api_key, self._environ.get("OPENROUTER_API_KEY"), rules.api_key)
        if self._key is not None and self._key[0] == seen:
            return self._key[1]
        found, _ = self.found_keys(rules)
        if found is None:
            raise _no_key(self._settings.home)
        checked = keys.check(found.key)
        known = (checked, keys.key_hash(checked))
        if any(seen):  # a key from a .env is looked up again: the file may change
            self._key = (seen, known)
        return known

    def own_bases(self) -> tuple[str, ...]:
        """The base URL that counts, as far as one can be told; for looking at, not for sending."""
        try:
            return (self.base_url(self.rules()),)
        except ConfigInvalid:
            return (self._settings.base_url,) if self._settings.base_url else ()

    def enter(self, caller: Caller) -> Generator[Work, Any, Entered]:
        """The row of a caller whose call is not our own: no config is made for it.

        Raises:
            ConfigInvalid: its config can't be read as one.
            LedgerUnavailable: the books can't be written.
        """
        home = self._settings.home
        return entrance.enter(self.register, home, caller, may_provision=False)

    def found_keys(self, rules: GlobalConfig) -> tuple[FoundKey | None, list[FoundKey]]:
        """The key that counts, unchecked, and every key that a place holds; looked up anew."""
        return find_key(
            argument=self._api_key,
            environ=self._environ,
            config=rules,
            home=self._settings.home,
            cwd=Path.cwd(),
            is_placeholder=keys.is_placeholder,
        )

    def api_key(self, provider: str) -> str:
        """The key for a provider, checked; access is logged without it.

        Raises:
            ProviderUnsupported: the provider is not OpenRouter.
            KeyMissing, KeyInvalid: as their names say.
        """
        rules = self.rules()
        check_provider({"provider": provider}, rules.default_provider)
        key, _ = self.key(rules)
        logger.info("the API key for %s was read: %s", provider, keys.mask(key))
        return key

    def base_url(self, rules: GlobalConfig) -> str:
        """Where OpenRouter is: by argument or environment, else by config, else the default.

        Raises:
            ConfigInvalid: it's no URL that a key may be sent to.
        """
        chosen = self._settings.base_url or rules.base_url or rules.provider_base_url
        if self._base_url[0] != chosen or not self._base_url[1]:
            checked = endpoints.check_base_url(chosen or endpoints.DEFAULT_BASE_URL)
            self._base_url = (chosen, checked)
        return self._base_url[1]


def _model(ask: Ask, entered: Entered) -> str:
    """The model that the call passes; the ledger never picks one.

    Raises:
        CallerProvisioned, ModelRequired, CallerDisabled: as their names say.
    """
    caller, config = entered.caller, entered.config
    check_caller_enabled(config, caller, ask.model)
    if ask.model:
        return ask.model
    if entered.is_new:
        hint = f"Caller '{caller.name}' must specify a model: read ai_model from {config.path}."
        raise CallerProvisioned(
            "Config created, please reload and try again.",
            hint=f"{hint} {entered.advice}".strip(),
            caller=caller.name,
        )
    where = f"the config is {config.path}"
    if not config.exists:
        where += ", which is not there, for auto_provision is false"
    raise ModelRequired(
        f"Caller '{caller.name}' must specify a model from their config.",
        hint=f"Pass model=ledger.caller_config().ai_model; {where}.",
        caller=caller.name,
    )


def _no_key(home: Path) -> KeyMissing:
    try:
        write_env_template(home)
    except OSError as error:
        raise faults.unavailable(error, str(home)) from error
    return KeyMissing(
        "There is no OpenRouter API key.",
        hint=f"Set OPENROUTER_API_KEY, or put the key into {home / '.env'}."
        " Keys are made at https://openrouter.ai/settings/keys.",
    )
