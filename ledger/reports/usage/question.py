"""What a report is asked: by what to add up, and which requests."""

from dataclasses import dataclass

from ledger.errors import QuestionInvalid
from ledger.reports.usage import periods, zones
from ledger.reports.usage.periods import Period, Word

TIMES = ("hour", "day", "week", "month")
NAMES = ("caller", "member", "model", "provider", "tag", "status")
KEYS = (*TIMES, *NAMES)
"""What a report adds up by."""

OVERLAPPING = frozenset({"member", "tag"})
"""Of these, those of which a request may have several, so that rows share requests."""


@dataclass(frozen=True, slots=True)
class Question:
    """A report that can be made.

    Attributes:
        by: one or two of `KEYS`.
        period: when the requests started.
        caller, model: only theirs; the model that answered, else the one that was asked.
        tag: only requests with this tag, as key and value.
        of: of tags, the key whose values are wanted; a request has at most one of those.
        top: how many names get a row of their own, the largest first.
    """

    by: tuple[str, ...]
    period: Period
    caller: str | None = None
    model: str | None = None
    tag: tuple[str, str] | None = None
    of: str | None = None
    top: int | None = None

    @property
    def overlaps(self) -> bool:
        """Whether a request may be in several rows, so that they don't add up to the whole."""
        shared = OVERLAPPING - ({"tag"} if self.of is not None else set())
        return not shared.isdisjoint(self.by)

    @property
    def ranked(self) -> int:
        """The place in `by` of what `top` counts: the last that is no time, else the last."""
        names = [place for place, key in enumerate(self.by) if key in NAMES]
        return names[-1] if names else len(self.by) - 1


def question(  # noqa: PLR0913 - one for each thing that a report can be asked
    by: str,
    then: str | None = None,
    *,
    since: Word | None = None,
    until: Word | None = None,
    caller: str | None = None,
    model: str | None = None,
    tag: str | None = None,
    of: str | None = None,
    tz: str = "UTC",
    top: int | None = None,
) -> Question:
    """A checked question.

    Raises:
        QuestionInvalid: what of it can't be asked, and what can.
    """
    keys = (by,) if then is None else (by, then)
    for key in keys:
        if key not in KEYS:
            raise QuestionInvalid(
                f"There is no report by {key!r}.", hint=f"Choose one of {', '.join(KEYS)}."
            )
    if len(set(keys)) < len(keys):
        raise QuestionInvalid(f"A report by {by} and {by} says nothing more than one by {by}.")
    if of is not None and "tag" not in keys:
        raise QuestionInvalid(f"A report by {by} has no keys.", hint='Only one by "tag" does.')
    if top is not None and top < 1:
        raise QuestionInvalid(f"The top {top} are none.", hint="Give 1 or more.")
    where = zones.zone(tz)
    when = periods.period(since, until, where)
    return Question(keys, when, caller, model, _tag(tag), of, top)


def _tag(said: str | None) -> tuple[str, str] | None:
    if said is None:
        return None
    key, separator, value = said.partition("=")
    if not separator or not key:
        raise QuestionInvalid(f"{said!r} is no tag.", hint="Give its key and value: team=search.")
    return key, value
