"""The table of directives: what a model name or a header can ask the sandbox to do.

Documented in the package's docstring. A name without argument is looked up whole; otherwise an
argument follows the name after a dash.
"""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from ledger.sandbox import edits, failures, oddities
from ledger.sandbox.billing import BYOK_FEE
from ledger.sandbox.plans import BadScript, Edit, Plan

PREFIX = "sandbox/"
BYOK_UPSTREAM = "0.0003253"
_HTML = b"<!DOCTYPE html><html><head><title>Just a moment</title></head><body>wait</body></html>"
# A price has no comma; a quoted one could, and then it isn't split there.
_SEPARATOR = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')


def _set(**values: Any) -> Callable[[Plan], None]:
    """A directive that sets fields of the plan."""

    def apply(plan: Plan) -> None:
        for name, value in values.items():
            setattr(plan, name, value)

    return apply


def _edit(change: Edit, **values: Any) -> Callable[[Plan], None]:
    """A directive that changes the body of the answer, and maybe fields of the plan."""

    def apply(plan: Plan) -> None:
        plan.edits.append(change)
        _set(**values)(plan)

    return apply


def _number(field: str, scale: int = 1) -> Callable[[Plan, str], None]:
    """A directive whose argument is a whole number, divided by `scale` where that isn't 1."""

    def apply(plan: Plan, argument: str) -> None:
        if not (argument.isascii() and argument.isdecimal()):
            raise BadScript(f"{argument!r} is not a whole number")
        value = int(argument)
        setattr(plan, field, value if scale == 1 else value / scale)

    return apply


def _text(field: str) -> Callable[[Plan, str], None]:
    """A directive whose argument is kept as it stands."""

    def apply(plan: Plan, argument: str) -> None:
        setattr(plan, field, argument)

    return apply


def _error(plan: Plan, argument: str) -> None:
    """Fail: with the shape of that name, or in the plainest shape for any other error status."""
    if not failures.known(argument):
        raise BadScript(f"no error {argument!r}")
    plan.failure = argument


def _at(plan: Plan, argument: str) -> None:
    """Book the call at another time."""
    try:
        moment = dt.datetime.fromisoformat(argument)
    except ValueError as error:
        raise BadScript(f"{argument!r} is no time") from error
    if moment.tzinfo is None:
        raise BadScript(f"{argument!r} has no time zone")
    plan.at = moment.astimezone(dt.UTC)


def _oddity(name: str) -> Callable[[Plan], None]:
    """A directive that makes a stream odd."""
    return lambda plan: plan.oddities.add(name)


def _long_line(plan: Plan, argument: str) -> None:
    """One content chunk of so many bytes."""
    _number("chunks")(plan, argument)
    plan.text, plan.chunks = "x" * plan.chunks, 1


def _job(plan: Plan, argument: str) -> None:
    """A job that ends otherwise is not charged."""
    plan.job, plan.booked = argument, argument == "completed"


WHOLE: dict[str, Callable[[Plan], None]] = {
    "byok": _set(cost="0", upstream_cost=BYOK_UPSTREAM, is_byok=True),
    "no-usage": _edit(edits.no_usage),
    "error-200": _edit(edits.error_body, cost="0"),
    "choice-error": _edit(edits.choice_error, stream_error="text"),
    "stream-error": _edit(edits.choice_error, stream_error="text"),
    "no-choices": _edit(edits.no_choices),
    "null-content": _edit(edits.null_content),
    "reasoning-only": _edit(edits.reasoning_only),
    "tool-call": _edit(edits.tool_call),
    "unknown-fields": _edit(edits.unknown_fields),
    "no-id": _edit(edits.no_id),
    "no-header-id": _set(header_id=False),
    "with-id": _set(booked=True),
    "empty-body": _set(raw=(b"", "application/json")),
    "html": _set(raw=(_HTML, "text/html; charset=UTF-8"), header_id=False),
    "keepalive": _set(keepalive=True),
    "cut": _set(cut=True),
    "hangup": _set(hangup=True),
    "redirect": _set(redirect=302),
    "stream-error-int": _edit(edits.choice_error, stream_error="int"),
    "stream-error-late": _edit(edits.cut_at_limit, stream_error="late"),
    "stream-usage-empty": _set(stream_usage="empty"),
    "stream-usage-null": _set(stream_usage="null"),
    "stream-usage-bare": _set(stream_usage="bare"),
    "endless": _set(endless=True),
    "byok-fee": _set(byok_fee=BYOK_FEE),
    "insured": _set(insured=True),
    "no-output": _edit(edits.no_output, insured=True, text=""),
    **{name: _oddity(name) for name in oddities.NAMES},
}
WITH_ARGUMENT: dict[str, Callable[[Plan, str], None]] = {
    "cost": _text("cost"),
    "settled": _text("settled_cost"),
    "error": _error,
    "slow": _number("slow_ms"),
    "drip": _number("drip_ms"),
    "delay": _number("generation_delay_s", 1000),
    "redirect": _number("redirect"),
    "chunks": _number("chunks"),
    "long-line": _long_line,
    "split": _number("split"),
    "served": _text("served_model"),
    "provider": _text("provider"),
    "reasoning": _number("reasoning"),
    "cached": _number("cached"),
    "cache-write": _number("written"),
    "searches": _number("searches"),
    "at": _at,
    "event": _text("failed_event"),
    "job": _job,
    "polls": _number("polls"),
    "tag": lambda _plan, _argument: None,
}


def apply(plan: Plan, text: str) -> None:
    """Let the directives of a text, separated by commas, change the plan in their order.

    Raises:
        BadScript: one of them is unknown or its argument makes no sense.
    """
    for directive in _SEPARATOR.split(text):
        _apply_one(plan, directive.strip())


def _apply_one(plan: Plan, directive: str) -> None:
    """Let one directive change the plan."""
    whole = WHOLE.get(directive)
    if whole is not None:
        whole(plan)
        return
    # A name may have dashes of its own, and so may an argument: the longest name that fits.
    fitting = [name for name in WITH_ARGUMENT if directive.startswith(f"{name}-")]
    name = max(fitting, key=len, default="")
    argument = directive.removeprefix(f"{name}-")
    if not fitting or not argument:
        raise BadScript(f"no directive {directive!r}")
    WITH_ARGUMENT[name](plan, argument)
