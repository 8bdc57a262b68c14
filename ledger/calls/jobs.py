"""Videos: a request that is answered at once, and work that goes on for minutes.

The request stays open until an answer to a look at the job says that it is over, whoever looks:
another process may. What such an answer says is the request's outcome, booked once. Looks are free
and are no requests of their own.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ledger import clock
from ledger.books.models import Outcome, ResponseStart
from ledger.books.unit import Step, Transaction
from ledger.calls.outcomes import Ended, outcome_row
from ledger.calls.recorder import Exchange
from ledger.openrouter import bodies
from ledger.openrouter.reading import Endpoint

if TYPE_CHECKING:
    from ledger.books.models import Request


class HandedIn(Exchange):
    """A video that is handed in: where the job was taken, the outcome comes later."""

    def _end(self, status: str, *, sent: bool = True) -> None:
        answer = self.answer
        job = bodies.job_id(answer) if answer is not None else None
        if status != "finished" or answer is None or job is None or bodies.is_over(answer):
            super()._end(status, sent=sent)
            return
        self.is_over = True
        begun = None
        if answer.generation_id is not None:
            begun = ResponseStart.booked(
                id=self.request.id, at=clock.now(), generation_id=answer.generation_id
            )
        self.ending = _taken(self.request.id, job, begun)


class Look(Exchange):
    """A look at a job: nothing is booked before it, and after it the end of the job, if it ended.

    Args:
        request: stands for the look where one is named; never booked.
        job: the job's id in the path.
        endpoint: how its answer is read.
    """

    def __init__(self, request: "Request", job: str, endpoint: Endpoint) -> None:
        super().__init__(request, None, float("inf"), endpoint=endpoint, is_own=False)
        self.work = ()
        self._job = job

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        """The response's head came. It begins nothing: there is no request to begin."""
        super().head(status, headers)
        self.awaits_start = False

    def _end(self, status: str, *, sent: bool = True) -> None:
        self.is_over = True
        if self.answer is None or not bodies.is_over(self.answer):
            return
        # The time that a look took says nothing of the job's.
        ended = replace(self._ended(status, sent=sent), latency_ms=None)
        self.outcome = outcome_row(self.request.id, ended)
        self.ending = _done(self._job, self.request.base_url, ended)


def _taken(request_id: str, job: str, begun: ResponseStart | None) -> Step:
    """A step: which request a job belongs to, and its generation where that is known yet."""

    def step(transaction: Transaction) -> None:
        from sqlmodel import col, select

        from ledger.books.models import VideoJob

        found = select(VideoJob.id).where(col(VideoJob.id) == request_id)
        if transaction.connection.execute(found).first() is None:
            transaction.add(VideoJob(id=request_id, at=clock.now(), job_id=job))
            if begun is not None:
                transaction.insert(begun)

    return step


def _done(job: str, base_url: str, ended: Ended) -> Callable[[Transaction], None]:
    """A step: the outcome of the request that a job belongs to, where it has none yet."""

    def step(transaction: Transaction) -> None:
        from sqlmodel import col, select

        from ledger.books.models import Request, VideoJob

        booked = select(Outcome.id).where(col(Outcome.id) == col(VideoJob.id)).exists()
        query = (
            select(VideoJob.id)
            .join(Request, col(Request.id) == col(VideoJob.id))
            .where(col(VideoJob.job_id) == job, col(Request.base_url) == base_url, ~booked)
            .order_by(col(VideoJob.id).desc())
        )
        found = transaction.connection.execute(query).first()
        if found is not None:
            from ledger.limits.counting import counted

            outcome = outcome_row(found[0], ended)
            counted(transaction, [found[0]], lambda: transaction.insert(outcome))

    return step
