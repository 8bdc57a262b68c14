"""What has no upper end, or none that can be seen from here: told before anything is counted.

Tools that the provider runs, plugins with a price of their own, files that are parsed, media behind
a URL, presets and routers decide at the other end how much work a call is. For each of them the
error says what it is and what would bound the call.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ledger.errors import Unbounded
from ledger.openrouter import billable

HINT = "Pass max_cost= with the most USD that this call may cost."

_FREE_PLUGINS = frozenset({"response-healing", "context-compression"})
_ORDINARY_TIERS = frozenset({"auto", "default", "flex", "standard", "standard_only"})
# Tools of these types are run by whoever calls: the model only asks for them.
_OWN_TOOLS = frozenset({"function", "custom", "local_shell", "apply_patch"})
_OWN_FAMILIES = ("bash_", "text_editor_", "computer_", "memory_")
# Members that bring in what the request itself doesn't show.
_UNSEEN = ("preset", "previous_response_id", "conversation", "mcp_servers", "container")
_NAMES = frozenset(service.name for service in billable.ALL)


def unbounded(what: str, instead: str = "") -> Unbounded:
    """The error for something that has no bound, and what else would help."""
    return Unbounded(
        f"What this call can cost has no upper bound: {what}.", hint=f"{instead} {HINT}".strip()
    )


def no_maximum(model: str, *, is_limitable: bool) -> Unbounded:
    """The error for a model of which nobody says how much it may answer."""
    said = f"the catalogue has no maximum for the answers of {model}"
    return unbounded(said, "Set max_tokens." if is_limitable else "")


def check(payload: Mapping[str, Any], endpoint: str) -> None:
    """Refuse what can't be bounded.

    Raises:
        Unbounded: something in the request can't.
    """
    if endpoint not in _NAMES:
        raise unbounded(f"nothing is known of the endpoint {endpoint!r}")
    reason = next(_reasons(payload, endpoint), None)
    if reason is not None:
        raise unbounded(*reason)


def models(payload: Mapping[str, Any]) -> list[str]:
    """Every model that may serve a request.

    Raises:
        Unbounded: there is none, or one that stands for whichever is chosen later.
    """
    listed = payload.get("models")
    named = [payload.get("model"), *(listed if isinstance(listed, list | tuple) else ())]
    fallbacks = payload.get("fallbacks")
    named.extend(
        entry.get("model") if isinstance(entry, Mapping) else entry
        for entry in (fallbacks if isinstance(fallbacks, list | tuple) else ())
    )
    found = [name for name in named if name is not None]
    if not found:
        raise unbounded("it names no model", "Set model.")
    for name in found:
        if not isinstance(name, str) or "@preset" in name or name.startswith("~"):
            raise unbounded(f"{name!r} stands for a model that is chosen later", "Name the model.")
        if name.endswith(":online"):
            raise unbounded(f"{name} searches the web", "Leave :online out.")
        if "deep-research" in name:
            raise unbounded(f"{name} decides itself how often it searches and reads")
    return list(dict.fromkeys(found))


def _reasons(payload: Mapping[str, Any], endpoint: str) -> Iterator[tuple[str, str]]:
    if endpoint == billable.VIDEOS.name:
        yield "the catalogue has no price for a second of film", ""
    for name in _UNSEEN:
        if payload.get(name):
            yield f"`{name}` brings in what can't be seen from here", f"Leave {name} out."
    if endpoint == billable.RESPONSES.name and isinstance(payload.get("prompt"), Mapping):
        yield "`prompt` names a template that can't be seen from here", "Leave prompt out."
    if payload.get("web_search_options") is not None:
        yield "`web_search_options` lets it search the web", "Leave web_search_options out."
    tier = payload.get("service_tier")
    if tier is not None and tier not in _ORDINARY_TIERS:
        yield f"the catalogue has no price for the service tier {tier!r}", "Leave it out."
    if payload.get("speed") not in (None, "standard") and endpoint == billable.MESSAGES.name:
        yield "the catalogue has no price for `speed`", "Leave speed out."
    yield from _plugins(payload.get("plugins"))
    yield from _tools(payload.get("tools"))


def _plugins(listed: object) -> Iterator[tuple[str, str]]:
    for plugin in listed if isinstance(listed, list | tuple) else ():
        name = plugin.get("id") if isinstance(plugin, Mapping) else plugin
        is_off = isinstance(plugin, Mapping) and plugin.get("enabled") is False
        if not is_off and name not in _FREE_PLUGINS:
            yield f"the plugin {name!r} has a price of its own", "Leave it out."


def _tools(listed: object) -> Iterator[tuple[str, str]]:
    for tool in listed if isinstance(listed, list | tuple) else ():
        kind = tool.get("type", "function") if isinstance(tool, Mapping) else tool
        is_own = kind in _OWN_TOOLS or (isinstance(kind, str) and kind.startswith(_OWN_FAMILIES))
        if not is_own:
            yield f"the provider runs the tool {kind!r}, as often as the model asks", ""
