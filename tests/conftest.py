"""Fixtures that every part of the tests shares."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import postgres
from tests.running import RunningServer
from tests.shell import Shell
from tests.store.engines import ENGINES, Engine

# The same examples every day, and no time that one may take: what is new and random is looked for
# with a profile of one's own, and not where somebody waits for a change to land.
settings.load_profile("ci")

# Whoever is begun in the background of a script is deaf to SIGINT, and so is all that it begins;
# but some tests send it to programs of ours, which are to end by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--full`: the scenarios in the sizes that the specification names; takes many minutes."""
    parser.addoption("--full", action="store_true", help="run the scenarios in their full sizes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is only worth its time now and then."""
    if not config.getoption("--full"):
        rare = [item for item in items if item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=rare)
        items[:] = [item for item in items if not item.get_closest_marker("full")]


@pytest.fixture(autouse=True)
def _databases_end_with_the_test() -> Iterator[None]:
    yield
    postgres.end_test()


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Engine:
    """SQLite; folders whose tests touch the store have a fixture of this name with each in turn."""
    return ENGINES[getattr(request, "param", "sqlite")]


@pytest.fixture
def start_server(tmp_path: Path, engine: Engine) -> Iterator[Callable[..., RunningServer]]:
    """Starts real servers, each on a store of its own; all of them end with the test."""
    servers: list[RunningServer] = []

    def start(**settings: str) -> RunningServer:
        folder = tmp_path / f"server-{len(servers)}"
        folder.mkdir()
        settings.setdefault("DATABASE_URL", engine.url(folder))
        server = RunningServer(folder, settings={f"ATHENA_{k}": v for k, v in settings.items()})
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.end()


@pytest.fixture
def server(start_server: Callable[..., RunningServer]) -> RunningServer:
    """One real server."""
    return start_server()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A folder where nothing runs."""
    folder = tmp_path / "shell"
    folder.mkdir()
    return Shell(folder)


@pytest.fixture
def beside(server: RunningServer) -> Shell:
    """A folder where a server runs."""
    settings = {
        name.removeprefix("ATHENA_"): value
        for name, value in server.environment.items()
        if name.startswith("ATHENA_")
    }
    return Shell(server.folder, settings)
