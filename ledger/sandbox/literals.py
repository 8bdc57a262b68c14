"""JSON with numbers written exactly as given, digit for digit.

A float would rewrite `0.0004970133333333333` or refuse `1e-7` its exponent; a provider's body holds
both, and worse. So a number that matters is a `Literal`, and its text goes into the body untouched,
valid JSON or not.
"""

import json
import re
import secrets
from dataclasses import dataclass
from typing import Any

# Nobody can guess it, so no text of a caller can be taken for a placeholder.
_MARK = secrets.token_hex(8)
_LONE = re.compile("[\ud800-\udfff]")
_PLACEHOLDER = re.compile(f'"{_MARK}:((?:[^"\\\\]|\\\\.)*)"')


@dataclass(frozen=True, slots=True)
class Literal:
    """A JSON token to be written verbatim: `1e-7`, `NaN`, `"0.5"`, `true`."""

    text: str


def _placeholder(item: object) -> str:
    """What stands for a literal until all is written."""
    if not isinstance(item, Literal):
        raise TypeError(f"not JSON: {type(item).__name__}")
    return f"{_MARK}:{item.text}"


def _text(match: re.Match[str]) -> str:
    """A literal's own text, which was escaped with its placeholder."""
    text = match[1]
    return str(json.loads(f'"{text}"')) if "\\" in text else text


_ENCODER = json.JSONEncoder(default=_placeholder, separators=(",", ":"), ensure_ascii=False)


def write(value: Any) -> bytes:
    """The UTF-8 JSON of a value in which any `Literal` stands as its own text."""
    text = _PLACEHOLDER.sub(_text, _ENCODER.encode(value))
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a pair: JavaScript writes it as an escape
        return _LONE.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode()
