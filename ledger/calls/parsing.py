"""Reading an answer into the pydantic model that the caller gave."""

from typing import Any

from ledger.calls.reply import Reply
from ledger.errors import AnswerMismatched

_MOST_SHOWN = 3


def parse(reply: Reply, model: Any) -> Reply:
    """The reply, with its text read into a model's class as `parsed`.

    Raises:
        AnswerMismatched: the text is not what the model describes. It is booked, and the error
            carries the reply; the error itself shows nothing of the text.
    """
    if model is None:
        return reply
    from pydantic import ValidationError

    problems = ""
    try:
        reply.parsed = model.model_validate_json(str(reply))
    except ValidationError as error:
        problems = _said(error, model)
    except ValueError as error:  # a validator of the user's own, or text that is no Unicode
        problems = type(error).__name__
    if problems:  # raised out here, so that no traceback holds the validation's own error
        raise AnswerMismatched(
            f"The answer is not a {model.__name__}: {problems}.",
            hint="It is booked, and is this error's `reply`; ask with a response_format of the"
            " model's schema.",
            model=reply.model,
            request_id=reply.request_id,
            generation_id=reply.generation_id,
            reply=reply,
        )
    return reply


def _said(error: Any, model: Any) -> str:
    """What does not fit, by kinds and the model's own fields: a key of the answer is content."""
    found = []
    for problem in error.errors(include_input=False, include_context=False, include_url=False):
        place = problem["loc"][0] if problem["loc"] else None
        known = f" at {place}" if place in model.model_fields else ""
        found.append(f"{problem['type']}{known}")
    more = f" and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    return ", ".join(found[:_MOST_SHOWN]) + more
