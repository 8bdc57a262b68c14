"""What the answer to a chat completion says.

Source: bodies of `POST /chat/completions` as recorded and specified. Any member may be missing,
null, or of another type than the specification's: then it is None, or empty, here.
"""

from dataclasses import dataclass, field
from typing import Any

from ledger.openrouter import exact
from ledger.openrouter.failures import ErrorBody, read_error
from ledger.openrouter.shapes import text_or_none, unknown_fields
from ledger.openrouter.usage import Usage, parse_usage

_KNOWN = frozenset(
    (
        "id",
        "object",
        "created",
        "model",
        "provider",
        "choices",
        "usage",
        "service_tier",
        "system_fingerprint",
        "openrouter_metadata",
        "error",
        "user_id",
    )
)


@dataclass(slots=True)
class Answer:
    """One answer, read. Texts that go to the books are storable and at most 256 characters.

    Attributes:
        generation_id: the provider's id of the work; opaque.
        model: the model that answered, which is the one billed.
        provider: the display name of who ran it.
        text: the first choice's text as sent; `''` where it is null.
        tool_calls: the first choice's tool calls, as sent.
        reasoning: the first choice's reasoning as text.
        finish_reason: OpenRouter's word for the end.
        native_finish_reason: the provider's own word for it.
        service_tier: the tier that served, and is billed.
        system_fingerprint: the provider's own mark of its set-up.
        refusal: the model's refusal as text.
        usage: what it used and cost; None where the answer doesn't say.
        usage_text: the same, verbatim.
        unknown: names and JSON types of top-level members that nobody here knows.
        error: the error inside the answer, at its top or in its first choice.
        has_choices: whether there is at least one choice.
        raw: the whole answer, parsed exactly.
    """

    generation_id: str | None = None
    model: str | None = None
    provider: str | None = None
    text: str = field(default="", repr=False)
    tool_calls: list[dict[str, Any]] = field(default_factory=list, repr=False)
    reasoning: str | None = field(default=None, repr=False)
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    service_tier: str | None = None
    system_fingerprint: str | None = None
    refusal: str | None = field(default=None, repr=False)
    usage: Usage | None = None
    usage_text: str | None = field(default=None, repr=False)
    unknown: str | None = None
    error: ErrorBody | None = None
    has_choices: bool = False
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


def parse_answer(body: bytes) -> Answer:
    """Read an answer's body.

    Raises:
        NotJson: it is no JSON object. Whatever else is wrong with it raises nothing.
    """
    text = exact.decode(body)
    raw = exact.loads(text)
    if not isinstance(raw, dict):
        raise exact.NotJson("JSON, but no object")
    return answer_of(raw, None if raw.get("usage") is None else exact.usage_text(text))


def answer_of(raw: dict[str, Any], usage_text: str | None) -> Answer:
    """Read an answer that is parsed already, or was put together from the chunks of a stream.

    Args:
        raw: the answer, numbers exact.
        usage_text: its `usage`, verbatim; None where there is none.
    """
    get = raw.get
    choices = get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    choice = _object(first)
    message = _object(choice.get("message"))
    usage = get("usage")
    return Answer(
        text_or_none(get("id")),
        text_or_none(get("model")),
        text_or_none(get("provider")),
        text_of(message.get("content", choice.get("text"))),
        _objects(message.get("tool_calls")),
        _text_or_none(message.get("reasoning")),
        text_or_none(choice.get("finish_reason")),
        text_or_none(choice.get("native_finish_reason")),
        text_or_none(get("service_tier")),
        text_or_none(get("system_fingerprint")),
        _text_or_none(message.get("refusal")),
        None if usage is None else parse_usage(usage),
        usage_text,
        unknown_fields(raw, _KNOWN),
        _error(get("error"), choice.get("error")),
        isinstance(choices, list) and bool(choices),
        raw,
    )


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def text_of(content: object) -> str:
    """The text of a content: a string, or parts of which some are text."""
    if isinstance(content, str):
        return content
    texts = (part.get("text") for part in _objects(content))
    return "".join(text for text in texts if isinstance(text, str))


def _error(top: object, inside: object) -> ErrorBody | None:
    """The error at the top of an answer, else that of its first choice; an empty one is none."""
    found = top or inside
    return read_error(found) if found else None
