"""`Conversation`: several turns with a model, its chain of messages kept between them."""

import contextlib
import dataclasses
import os
import sys
import threading
from collections.abc import Coroutine, Iterator, Sequence
from decimal import Decimal
from typing import Any, Self

from ledger.books.ids import new_id
from ledger.callers.tags import Tags
from ledger.calls import contents
from ledger.calls.admission import Ask
from ledger.calls.contents import Turn
from ledger.calls.options import Options
from ledger.calls.reply import Reply
from ledger.client.conversing_streams import StreamedTurns
from ledger.client.ledger import Ledger, default
from ledger.conversation import handlers as handling
from ledger.conversation.chain import Chain, Message
from ledger.conversation.files import file_message
from ledger.conversation.handlers import Handler
from ledger.errors import AnswerMismatched, OutcomeNotRecorded, RequestInvalid

Said = str | Message | Sequence[Message] | None


class Conversation(StreamedTurns):
    """Keeps the chain of messages over turns; every call is booked like any other.

    A call that fails leaves the chain as it was before it. Where content is stored (see
    `store_messages`, `store_answers`), the conversation is too, and `resume` goes on with it.

    Args:
        caller: the name to book its calls under; else the module that asks, at each call.
        model: the model's slug, for every call that names none.
        system: the system's message, which stays in front.
        handlers: functions that may change the messages before each call, in this order; what they
            change is sent and not kept. They take the messages and return them, and may be async
            where `aask` is used.
        ledger: the ledger; the default one if not given.
        tags, store_messages, store_answers, max_cost: as `get_response` has them, for every call.
        **params: parameters of the endpoint for every call, such as `tools`.

    Attributes:
        id: the conversation's id in the books.
        model: see above; may be changed between turns.
        handlers: the list of them; may be changed between turns.
    """

    def __init__(  # noqa: PLR0913 - what every call of it shares
        self,
        *,
        caller: str | None = None,
        model: str | None = None,
        system: str | None = None,
        handlers: Sequence[Handler] = (),
        ledger: Ledger | None = None,
        tags: Tags | None = None,
        store_messages: bool | None = None,
        store_answers: bool | None = None,
        max_cost: Decimal | int | str | None = None,
        **params: Any,
    ) -> None:
        self.id = new_id()
        self.model = model
        self.handlers = list(handlers)
        self._caller = caller
        self._ledger = ledger
        self._options = Options(tags, None, store_messages, store_answers, max_cost=max_cost)
        self._params = params
        self._chain = Chain()
        self._is_stored = 0
        self._asking = threading.Lock()
        if system is not None:
            self._chain.add({"role": "system", "content": system}, stays=True)

    def __repr__(self) -> str:
        return f"Conversation({self.id}, {len(self._chain.entries)} messages)"

    @classmethod
    def resume(cls, conversation_id: str | None = None, **given: Any) -> Self:
        """Go on with a conversation that is stored.

        What was trimmed is back, for it is in the books: trim it again. Files are told by their
        content: add them again to keep them from being trimmed.

        Args:
            conversation_id: which; the last one (of `caller`, if that is given) if left out.
            **given: as for a new one, but for `system`, which is in the books.

        Raises:
            NotFoundInLedger: it isn't stored, or not all of it.
            RequestInvalid: it holds media, of which only the hash is stored.
        """
        from ledger.conversation import stored

        made = cls(**given)
        books = made._books_of().books
        made.id, messages = stored.load(books, conversation_id, given.get("caller"))
        for message in messages:
            is_system = message.get("role") == "system" and not made._chain.entries
            made._chain.add(message, stays=is_system)
        made._is_stored = len(messages)
        return made

    # --- the chain ------------------------------------------------------------------------

    @property
    def messages(self) -> list[Message]:
        """The chain, as the next call sends it but for what handlers do."""
        return [dict(entry.message) for entry in self._chain.entries]

    @property
    def tokens(self) -> int | None:
        """What the provider counted for the chain at the last answer; None where it didn't."""
        return self._chain.tokens

    def add(self, message: Message) -> None:
        """Put a message into the chain, to be sent with the next call."""
        self._chain.add(_checked(message))

    def add_file(self, path: str | os.PathLike[str]) -> bool:
        """Put a text file's content into the chain, where it stays.

        Once: the same content under the same name is not added again. A file that has changed
        since is added anew, behind what was said of the old one.

        Returns:
            Whether it was added.

        Raises:
            RequestInvalid: it can't be read, is no UTF-8 text, or has more than 10 MiB.
        """
        return self._chain.keep(file_message(path))

    def add_tool_result(self, call: Message, content: str) -> None:
        """Answer one of `reply.tool_calls`; then ask again, without a message of your own."""
        self._chain.add({"role": "tool", "tool_call_id": call["id"], "content": content})

    def trim(self, *, turns: int | None = None, tokens: int | None = None) -> list[Message]:
        """Drop the oldest turns. The system's message, files and the last turn stay.

        Args:
            turns: how many turns may be left.
            tokens: how many tokens may be left, by the counts that the provider reported.

        Returns:
            The messages that were dropped: nothing is ever dropped otherwise.

        Raises:
            RequestInvalid: not one limit was given, or the provider has counted nothing yet.
        """
        return self._chain.trim(turns=turns, tokens=tokens)

    # --- asking ---------------------------------------------------------------------------

    def ask(
        self,
        message: Said = None,
        *,
        timeout: float | None = None,
        tags: Tags | None = None,
        response_model: type[Any] | None = None,
        **params: Any,
    ) -> Reply:
        """Say something and get the answer; both are in the chain then.

        Args:
            message: text, a message, or several; None asks with the chain as it is.
            timeout: as `get_response` has it, as have `tags` and `response_model`.
            tags: these are added to those of the conversation.
            response_model: see `get_response`.
            **params: of the endpoint, over those of the conversation.

        Raises:
            LedgerError: as `get_response`; the chain is then as it was before.
            RequestInvalid: also where it is waiting for an answer already.
        """
        frame = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame
        ask = self._asked(frame, timeout, tags, response_model, params)
        with self._turn(message, ask):
            ask.messages = handling.run(self.handlers, self.messages)
            return self._answered(self._books_of()._run(ask), ask)  # noqa: SLF001 - of this very room

    def aask(
        self,
        message: Said = None,
        *,
        timeout: float | None = None,
        tags: Tags | None = None,
        response_model: type[Any] | None = None,
        **params: Any,
    ) -> Coroutine[Any, Any, Reply]:
        """`ask` for async code: await what it returns."""
        frame = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame
        ask = self._asked(frame, timeout, tags, response_model, params)
        return self._aask(message, ask)

    async def _aask(self, message: Said, ask: Ask) -> Reply:
        with self._turn(message, ask):
            ask.messages = await handling.arun(self.handlers, self.messages)
            return self._answered(await self._books_of()._arun(ask), ask)  # noqa: SLF001 - of this very room

    def _books_of(self) -> Ledger:
        return default() if self._ledger is None else self._ledger

    def _asked(
        self,
        frame: Any,
        timeout: float | None,
        tags: Tags | None,
        response_model: type[Any] | None,
        params: dict[str, Any],
    ) -> Ask:
        """Who asks, told by the frame that does; what is asked comes later."""
        own = self._options
        both = {**(own.tags or {}), **(tags or {})} if own.tags or tags else None
        options = dataclasses.replace(own, tags=both, response_model=response_model)
        model = params.pop("model", self.model)
        merged = {**self._params, **params}
        return self._books_of()._asked(frame, [], model, self._caller, timeout, options, merged)  # noqa: SLF001 - of this very room

    @contextlib.contextmanager
    def _turn(self, message: Said, ask: Ask) -> Iterator[None]:
        """One turn: where no answer came of it, the chain is as it was."""
        if not self._asking.acquire(blocking=False):
            raise RequestInvalid(
                "The conversation is waiting for an answer already.",
                hint="One turn comes after the other: ask again when it is here.",
            )
        chain = self._chain
        length = len(chain.entries)
        try:
            for each in _messages(message):
                chain.add(each)
            sent = [(entry.position, entry.message) for entry in chain.entries]
            turn = Turn(self.id, sent, self._is_stored, chain.next_position)
            ask.options = dataclasses.replace(ask.options, turn=turn)
            yield
        except (AnswerMismatched, OutcomeNotRecorded) as error:
            if isinstance(error.reply, Reply):
                self._answered(error.reply, ask)  # it came, whatever is wrong with it
            raise
        except BaseException:
            chain.undo(length)
            raise
        finally:
            self._asking.release()

    def _answered(self, reply: Reply, ask: Ask) -> Reply:
        message = contents.answer_message(str(reply), reply.tool_calls)
        usage = reply.usage or {}
        counts = (_count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))
        self._chain.answered(message, *counts)
        if ask.rules is not None and ask.options.stores("messages", ask.rules):
            self._is_stored = self._chain.next_position
        return reply


def _messages(said: Said) -> list[Message]:
    if said is None:
        return []
    if isinstance(said, str):
        return [{"role": "user", "content": said}]
    return [_checked(said)] if isinstance(said, dict) else [_checked(each) for each in said]


def _checked(message: object) -> Message:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise RequestInvalid(
            "A message must be a dict with a role.",
            hint='For example {"role": "user", "content": "Hello"}.',
        )
    return dict(message)


def _count(usage: dict[str, Any], name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
