"""What a bare transport drops and a client has: proxies and CA settings from the environment."""

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from callkit import CALLER, DRIVERS, call, failure, only, open_ledger
from rawserver import RawServer, answer, read_request

from ledger import errors
from ledger.calls import route
from ledger.sandbox import Sandbox

pytestmark = pytest.mark.one_engine  # about what no database could change

MODEL = "openai/gpt-4o-mini"
NOT_SENT = {"status": "failed", "cost_grade": "not_charged"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def fresh_tls() -> Iterator[None]:
    """The shared TLS context is made once a process; here it must read this test's settings."""
    route._shared_tls.cache_clear()
    yield
    route._shared_tls.cache_clear()


class Proxy:
    """A forward proxy for plain HTTP; it refuses, or carries out, CONNECT."""

    def __init__(self, connect_status: str = "403 Forbidden") -> None:
        self.asked: list[bytes] = []
        self.authorization: list[bytes] = []
        self._connect_status = connect_status

    def __call__(self, connection: socket.socket) -> None:
        while True:
            request = read_request(connection)
            head, _, _ = request.partition(b"\r\n")
            self.asked.append(head)
            for line in request.split(b"\r\n\r\n")[0].split(b"\r\n"):
                if line.lower().startswith(b"proxy-authorization:"):
                    self.authorization.append(line)
            if head.startswith(b"CONNECT"):
                self._connect(connection, head.split()[1])
                return
            connection.sendall(answer())

    def _connect(self, connection: socket.socket, target: bytes) -> None:
        connection.sendall(f"HTTP/1.1 {self._connect_status}\r\n\r\n".encode())
        if not self._connect_status.startswith("200"):
            return
        host, _, port = target.decode().partition(":")
        with socket.create_connection((host, int(port))) as upstream:
            back = threading.Thread(target=_copy, args=(upstream, connection), daemon=True)
            back.start()
            _copy(connection, upstream)
            back.join(2)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("driver", DRIVERS)
def test_a_proxy_of_the_environment_is_used(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str, driver: str
) -> None:
    proxy = Proxy()
    with RawServer(proxy) as server:
        monkeypatch.setenv(variable, f"http://user:secret@127.0.0.1:{server.port}")
        with open_ledger(home, "http://localhost:9/api/v1") as ledger:
            assert call(ledger, driver, model=MODEL) == "raw"
    assert proxy.asked == [b"POST http://localhost:9/api/v1/chat/completions HTTP/1.1"]
    assert len(proxy.authorization) == 1


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_proxy_without_a_scheme_is_an_http_proxy(
    home: Path, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    proxy = Proxy()
    with RawServer(proxy) as server:
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{server.port}")
        with open_ledger(home, "http://localhost:9/api/v1") as ledger:
            for _ in range(3):
                assert call(ledger, driver, model=MODEL) == "raw"
        if driver == "sync":
            assert server.accepted == 1


@pytest.mark.parametrize("exempt", ["127.0.0.1", "*", "example.com,127.0.0.1", "127.0.0.1:{port}"])
@pytest.mark.parametrize("driver", DRIVERS)
def test_no_proxy_exempts_a_host(
    home: Path, monkeypatch: pytest.MonkeyPatch, exempt: str, driver: str
) -> None:
    proxy = Proxy()
    with Sandbox() as sandbox, RawServer(proxy) as server:
        port = httpx.URL(sandbox.base_url).port
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.port}")
        monkeypatch.setenv("NO_PROXY", exempt.format(port=port))
        with open_ledger(home, sandbox.base_url) as ledger:
            assert call(ledger, driver, model=MODEL) == "Echo: Hello there"
    assert proxy.asked == []


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_proxy_that_refuses_to_connect_means_nothing_was_sent(
    home: Path, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    proxy = Proxy()
    with RawServer(proxy) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@127.0.0.1:{server.port}")
        with open_ledger(home, "https://openrouter.ai/api/v1") as ledger:
            error = failure(ledger, driver, model=MODEL)
    assert proxy.asked == [b"CONNECT openrouter.ai:443 HTTP/1.1"]
    assert type(error) is errors.ProxyFailed
    assert "403" in str(error)
    assert "secret" not in str(error)
    assert only(home, "select status, cost_grade from outcome") == NOT_SENT


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("value", ["http://127.0.0.1:1", "gopher://127.0.0.1:1", "http://[", "x:y"])
def test_a_proxy_that_cannot_be_used_means_nothing_was_sent(
    home: Path, monkeypatch: pytest.MonkeyPatch, value: str, driver: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", value)
    with open_ledger(home, "http://localhost:9/api/v1") as ledger:
        error = failure(ledger, driver, model=MODEL)
    assert isinstance(error, errors.NotSent)
    assert "proxy" in error.hint
    assert only(home, "select status, cost_grade from outcome") == NOT_SENT


# --- TLS -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of this machine, with its key in the same file."""
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    file = folder / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
            *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    file.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return file


@pytest.fixture
def secure(certificate: Path) -> Iterator[RawServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            connection.sendall(answer())

    with RawServer(serve, context) as server:
        yield server


@pytest.mark.usefixtures("fresh_tls")
@pytest.mark.parametrize("driver", DRIVERS)
def test_a_ca_of_the_environment_is_trusted(
    home: Path,
    secure: RawServer,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    driver: str,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with open_ledger(home, secure.base_url) as ledger:
        for _ in range(3):
            assert call(ledger, driver, model=MODEL) == "raw"
        if driver == "sync":
            assert secure.accepted == 1


@pytest.mark.usefixtures("fresh_tls")
@pytest.mark.parametrize("driver", DRIVERS)
def test_an_unknown_ca_means_nothing_was_sent(home: Path, secure: RawServer, driver: str) -> None:
    with open_ledger(home, secure.base_url) as ledger:
        error = failure(ledger, driver, model=MODEL)
    assert type(error) is errors.TlsFailed
    assert "CERTIFICATE_VERIFY_FAILED" in str(error)
    assert only(home, "select status, cost_grade from outcome") == NOT_SENT


@pytest.mark.usefixtures("fresh_tls")
@pytest.mark.parametrize("driver", DRIVERS)
def test_a_certificate_for_another_name_means_nothing_was_sent(
    home: Path,
    secure: RawServer,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    driver: str,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with open_ledger(home, secure.base_url.replace("127.0.0.1", "127.1")) as ledger:
        error = failure(ledger, driver, model=MODEL)
    assert type(error) is errors.TlsFailed
    assert only(home, "select status, cost_grade from outcome") == NOT_SENT


@pytest.mark.usefixtures("fresh_tls")
@pytest.mark.parametrize("driver", DRIVERS)
def test_tls_goes_through_a_proxy_that_connects(
    home: Path,
    secure: RawServer,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    driver: str,
) -> None:
    proxy = Proxy("200 Connected")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with RawServer(proxy) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.port}")
        with open_ledger(home, secure.base_url) as ledger:
            assert call(ledger, driver, model=MODEL) == "raw"
    assert proxy.asked == [f"CONNECT 127.0.0.1:{secure.port} HTTP/1.1".encode()]


@pytest.mark.usefixtures("fresh_tls")
@pytest.mark.parametrize("driver", DRIVERS)
def test_an_unknown_ca_behind_a_proxy_means_nothing_was_sent(
    home: Path, secure: RawServer, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    with RawServer(Proxy("200 Connected")) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.port}")
        with open_ledger(home, secure.base_url) as ledger:
            error = failure(ledger, driver, model=MODEL)
    assert type(error) is errors.TlsFailed
    assert only(home, "select status, cost_grade from outcome") == NOT_SENT


@pytest.mark.usefixtures("fresh_tls")
def test_one_tls_context_serves_all_connections(
    tmp_path: Path, secure: RawServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    made: list[ssl.SSLContext] = []
    real = httpx.create_ssl_context

    def counted() -> ssl.SSLContext:
        made.append(real())
        return made[-1]

    monkeypatch.setattr(httpx, "create_ssl_context", counted)
    for number in range(3):
        with (
            open_ledger(tmp_path / str(number) / "home", secure.base_url) as ledger,
            ThreadPoolExecutor(5) as pool,
        ):
            call(ledger, "sync", model=MODEL)
            list(pool.map(lambda _, one=ledger: call(one, "async", model=MODEL), range(5)))
    assert secure.accepted > 10
    assert len(made) == 1


def test_plain_http_makes_no_ca_store(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpx, "create_ssl_context", lambda: pytest.fail("25 ms for nothing"))
    with Sandbox() as sandbox, open_ledger(home, sandbox.base_url) as ledger:
        ledger.get_response("x", model=MODEL, caller=CALLER)
