"""Digests of what is asked: they tell calls in a row that ask the same, and never its text."""

import hmac
import os
from pathlib import Path

from ledger import files
from ledger.books.base import Table
from ledger.logs import logger

SECRET_FILE = "digest_secret"  # noqa: S105 - the name of a file
"""In the home, for its owner alone. Without it no digest can be made again or guessed at."""

_SECRET_BYTES = 32
_DIGEST_DIGITS = 32  # 128 bits: no two messages of any ledger meet by chance


class Digests:
    """Makes the digests of one home's calls.

    Args:
        home: where the secret is; it is made with the first call.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / SECRET_FILE
        self._secret: bytes | None = None

    def rows(self, request_id: str, asked: bytes) -> tuple[Table, ...]:
        """The row of what a request asks; none where that is nothing, or there is no secret."""
        if self._secret is None:
            self._secret = self._read()
        if not asked or not self._secret:
            return ()
        from ledger.books.models import RequestDigest

        digest = hmac.digest(self._secret, asked, "sha256").hex()[:_DIGEST_DIGITS]
        return (RequestDigest.booked(id=request_id, digest=digest),)

    def _read(self) -> bytes:
        """The secret; empty where it can't be kept, which is said once and stops no call."""
        try:
            files.create_once(self._path, os.urandom(_SECRET_BYTES))
            secret = self._path.read_bytes()
        except OSError as error:
            logger.warning("no digests of calls: %s can't be kept: %s", self._path, error)
            return b""
        if len(secret) < _SECRET_BYTES:
            logger.warning("no digests of calls: %s is too short to be a secret", self._path)
            return b""
        return secret
