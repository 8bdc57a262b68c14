"""One GET of the provider's record of a generation. It is free, so it may be repeated later."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import httpx

from ledger.calls import asking, decoding
from ledger.calls.pool import Pool
from ledger.openrouter import endpoints, exact, failures
from ledger.openrouter.generation import GenerationRecord, NotARecord, parse_generation
from ledger.openrouter.waits import seconds_to_wait
from ledger.settlement.booking import cost_text

Kind = Literal["settled", "not_ready", "failed", "stop"]

OF_THE_ACCOUNT = frozenset({401, 402})
"""Statuses that speak of the key or its credits: no other id would fare better."""

_ERROR_LIMIT = 300
_OK, _NOT_FOUND, _TOO_MANY = 200, 404, 429
_CLIENT, _SERVER = 400, 500
_TEMPORARY = frozenset({408, 409, 425})
_UNREACHABLE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Access:
    """Where to ask, and as whom."""

    base_url: str
    key: str = field(repr=False)
    key_hash: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of one GET.

    Attributes:
        kind: `settled` with a record; `not_ready` where the provider knows no such id (yet);
            `failed` where this id's record can't be had now; `stop` where no other id's could
            be had either: the limit of requests, the key, the connection.
        record: the record.
        cost_text: the digits of its `total_cost`, as sent.
        http_status: the answer's status; None where no answer came.
        error: what went wrong, without secrets.
        retry_after_s: seconds that the provider asks to wait.
        is_final: whether the answer says something about the id itself, so that asking again
            without end would be no use.
    """

    kind: Kind
    record: GenerationRecord | None = field(default=None, repr=False)
    cost_text: str | None = None
    http_status: int | None = None
    error: str | None = None
    retry_after_s: int | None = None
    is_final: bool = False


def fetch(pool: Pool, access: Access, generation_id: str) -> Fetched:
    """Ask once. No redirect is followed, nothing is repeated, nothing is raised."""
    url = endpoints.generation_url(access.base_url, generation_id)
    try:
        status, head, body = asking.send(pool, asking.request(url, access.key))
    except _UNREACHABLE as error:
        return Fetched("stop", error=f"OpenRouter could not be reached: {_words(error)}")
    except (httpx.HTTPError, decoding.TooLarge, decoding.NotDecodable) as error:
        return Fetched("failed", error=_words(error))
    if status == _OK:
        return _read(body, generation_id)
    return _refused(status, head, body)


def _read(body: bytes, generation_id: str) -> Fetched:
    """The record of an answer 200."""
    try:
        record = parse_generation(body)
    except (exact.NotJson, NotARecord) as error:
        return Fetched("failed", http_status=_OK, error=_words(error), is_final=True)
    if record.id != generation_id:
        said = "the record of another generation"
        return Fetched("failed", http_status=_OK, error=said, is_final=True)
    return Fetched("settled", record, cost_text(body, record), http_status=_OK)


def _refused(status: int, head: Mapping[str, str], body: bytes) -> Fetched:
    """What any other answer means."""
    said = failures.parse_error_body(body)
    wait = seconds_to_wait(head, said.metadata)
    error = f"OpenRouter answered {status}: {said.message}"[:_ERROR_LIMIT]
    kind: Kind = "failed"
    is_final = _CLIENT <= status < _SERVER and status not in _TEMPORARY
    if status == _NOT_FOUND:
        # A page of another server at a wrong address is no word about the id.
        is_final = _is_error(body)
        kind = "not_ready" if is_final else "failed"
    elif status == _TOO_MANY or status in OF_THE_ACCOUNT:
        kind, is_final = "stop", False
    return Fetched(kind, http_status=status, error=error, retry_after_s=wait, is_final=is_final)


def _is_error(body: bytes) -> bool:
    """Whether a body is the provider's own form of an error."""
    try:
        parsed = exact.loads(body)
    except exact.NotJson:
        return False
    return isinstance(parsed, dict) and isinstance(parsed.get("error"), dict)


def _words(error: Exception) -> str:
    """An exception's own words, which name hosts and system errors, never a header or body."""
    return exact.clean((str(error) or type(error).__name__)[:_ERROR_LIMIT])
