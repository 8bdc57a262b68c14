"""What a file's totals state beyond its calls, by time and by caller, so that nothing counts twice.

The opening balance of a total is what it states less what its calls sum to. A month's is what is
left beyond its days. Where a file tells totals by time and by caller, the two tell of the same
money, so each gets rows of its own that add up to the same: what one of the two does not explain
is its rest, a row without a caller, or on the first day that the file knows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ledger import money

ALL, TIME, CALLER = "all", "time", "caller"
REST = "rest"
_MONTH = len("2026-11")


class Figures(NamedTuple):
    """Amounts in picodollars, and counts."""

    pico: int = 0
    upstream: int = 0
    requests: int = 0
    tokens: int = 0

    def __add__(self, other: Any) -> "Figures":
        return Figures(*(one + two for one, two in zip(self, other, strict=True)))

    def minus(self, other: "Figures") -> "Figures":
        """The difference, which may be negative."""
        return Figures(*(one - two for one, two in zip(self, other, strict=True)))

    def or_more(self, other: "Figures") -> "Figures":
        """The greater of each."""
        return Figures(*(max(one, two) for one, two in zip(self, other, strict=True)))


ZERO = Figures()


@dataclass(frozen=True, slots=True)
class Stated:
    """One total of a file, or of the books as they were last told of it.

    Attributes:
        breakdown: of what is left already beyond all calls.
        is_of_account: whether it is the provider's, of all that the account did on a day.
    """

    figures: Figures
    day: str | None = None
    caller: str | None = None
    chain: str | None = None
    model: str | None = None
    provider: str | None = None
    breakdown: str | None = None
    is_of_account: bool = False


@dataclass(slots=True)
class CallSums:
    """What calls come to, by the day that their file has them on, and by chain."""

    days: dict[str, Figures] = field(default_factory=dict)
    chains: dict[str, Figures] = field(default_factory=dict)

    def add(self, day: str, chain: str | None, figures: Figures) -> None:
        """Count a call, or several."""
        self.days[day] = self.days.get(day, ZERO) + figures
        self.chains[chain or ""] = self.chains.get(chain or "", ZERO) + figures


@dataclass(frozen=True, slots=True)
class Wanted:
    """A balance as it is to be.

    Attributes:
        stated: the total that it belongs to; None for a rest.
        day: the UTC day that it is booked on.
    """

    breakdown: str
    bucket: str
    day: str
    left: Figures
    stated: Stated | None = None


def wanted(
    stated: dict[str, Stated], calls: CallSums, first_day: str
) -> tuple[list[Wanted], list[str]]:
    """The balances that totals and calls come to, and in words where calls exceed their total.

    Args:
        stated: each total by its bucket.
        calls: the calls that are known one by one.
        first_day: where totals without a time are booked.
    """
    problems: list[str] = []
    left_already = {bucket: each for bucket, each in stated.items() if each.breakdown is not None}
    others = {bucket: each for bucket, each in stated.items() if each.breakdown is None}
    timed = {bucket: each for bucket, each in others.items() if each.day is not None}
    callers = {bucket: each for bucket, each in others.items() if each.day is None}
    by_time, by_caller = (TIME, CALLER) if timed and callers else (ALL, ALL)
    found = [*_by_time(timed, calls, by_time, problems)]
    for bucket, each in callers.items():
        left = _left(bucket, each.figures, calls.chains.get(each.chain or "", ZERO), problems)
        found.append(Wanted(by_caller, bucket, first_day, left, each))
    if timed and callers:
        found += _rests(found, first_day)
    for bucket, each in left_already.items():
        day = each.day or first_day
        found.append(Wanted(each.breakdown or ALL, bucket, day, each.figures, each))
    return found, problems


def _by_time(
    timed: dict[str, Stated], calls: CallSums, breakdown: str, problems: list[str]
) -> Iterable[Wanted]:
    covered: dict[str, Figures] = {}
    for day, sums in calls.days.items():
        if f"day:{day}" not in timed:
            covered[day[:_MONTH]] = covered.get(day[:_MONTH], ZERO) + sums
    months = {}
    for bucket, each in timed.items():
        day = each.day or ""
        if len(day) == _MONTH:
            months[bucket] = each
            continue
        sums = calls.days.get(day, ZERO)
        month = day[:_MONTH]
        covered[month] = covered.get(month, ZERO) + each.figures.or_more(sums)
        yield Wanted(breakdown, bucket, day, _left(bucket, each.figures, sums, problems), each)
    for bucket, each in months.items():
        known = covered.get(each.day or "", ZERO)
        left = _left(bucket, each.figures, known, problems)
        yield Wanted(breakdown, bucket, f"{each.day}-01", left, each)


def _left(bucket: str, stated: Figures, known: Figures, problems: list[str]) -> Figures:
    left = stated.minus(known)
    if left.pico < 0:
        problems.append(
            f"{bucket}: what is known of it comes to {money.usd_text(known.pico)} USD, which is"
            f" {money.usd_text(-left.pico)} more than the {money.usd_text(stated.pico)} stated"
        )
    return left.or_more(ZERO)


def _rests(found: list[Wanted], first_day: str) -> Iterable[Wanted]:
    """What makes both breakdowns add up to the same."""
    sums = {TIME: ZERO, CALLER: ZERO}
    for each in found:
        sums[each.breakdown] += each.left
    for mine, other in ((TIME, CALLER), (CALLER, TIME)):
        yield Wanted(mine, REST, first_day, sums[other].minus(sums[mine]).or_more(ZERO))
