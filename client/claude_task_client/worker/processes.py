"""Programs that are run for a task: started through the keeper, and ended with all they started.

Three fences, each of which holds by itself where the one before has failed:

- the keeper (`keeper.py`) ends everything when the program ends, when it is told to, and when the
  worker is killed;
- where the keeper is killed, the program dies with it (Linux), and the worker ends the rest, which
  it knows by the variable `ATHENA_RUN` in their environment;
- where both were killed, the next worker does so at its start (`end_strays`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from claude_task_client.worker.strays import RUN_VARIABLE, end_strays

KEEPER = Path(__file__).with_name("keeper.py")

GRACE_SECONDS = 5.0  # from TERM to KILL
KEEPER_SECONDS = 15.0  # beyond the grace; the keeper gives up by itself after 10
LINE_BYTES_MAX = 64 * 1024 * 1024  # a tool's result of the real program may hold a whole file
CHUNK_BYTES = 256 * 1024
ERROR_BYTES_MAX = 64 * 1024
NOT_STARTED = 127  # as a shell has it

log = logging.getLogger(__name__)


class Errors(StrEnum):
    """Where a program's standard error goes."""

    APART = "apart"  # its end is kept: `Process.error_tail`
    WITHIN = "within"  # into its output, in order


class NotStarted(OSError):
    """The program could not be started."""


@asynccontextmanager
async def start(
    argv: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    run_id: str,
    stdin: bytes | None = b"",
    secrets: Mapping[str, str] | None = None,
    errors: Errors = Errors.APART,
    grace_seconds: float = GRACE_SECONDS,
) -> AsyncIterator[Process]:
    """Run a program in `folder`, with this environment and nothing of the worker's.

    `stdin`: what it reads; None leaves it open for `Process.write`. `secrets`: texts that it reads
    once from open files, whose numbers it finds in these variables. Leaving the block ends the
    program and all that it started, however it is left.

    Raises: NotStarted.
    """
    files = {name: _readable(secret) for name, secret in (secrets or {}).items()}
    numbers = {name: str(number) for name, number in files.items()}
    order = Order(
        argv=argv,
        folder=folder,
        environment={**environment, **numbers, RUN_VARIABLE: run_id},
        files=list(files.values()),
        stdin=stdin,
        errors=errors,
    )
    process = Process(run_id)
    try:
        await process.start(order)
        yield process
    finally:
        try:
            await process.end(grace_seconds)
        finally:
            process.release()


def _readable(text: str) -> int:
    """A file that gives the text once, to whoever has it open."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        os.write(writer, text.encode())
    finally:
        os.close(writer)
    return reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be started, as `start` has it; `files` are open ones that it inherits."""

    argv: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    files: Sequence[int]
    stdin: bytes | None
    errors: Errors


class Process:
    """A program and all that it started. Made by `start`.

    `returncode` is None while the program runs; minus the signal that ended it; -9 also where the
    keeper was killed and the program's own end is not known. `survivors`: who cannot be ended.
    """

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.pid: int | None = None
        self.returncode: int | None = None
        self.survivors: Sequence[int] = ()
        self._keeper: subprocess.Popen[bytes] | None = None
        self._failure: str | None = None
        self._errors = b""
        self._told = asyncio.Event()  # the keeper has said something, or has gone
        self._gone = asyncio.Event()  # the keeper
        self._tasks: list[asyncio.Task[None]] = []
        self._pipes: list[asyncio.BaseTransport] = []
        self._stdin: asyncio.StreamWriter | None = None
        self._stdout = asyncio.StreamReader()
        self._channel, self._keepers = socket.socketpair()
        self._channel.setblocking(False)

    @property
    def error_tail(self) -> str:
        """The end of its standard error, where that goes apart."""
        return self._errors.decode(errors="replace").strip()

    async def write(self, data: bytes) -> None:
        """Onto its standard input; nothing happens where nobody reads any more."""
        if self._stdin is not None and not self._stdin.is_closing():
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._stdin.write(data)
                await self._stdin.drain()

    def close_input(self) -> None:
        """Nothing more will be written."""
        if self._stdin is not None:
            self._stdin.close()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Its output as it comes, until all that hold it have closed it."""
        while chunk := await self._stdout.read(CHUNK_BYTES):
            yield chunk

    async def lines(self, bytes_max: int = LINE_BYTES_MAX) -> AsyncIterator[bytes]:
        """Its output by lines, without their ends; the rest of a longer line is left out."""
        pending = bytearray()
        async for chunk in self.chunks():
            *whole, rest = chunk.split(b"\n")
            for piece in whole:
                pending += piece[: bytes_max - len(pending)]
                yield bytes(pending)
                pending.clear()
            pending += rest[: bytes_max - len(pending)]
        if pending:
            yield bytes(pending)

    async def exited(self) -> int:
        """The exit code of the program itself, at once; what it left behind may still live."""
        while self.returncode is None and not self._gone.is_set():
            self._told.clear()
            await self._told.wait()
        return self.returncode if self.returncode is not None else await self.wait()

    async def wait(self) -> int:
        """The exit code of the program, once it and all that it started have gone."""
        await self._gone.wait()
        if self._keeper is not None:
            self._keeper.wait()  # it has closed the channel, so it is as good as gone
        if self.returncode is None:
            log.warning("the keeper of run %s was killed: ending what it kept", self.run_id)
            await end_strays(self.run_id)
            self.returncode = -signal.SIGKILL
        return self.returncode

    async def end(self, grace_seconds: float = GRACE_SECONDS) -> int:
        """TERM to all, KILL after the grace; returns when none is left. May be called again."""
        if self._keeper is None:
            return NOT_STARTED
        with contextlib.suppress(OSError):
            self._channel.send(f"end {grace_seconds}\n".encode())
        try:
            async with asyncio.timeout(grace_seconds + KEEPER_SECONDS):
                return await self.wait()
        except TimeoutError:
            log.warning("run %s does not end: killing its keeper", self.run_id)
            self._keeper.kill()
            return await self.wait()

    async def start(self, order: Order) -> None:
        """Start it, and wait until it runs; for `start` alone.

        Raises: NotStarted.
        """
        try:
            await self._connect(self._popen(order))
        except OSError as error:
            what = f"{order.argv[0]} cannot be started in {order.folder}"
            raise NotStarted(f"{what}: {error}") from error
        finally:
            self._keepers.close()
            for file in order.files:
                os.close(file)
        self._tasks.append(asyncio.create_task(self._hear()))
        await self._told.wait()
        if self.pid is None:
            raise NotStarted(self._failure or "the keeper ended before it began")
        if order.stdin:
            self._tasks.append(asyncio.create_task(self._feed(order.stdin)))

    def release(self) -> None:
        """Let go. What was not waited for, the keeper ends by itself, since the channel closes."""
        for task in self._tasks:
            task.cancel()
        self.close_input()
        for pipe in self._pipes:
            pipe.close()
        self._channel.close()

    async def _connect(self, keeper: subprocess.Popen[bytes]) -> None:
        self._keeper = keeper
        if keeper.stdout is not None:
            await self._read(keeper.stdout, self._stdout)
        if keeper.stderr is not None:
            stderr = asyncio.StreamReader()
            await self._read(keeper.stderr, stderr)
            self._tasks.append(asyncio.create_task(self._keep_errors(stderr)))
        if keeper.stdin is not None:
            self._stdin = await self._writer(keeper.stdin)

    def _popen(self, order: Order) -> subprocess.Popen[bytes]:
        passed = [self._keepers.fileno(), *order.files]
        numbers = ",".join(map(str, passed))
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(KEEPER), numbers, "--", *order.argv],
            cwd=order.folder,
            env=order.environment,
            stdin=subprocess.DEVNULL if order.stdin == b"" else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if order.errors is Errors.APART else subprocess.STDOUT,
            pass_fds=passed,
            start_new_session=True,
            bufsize=0,
        )

    async def _read(self, pipe: IO[bytes], reader: asyncio.StreamReader) -> None:
        loop = asyncio.get_running_loop()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_read_pipe(lambda: protocol, pipe)
        self._pipes.append(transport)

    async def _writer(self, pipe: IO[bytes]) -> asyncio.StreamWriter:
        loop = asyncio.get_running_loop()
        protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
        transport, _ = await loop.connect_write_pipe(lambda: protocol, pipe)
        return asyncio.StreamWriter(transport, protocol, None, loop)

    async def _feed(self, data: bytes) -> None:
        await self.write(data)
        self.close_input()

    async def _hear(self) -> None:
        """Note what the keeper says, until it goes."""
        loop, heard = asyncio.get_running_loop(), b""
        with contextlib.suppress(ConnectionResetError):
            while piece := await loop.sock_recv(self._channel, 4096):
                *said, heard = (heard + piece).split(b"\n")
                for words in said:
                    self._note(*words.decode().partition(" ")[::2])
        self._gone.set()
        self._told.set()

    def _note(self, what: str, more: str) -> None:
        match what:
            case "started":
                self.pid = int(more)
            case "failed":
                self._failure, self.returncode = more, NOT_STARTED
            case "ended":
                self.returncode = int(more)
            case "left":
                self.survivors = [int(pid) for pid in more.split(",") if pid]
                log.error("run %s: processes %s cannot be ended", self.run_id, more)
        self._told.set()

    async def _keep_errors(self, errors: asyncio.StreamReader) -> None:
        while chunk := await errors.read(CHUNK_BYTES):
            self._errors = (self._errors + chunk)[-ERROR_BYTES_MAX:]
