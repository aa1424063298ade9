"""Fixtures that every part of the tests shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running import RunningServer


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--full`: the scenarios in the sizes that the specification names; takes many minutes."""
    parser.addoption("--full", action="store_true", help="run the scenarios in their full sizes")


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Starts real servers, each on a folder of its own; all of them end with the test."""
    servers: list[RunningServer] = []

    def start(**settings: str) -> RunningServer:
        folder = tmp_path / f"server-{len(servers)}"
        folder.mkdir()
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
