"""An operator's word on what a request cost that nobody can be asked about."""

from ledger import clock
from ledger.books.ids import new_id
from ledger.books.models import Resolution
from ledger.books.unit import Step, Transaction
from ledger.errors import RequestInvalid
from ledger.limits import counting

_RESOLVED = "SELECT 1 FROM resolution WHERE request_id = ?"


def resolving(request_id: str, cost_pico: int | None, process_id: str) -> Step:
    """A step: book what a request cost by an operator's word; a record of the provider's beats it.

    Args:
        request_id: the request.
        cost_pico: what it cost, in 1e-12 USD; None: it was never sent.
        process_id: whose word it is.

    Raises (in the transaction):
        RequestInvalid: what it cost is known, or was declared before.
    """

    def step(transaction: Transaction) -> None:
        now = counting.known(transaction, request_id)
        if now.total_pico is not None or transaction.run(_RESOLVED, [request_id]):
            raise RequestInvalid(
                f"What request {request_id} cost is known: it is {now.cause}.",
                hint="Only a request whose cost is unknown or pending can be resolved.",
            )
        row = Resolution(
            id=new_id(),
            process_id=process_id,
            request_id=request_id,
            at=clock.now(),
            kind="not_sent" if cost_pico is None else "cost",
            cost_pico=cost_pico or 0,
        )
        counting.counted(transaction, [request_id], lambda: transaction.add(row))

    return step
