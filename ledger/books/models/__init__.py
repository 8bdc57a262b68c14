"""The fact tables, each loaded when it is first named: a class costs 5 ms, and a call needs three.

`load_all` registers every table, for whoever makes or compares a schema.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger.books.models.aliases import CallerAlias
    from ledger.books.models.budgets import Budget, BudgetRollup, Hold, HoldEnd, Resolution
    from ledger.books.models.callers import Caller, ProvisioningEvent
    from ledger.books.models.calls import Outcome, Request
    from ledger.books.models.catalogue import CatalogueEndpoint, CatalogueModel
    from ledger.books.models.content import Content
    from ledger.books.models.crashes import CrashNotice
    from ledger.books.models.digests import RequestDigest
    from ledger.books.models.imports import ImportedCall, ImportedFile, OpeningBalance
    from ledger.books.models.jobs import VideoJob
    from ledger.books.models.process import Process
    from ledger.books.models.provider import CreditSnapshot, Generation, SettlementAttempt
    from ledger.books.models.refusals import Refusal
    from ledger.books.models.rollups import StaleRollup, UsageDayRollup, UsageRollup
    from ledger.books.models.streams import ResponseStart
    from ledger.books.models.tags import RequestTag

__all__ = [
    "Budget",
    "BudgetRollup",
    "Caller",
    "CallerAlias",
    "CatalogueEndpoint",
    "CatalogueModel",
    "Content",
    "CrashNotice",
    "CreditSnapshot",
    "Generation",
    "Hold",
    "HoldEnd",
    "ImportedCall",
    "ImportedFile",
    "OpeningBalance",
    "Outcome",
    "Process",
    "ProvisioningEvent",
    "Refusal",
    "Request",
    "RequestDigest",
    "RequestTag",
    "Resolution",
    "ResponseStart",
    "SettlementAttempt",
    "StaleRollup",
    "UsageDayRollup",
    "UsageRollup",
    "VideoJob",
    "load_all",
]

_HOMES = {
    "Budget": "budgets",
    "BudgetRollup": "budgets",
    "Caller": "callers",
    "CallerAlias": "aliases",
    "CatalogueEndpoint": "catalogue",
    "CatalogueModel": "catalogue",
    "Content": "content",
    "CrashNotice": "crashes",
    "CreditSnapshot": "provider",
    "Generation": "provider",
    "Hold": "budgets",
    "HoldEnd": "budgets",
    "ImportedCall": "imports",
    "ImportedFile": "imports",
    "OpeningBalance": "imports",
    "Outcome": "calls",
    "Process": "process",
    "ProvisioningEvent": "callers",
    "Refusal": "refusals",
    "Request": "calls",
    "RequestDigest": "digests",
    "RequestTag": "tags",
    "Resolution": "budgets",
    "ResponseStart": "streams",
    "SettlementAttempt": "provider",
    "StaleRollup": "rollups",
    "UsageDayRollup": "rollups",
    "UsageRollup": "rollups",
    "VideoJob": "jobs",
}


def __getattr__(name: str) -> Any:
    """Load a table's class when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def load_all() -> None:
    """Register every table on the metadata."""
    for home in sorted(set(_HOMES.values())):
        importlib.import_module(f"{__name__}.{home}")
