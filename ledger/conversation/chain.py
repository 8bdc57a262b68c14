"""The messages of a conversation, in order, each with its position for good."""

from dataclasses import dataclass, field
from typing import Any

from ledger.errors import RequestInvalid
from ledger.logs import logger

Message = dict[str, Any]


@dataclass(slots=True, eq=False)
class Entry:
    """One message of the chain.

    Attributes:
        position: counts from 0 over the conversation's life; trimming leaves gaps.
        message: as it is sent.
        stays: whether trimming leaves it: the system's message, and files.
        tokens: of an answer, what the provider's counts grew by with its turn; None elsewhere.
    """

    position: int
    message: Message = field(repr=False)
    stays: bool = False
    tokens: int | None = None

    @property
    def begins_turn(self) -> bool:
        """Whether a turn begins here: what the user says, not a file."""
        return self.message.get("role") == "user" and not self.stays


class Chain:
    """The messages, and the provider's own counts of their tokens.

    Attributes:
        entries: what is sent with the next call.
        tokens: what the provider counted for the chain at the last answer; None before one.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.tokens: int | None = None
        self._next = 0
        self._counted: int | None = 0

    @property
    def next_position(self) -> int:
        """Where the next message goes."""
        return self._next

    def add(self, message: Message, *, stays: bool = False) -> Entry:
        """A message at the end."""
        entry = Entry(self._next, message, stays)
        self.entries.append(entry)
        self._next += 1
        return entry

    def keep(self, message: Message) -> bool:
        """A message that stays, once: False where the same is in the chain."""
        for entry in self.entries:
            if entry.message == message:
                entry.stays = True
                return False
        self.add(message, stays=True)
        return True

    def answered(self, message: Message, prompt: int | None, completion: int | None) -> None:
        """An answer, with the tokens that the provider reported for asking and answering."""
        entry = self.add(message)
        if prompt is None or completion is None:
            self.tokens = self._counted = None
            return
        total = prompt + completion
        # Beside system and files, a first turn's own share of the prompt isn't told.
        has_before = self._counted is not None and self._counted > 0
        grown = total - (self._counted or 0)
        entry.tokens = grown if has_before and grown > 0 else completion
        self.tokens = self._counted = total

    def undo(self, length: int) -> None:
        """Forget what was added since the chain had that many messages."""
        for entry in self.entries[length:]:
            self._next = min(self._next, entry.position)
        del self.entries[length:]

    def trim(self, *, turns: int | None, tokens: int | None) -> list[Message]:
        """Drop the oldest turns; the system's message, files and the last turn stay.

        Args:
            turns: how many turns may be left.
            tokens: how many tokens may be left, by the provider's own counts.

        Returns:
            The messages that were dropped.

        Raises:
            RequestInvalid: not one limit was given, or the provider has counted nothing yet.
        """
        if (turns is None) == (tokens is None):
            raise RequestInvalid("Give either turns or tokens to trim to.")
        if (tokens if turns is None else turns) < 1:  # type: ignore[operator] # one is there
            raise RequestInvalid("At least one turn, or one token, is left by a trim.")
        if tokens is not None and self.tokens is None:
            raise RequestInvalid(
                "The provider has reported no token counts for this conversation yet.",
                hint="Trim by tokens after an answer, or trim by turns.",
            )
        dropped: list[Message] = []
        while (oldest := self._oldest_turn()) and self._is_over(turns, tokens):
            gone = {id(entry) for entry in oldest}
            self.entries = [entry for entry in self.entries if id(entry) not in gone]
            dropped += (entry.message for entry in oldest)
            self._free(sum(entry.tokens or 0 for entry in oldest))
        if dropped:
            logger.info("a conversation was trimmed: %d messages dropped", len(dropped))
        return dropped

    def _turns(self) -> list[list[Entry]]:
        """What may be dropped, turn by turn; what stands before the first one is with it."""
        turns: list[list[Entry]] = []
        for entry in self.entries:
            if entry.stays:
                continue
            if entry.begins_turn or not turns:
                turns.append([])
            turns[-1].append(entry)
        return turns

    def _oldest_turn(self) -> list[Entry]:
        turns = self._turns()
        return turns[0] if len(turns) > 1 else []

    def _is_over(self, turns: int | None, tokens: int | None) -> bool:
        if turns is not None:
            return len(self._turns()) > turns
        return self.tokens is not None and tokens is not None and self.tokens > tokens

    def _free(self, tokens: int) -> None:
        """The counts after a drop; the next answer's are compared with nothing."""
        self.tokens = None if self.tokens is None else max(0, self.tokens - tokens)
        self._counted = None
