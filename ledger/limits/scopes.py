"""What a budget is for: everyone, or the calls of a caller, through a caller, of a model, a tag."""

from collections.abc import Mapping
from typing import NamedTuple

from ledger.callers import names, tags
from ledger.errors import RequestInvalid, TagInvalid

_ARROW = "->"


class Facts(NamedTuple):
    """What decides which budgets a request falls under; none of it ever changes.

    Attributes:
        caller: the name that it was booked under; None where nobody can say.
        chain: how it was called.
        model: the model that was asked for; None where it is not known.
        tags: its tags.
    """

    caller: str | None
    chain: str | None
    model: str | None
    tags: Mapping[str, str]


class Scope(NamedTuple):
    """Whose calls count.

    Attributes:
        kind: `everyone`, `caller`, `chain_member`, `model` or `tag`.
        key: of a tag, its key.
        value: the name, model or tag's value; None for everyone.
    """

    kind: str = "everyone"
    key: str | None = None
    value: str | None = None

    def __str__(self) -> str:
        if self.kind == "tag":
            return f"tag {self.key}={self.value}"
        return self.kind.replace("_", " ") + (f" {self.value}" if self.value is not None else "")

    @property
    def not_counted(self) -> str:
        """The breakdown of opening balances that says nothing of such a scope."""
        return "time" if self.kind in ("caller", "chain_member") else "caller"

    def has(self, facts: Facts) -> bool:
        """Whether a request falls under it. A model that is not known may be any."""
        if self.kind == "everyone":
            return True
        if self.kind == "caller":
            return facts.caller == self.value
        if self.kind == "chain_member":
            return facts.chain is not None and self.value in facts.chain.split(_ARROW)
        if self.kind == "model":
            return facts.model is None or facts.model == self.value
        return facts.tags.get(self.key or "") == self.value

    def condition(self) -> tuple[str, list[str]]:
        """The same as a test in SQL, of `r` (request) and `c` (caller), and its values."""
        value = self.value or ""
        if self.kind == "everyone":
            return "1 = 1", []
        if self.kind == "caller":
            return "c.name = ?", [value]
        if self.kind == "chain_member":
            wrapped = f"'{_ARROW}' || r.chain || '{_ARROW}'"
            return f"replace({wrapped}, ?, '') <> {wrapped}", [f"{_ARROW}{value}{_ARROW}"]
        if self.kind == "model":
            return "(r.model_asked IS NULL OR r.model_asked = ?)", [value]
        found = "SELECT 1 FROM request_tag AS t WHERE t.request_id = r.id"
        return f"EXISTS ({found} AND t.key = ? AND t.value = ?)", [self.key or "", value]


def scope_of(
    *,
    caller: str | None = None,
    chain_member: str | None = None,
    model: str | None = None,
    tag: str | None = None,
) -> Scope:
    """The scope that is asked for; everyone where nothing is.

    Raises:
        RequestInvalid: more than one is asked for, or it can't be one.
        CallerInvalid, TagInvalid: the caller's name, or the tag, can't be one.
    """
    given = {"caller": caller, "chain_member": chain_member, "model": model, "tag": tag}
    asked = {kind: value for kind, value in given.items() if value is not None}
    if not asked:
        return Scope()
    if len(asked) > 1:
        raise RequestInvalid(
            f"A budget has one scope, not {len(asked)}: {', '.join(asked)}.",
            hint="Set a budget for each: a call that falls under several needs room in all.",
        )
    ((kind, value),) = asked.items()
    if kind == "tag":
        found = tags.parse(value)
        if len(found) != 1:
            raise TagInvalid("A budget has one tag.", hint="For example task=summary.")
        ((key, value),) = found.items()
        return Scope(kind, key, value)
    if not value.strip():
        raise RequestInvalid(f"The {kind.replace('_', ' ')} of a budget must not be empty.")
    if kind != "model" and names.parse_explicit(value) != (value, value):
        raise RequestInvalid(f"{value[:80]!r} is a chain, no caller's name.", hint="Give one name.")
    return Scope(kind, None, value)
