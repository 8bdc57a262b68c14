"""What kind of disk a ledger is on: SQLite's log needs one that is this machine's own."""

import logging
from contextlib import suppress
from pathlib import Path

from ledger.errors import LedgerUnavailable
from ledger.logs import log_once

_MOUNTS = Path("/proc/self/mountinfo")
_OF_A_NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs")
)
_OF_A_CONTAINER = frozenset(("overlay", "aufs"))
_ESCAPES = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))


def kind_of(path: Path, mounts: str | None = None) -> str | None:
    """The type of the file system that a path is on; None where the platform does not tell.

    Args:
        path: an absolute path; it need not exist yet.
        mounts: text in the form of Linux's `/proc/self/mountinfo`; this process's own if None.
    """
    if mounts is None:
        with suppress(OSError):
            mounts = _MOUNTS.read_text("utf-8", "surrogateescape")
    found: tuple[int, str | None] = (-1, None)
    for line in (mounts or "").splitlines():
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(), after.split()
        if len(fields) > 4 and kinds:  # noqa: PLR2004 - the fifth field is the mount point
            point = fields[4]
            for escaped, plain in _ESCAPES:
                point = point.replace(escaped, plain)
            depth = len(Path(point).parts)
            if path.is_relative_to(point) and depth >= found[0]:  # the last of equals is on top
                found = (depth, kinds[0])
    return found[1]


def is_of_a_network(kind: str | None) -> bool:
    """Whether several machines may use a file system of this type."""
    return kind in _OF_A_NETWORK


def is_of_a_container(kind: str | None) -> bool:
    """Whether a file system of this type goes with its container."""
    return kind in _OF_A_CONTAINER


def check(path: Path, mounts: str | None = None) -> None:
    """Refuse a network file system; warn once where the disk goes with its container.

    Raises:
        LedgerUnavailable: several machines' locks don't meet on such a file system.
    """
    kind = kind_of(path, mounts)
    if is_of_a_network(kind):
        raise LedgerUnavailable(
            f"The ledger at {path} would be on a network file system ({kind}), where SQLite can"
            " lose rows.",
            hint="Set LEDGER_HOME to a folder on this machine's own disk.",
        )
    if is_of_a_container(kind):
        log_once(
            f"disk:{path}",
            logging.WARNING,
            "the ledger at %s is on its container's own disk and goes with it: mount a volume",
            path,
        )
