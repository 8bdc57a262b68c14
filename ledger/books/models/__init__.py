"""The fact tables. Importing this module loads SQLModel and registers every table."""

from ledger.books.models.callers import Caller, Process, ProvisioningEvent
from ledger.books.models.calls import Outcome, Refusal, Request
from ledger.books.models.provider import CreditSnapshot, Generation, SettlementAttempt

__all__ = [
    "Caller",
    "CreditSnapshot",
    "Generation",
    "Outcome",
    "Process",
    "ProvisioningEvent",
    "Refusal",
    "Request",
    "SettlementAttempt",
]
