"""Faults of the disk: a typed error that names the path, nothing half-written, and it heals."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from books_kit import a_request, an_outcome, assert_sound, books_at, count

from ledger import files
from ledger.errors import LedgerUnavailable

pytestmark = pytest.mark.one_engine  # about a SQLite file

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
KIT = str(Path(__file__).parent)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    if not IS_ROOT or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk; the file-size limit is tested instead")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_said_loses_nothing_and_heals(small_disk: Path) -> None:
    books = books_at(small_disk / "home")
    acknowledged = []
    with pytest.raises(LedgerUnavailable, match="disk") as caught:  # noqa: PT012 - some write of many
        for _ in range(5000):
            request = a_request(books)
            books.writer.write(request, an_outcome(request))
            acknowledged.append(request.id)
    assert str(books.path) in str(caught.value)
    assert "free some space" in str(caught.value)
    assert len(acknowledged) > 10
    for _ in range(3):
        with pytest.raises(LedgerUnavailable):
            books.writer.write(a_request(books, config_applied="x" * 20_000))
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    request = a_request(books)
    books.writer.write(request, an_outcome(request))
    books.close()
    assert count(books.path) == count(books.path, "outcome") == len(acknowledged) + 1
    assert_sound(books.path)


def test_a_ledger_cannot_begin_on_a_full_disk_and_can_when_there_is_room(small_disk: Path) -> None:
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(b"x" * 4096)
            file.flush()
    books = books_at(small_disk / "home")
    with pytest.raises(LedgerUnavailable) as caught:
        books.writer.write(a_request(books))
    assert str(small_disk) in str(caught.value)
    filler.unlink()
    books.writer.write(a_request(books))
    books.close()
    assert count(books.path) == 1


def test_a_full_disk_leaves_the_old_file_and_no_litter(small_disk: Path) -> None:
    target = small_disk / "data.json"
    files.write_atomic(target, b"old")
    with pytest.raises(OSError, match="No space"):
        files.write_atomic(target, b"x" * 2_000_000)
    with pytest.raises(OSError, match="No space"):
        files.create_once(small_disk / "new.json", b"x" * 2_000_000)
    assert target.read_bytes() == b"old"
    assert [path.name for path in small_disk.iterdir()] == ["data.json"]


def run_as_nobody(code: str, home: Path) -> None:
    """Run a test's body in a process that the permissions hold for."""
    drop = "import os\nif os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    head = (
        "import sys\n"
        f"sys.path[:0] = {[KIT, *sys.path]!r}\n"
        "import os, pytest\nfrom pathlib import Path\n"
        "from books_kit import a_request, books_at, count, assert_sound\n"
        "from sqlalchemy import text\n"
        "import asyncio, resource, signal\n"
        "from ledger.errors import LedgerUnavailable\n"
        f"home = Path({str(home)!r})\n"
        # Everything is imported once while the interpreter's own folder may still be read.
        "warm = books_at(home / 'warm')\n"
        "asyncio.run(warm.writer.awrite(a_request(warm)))\n"
        "with warm.read() as connection: connection.execute(text('SELECT 1'))\n"
        "warm.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", head + drop + code],
        check=False, capture_output=True, text=True, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that nobody may write in, also where pytest's own are private."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            with contextlib.suppress(PermissionError):
                folder.chmod(folder.stat().st_mode | 0o711)
    place = tmp_path / "shared"
    place.mkdir()
    place.chmod(0o777)
    return place


def test_an_unwritable_home_is_said_and_heals(shared: Path) -> None:
    run_as_nobody(
        """
home.joinpath("locked").mkdir(mode=0o555)
books = books_at(home / "locked" / "home")
for _ in range(2):
    with pytest.raises(LedgerUnavailable, match="LEDGER_HOME") as caught:
        books.writer.write(a_request(books))
    assert str(home / "locked") in str(caught.value), caught.value
with pytest.raises(LedgerUnavailable):
    asyncio.run(books.writer.awrite(a_request(books)))
assert os.listdir(home / "locked") == []
home.joinpath("locked").chmod(0o755)
books.writer.write(a_request(books))
books.close()
assert count(books.path) == 1
""",
        shared,
    )


def test_a_folder_that_turns_read_only_is_said_and_heals(shared: Path) -> None:
    run_as_nobody(
        """
books = books_at(home / "home")
books.writer.write(a_request(books))
books.close()
books.path.chmod(0o444)
books.path.parent.chmod(0o555)
for _ in range(2):
    with pytest.raises(LedgerUnavailable) as caught:
        books.writer.write(a_request(books))
    assert str(books.path) in str(caught.value), caught.value
    assert "LEDGER_HOME" in str(caught.value), caught.value
books.path.parent.chmod(0o700)
books.path.chmod(0o600)
books.writer.write(a_request(books))
books.close()
assert count(books.path) == 2
assert_sound(books.path)
""",
        shared,
    )


def test_a_read_only_file_is_said_and_heals(shared: Path) -> None:
    run_as_nobody(
        """
first = books_at(home / "home")
first.writer.write(a_request(first))
first.close()
first.path.chmod(0o444)
books = books_at(home / "home")
for _ in range(2):
    with pytest.raises(LedgerUnavailable, match="readonly") as caught:
        books.writer.write(a_request(books))
    assert str(books.path) in str(caught.value)
first.path.chmod(0o600)
books.writer.write(a_request(books))
books.close()
assert count(books.path) == 2
""",
        shared,
    )


def test_a_home_that_may_not_be_entered_is_said_for_writing_and_reading(shared: Path) -> None:
    run_as_nobody(
        """
books = books_at(home / "home")
books.writer.write(a_request(books))
books.close()
(home / "home").chmod(0)
for _ in range(2):
    with pytest.raises(LedgerUnavailable) as caught:
        books.writer.write(a_request(books))
    assert str(home / "home") in str(caught.value)
    with pytest.raises(LedgerUnavailable) as caught, books.read() as connection:
        connection.execute(text("SELECT 1 FROM request"))
    assert str(home / "home") in str(caught.value)
(home / "home").chmod(0o700)
books.writer.write(a_request(books))
with books.read() as connection:
    assert connection.execute(text("SELECT count(*) FROM request")).scalar() == 2
books.close()
""",
        shared,
    )


def test_a_file_size_limit_is_said_and_heals(shared: Path) -> None:
    run_as_nobody(
        """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
books = books_at(home / "home")
books.writer.write(a_request(books))
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
written = 1
with pytest.raises(LedgerUnavailable, match="disk") as caught:
    for _ in range(5000):
        books.writer.write(a_request(books))
        written += 1
assert str(books.path) in str(caught.value)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
books.writer.write(a_request(books))
books.close()
assert count(books.path) == written + 1
assert_sound(books.path)
""",
        shared,
    )


def test_a_home_that_is_a_file_is_said_and_heals(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("not a folder", "utf-8")
    books = books_at(home)
    for _ in range(2):
        with pytest.raises(LedgerUnavailable) as caught:
            books.writer.write(a_request(books))
        assert str(home) in str(caught.value)
        with pytest.raises(LedgerUnavailable), books.read():
            pass
    assert home.read_text("utf-8") == "not a folder"
    home.unlink()
    books.writer.write(a_request(books))
    books.close()
    assert count(books.path) == 1


def test_a_damaged_ledger_is_said_and_points_to_the_backups(tmp_path: Path) -> None:
    books = books_at(tmp_path)
    books.writer.write(a_request(books))
    books.close()
    raw = books.path.read_bytes()
    books.path.write_bytes(raw[:100] + b"\xff" * 4000 + raw[4100:])
    with pytest.raises(LedgerUnavailable) as caught:
        books_at(tmp_path).writer.write(a_request(books))
    assert str(books.path) in str(caught.value)
    assert "backups" in str(caught.value)
    books.path.write_bytes(raw)
    books.writer.write(a_request(books))
    books.close()
    assert count(books.path) == 2


def test_reading_before_there_is_a_ledger_says_so_and_makes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with pytest.raises(LedgerUnavailable, match="no ledger") as caught, books_at(home).read():
        pass
    assert str(home) in str(caught.value)
    assert not home.exists()
