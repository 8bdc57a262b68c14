"""The models that the provider lists now: asked live, stored nowhere, and without a key."""

from ledger.account.limits import Asking
from ledger.calls import asking
from ledger.errors import AnswerInvalid
from ledger.openrouter import endpoints, exact
from ledger.openrouter.records import ModelRecord, NotARecord, parse_models

MAX_LIST = 64 * 1024 * 1024
"""The most bytes of a list that are read; a real one has about one million."""


def listed_models(
    ledger: Asking, *, free: bool = False, total_s: float = asking.TOTAL_S
) -> list[ModelRecord]:
    """The models on offer, in the alphabet's order.

    Args:
        ledger: knows the base URL.
        free: only those whose prompt, completion and request cost nothing.
        total_s: seconds that it may take in all.

    Raises:
        ProviderError: the provider refused, or said nothing that can be read.
        ConnectionFailed: no answer came.
    """
    desk = ledger.desk
    url = endpoints.url(desk.base_url(desk.rules()), endpoints.ALL_MODELS)
    body = asking.ask(url, None, total_s, MAX_LIST)
    try:
        found = parse_models(body)
    except (exact.NotJson, NotARecord) as error:
        raise AnswerInvalid(f"The provider's list of models is none: {error}.") from error
    chosen = (model for model in found if model.is_free or not free)
    return sorted(chosen, key=lambda model: model.id)
