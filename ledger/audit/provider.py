"""What the provider is asked: the key's counters, its activity, single generations, credits."""

import contextlib
import datetime as dt
import os
from collections.abc import Callable, Iterator
from typing import TypeVar
from urllib.parse import quote

from ledger.account.limits import Asking
from ledger.calls import asking
from ledger.calls.pool import Pool
from ledger.errors import AnswerInvalid, ConnectionFailed, KeyMissing
from ledger.openrouter import activity, analytics, endpoints, exact, keys
from ledger.openrouter.activity import ActivityRow
from ledger.openrouter.analytics import Told
from ledger.openrouter.generation import GenerationRecord, NotARecord
from ledger.openrouter.records import KeyRecord, parse_key
from ledger.settlement.fetch import Access, fetch

MANAGEMENT_KEY = "OPENROUTER_MANAGEMENT_KEY"
"""The variable of a key that may see the account's activity. It makes no calls."""

_MAX_ANSWER = 64 * 1024 * 1024
_Kind = TypeVar("_Kind")


class Provider:
    """Asks with the ledger's key, or with a management key what only such a one is told.

    Args:
        pool: the connections.
        base_url: where.
        key: the ledger's own; None where it has none.
        management: a key that may see the account; None where there is none.
    """

    def __init__(self, pool: Pool, base_url: str, key: str | None, management: str | None) -> None:
        self._pool = pool
        self.base_url = base_url
        self._key = key
        self.management = management
        self.key_hash = None if key is None else keys.key_hash(key)
        self.own_keys: tuple[str, ...] = ()
        self.failed = 0

    @property
    def sees_account(self) -> bool:
        """Whether there is a management key."""
        return self.management is not None

    def key(self) -> KeyRecord | None:
        """What the ledger's key has used; None without one. It may prove a management key.

        Raises:
            ProviderError, ConnectionFailed: the provider refused, or no answer came.
        """
        if self._key is None:
            return None
        record = self._read(parse_key, self._ask(endpoints.KEY, self._key), "the key")
        if record.is_management_key:
            self.management = self.management or self._key
        return record

    def activity(self, key_hash: str | None) -> list[ActivityRow]:
        """The last 30 completed UTC days of one key, or of the whole account.

        Raises:
            ProviderError, ConnectionFailed: the provider refused, or no answer came.
        """
        which = "" if key_hash is None else f"?api_key_hash={quote(key_hash, safe='')}"
        body = self._ask(endpoints.ACTIVITY + which, self.management)
        return self._read(activity.parse_activity, body, "activity")

    def generations(self, start: dt.datetime, end: dt.datetime, key_hash: str | None) -> list[Told]:
        """Every generation of some time, of one key or of the whole account.

        Raises:
            ProviderError, ConnectionFailed: the provider refused, or no answer came.
        """
        asked = analytics.question(start, end, key_hash)
        body = self._ask(endpoints.ANALYTICS, self.management, asked)
        found, truncated = self._read(analytics.parse, body, "generations")
        middle = start + (end - start) / 2
        if not truncated or not start < middle < end:
            return found
        earlier = self.generations(start, middle, key_hash)
        return earlier + self.generations(middle, end, key_hash)

    def generation(self, generation_id: str) -> GenerationRecord | None:
        """The exact record of one generation; None where it can't be had (now).

        Raises:
            ConnectionFailed: no answer came.
        """
        key = self._key or self.management or ""
        fetched = fetch(self._pool, Access(self.base_url, key, ""), generation_id)
        if fetched.kind == "stop" and fetched.http_status is None:
            raise ConnectionFailed(fetched.error or "No answer came.")
        self.failed += fetched.record is None
        return fetched.record

    def _ask(self, path: str, key: str | None, body: bytes | None = None) -> bytes:
        url = endpoints.url(self.base_url, path)
        return asking.ask_over(self._pool, url, key, most=_MAX_ANSWER, body=body)

    @staticmethod
    def _read(parse: Callable[[bytes], _Kind], body: bytes, what: str) -> _Kind:
        try:
            return parse(body)
        except (exact.NotJson, NotARecord) as error:
            said = f"The provider's answer about {what} is none: {error}."
            raise AnswerInvalid(said) from error


@contextlib.contextmanager
def opened(ledger: Asking, management_key: str | None) -> Iterator[Provider]:
    """The provider of a ledger, its connection closed afterwards.

    Args:
        ledger: knows its key and the base URL.
        management_key: by argument; else the environment's.

    Raises:
        KeyMissing, KeyInvalid, ConfigInvalid: as their names say.
    """
    rules = ledger.desk.rules()
    given = management_key or os.environ.get(MANAGEMENT_KEY)
    management = keys.check(given) if given and not keys.is_placeholder(given) else None
    try:
        key, _ = ledger.desk.key(rules)
    except KeyMissing:
        if management is None:
            raise
        key = ""
    pool = Pool(max_connections=1)
    try:
        yield Provider(pool, ledger.desk.base_url(rules), key or None, management)
    finally:
        pool.close()
