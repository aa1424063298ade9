"""What runs behind a queue: started on a folder of its own, killed with -9, started again."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from bench import trees
from bench.peers.contract import Backend
from bench.processes import REPOSITORY
from bench.slow_disk import slowness
from tests.postgres import PostgresServer
from tests.postgres_guard import read_pid_file
from tests.running import KEY, RunningServer

_START_SECONDS: Final = 20.0


class Missing(Exception):
    """A server's program is not installed; says how to install it."""


class Server(Protocol):
    """All of it: with a database, and with each replica."""

    def start(self) -> None: ...

    def kill(self) -> None:
        """With -9, without a word, all its processes at once."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program needs to find it."""

    def close(self) -> None:
        """Kill it, and leave nothing behind."""

    @property
    def pids(self) -> Sequence[int]:
        """Its processes, without their children."""


class FileServer:
    """None: the queue is a file in the folder."""

    environment: Mapping[str, str] = {}
    pids: Sequence[int] = ()

    def __init__(self, folder: Path) -> None:
        del folder

    def start(self) -> None:
        pass

    def kill(self) -> None:
        pass

    def close(self) -> None:
        pass


class PortServer:
    """A program of the system that serves a port, always the same one."""

    program: str
    package: str

    def __init__(self, folder: Path) -> None:
        self._folder = folder / self.program
        self._folder.mkdir()
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if (found := shutil.which(self.program, path=_PATH)) is None:
            raise Missing(f"needs {self.program}: apt-get install {self.package}")
        command = [found, *self._arguments()]
        self._process = trees.start(command, log=self._folder / "log")
        wait_until(self._answers, f"{self.program} does not serve")

    def kill(self) -> None:
        trees.kill([] if self._process is None else [self._process])

    def close(self) -> None:
        self.kill()

    @property
    def pids(self) -> Sequence[int]:
        return [] if self._process is None else [self._process.pid]

    def _arguments(self) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True


class Redis(PortServer):
    program, package = "redis-server", "redis-server"

    def _arguments(self) -> list[str]:
        settings = {"appendonly": "yes", "appendfsync": "always", "save": "", "bind": "127.0.0.1"}
        settings |= {"port": str(self._port), "dir": str(self._folder)}
        return [word for name, value in settings.items() for word in (f"--{name}", value)]

    @property
    def environment(self) -> Mapping[str, str]:
        return {"BENCH_URL": f"redis://127.0.0.1:{self._port}/0"}

    def _answers(self) -> bool:
        """It also listens while it still reads its file, and refuses."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


class Beanstalkd(PortServer):
    program, package = "beanstalkd", "beanstalkd"

    def _arguments(self) -> list[str]:
        return ["-l", "127.0.0.1", "-p", str(self._port), "-b", str(self._folder), "-f0"]

    @property
    def environment(self) -> Mapping[str, str]:
        return {"BENCH_URL": f"beanstalkd://127.0.0.1:{self._port}"}


class Postgres:
    """A PostgreSQL that keeps what it has acknowledged, whatever happens."""

    def __init__(self, folder: Path) -> None:
        del folder  # root cannot start it there
        self.server = PostgresServer(is_durable=True, environment=slowness())

    def start(self) -> None:
        self.server.start()

    def kill(self) -> None:
        self.server.kill()

    def close(self) -> None:
        self.server.close()

    @property
    def pids(self) -> Sequence[int]:
        return [int(read_pid_file(self.server.data)[0])]

    @property
    def environment(self) -> Mapping[str, str]:
        return {"BENCH_URL": self.server.url("postgres")}


class Athenas:
    """One or more Athenas, on a file or on one PostgreSQL."""

    def __init__(
        self, folder: Path, *, replicas: int = 1, database: Postgres | None = None
    ) -> None:
        self._database = database
        settings = {"PYTHONPATH": str(REPOSITORY)}
        if database is not None:
            settings["ATHENA_DATABASE_URL"] = database.environment["BENCH_URL"]
        self._servers = []
        for number in range(replicas):
            own = folder / f"athena-{number + 1}"
            own.mkdir()
            self._servers.append(RunningServer(own, settings))

    def start(self) -> None:
        if self._database is not None:
            self._database.start()
        for server in self._servers:
            server.start()

    def kill(self) -> None:
        for server in self._servers:
            server.kill()
        if self._database is not None:
            self._database.kill()

    def close(self) -> None:
        self.kill()
        if self._database is not None:
            self._database.close()

    @property
    def environment(self) -> Mapping[str, str]:
        return {"BENCH_URL": ",".join(server.url for server in self._servers), "BENCH_KEY": KEY}

    @property
    def pids(self) -> Sequence[int]:
        own = [server.process.pid for server in self._servers if server.process is not None]
        return [*own, *([] if self._database is None else self._database.pids)]


def _athenas(replicas: int) -> Callable[[Path], Server]:
    return lambda folder: Athenas(folder, replicas=replicas, database=Postgres(folder))


SERVERS: Final[Mapping[Backend, Callable[[Path], Server]]] = {
    Backend.FILE: FileServer,
    Backend.REDIS: Redis,
    Backend.BEANSTALKD: Beanstalkd,
    Backend.POSTGRES: Postgres,
    Backend.ATHENA: Athenas,
    Backend.ATHENA_POSTGRES: _athenas(1),
    Backend.ATHENA_REPLICAS: _athenas(3),
}
# Where Debian puts servers, which is not on everybody's path.
_PATH: Final = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def free_port() -> int:
    """One that nobody uses now. For programs that cannot choose one and say which."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(holds: Callable[[], bool], otherwise: str, seconds: float = _START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.02)
