"""The provider's own totals of an account's day, less what the books have of that day."""

from sqlalchemy import Connection, text

from ledger import money
from ledger.exchange.imports.balances import ALL, ZERO, Figures, Stated

BUCKET = "activity:"
_DAYS = text(
    "SELECT day, coalesce(model, '') AS model, sum(cost_pico), sum(upstream_pico), sum(requests),"
    " sum(prompt_tokens + completion_tokens + undivided_tokens), sum(declared_pico)"
    " FROM usage_days WHERE day >= :first AND day <= :last GROUP BY day, coalesce(model, '')"
)


def beyond_calls(
    connection: Connection, stated: dict[str, Stated]
) -> tuple[dict[str, Stated], list[str]]:
    """The same totals, those of an account as what is left of them beyond the books' calls.

    The calls of a model are taken out of its own totals first; what the books have of other names
    on that day, such as a model's alias, out of the day's other totals.
    """
    ours = {bucket: each for bucket, each in stated.items() if each.is_of_account}
    if not ours:
        return stated, []
    days = sorted({each.day or "" for each in ours.values()})
    known = _known(connection, days[0], days[-1])
    result, said = dict(stated), []
    for day in days:
        of_day = {bucket: each for bucket, each in ours.items() if each.day == day}
        left, over = _left(of_day, known.get(day, {}))
        for bucket, each in of_day.items():
            result[bucket] = Stated(
                left[bucket], day, model=each.model, provider=each.provider, breakdown=ALL
            )
        if over.pico + over.upstream > 0:
            more = money.usd_text(over.pico + over.upstream)
            said.append(f"{day}: the books have {more} USD more than the account's activity")
    return result, said


def _known(connection: Connection, first: str, last: str) -> dict[str, dict[str, Figures]]:
    found: dict[str, dict[str, Figures]] = {}
    for day, model, *figures in connection.execute(_DAYS, {"first": first, "last": last}):
        cost, upstream, requests, tokens, declared = (int(each or 0) for each in figures)
        # What is declared of calls is not told apart into credits and upstream spend.
        found.setdefault(day, {})[model] = Figures(cost + declared, upstream, requests, tokens)
    return found


def _left(
    totals: dict[str, Stated], known: dict[str, Figures]
) -> tuple[dict[str, Figures], Figures]:
    """What is left of each total, and what of the calls is in none."""
    left = {bucket: each.figures for bucket, each in totals.items()}
    rest = ZERO
    for model, figures in known.items():
        own = [bucket for bucket, each in totals.items() if each.model == model]
        rest += _take(left, own, figures)
    return left, _take(left, list(left), rest)


def _take(left: dict[str, Figures], buckets: list[str], figures: Figures) -> Figures:
    """Take figures out of totals, as far as these go; what could not be taken."""
    for bucket in buckets:
        have = left[bucket]
        taken = Figures(*(min(one, two) for one, two in zip(have, figures, strict=True)))
        left[bucket], figures = have.minus(taken), figures.minus(taken)
    return figures
