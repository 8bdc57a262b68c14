"""One choice of a streamed completion, put together from its deltas."""

from typing import Any

from ledger.openrouter.answers import text_of

_TEXTS = frozenset({"content", "reasoning", "refusal"})
_APART = frozenset({"delta", "message", "text", "index"})


class FoldedChoice:
    """One choice: its texts and tool calls grow, of all else the last word counts."""

    def __init__(self, index: int) -> None:
        self._members: dict[str, Any] = {"index": index}
        self.drop_content()

    def drop_content(self) -> None:
        """Forget what was said; how it ended stays."""
        self._message: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {}
        self._calls: list[_FoldedCall] = []

    def add(self, piece: dict[str, Any], *, keep: bool) -> str:
        """Add a piece of this choice. Returns the text that it adds.

        Args:
            piece: a choice of one chunk.
            keep: whether its content is kept.
        """
        delta = piece.get("delta", piece.get("message"))
        if not isinstance(delta, dict):
            delta = {"content": piece["text"]} if "text" in piece else {}
        for name, value in piece.items():
            if name not in _APART and value is not None:
                self._members[name] = value
        if keep:
            for name, value in delta.items():
                if value is not None:
                    self._merge(name, value)
        return text_of(delta.get("content"))

    def say(self, text: str) -> None:
        """Add text, and nothing else."""
        self._texts.setdefault("content", []).append(text)

    def whole(self) -> dict[str, Any]:
        """The choice as an answer in one piece has it."""
        texts: dict[str, Any] = {name: "".join(pieces) for name, pieces in self._texts.items()}
        message = {"role": "assistant", "content": None, **self._message, **texts}
        if self._calls:
            message["tool_calls"] = [call.whole() for call in self._calls]
        return {**self._members, "message": message}

    def _merge(self, name: str, value: Any) -> None:
        """Add one member of a delta."""
        if name in _TEXTS:
            text = text_of(value)
            if text:
                self._texts.setdefault(name, []).append(text)
        elif name == "tool_calls" and isinstance(value, list):
            for place, call in enumerate(value):
                if isinstance(call, dict):
                    self._call(call, place).add(call)
        elif isinstance(value, list) and isinstance(self._message.get(name), list):
            self._message[name].extend(value)
        else:
            self._message[name] = value

    def _call(self, call: dict[str, Any], place: int) -> "_FoldedCall":
        """The tool call that a piece belongs to: that of its index, unless its id says another."""
        index, named = call.get("index", place), call.get("id")
        for known in reversed(self._calls):
            if known.index == index and (not named or known.id in (None, named)):
                return known
        self._calls.append(_FoldedCall(index))
        return self._calls[-1]


class _FoldedCall:
    """One tool call: its arguments come in pieces, all else comes once."""

    def __init__(self, index: object) -> None:
        self.index = index
        self._members: dict[str, Any] = {}
        self._function: dict[str, Any] | None = None
        self._arguments: list[str] = []

    @property
    def id(self) -> object:
        """The provider's id of this call; None while it has none."""
        return self._members.get("id")

    def add(self, piece: dict[str, Any]) -> None:
        """Add a piece."""
        for name, value in piece.items():
            if name not in ("function", "index") and value:
                self._members.setdefault(name, value)
        function = piece.get("function")
        if isinstance(function, dict):
            self._function = self._function or {}
            for name, value in function.items():
                if name != "arguments" and value:
                    self._function.setdefault(name, value)
            if isinstance(function.get("arguments"), str):
                self._arguments.append(function["arguments"])

    def whole(self) -> dict[str, Any]:
        """The call as an answer in one piece has it."""
        if self._function is None:
            return dict(self._members)
        function = {**self._function, "arguments": "".join(self._arguments)}
        return {**self._members, "function": function}
