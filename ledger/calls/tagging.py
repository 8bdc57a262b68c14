"""The rows of a call's tags: they are committed with its request row, in the same unit."""

from ledger.books.base import Table
from ledger.books.ids import new_id
from ledger.callers.tags import Tags


def tag_rows(request_id: str, tags: Tags) -> tuple[Table, ...]:
    """A row a tag; the table's class is loaded by the first call that has one."""
    if not tags:
        return ()
    from ledger.books.models import RequestTag

    return tuple(
        RequestTag.booked(id=new_id(), request_id=request_id, key=key, value=value)
        for key, value in tags.items()
    )
