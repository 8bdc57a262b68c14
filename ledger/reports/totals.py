"""The sum of usage rows, in exact integers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ledger import money
from ledger.reports.rows import UsageRow

_SUMMED = tuple(name for name, field in UsageRow.model_fields.items() if field.annotation is int)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over every row of a report, by column name; amounts are integer picodollars."""

    sums: dict[str, int]

    @classmethod
    def of(cls, rows: Iterable[UsageRow]) -> "Totals":
        """Add up the integer columns of the rows."""
        sums = dict.fromkeys(_SUMMED, 0)
        for row in rows:
            for name in _SUMMED:
                sums[name] += getattr(row, name)
        return cls(sums)

    def __getitem__(self, column: str) -> int:
        return self.sums[column]

    def usd(self, column: str) -> str:
        """The sum of a `*_pico` column as exact USD text."""
        return money.usd_text(self.sums[column])

    def as_json(self) -> dict[str, Any]:
        """The sums in the columns of the views: beside each `*_pico` its `*_usd`."""
        found: dict[str, Any] = {}
        for name, value in self.sums.items():
            found[name] = value
            if name.endswith("_pico"):
                found[f"{name.removesuffix('_pico')}_usd"] = money.to_usd(value)
        return found
