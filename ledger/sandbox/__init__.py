"""A local OpenRouter over real HTTP: for tests, demos and trying things out. Costs nothing.

    with Sandbox() as sandbox:
        httpx.post(f"{sandbox.base_url}/chat/completions", headers=..., json=...)

It serves under `/api/v1`, in the shapes that the provider's own specification and recorded traffic
show: `POST /chat/completions`, `/completions`, `/responses`, `/messages` and `/images`, whole and
as streams; `/embeddings`, `/rerank`, `/audio/speech`, `/audio/transcriptions`, `/videos`; then
`GET /generation`, `/key`, `/auth/key`, `/models`, `/models/{slug}/endpoints`, `/models/user`,
`/models/count`, `/embeddings/models`, `/providers`; and for a key named in the setting
`management_keys` `/credits`, `/keys` and `/keys/{hash}`, `/activity`, `/analytics/meta` and
`/analytics/query`. Any other key `sk-or-v1-...` is taken for inference.

**What an ordinary call gets.** Any model name is answered with an echo of the last message, cut at
the call's `max_tokens`, `n` times. Tokens are a quarter of the UTF-8 bytes of the text, at least 1
a side. A model of the catalogue costs what the catalogue says of the provider that serves (the
request's `provider` chooses; else the first), at that time and prompt length, fees included; any
other model 0.000000106 USD a prompt token and 0.000000212 USD a completion token, and 0 where its
name ends in `:free`. `models` are tried in turn while one fails. A part of a message with
`cache_control` is written to a cache, then read from it.

**The catalogue** has every kind of price. `sandbox.set_price("a/b", prompt="0.000001")` changes
one, `set_model` other members, `drop_model` takes a model away. The setting `appetite` makes echoes
`thrifty` (one token) or `maximal` (a token a byte, all of the limit, the dearest provider).

**The account.** Every key has its own usage, by UTC day, week and month, and its own limit; a key
made through `/keys` is refused with 403 beyond it (the setting `key_limit` is for all others), and
with `enforce_credits` calls that credits can't pay for with 402. The clock that all of it is
booked by is `sandbox.now`: `set_clock(moment)` sets it, `advance(seconds)` lets time pass, for
delayed generations too. `sandbox.outside(model="a/b")` makes a call that no ledger sees. A call
with `X-OpenRouter-Cache: true` is kept, and is free when it comes again.

**Directives.** A model named `sandbox/DIRECTIVE`, or the header `X-Sandbox: DIRECTIVE` beside any
model, asks for another answer. Several are separated by commas: `sandbox/slow-200,cost-1e-7`.

    cost-LITERAL         `usage.cost` is that text, verbatim: 1e-7, NaN, "0.5", -1, true, null;
                         `missing` leaves it out. No amount: charged by the rule above
    settled-LITERAL      the generation record's `total_cost` is that text
    byok                 `cost` 0, `is_byok` true, the provider's own charge 0.0003253
    byok-fee             `cost` is 5 % of the provider's own charge, which is by the catalogue
    insured, no-output   the model's work is free, tools are not; there was no output at all
    reasoning-N, cached-N, cache-write-N, searches-N
                         so many tokens or searches of that kind are counted
    provider-NAME        that provider serves
    at-TIME              the call is booked then: 2026-11-23T23:59:59Z
    no-usage             no `usage` member
    no-id, no-header-id  the id is missing in the body; in the header
    error-STATUS         that error, 400 to 599, with its metadata and headers; uncharged. Also
                         error-403-key-limit, error-403-guardrail, error-404-routing,
                         error-429-provider, error-502-html, error-503-availability
    with-id              beside an error: the work was charged, and its id is in the header
    error-200            HTTP 200 with an error as body
    choice-error         part of the content, an error beside it; in a stream an error event
    stream-error         the same under the name of what it is in a stream; its code is a text
    stream-error-int     its code is a number
    stream-error-late    it comes after a finish at the limit, and `[DONE]` after it
    no-choices, null-content, reasoning-only, tool-call
                         such an answer
    unknown-fields       new members and enum values everywhere
    empty-body, html     HTTP 200 with nothing; with a page
    keepalive            whitespace in parts before the body; more comments in a stream
    slow-MS              the answer begins after so many milliseconds
    drip-MS              a byte every so many milliseconds; in a stream an event
    cut                  the connection closes in the middle of the body
    hangup               the connection closes without an answer; the work is charged
    redirect             302 to another path; `redirect-STATUS` with another status
    delay-MS             `/generation` finds it so many milliseconds after the answer ended
    served-MODEL         another model answers
    chunks-N             a stream of N content chunks
    stream-usage-FORM    a stream's usage chunk has no choice (`empty`, as the docs have it), no
                         such member (`bare`), or one that doesn't repeat the finish (`null`)
    no-done, ends-early  a stream without `[DONE]`; half of it, ended as if it were whole
    bare-comments, blank-lines, crlf
                         such comments, such lines, such ends of line in a stream
    debug-chunk          a first chunk without choice, as `debug.echo_upstream_body` asks for
    long-line-BYTES      one content chunk of that size
    split-BYTES          a stream is sent in parts of that size
    endless              a stream of content without end, an event every `drip-MS`
    event-NAME           `/responses` says in a stream that it failed by the event of that name:
                         `response.error`, `error`
    job-ENDING           a video ends as `failed`, `cancelled` or `expired`, uncharged
    polls-N              a video is asked for so often in vain
    tag-TEXT             nothing: makes model names differ

**Scripts.** `sandbox.reply(...)`, `sandbox.fail(402)`; then `sandbox.calls`, `sandbox.spent`,
`sandbox.expect(calls=1, max_cost="0.01")`, `sandbox.reset()`. Scripts come first, then the
model's directives, then the header's; the last word wins. Other processes do the same over HTTP:
`POST reply`, `fail`, `settings`, `clock`, `price`, `model`, `drop`, `reset`, `GET calls` under
`sandbox.control_url`.

**pytest.** The fixture `ledger_sandbox` is installed with the package.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger.sandbox.behaviour import Settings
    from ledger.sandbox.guard import HostBlocked
    from ledger.sandbox.plans import BadScript
    from ledger.sandbox.seen import Call
    from ledger.sandbox.server import ExtraMissing, Sandbox, run

__all__ = ["BadScript", "Call", "ExtraMissing", "HostBlocked", "Sandbox", "Settings", "run"]

_HOMES = {
    "BadScript": "plans",
    "Call": "seen",
    "ExtraMissing": "server",
    "HostBlocked": "guard",
    "Sandbox": "server",
    "Settings": "behaviour",
    "run": "server",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: every pytest run imports this package."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
