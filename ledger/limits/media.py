"""Media in a request: told apart from text by their type, and counted by their bytes.

The types are those that OpenAI's, Anthropic's and OpenRouter's own forms have for them. What is
behind a URL or an id can't be seen from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.limits.openness import unbounded

_PICTURES = frozenset({"image_url", "input_image", "image"})
_SOUNDS = frozenset(
    {"input_audio", "audio_url", "audio", "video_url", "input_video", "video", "input_sound"}
)
_FILES = frozenset({"file", "input_file"})
_DOCUMENT = "document"
_REFERENCES = ("file_id", "file_url", "item_reference", "container_id")
_PLAIN = frozenset({"text", "content"})


@dataclass(slots=True)
class Media:
    """What was found, each by the bytes that it has.

    Attributes:
        pictures: pictures.
        sounds: sound and film.
        has_ttl: something is to be cached for a time that the request names.
    """

    pictures: list[int] = field(default_factory=list)
    sounds: list[int] = field(default_factory=list)
    has_ttl: bool = False


def taken_out(value: Any, found: Media) -> Any:
    """A member of a request without its media, which are added to what was found.

    Raises:
        Unbounded: media that can't be seen from here, or a file that somebody has to read.
    """
    if isinstance(value, Mapping):
        return _of_object(value, found)
    if isinstance(value, list | tuple):
        return [item if isinstance(item, str) else taken_out(item, found) for item in value]
    return value


def data_size(value: object) -> int:
    """Bytes of base64 text, or of a data URL."""
    text = value if isinstance(value, str) else ""
    return len(text) * 3 // 4 + 1


def _of_object(value: Mapping[str, Any], found: Media) -> Any:
    kind = value.get("type")
    if kind in _PICTURES:
        found.pictures.append(_size(value, kind))
        return {"type": kind}
    if kind in _SOUNDS:
        found.sounds.append(_size(value, kind))
        return {"type": kind}
    if kind in _FILES or (kind == _DOCUMENT and not _is_plain(value.get("source"))):
        raise unbounded(
            "somebody has to read the file in it, for a price of their own",
            "Send the file's text instead.",
        )
    for name in _REFERENCES:
        if value.get(name) or kind == name:
            raise unbounded(f"`{name}` stands for what can't be seen from here")
    if "ttl" in value and value["ttl"] != "5m":
        found.has_ttl = True
    return {
        name: member if isinstance(member, str) else taken_out(member, found)
        for name, member in value.items()
    }


def _is_plain(source: object) -> bool:
    """Whether a document is text that stands in the request."""
    return isinstance(source, Mapping) and source.get("type") in _PLAIN


def _size(part: Mapping[str, Any], kind: str) -> int:
    """Bytes of one of the media.

    Raises:
        Unbounded: it isn't in the request.
    """
    held: object = part.get(kind) or part.get("image_url") or part.get("source") or part.get("data")
    for name in ("url", "data"):
        if isinstance(held, Mapping) and isinstance(held.get(name), str):
            held = held[name]
    if not isinstance(held, str) or held[:8].lower().startswith(("http:", "https:")):
        raise unbounded(
            f"the {kind} in it is not in the request itself", "Send it as a data URL, base64."
        )
    return data_size(held)
