"""The queues that can be measured here, and their programs as processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench import trees
from bench.peers import job
from bench.peers.contract import Backend, Peer, Promise
from bench.peers.servers import SERVERS, Server
from bench.processes import REPOSITORY

NAMES: Final = (
    "athena_sqlite",
    "athena_aiohttp",
    "athena_postgres",
    "athena_replicas",
    "procrastinate",
    "pgqueuer",
    "huey",
    "rq",
    "celery",
    "dramatiq",
    "arq",
    "beanstalkd",
)
_OWN: Final = "athena_"
_PEERS_PYTHON: Final = REPOSITORY / ".venv-bench" / "bin" / "python"
_INSTALL: Final = "make .venv-bench/.ready"
_DESCRIBE_SECONDS: Final = 60


class Absent(Exception):
    """A queue cannot be measured here; says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A queue that is installed."""

    name: str
    peer: Peer
    versions: Mapping[str, str]
    python: Path

    @property
    def is_own(self) -> bool:
        return self.name.startswith(_OWN)

    def command(self, verb: str) -> Sequence[str]:
        return _command(self.python, self.name, verb)


@dataclass(slots=True)
class Stage:
    """One queue's server on an empty folder, and the programs that use it."""

    contender: Contender
    folder: Path
    server: Server
    settings: Mapping[str, str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> Mapping[str, str]:
        inherited = {name: v for name, v in os.environ.items() if not name.startswith("ATHENA_")}
        own = {"PYTHONPATH": str(REPOSITORY), "BENCH_FOLDER": str(self.folder)}
        return {**inherited, **own, **self.settings, **self.server.environment}

    def prepare(self) -> None:
        """Have the queue make its tables."""
        with (self.folder / "prepare.log").open("ab") as log:
            subprocess.run(
                self.contender.command("prepare"),
                cwd=REPOSITORY,
                env=dict(self.environment),
                check=True,
                stdout=log,
                stderr=log,
            )

    def start_workers(self) -> list[subprocess.Popen[bytes]]:
        command, log = self.contender.command("work"), self.folder / "work.log"
        started = [
            trees.start(command, log=log, environment=self.environment)
            for _ in range(self.contender.peer.processes)
        ]
        self.running += started
        return started

    def start_producers(self, count: int) -> list[Producer]:
        """All of them at once, and then wait: most of their start is imports."""
        started = [self._producer() for _ in range(count)]
        for producer in started:
            producer.expect("ready")
        return started

    def _producer(self) -> Producer:
        with (self.folder / "enqueue.log").open("ab") as log:
            process = subprocess.Popen(
                self.contender.command("enqueue"),
                cwd=REPOSITORY,
                env=dict(self.environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self.running.append(process)
        return Producer(process)

    def count(self, name: str) -> int:
        return job.count(self.folder, name)

    def log(self) -> str:
        """The end of what its programs have said."""
        files = sorted(self.folder.glob("*.log"))
        return "\n".join(file.read_text(errors="replace")[-1500:] for file in files)


@dataclass(frozen=True, slots=True)
class Producer:
    """A process that puts jobs in, one after another."""

    process: subprocess.Popen[bytes]

    def ask(self, **wanted: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(wanted).encode() + b"\n")
        self.process.stdin.flush()

    def expect(self, word: str) -> None:
        assert self.process.stdout is not None
        if (said := self.process.stdout.readline().decode().strip()) != word:
            raise RuntimeError(f"a producer said {said!r} instead of {word!r}")

    def do(self, **wanted: object) -> None:
        self.ask(**wanted)
        self.expect("done")


def find(name: str, peers_python: Path = _PEERS_PYTHON) -> Contender:
    """Raises: Absent."""
    python = Path(sys.executable) if name.startswith(_OWN) else peers_python
    if not python.exists():
        raise Absent(f"is not installed: {_INSTALL}")
    done = subprocess.run(
        _command(python, name, "describe"),
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
        timeout=_DESCRIBE_SECONDS,
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["it does not load"])[-1]
        raise Absent(f"{why}; to install: {_INSTALL}")
    told: dict[str, Any] = json.loads(done.stdout)
    versions = told.pop("versions")
    told |= {"backend": Backend(told["backend"]), "promise": Promise(told["promise"])}
    return Contender(name, Peer(**told), versions, python)


@contextmanager
def staged(
    contender: Contender, folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Stage]:
    """Server and folder for one measurement; everything that was started is ended after it."""
    folder.mkdir(parents=True)
    stage = Stage(contender, folder, SERVERS[contender.peer.backend](folder), settings or {})
    try:
        stage.server.start()
        if contender.peer.backend is Backend.POSTGRES:
            stage.prepare()
        yield stage
    except Exception as error:
        error.add_note(stage.log())
        raise
    finally:
        trees.kill(stage.running)
        stage.server.close()


def _command(python: Path, name: str, verb: str) -> Sequence[str]:
    return [str(python), "-m", "bench.peers.program", name, verb]
