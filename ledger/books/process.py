"""This process, as the books know it: where it runs, as whom, from which commit."""

import contextlib
import os
import sys
from pathlib import Path

from ledger import clock
from ledger.books.models import Process

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_START_FIELD = 19  # of what follows the program's name in /proc/PID/stat


def describe(*, record_host: bool = True) -> Process:
    """A row for this process. Blank where the platform does not tell, or the user said so."""
    program = _program()
    return Process(
        first_seen_at=clock.now(),
        host=host_name() if record_host else None,
        os_user=_user() if record_host else None,
        pid=os.getpid(),
        started_at=start_of(os.getpid()),
        boot_id=boot_id(),
        program=program,
        git_commit=_commit_of(Path(program).parent) if program else None,
        python_version=".".join(map(str, sys.version_info[:3])),
        ledger_version=_own_version(),
    )


def host_name() -> str:
    """The machine's name."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    return os.environ.get("COMPUTERNAME", "")


def start_of(pid: int) -> str | None:
    """When a process started, in the kernel's own ticks; None where it's gone or not told."""
    with contextlib.suppress(OSError, IndexError):
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        return stat.rpartition(")")[2].split()[_START_FIELD]
    return None


def boot_id() -> str | None:
    """Which boot of the machine this is; None where the platform does not tell."""
    with contextlib.suppress(OSError):
        return _BOOT_ID.read_text("ascii").strip()
    return None


def is_alive(process: Process) -> bool:
    """Whether a booked process may still run here. Only a proof says no."""
    if process.pid is None or (process.host and process.host != host_name()):
        return True
    if process.boot_id and process.boot_id != boot_id():
        return False
    if process.started_at is not None:
        return start_of(process.pid) == process.started_at
    return _may_run(process.pid)


def _may_run(pid: int) -> bool:
    """Whether a process of that id runs, where the platform does not tell since when."""
    if os.name != "posix":  # there, the same call would send a signal
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def _user() -> str | None:
    for name in ("LOGNAME", "USER", "USERNAME"):
        if os.environ.get(name):
            return os.environ[name]
    return str(os.getuid()) if hasattr(os, "getuid") else None


def _program() -> str | None:
    script = sys.argv[0] if sys.argv and sys.argv[0] not in ("", "-c", "-") else None
    return os.path.abspath(script) if script else None  # noqa: PTH100 - links stay as given


def _own_version() -> str:
    from ledger import __version__

    return __version__


def _commit_of(folder: Path) -> str | None:
    """The commit of the checkout that a folder is in, read from its files."""
    with contextlib.suppress(OSError, ValueError):
        for parent in (folder, *folder.parents):
            git = parent / ".git"
            if git.is_file():  # a worktree or submodule points to its folder
                git = parent / git.read_text("utf-8").removeprefix("gitdir:").strip()
            if git.is_dir():
                return _head_of(git)
    return None


def _head_of(git: Path) -> str | None:
    head = (git / "HEAD").read_text("utf-8").strip()
    if not head.startswith("ref:"):
        return head
    ref = head.removeprefix("ref:").strip()
    shared = git / "commondir"
    common = git / shared.read_text("utf-8").strip() if shared.exists() else git
    for place in (git, common):
        if (place / ref).exists():
            return (place / ref).read_text("utf-8").strip()
    packed = common / "packed-refs"
    lines = packed.read_text("utf-8").splitlines() if packed.exists() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {ref}")), None)
