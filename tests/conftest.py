"""What every test gets: an environment without the developer's own settings, and an engine."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import pgserver

    from ledger.sandbox import Sandbox

_OURS = ("OPENROUTER_", "LEDGER_")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_ENGINES = ("sqlite", "postgresql")
_ON_EVERY_ENGINE = Path(__file__).with_name("integration")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--long` runs what takes minutes, `--engine` chooses the database."""
    parser.addoption("--long", action="store_true", help="run the tests marked long too")
    parser.addoption(
        "--engine",
        choices=("both", *_ENGINES),
        default="both",
        help="run the integration tests on this engine only",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without `--long`, long tests are skipped with their reason."""
    if config.getoption("--long"):
        return
    skip = pytest.mark.skip(reason="takes minutes: run with --long")
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(skip)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Integration tests run on every engine, unless they are marked `one_engine`."""
    here = metafunc.definition.path.parent == _ON_EVERY_ENGINE
    if here and not metafunc.definition.get_closest_marker("one_engine"):
        chosen = metafunc.config.getoption("--engine")
        names = _ENGINES if chosen == "both" else (chosen,)
        metafunc.parametrize("engine", names, indirect=True, scope="module")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, home or proxy of the machine reaches a test."""
    for name in list(os.environ):
        if name.startswith(_OURS) or name.upper() in _PROXIES:
            monkeypatch.delenv(name)


@pytest.fixture(scope="module", autouse=True)
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """The engine of a test. On PostgreSQL, a ledger without a URL gets its home's database.

    A fixture of a module that opens books asks for this one, so that each engine has its own.
    """
    name: str = getattr(request, "param", _ENGINES[0])
    if name == _ENGINES[0]:
        yield name
        return
    server = request.getfixturevalue("postgres")
    import engines

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(engines.ENVIRONMENT, engines.told(server))
        engines.enter(patch.setattr)
        yield name
        engines.leave()


@pytest.fixture(autouse=True)
def _databases(engine: str) -> Iterator[None]:
    """What a test made on a server goes with it."""
    if engine == _ENGINES[0]:
        yield
        return
    import engines

    kept = engines.homes()
    yield
    engines.leave(kept)


@pytest.fixture(scope="session")
def postgres(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "pgserver.Server":
    """The one server of this run, whichever process of it asks; a skip where there can't be one.

    Where CI is set, it must be there.
    """
    import engines
    import pgserver

    base, keeper = tmp_path_factory.getbasetemp(), os.getpid()
    if hasattr(request.config, "workerinput"):  # one of xdist's processes
        base, keeper = base.parent, os.getppid()
    try:
        return pgserver.shared(base / "postgres.json", keeper, engines.make_template)
    except pgserver.NoServer as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must test PostgreSQL: {error}")
        pytest.skip(f"no PostgreSQL: {error}")


@pytest.fixture
def ledger_sandbox(
    ledger_sandbox: "Sandbox", engine: str, monkeypatch: pytest.MonkeyPatch
) -> "Sandbox":
    """The package's own fixture; on PostgreSQL, other processes are told the home's database."""
    if engine != _ENGINES[0]:
        import engines

        assert ledger_sandbox.home is not None
        monkeypatch.setenv("LEDGER_URL", engines.url_of(ledger_sandbox.home) or "")
    return ledger_sandbox
