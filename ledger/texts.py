"""Text that every engine can store."""

import re

# PostgreSQL has no NUL in a text; lone surrogates are no UTF-8, whichever engine is asked.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> str:
    """The text with U+FFFD for lone surrogates and NUL, which not every engine can store."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)
