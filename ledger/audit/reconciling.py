"""The whole comparison: what is asked, of whom, and what could not be known."""

from dataclasses import dataclass
from pathlib import Path

from ledger import clock, money
from ledger.account.credits import ask_credits_as
from ledger.account.limits import Asking
from ledger.audit import checks, comparing, provider, told
from ledger.audit.booked import Reader, Sum
from ledger.audit.comparing import Compared
from ledger.audit.periods import Period
from ledger.audit.provider import MANAGEMENT_KEY, Provider
from ledger.audit.results import Check, Line, Reconciliation
from ledger.audit.told import Accounts
from ledger.openrouter.generation import GenerationRecord
from ledger.openrouter.records import KeyRecord

DEFAULT_TOLERANCE_PICO = 1_000_000
"""A millionth of a dollar: the last decimal that the provider's analytics have."""

MOST_LOOKUPS = 500
"""Records that are looked up one by one in one comparison, as the provider limits its answers."""

_ORDINARY = (
    "An ordinary key knows its own counters of today and this month only: not which calls they"
    " count, nor earlier days, other keys or the account's credits. A management key is told, in"
    f" {MANAGEMENT_KEY}; it is made at https://openrouter.ai/settings/management-keys. Or give the"
    " provider's export (--activity FILE)."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be compared.

    Attributes:
        period: the UTC days.
        activity: a CSV of the provider's that stands for its own word.
        management_key: by argument.
        tolerance_pico: a rest of more than this is too much.
    """

    period: Period
    activity: Path | None = None
    management_key: str | None = None
    tolerance_pico: int = DEFAULT_TOLERANCE_PICO


def reconcile(ledger: Asking, asked: Asked) -> Reconciliation:
    """Compare the books with what the provider says, and explain the difference.

    Raises:
        KeyMissing, KeyInvalid, ConfigInvalid: there is nobody to ask as.
        ProviderError, ConnectionFailed: the provider refused, or no answer came.
        RequestInvalid: the file can't be read as the provider's activity.
        LedgerUnavailable: the books can't be read or written.
    """
    if asked.activity is not None:
        return _with_file(ledger, asked, asked.activity)
    with provider.opened(ledger, asked.management_key) as source:
        return _Comparison(ledger, source, asked).result()


def _with_file(ledger: Asking, asked: Asked, path: Path) -> Reconciliation:
    """By a file alone: nobody is asked."""
    reader = Reader(ledger.books, ledger.desk.base_url(ledger.desk.rules()))
    accounts = told.from_csv(path, asked.period)
    compared = comparing.compare(reader, accounts, asked.period, lambda _id: None)
    return _result(asked, accounts, compared, [], accounts.notes)


class _Comparison:
    """One comparison with the provider itself."""

    def __init__(self, ledger: Asking, source: Provider, asked: Asked) -> None:
        self._ledger = ledger
        self._source = source
        self._asked = asked
        self._reader = Reader(ledger.books, source.base_url)
        self._looked_up = 0
        self._today = clock.now().date()

    def result(self) -> Reconciliation:
        """Ask, compare, and say what is left."""
        record = self._source.key()
        period = self._asked.period
        sums = self._reader.sums(self._month().wider())
        accounts = self._accounts(sums)
        compared = comparing.compare(self._reader, accounts, period, self._exact)
        found: list[Check] = []
        if self._today == period.last and record is not None and not record.is_management_key:
            found += self._of_key(record, sums, compared)
        notes = accounts.notes + self._others(accounts)
        if self._source.sees_account:
            found += self._of_credits(compared, notes)
        if self._looked_up > MOST_LOOKUPS or self._source.failed:
            notes.append(self._not_looked_up())
        return _result(self._asked, accounts, compared, found, notes)

    def _month(self) -> Period:
        """The period, and all of this month where it goes on to today."""
        period = self._asked.period
        if period.last < self._today:
            return period
        return Period(min(period.first, self._today.replace(day=1)), period.last)

    def _accounts(self, sums: list[Sum]) -> Accounts:
        if not self._source.sees_account:
            return Accounts("key", notes=[_ORDINARY])
        keys = [each.key_hash for each in sums]
        keys += [self._source.key_hash] if self._source.key_hash else []
        own = tuple(dict.fromkeys(key for key in keys if key is not None))
        self._source.own_keys = own
        return told.from_activity(self._source, own, self._asked.period)

    def _of_key(self, record: KeyRecord, sums: list[Sum], compared: Compared) -> list[Check]:
        """The key's counters, as far as the period has their days."""
        key_hash = self._source.key_hash
        found = checks.of_key(record, key_hash, sums, compared.lines, self._today)
        return found if self._asked.period.first <= self._today.replace(day=1) else found[:1]

    def _of_credits(self, compared: Compared, notes: list[str]) -> list[Check]:
        """Look at the credits now, where now is in the period, and compare all looks at them."""
        if self._asked.period.last == self._today:
            ask_credits_as(self._ledger, self._source.management)
        period, lines = self._asked.period, compared.lines
        found = list(checks.of_credits(self._reader, self._source, period, lines))
        if not found:
            notes.append(
                "The account's credits were looked at less than twice in this time, so there is no"
                " difference to compare; each run of reconcile or credits is a look."
            )
        return found

    def _exact(self, generation_id: str) -> GenerationRecord | None:
        self._looked_up += 1
        return self._source.generation(generation_id) if self._looked_up <= MOST_LOOKUPS else None

    def _not_looked_up(self) -> str:
        more = max(0, self._looked_up - MOST_LOOKUPS) + self._source.failed
        return f"{more} calls could not be looked up: their amounts have six decimals, or are ours."

    @staticmethod
    def _others(accounts: Accounts) -> list[str]:
        """What the account's other keys used, in words."""
        others = accounts.others
        if not others.requests:
            return []
        amount = money.usd_text(others.pico)
        used = f"Other keys of the account used {amount} USD in {others.requests} calls"
        return [f"{used}: the ledger has no call of theirs, so they are not compared."]


def _result(
    asked: Asked,
    accounts: Accounts,
    compared: Compared,
    found: list[Check],
    notes: list[str],
) -> Reconciliation:
    days = accounts.days | accounts.open_days
    return Reconciliation(
        period=asked.period,
        source=accounts.source,
        days=tuple(sorted(days)),
        ledger_pico=compared.ledger_pico,
        provider_pico=sum(group.provider_pico for group in compared.groups),
        groups=tuple(compared.groups),
        lines=tuple(sorted(compared.lines, key=_order)),
        checks=tuple(found),
        tolerance_pico=asked.tolerance_pico,
        notes=tuple(notes),
    )


def _order(line: Line) -> tuple[str, str, str, str]:
    return line.day, line.model or "", line.kind, line.generation_id or line.request_id or ""
