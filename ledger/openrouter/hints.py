"""What to do about each way in which the provider fails: a sentence or two for each cause."""

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path

from ledger import clock, errors
from ledger.openrouter import waits
from ledger.openrouter.causes import Kind, Said, kind_of
from ledger.openrouter.keys import KEYS_PAGE

_SETTLES = (
    "Whether it was charged shows later: `python -m ledger settle`. Sending it again is paid again."
)
_CREDITS = "https://openrouter.ai/settings/credits"
_PRIVACY = "https://openrouter.ai/settings/privacy"
_MANAGEMENT_KEYS = "https://openrouter.ai/settings/management-keys"
_LISTED = "`python -m ledger models list` shows those there are"
_LISTED_FREE = "`python -m ledger models list --free` shows those there are"
_CONFIG = "the caller's openrouter_skill_config.json"
_NOT_OWN = (
    "The answer is not OpenRouter's own: check `base_url` (OPENROUTER_BASE_URL), and the proxy or "
    "firewall that is in between."
)
_CLIENT, _LAST = 400, 599
_PERIODS = {"daily": "day", "weekly": "week", "monthly": "month"}
_PERIOD = re.compile("|".join(_PERIODS))
_AFFORDED = re.compile(r"can only afford (\d{1,9})")


def hint_for(kind: Kind, said: Said) -> str:
    """What to do about an error of this kind."""
    found = _HINTS.get(kind)
    if found is None:
        found = next(_HINTS[base] for base in kind.__mro__ if base in _HINTS)
    return found if isinstance(found, str) else found(said)


def free_model_gone(config: Path | None = None) -> str:
    """What to do about a free model that is gone.

    Args:
        config: the config file that names the model, where one does.
    """
    return (
        f"Free models come and go: put another into {config or _CONFIG} or pass it; {_LISTED_FREE}."
    )


def _bad_request(said: Said) -> str:
    if not said.is_own:
        return _NOT_OWN
    return "Change the request: the model or a parameter is not accepted as it is."


def _unauthorized(said: Said) -> str:
    if not said.is_own:
        return _NOT_OWN
    return f"Check the API key: it is missing, wrong or disabled. Keys are made at {KEYS_PAGE}."


def _unaffordable(said: Said) -> str:
    found = _AFFORDED.search(said.words)
    most = f" of at most {found[1]}" if found else ""
    return (
        f"Pass a smaller max_tokens{most} (without one the model's whole output is reserved), "
        f"or add credits at {_CREDITS}."
    )


def _forbidden(said: Said) -> str:
    return f"Check what this key may do: {KEYS_PAGE}." if said.is_own else _NOT_OWN


def _key_limit(said: Said) -> str:
    found = _PERIOD.search(said.words)
    anew = f" It starts anew with the next {_PERIODS[found[0]]}, UTC." if found else ""
    return f"The key's spending limit is reached: raise it at {KEYS_PAGE}.{anew}"


def _not_found(said: Said) -> str:
    if not said.is_own:
        return _NOT_OWN
    return (
        f"The model is gone, misspelt, or no endpoint serves it under these conditions: {_LISTED}."
    )


def _no_endpoint(said: Said) -> str:
    offered = said.metadata.get("available_providers")
    if isinstance(offered, list) and offered:
        named = ", ".join(str(name) for name in offered[:10])
        return f"Change the call's `provider` rules: the model is served by {named}."
    if "data policy" in said.words or "privacy" in said.words or "guardrail" in said.words:
        return f"No endpoint is left under the account's privacy settings: {_PRIVACY}."
    return (
        "No endpoint serves the model under these conditions: change the call's parameters, its "
        "`provider` rules, or the model."
    )


def _too_many(said: Said) -> str:
    reset = waits.reset_of(said.headers, said.metadata)
    if reset is not None:
        return f"OpenRouter's own limit starts anew at {_short(reset)}: wait, then try again."
    wait = waits.seconds_to_wait(said.headers, said.metadata)
    return f"Wait {wait} s, then try again." if wait else "Wait, then try again more slowly."


def _provider_too_many(said: Said) -> str:
    return (
        f"{_too_many(said)} The limit is the provider's, not yours: another model, other "
        "`provider` rules, or a provider key of your own get round it."
    )


def _free_tier(said: Said) -> str:
    reset = waits.reset_of(said.headers, said.metadata)
    until = "wait" if reset is None else f"it starts anew at {_short(reset)}; wait"
    more = " 10 credits, once bought, raise the daily limit." if "per-day" in said.words else ""
    return f"The limit for free models is reached: {until}, or use a paid model.{more}"


def _inside(said: Said) -> str:
    """The cure of the cause inside, where its code is one, and what becomes of the cost."""
    inner = "It failed while answering."
    if _CLIENT <= said.status <= _LAST:
        inner = hint_for(kind_of(said), said).removesuffix(_SETTLES).strip()
    return f"{inner} {_SETTLES}"


def _invalid(said: Said) -> str:
    if said.status < _CLIENT and said.status // 100 == 3:  # noqa: PLR2004 - 3xx are redirects
        return "Redirects are not followed: check `base_url` (OPENROUTER_BASE_URL)."
    return "Check `base_url` (OPENROUTER_BASE_URL): this is no answer of OpenRouter's."


def _short(moment: dt.datetime) -> str:
    """A moment to the second."""
    return clock.to_text(moment)[:19] + "Z"


_HINTS: dict[type, str | Callable[[Said], str]] = {
    errors.ProviderError: f"It failed. {_SETTLES}",
    errors.BadRequest: _bad_request,
    errors.ContextTooLong: (
        "Send less, ask for fewer max_tokens, or use a model with a longer context."
    ),
    errors.RequestTooLarge: "Send less: the request is too large.",
    errors.RequestUnprocessable: "Change the parameters: together they make no sense to it.",
    errors.AuthenticationFailed: _unauthorized,
    errors.CreditsExhausted: (
        f"Add credits at {_CREDITS}, or pass a smaller max_tokens: what could be used is reserved."
    ),
    errors.NoCreditsLeft: f"Add credits at {_CREDITS}; below zero even free models are refused.",
    errors.RequestUnaffordable: _unaffordable,
    errors.PermissionDenied: _forbidden,
    errors.ModerationRefused: "Moderation refused the input: change it, or use another model.",
    errors.GuardrailRefused: (
        f"A guardrail of the account refused the input: change it, or the guardrail at {_PRIVACY}."
    ),
    errors.KeyLimitReached: _key_limit,
    errors.WorkspaceBudgetReached: (
        f"A budget of the workspace or a guardrail is spent; its admin can raise it at {_PRIVACY}."
    ),
    errors.ManagementKeyRefused: (
        f"A management key cannot run models: use an ordinary key, made at {KEYS_PAGE}."
    ),
    errors.ManagementKeyRequired: f"This takes a management key, made at {_MANAGEMENT_KEYS}.",
    errors.NotFound: _not_found,
    errors.ModelNotFound: f"The model is gone or misspelt: {_LISTED}.",
    errors.FreeModelGone: free_model_gone(),
    errors.NoEndpointLeft: _no_endpoint,
    errors.RateLimited: _too_many,
    errors.FreeTierLimited: _free_tier,
    errors.ProviderRateLimited: _provider_too_many,
    errors.ProviderUnavailable: f"The provider failed. {_SETTLES}",
    errors.ProviderTimedOut: f"It took too long, and may still have been done. {_SETTLES}",
    errors.ProviderOverloaded: f"The provider is overloaded: wait, or use another. {_SETTLES}",
    errors.NoProviderAvailable: (
        f"Nobody serves the model at the moment: wait, or pass `models` to fall back on. {_SETTLES}"
    ),
    errors.AnswerFailed: _inside,
    errors.AnswerInvalid: _invalid,
}
