"""The API key: whether there is one, where from, and who else can read it. Never the key."""

from collections.abc import Iterator
from pathlib import Path

from ledger.callers.keys import is_wide
from ledger.doctor.findings import Finding, Patient
from ledger.errors import KeyInvalid
from ledger.openrouter import keys


def api_key(patient: Patient) -> Iterator[Finding]:
    """The key that counts, others that don't, and files that show one to other users."""
    rules = patient.desk.rules()
    used, found = patient.desk.found_keys(rules)
    if used is None:
        cure = f"Set OPENROUTER_API_KEY, or put it into {patient.settings.home / '.env'}."
        yield Finding("key", "warn", "No API key is found, so no call can be made.", cure)
        return
    masked = f"{keys.mask(used.key)} from {used.source}"
    try:
        keys.check(used.key)
    except KeyInvalid as error:
        yield Finding("key", "fail", f"{masked}: {error.message}", error.hint)
    else:
        yield Finding("key", "ok", f"{masked}; calls go to {patient.desk.base_url(rules)}")
    for other in found:
        if other.key.strip() != used.key.strip():
            says = f"{other.source} holds another key, {keys.mask(other.key)}, which is not used."
            yield Finding("key", "warn", says, "Take one of them away.")
    for place in found:
        yield from _wide(Path(place.source))


def _wide(path: Path) -> Iterator[Finding]:
    """A file with a key that others can read."""
    if path.is_absolute() and is_wide(path):
        says = f"Others may read {path}, which holds a key."
        yield Finding(
            "key", "warn", says, f"chmod 600 {path}; if others use this machine, a new key"
        )
