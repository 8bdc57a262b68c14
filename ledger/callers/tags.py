"""Tags: words of the user's own beside a call, such as `task=summary`, for reports to add up by.

They come from four places, and the later one counts where a key is said twice: `LEDGER_TAGS` for
the whole process (read once, at its start), the open blocks from the outermost inward, and the
call itself.
"""

import os
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

from ledger import errors

VARIABLE = "LEDGER_TAGS"
MAX_TAGS = 16
MAX_VALUE = 256
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_SHOWN = 80
_PLAIN = " /:@!*'()$;?&+#[]<>{}|^\"\\`~"

Tags = Mapping[str, str]


def checked(tags: object) -> dict[str, str]:
    """Tags as a module gave them.

    Raises:
        TagInvalid: they are no mapping of text to text, one can't be a tag, or they are too many.
    """
    if not isinstance(tags, Mapping):
        raise errors.TagInvalid(
            f"tags must be a dict of text, not {type(tags).__name__}.",
            hint='For example tags={"task": "summary"}.',
        )
    for key, value in tags.items():
        _check(key, value)
    _check_number(tags)
    return dict(tags)


def parse(text: str) -> dict[str, str]:
    """Tags from a text, `team=search,env=prod`; `%2C` stands for a comma in a value.

    Raises:
        TagInvalid: a part of it is no tag.
    """
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = part.partition("=")
        if not equals:
            raise errors.TagInvalid(f"{part[:_SHOWN]!a} is no tag.", hint="A tag is key=value.")
        found[key.strip()] = unquote(value.strip(), errors="strict")
    return checked(found)


def unparse(tags: Tags) -> str:
    """The text that `parse` reads these tags from."""
    return ",".join(f"{key}={quote(value, safe=_PLAIN)}" for key, value in tags.items())


def merged(layers: Iterable[Tags]) -> dict[str, str]:
    """Tags of several places as one; the later place counts.

    Raises:
        TagInvalid: together they are too many.
    """
    found: dict[str, str] = {}
    for layer in layers:
        found |= layer
    _check_number(found)
    return found


def of_process() -> dict[str, str]:
    """The tags of the whole process.

    Raises:
        TagInvalid: `LEDGER_TAGS` is not a list of tags.
    """
    if not _TEXT:
        return {}
    try:
        return parse(_TEXT)
    except (errors.TagInvalid, UnicodeDecodeError) as error:
        said = error.message if isinstance(error, errors.TagInvalid) else "It is no text."
        raise errors.TagInvalid(
            f"{VARIABLE} cannot be read: {said}", hint="It is like team=search,env=prod."
        ) from None


_TEXT = os.environ.get(VARIABLE, "")


def _check(key: object, value: object) -> None:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        shown = ascii(key[:_SHOWN]) if isinstance(key, str) else type(key).__name__
        raise errors.TagInvalid(
            f"{shown} cannot be the key of a tag.",
            hint="Allowed are letters, digits, `_`, `.` and `-`, at most 64 of them.",
        )
    if not isinstance(value, str):
        raise errors.TagInvalid(f"The tag {key!r} must have text, not {type(value).__name__}.")
    if not value or len(value) > MAX_VALUE or not value.isprintable():
        raise errors.TagInvalid(
            f"The tag {key!r} has a value that cannot be one: {value[:_SHOWN]!a}.",
            hint=f"It has 1 to {MAX_VALUE} characters, all of them printable.",
        )


def _check_number(tags: Mapping[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise errors.TagInvalid(
            f"{len(tags)} tags are too many for a call.", hint=f"At most {MAX_TAGS} may be."
        )
