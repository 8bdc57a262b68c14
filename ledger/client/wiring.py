"""What a ledger is made of: settings, books, connections and rooms, wired together."""

import atexit
import os
import threading
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Self

from ledger import clock
from ledger import settings as settings_module
from ledger.background import Background
from ledger.books.books import Books
from ledger.books.models import Process
from ledger.books.target import locate
from ledger.calls import crashes, driving, flow
from ledger.calls.admission import Ask, Desk
from ledger.calls.backlog import Backlog
from ledger.calls.digests import Digests
from ledger.calls.pool import Pool
from ledger.calls.recorder import Exchange
from ledger.calls.register import Register
from ledger.calls.reply import Reply
from ledger.calls.transports import async_recording, recording
from ledger.errors import ConfigInvalid, LedgerError
from ledger.limits.gate import Gate
from ledger.living import Living
from ledger.logs import follow_ecosystem, logger

if TYPE_CHECKING:
    import httpx

    from ledger.calls.streams import Around, AsyncAround, AsyncReplyStream, ReplyStream

_all_ledgers: "Living[Wired]" = Living()


class Wired:
    """The parts of a ledger. What it does with them is said by the classes above this one."""

    def __init__(
        self,
        *,
        home: str | os.PathLike[str] | None = None,
        url: str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        background: bool | None = None,
    ) -> None:
        self.settings = settings_module.resolve(
            home=home, url=url, base_url=base_url, background=background
        )
        self.books = Books(locate(self.settings), self._describe)
        self._register = Register(self.books, self.settings.home)
        self.desk = Desk(self.settings, self._register, api_key, os.environ)
        self.backlog = Backlog()
        self.gate = Gate(self.books)
        self.digests = Digests(self.settings.home)
        rooms = (self.books, self.desk, self.backlog, self.digests)
        self._calls = flow.Calls(*rooms, self._after, self.gate)
        self._is_open = False
        self.background = Background(
            self.books, self.desk, self.settings.home, is_on=self.settings.background
        )
        self._connect()
        _all_ledgers.add(self)
        if self.settings.summary:
            from ledger.reports import summary

            summary.at_exit(self.books)

    def __repr__(self) -> str:
        return f"Ledger({self.books.target.name!r})"

    def close(self) -> None:
        """Write what waits, and close files and connections. The worker gets 0.5 s to end."""
        self.background.stop()
        self._pool.close()
        self._pay()
        self.books.close()
        self._is_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # --- wiring ---------------------------------------------------------------------------

    def _connect(self) -> None:
        self._pool = Pool()
        self._sync = recording(self._pool, self.books.writer)
        self._async: httpx.AsyncBaseTransport | None = None
        self._opening = threading.Lock()

    def _open_once(self) -> None:
        if not self._is_open:
            self._open()

    def _open(self) -> None:
        """Make the home and read who is known, once."""
        follow_ecosystem()
        with self._opening:
            if not self._is_open:
                self.desk.open()
                died = self.books.writer.write(self._register.learn, crashes.notice(self.books))
                self._is_open = True
                crashes.tell(died)

    def _get_response(self, frame: Any, *asked: Any) -> Reply:
        return self._run(self._asked(frame, *asked))

    def _aget_response(self, frame: Any, *asked: Any) -> Coroutine[Any, Any, Reply]:
        try:
            ask = self._asked(frame, *asked)
        except LedgerError as error:
            return _failing(error)
        return self._arun(ask)

    def _asked(self, frame: Any, *asked: Any) -> Ask:
        """What is asked and who asks, told in the frame that does."""
        if not self._is_open:
            self._open()
        return self.desk.ask(frame, *asked)

    def _run(self, ask: Ask) -> Reply:
        return driving.run(self._calls.call(ask), self.books.writer, self._sync)

    def _arun(self, ask: Ask) -> Coroutine[Any, Any, Reply]:
        return driving.arun(self._calls.call(ask), self.books.writer, self._async_transport())

    def _stream(self, ask: Ask, around: "Around | None" = None) -> "ReplyStream":
        from ledger.calls.streams import ReplyStream

        ask.is_stream = True
        return ReplyStream(self._calls, ask, self.books.writer, self._sync, around)

    def _astream(
        self, ask: Ask | LedgerError, around: "AsyncAround | None" = None
    ) -> "AsyncReplyStream":
        from ledger.calls.streams import AsyncReplyStream

        if isinstance(ask, Ask):
            ask.is_stream = True
        transport = self._async_transport()
        return AsyncReplyStream(self._calls, ask, self.books.writer, transport, around)

    def _stream_response(self, frame: Any, *asked: Any) -> "ReplyStream":
        return self._stream(self._asked(frame, *asked))

    def _astream_response(self, frame: Any, *asked: Any) -> "AsyncReplyStream":
        try:
            return self._astream(self._asked(frame, *asked))
        except LedgerError as error:
            return self._astream(error)

    def _async_transport(self) -> "httpx.AsyncBaseTransport":
        if self._async is None:
            from ledger.calls.async_pool import AsyncPool

            self._async = async_recording(AsyncPool(), self.books.writer)
        return self._async

    def _pay(self) -> None:
        """Book what is owed of foreign calls, for no call comes after this."""
        try:
            for work in self.backlog.pay():
                self.books.writer.write(work)
        except LedgerError as error:
            logger.error("it is lost, for this is the end: %s", error)

    def _describe(self) -> Process:
        from ledger.books.process import describe

        try:
            record_host = self.desk.rules().record_host
        except ConfigInvalid:  # nobody can say, and the refusal that follows is to be booked
            record_host = False
        return describe(record_host=record_host)

    def _after(self, exchange: Exchange | None) -> None:
        """An exchange ended, or a call was refused: what may have cost is settled later."""
        outcome = exchange.outcome if exchange else None
        costs = outcome is not None and outcome.cost_grade != "not_charged"
        self.background.notice(outcome.generation_id if outcome and costs else None, clock.now())

    def _after_fork_in_child(self) -> None:
        """Connections belong to the parent; the child makes its own."""
        self._connect()


async def _failing(error: LedgerError) -> Reply:
    """What could not even begin fails where it is awaited, as everything else does."""
    raise error


def _after_fork_in_child() -> None:
    for ledger in _all_ledgers.snapshot():
        ledger._after_fork_in_child()  # noqa: SLF001 - of this very module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _at_exit() -> None:
    """Idle connections are closed by us, not by whatever the interpreter takes apart first.

    What is owed to the books has its last chance.
    """
    for ledger in _all_ledgers.snapshot():
        ledger._pool.close()  # noqa: SLF001 - of this very module
        ledger._pay()  # noqa: SLF001 - as above


atexit.register(_at_exit)
