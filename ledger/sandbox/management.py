"""What the provider says of keys and credits, and what it refuses a key."""

import datetime as dt
from decimal import Decimal
from typing import Any

from ledger.sandbox import accounts, costs, failures
from ledger.sandbox.accounts import Key, window_start
from ledger.sandbox.endpoints.endpoint import parse_json
from ledger.sandbox.failures import Asked, Failure
from ledger.sandbox.literals import Literal
from ledger.sandbox.plans import BadScript
from ledger.sandbox.state import State

_PAGE = 100
_FREE_A_DAY = 1000
_WHICH = {None: "total", "daily": "daily", "weekly": "weekly", "monthly": "monthly"}
ONLY_MANAGEMENT = "Only management keys can perform this operation"
NO_CREDITS = "Insufficient credits. Add more using https://openrouter.ai/settings/credits"


def key_of(state: State, secret: str) -> Key:
    """The key of that text: one that was created, or one that was always there."""
    key_hash = accounts.hash_of(secret)
    with state.lock:
        made = state.accounts.keys.get(key_hash)
    if made is not None:
        return made
    settings = state.settings
    label = accounts.masked(secret)
    return Key(key_hash, label, label, state.began_at, settings.key_limit, settings.key_limit_reset)


def refuse(state: State, secret: str, *, inference: bool) -> Failure | None:
    """The refusal that a key gets, or None for a good one."""
    asked = Asked()
    if not secret:
        return failures.make("401", asked, "No auth credentials found")
    bare = secret.removeprefix(accounts.PREFIX)
    settings = state.settings
    if bare in (secret, "") or secret in settings.refused_keys:
        return failures.make("401", asked)
    if inference and secret in settings.management_keys:
        return failures.make("403-management", asked)
    made = state.accounts
    limited = made.keys or made.deleted or settings.key_limit is not None
    return _limits(state, secret, inference=inference) if limited else None


def _limits(state: State, secret: str, *, inference: bool) -> Failure | None:
    """The refusal of a key that is gone, or whose limit is used up."""
    key, now = key_of(state, secret), state.now()
    expired = key.expires_at is not None and key.expires_at <= now
    if key.disabled or expired or key.hash in state.accounts.deleted:
        return failures.make("401", Asked())
    if not inference:
        return None
    with state.lock:
        remaining = state.accounts.remaining(key, now.date())
    if remaining is None or remaining > 0:
        return None
    message = f"Key limit exceeded ({_WHICH[key.limit_reset]} limit)."
    return failures.make(f"{state.settings.key_limit_status}", Asked(), message)


def unpaid(state: State, most: Decimal, tokens: int | None) -> Failure | None:
    """The refusal where credits are used up, or could not pay for what a call could cost.

    Args:
        state: the sandbox's.
        most: USD that the call could cost, where it sets a limit; else 0.
        tokens: that limit.
    """
    with state.lock:
        left = state.settings.total_credits - state.accounts.spent()
    if left <= 0:
        return failures.make("402", Asked(), NO_CREDITS)
    if tokens is None or most <= left:
        return None
    message = (
        "This request requires more credits, or fewer max_tokens. You requested up to "
        f"{tokens} tokens, but can only afford {int(tokens * left / most)}."
    )
    return failures.make("402", Asked(), message)


def key_record(state: State, secret: str) -> dict[str, Any]:
    """The key's own account: label as the provider masks it, limits and usage."""
    management = secret in state.settings.management_keys
    key = key_of(state, secret)
    return {
        "data": {
            "label": key.label,
            **_account(state, key),
            **_budgets(state, key),
            "is_free_tier": False,
            "is_management_key": management,
            "is_provisioning_key": management,
            "creator_user_id": failures.USER_ID,
            "expires_at": _text(key.expires_at),
            "rate_limit": {"requests": -1, "interval": "10s", "note": "deprecated"},
        },
    }


def _budgets(state: State, key: Key) -> dict[str, Any]:
    """What newer answers have besides: the limit as a budget, free calls, where it belongs."""
    now = state.now()
    today = now.date()
    with state.lock:
        remaining = state.accounts.remaining(key, today)
    free = sum(
        call.started_at.date() == today and (call.model or "").endswith(":free")
        for call in state.seen()
        if call.key_hash == key.hash
    )
    budget = None
    if key.limit is not None and remaining is not None:
        budget = {
            "budget_id": None,
            "guardrail_id": None,
            "include_byok": key.include_byok_in_limit,
            "limit_usd": amount(key.limit),
            "spend_usd": amount(key.limit - remaining),
            "remaining_usd": amount(max(remaining, costs.ZERO)),
            "reset_interval": key.limit_reset,
            "resets_at": _text(accounts.window_end(key.limit_reset, today)),
            "scope": "key_limit",
        }
    return {
        "budgets": [] if budget is None else [budget],
        "effective_budget": budget,
        "free_model_daily_requests": {
            "limit": _FREE_A_DAY,
            "used": free,
            "remaining": max(0, _FREE_A_DAY - free),
        },
        "allowed_data_regions": ["global"],
        "organization_id": None,
        "workspace_id": key.workspace_id,
    }


def _account(state: State, key: Key) -> dict[str, Any]:
    """Limit and usage of a key, since the UTC day, Monday and month began as well."""
    today = state.now().date()
    with state.lock:
        used, byok = state.accounts.used(key.hash)
        remaining = state.accounts.remaining(key, today)
        windows = {
            name: state.accounts.used(key.hash, window_start(name, today))
            for name in accounts.WINDOWS
        }
    return {
        "limit": None if key.limit is None else amount(key.limit),
        "limit_remaining": None if remaining is None else amount(remaining),
        "limit_reset": key.limit_reset,
        "include_byok_in_limit": key.include_byok_in_limit,
        "usage": amount(used),
        **{f"usage_{name}": amount(both[0]) for name, both in windows.items()},
        "byok_usage": amount(byok),
        **{f"byok_usage_{name}": amount(both[1]) for name, both in windows.items()},
    }


def _listed(state: State, key: Key) -> dict[str, Any]:
    """A key as `/keys` shows it."""
    return {
        "hash": key.hash,
        "name": key.name,
        "label": key.label,
        "disabled": key.disabled,
        **_account(state, key),
        "created_at": _text(key.created_at),
        "updated_at": _text(key.updated_at),
        "expires_at": _text(key.expires_at),
        "creator_user_id": failures.USER_ID,
        "external_user": None,
        "last_used_at": None,
        "workspace_id": key.workspace_id,
    }


def _text(moment: dt.datetime | None) -> str | None:
    """A time as the provider writes it."""
    if moment is None:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def keys(state: State, method: str, name: str, query: str, data: bytes) -> Failure | Any:
    """Carry out one request of `/keys` or `/keys/{hash}`.

    Args:
        state: the sandbox's.
        method: of the request.
        name: the hash, or empty.
        query: `offset`.
        data: the body.
    """
    body = parse_json(data, "") or {}
    with state.lock:
        if not name:
            return _create(state, body) if method == "POST" else _page(state, query)
        key = state.accounts.keys.get(name)
        if key is None:
            return failures.plain(404, "API key not found")
        if method == "DELETE":
            state.accounts.delete(key)
            return {"deleted": True}
        try:
            state.accounts.update(key, body if method == "PATCH" else {}, state.now())
        except BadScript as error:
            return failures.plain(400, str(error))
        return {"data": _listed(state, key)}


def _create(state: State, body: dict[str, Any]) -> Failure | Any:
    """A new key; its text is shown this once."""
    try:
        key, secret = state.accounts.create(body, state.now())
    except BadScript as error:
        return failures.plain(400, str(error))
    return {"data": _listed(state, key), "key": secret}


def _page(state: State, offset: str) -> dict[str, Any]:
    """A hundred keys at most, the newest first."""
    first = int(offset) if offset.isascii() and offset.isdecimal() else 0
    listed = list(state.accounts.keys.values())[::-1][first : first + _PAGE]
    return {"data": [_listed(state, key) for key in listed]}


def credits_record(state: State, secret: str) -> dict[str, Any]:
    """Credits bought and used; zeros for a key that may not know."""
    if secret not in state.settings.management_keys:
        return {"data": {"total_credits": 0, "total_usage": 0}}
    with state.lock:
        spent = state.accounts.spent()
    return {
        "data": {
            "total_credits": amount(state.settings.total_credits),
            "total_usage": amount(spent),
        }
    }


def amount(value: Decimal) -> Literal:
    """An exact amount in JSON."""
    return Literal(costs.literal_of(value))
