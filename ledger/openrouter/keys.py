"""API keys: whether a text can be one, and how to speak of one without showing it.

Source: OpenRouter's keys are `sk-or-v1-` and 64 hex digits, for inference and management keys
alike. The provider may change that, so of keys that do not look so, only the prefix and a least
length are asked for.
"""

import hashlib
import re
from collections.abc import Iterator

from ledger.errors import KeyInvalid

KEYS_PAGE = "https://openrouter.ai/settings/keys"

_KEY = re.compile(r"sk-or-v\d+-[A-Za-z0-9_-]{16,}")
# Of keys in a newer or another form nobody here knows the length.
_FIRST = re.compile(r"sk-or-v1-[0-9a-f]+")
_FIRST_DIGITS = 64
_PREFIX = re.compile(r"sk-or-v\d+-")
_MASKABLE = re.compile(r"(sk-or-v\d+-)([A-Za-z0-9_-]{16,})")
_VENDORS = (
    ("sk-ant-", "Anthropic"),
    ("sk-proj-", "OpenAI"),
    ("sk-svcacct-", "OpenAI"),
    ("gsk_", "Groq"),
    ("AIza", "Google"),
    ("hf_", "Hugging Face"),
    ("xai-", "xAI"),
    ("pplx-", "Perplexity"),
    ("r8_", "Replicate"),
    ("fw_", "Fireworks"),
    ("ghp_", "GitHub"),
    ("github_pat_", "GitHub"),
    ("AKIA", "AWS"),
)
_STAND_IN_MARKS = re.compile(r"\.\.\.|\N{HORIZONTAL ELLIPSIS}|[<>{}*$]")
_STAND_IN_WORDS = frozenset(
    ("your", "here", "placeholder", "example", "changeme", "change", "insert", "replace", "todo")
)
_STAND_INS = frozenset(
    ("none", "null", "undefined", "key", "apikey", "api-key", "api_key", "openrouter_api_key")
)
_BETWEEN_WORDS = re.compile(r"[^A-Za-z0-9]+")
_ALL_X = re.compile(r"x{3,}")


def check(key: str) -> str:
    """The key without the whitespace around it.

    Raises:
        KeyInvalid: it cannot be an OpenRouter key; says what is wrong, never the key.
    """
    text = key.strip()
    fault = next((fault for applies, fault in _faults(text) if applies), None)
    if fault is not None:
        raise KeyInvalid(
            f"The OpenRouter API key cannot be used: {fault}.",
            hint=f"Keys are made at {KEYS_PAGE}.",
        )
    return text


def is_placeholder(key: str) -> bool:
    """Whether this stands where a key should be put; such a one counts as absent."""
    text = key.strip().strip("\"'").lower()
    body = _PREFIX.sub("", text, count=1)
    if not body or text in _STAND_INS or _STAND_IN_MARKS.search(text):
        return True
    words = _BETWEEN_WORDS.split(body)
    return any(word in _STAND_IN_WORDS or _ALL_X.fullmatch(word) for word in words)


def mask(key: str) -> str:
    """The key as OpenRouter itself shows it, `sk-or-v1-0e6...1c96`; `...` for anything else."""
    parts = _MASKABLE.fullmatch(key.strip())
    if parts is None:
        return "..."
    prefix, body = parts.groups()
    return f"{prefix}{body[:3]}...{body[-4:]}"


def key_hash(key: str) -> str:
    """The provider's own public name of a key: its SHA-256, in lowercase hex."""
    return hashlib.sha256(key.strip().encode("utf-8", "surrogatepass")).hexdigest()


def _faults(text: str) -> Iterator[tuple[bool, str]]:
    """What may be wrong with a stripped key, and whether it is, in the order of asking."""
    yield not text, "it is empty"
    yield is_placeholder(text), "it is a placeholder or a masked key, not a key"
    yield text[0] in "\"'" or text[-1] in "\"'", "it has quotation marks around it"
    yield text[:7].lower() == "bearer ", "it begins with 'Bearer'; give the key alone"
    yield (
        not text.isprintable() or not text.isascii() or " " in text,
        "it has spaces, control characters or characters that no key has",
    )
    for prefix, vendor in _VENDORS:
        yield text.startswith(prefix), f"it looks like a key of {vendor}, not of OpenRouter"
    known = _PREFIX.match(text)
    yield known is None, "it does not begin with 'sk-or-v1-'"
    length = len(text) - known.end() if known else 0
    odd = "cut short" if length < _FIRST_DIGITS else "more than one key"
    yield (
        bool(_FIRST.fullmatch(text)) and length != _FIRST_DIGITS,
        f"it has {length} digits after the prefix, and such keys have {_FIRST_DIGITS}: it is {odd}",
    )
    yield (
        not _KEY.fullmatch(text),
        f"it is cut short or damaged ({length} characters after the prefix)",
    )
