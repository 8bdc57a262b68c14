"""The names that OpenTelemetry's GenAI conventions have for what the views hold.

A column has such a name only where it means the same and is of the same kind; all others keep
theirs. Source: OpenTelemetry semantic conventions, attributes `gen_ai.*`.
"""

from collections.abc import Sequence
from typing import Literal

from ledger.errors import QuestionInvalid

Names = Literal["books", "otel"]
CHOICES: tuple[Names, ...] = ("books", "otel")

NAMES = {
    "model_asked": "gen_ai.request.model",
    "model": "gen_ai.response.model",
    "provider": "gen_ai.provider.name",
    "generation_id": "gen_ai.response.id",
    "caller": "gen_ai.agent.name",
    "session_id": "gen_ai.conversation.id",
    "prompt_tokens": "gen_ai.usage.input_tokens",
    "native_tokens_prompt": "gen_ai.usage.input_tokens",
    "completion_tokens": "gen_ai.usage.output_tokens",
    "native_tokens_completion": "gen_ai.usage.output_tokens",
    "native_tokens_cached": "gen_ai.usage.cache_read.input_tokens",
}


def named(columns: Sequence[str], names: Names) -> list[str]:
    """The columns under the names that are asked for.

    Raises:
        QuestionInvalid: there are no such names.
    """
    if names not in CHOICES:
        raise QuestionInvalid(
            f"There are no names {names!r}.", hint=f"Choose one of {', '.join(CHOICES)}."
        )
    return [NAMES.get(column, column) if names == "otel" else column for column in columns]
