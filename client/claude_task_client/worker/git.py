"""Runs git: without the worker's secrets, without the repository's hooks, without a question asked.

Hooks and the file system monitor are programs that a task could have changed, and would run here
outside of everything a person has allowed: none of them runs for the worker's own commands. The
user's own set-up (identity, SSH keys, credential helpers, filters) works, since HOME is theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import signal
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from claude_task_client.worker.job import WorkspaceTrouble

LOCAL_SECONDS: Final = 300.0  # a checkout of a large repository on a slow disk
LOCK_SECONDS: Final = 120.0
LOCK_POLL_SECONDS: Final = 0.01
OUTPUT_BYTES_MAX: Final = 32 * 1024 * 1024
ERROR_BYTES_MAX: Final = 64 * 1024
CHUNK_BYTES: Final = 64 * 1024
# Other programs of the user hold git's own locks for a moment.
BUSY_WAITS_SECONDS: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)

PASSED: Final = frozenset(
    """
    PATH HOME USER LOGNAME TMPDIR XDG_CONFIG_HOME XDG_RUNTIME_DIR XDG_CACHE_HOME
    SSH_AUTH_SOCK SSH_AGENT_PID GNUPGHOME DBUS_SESSION_BUS_ADDRESS
    GIT_SSH GIT_SSH_COMMAND GIT_SSH_VARIANT GIT_SSL_CAINFO GIT_SSL_CAPATH SSL_CERT_FILE SSL_CERT_DIR
    GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_CONFIG_NOSYSTEM
    GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
    http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
    """.split()
)

_OPTIONS: Final = tuple(
    word
    for setting in (
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "core.quotePath=false",
        "core.safecrlf=false",
        "gc.auto=0",
        "maintenance.auto=false",
        "submodule.recurse=false",
        "fetch.recurseSubmodules=false",
        "push.recurseSubmodules=no",
    )
    for word in ("-c", setting)
)

_BUSY: Final = re.compile(r"\.lock': File exists|could not lock config file")
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]+@")


def git_environment(own: Mapping[str, str]) -> dict[str, str]:
    """What git may see of the worker's environment, and what keeps it from asking anybody."""
    kept = {name: value for name, value in own.items() if name in PASSED}
    return {
        **kept,
        "LC_ALL": "C",  # its words are read here
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "SSH_ASKPASS_REQUIRE": "never",
        "GCM_INTERACTIVE": "never",
    }


def without_credentials(text: str) -> str:
    """A text of git's without users and passwords in addresses."""
    return _CREDENTIALS.sub("", text)


class GitRefused(WorkspaceTrouble):
    """A command of git failed. `said` is what it wrote, for whoever knows what it means."""

    def __init__(self, command: str, said: str, *, transient: bool = False) -> None:
        self.said = without_credentials(said.strip())
        last = self.said[-1_000:] or "it said nothing"
        super().__init__(f"git {command}: {last}", transient=transient)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command of git wrote; of `out` the beginning, where it is more than was wanted."""

    code: int
    out: bytes
    said: str
    is_whole: bool

    @property
    def text(self) -> str:
        """Its output, as text without the last line end."""
        return self.out.decode(errors="surrogateescape").rstrip("\n")

    @property
    def lines(self) -> list[str]:
        """Its output by lines."""
        return self.text.splitlines()


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """Git on one repository; with `work_tree`, on one of its folders.

    Both are named to git and never looked for, so what a task writes into a `.git` file leads
    nowhere, and nothing outside is ever touched. `held` are files of locks, which local commands
    keep open: should the worker be killed, the next one waits until they have ended.
    """

    git_dir: Path
    environment: Mapping[str, str]
    work_tree: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    held: tuple[int, ...] = ()

    def knowing(self, **variables: str) -> Git:
        """The same, with further variables."""
        return replace(self, variables={**self.variables, **variables})

    async def run(
        self,
        *arguments: str,
        data: bytes = b"",
        codes: Collection[int] = (0,),
        timeout_seconds: float = LOCAL_SECONDS,
    ) -> Answer:
        """A local command.

        Raises: GitRefused where its exit code is none of `codes`, or its output beyond bounds.
        """
        answer = await self.run_cut(
            *arguments, data=data, codes=codes, timeout_seconds=timeout_seconds
        )
        if not answer.is_whole:
            limit = f"its output is longer than {OUTPUT_BYTES_MAX // 2**20} MiB"
            raise GitRefused(_name(arguments), limit)
        return answer

    async def run_cut(
        self,
        *arguments: str,
        data: bytes = b"",
        codes: Collection[int] = (0,),
        timeout_seconds: float = LOCAL_SECONDS,
    ) -> Answer:
        """As `run`; an output that is too long is cut."""
        waits = iter(BUSY_WAITS_SECONDS)
        while True:
            answer = await self._once(arguments, data, timeout_seconds, self.held)
            if answer.code in codes:
                return answer
            is_busy = _BUSY.search(answer.said) is not None
            wait_seconds = next(waits, None)
            if wait_seconds is None or not is_busy:
                raise GitRefused(_name(arguments), answer.said, transient=is_busy)
            await asyncio.sleep(wait_seconds)

    async def reach(self, *arguments: str, timeout_seconds: float) -> Answer:
        """A command that goes over the network. Raises: GitRefused."""
        answer = await self._once(arguments, b"", timeout_seconds, ())
        if answer.code != 0:
            raise GitRefused(_name(arguments), answer.said)
        return answer

    async def _once(
        self, arguments: Sequence[str], data: bytes, timeout_seconds: float, keep: Sequence[int]
    ) -> Answer:
        variables = dict(self.environment)
        variables["GIT_DIR"] = str(self.git_dir)
        if self.work_tree is not None:
            variables["GIT_WORK_TREE"] = str(self.work_tree)
        return await run_git(
            arguments,
            folder=self.work_tree or self.git_dir,
            environment={**variables, **self.variables},
            data=data,
            timeout_seconds=timeout_seconds,
            keep=keep,
        )


async def run_git(
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    data: bytes = b"",
    timeout_seconds: float = LOCAL_SECONDS,
    keep: Sequence[int] = (),
) -> Answer:
    """Run git to its end, or end it and all that it started when the time is over.

    Raises: GitRefused where it did not end in time; WorkspaceTrouble where there is no git.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            "git",
            *_OPTIONS,
            *arguments,
            cwd=folder,
            env=environment,
            stdin=asyncio.subprocess.PIPE if data else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # no terminal to ask on, and one group to end
            pass_fds=keep,
        )
    except FileNotFoundError as error:
        gone = str(error.filename) == str(folder)
        raise WorkspaceTrouble(f"{folder} is gone." if gone else "git is not installed.") from error
    try:
        async with asyncio.timeout(timeout_seconds):
            out, said, _ = await asyncio.gather(
                _collect(process.stdout, OUTPUT_BYTES_MAX + 1),
                _collect(process.stderr, ERROR_BYTES_MAX),
                _feed(process.stdin, data),
            )
            code = await process.wait()
    except TimeoutError as error:
        raise GitRefused(
            _name(arguments), f"not done after {timeout_seconds:.0f} s", transient=True
        ) from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    is_whole = len(out) <= OUTPUT_BYTES_MAX
    return Answer(code, out[:OUTPUT_BYTES_MAX], said.decode(errors="replace"), is_whole)


async def _collect(stream: asyncio.StreamReader | None, bytes_max: int) -> bytes:
    kept = bytearray()
    while stream is not None and (chunk := await stream.read(CHUNK_BYTES)):
        kept += chunk[: bytes_max - len(kept)]
    return bytes(kept)


async def _feed(stream: asyncio.StreamWriter | None, data: bytes) -> None:
    if stream is not None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stream.write(data)
            await stream.drain()
        stream.close()


def _name(arguments: Sequence[str]) -> str:
    words = iter(arguments)
    for word in words:
        if word != "-c":
            return word
        next(words, None)
    return ""


@contextlib.asynccontextmanager
async def alone(path: Path, *, seconds: float = LOCK_SECONDS) -> AsyncIterator[int]:
    """Keep other workers and tasks out for the length of the block; gives the lock's file.

    Raises: WorkspaceTrouble where it is not free in time.
    """
    with _opened(path) as descriptor:
        try:
            async with asyncio.timeout(seconds):
                while not _try_lock(descriptor):  # noqa: ASYNC110  the other is another process
                    await asyncio.sleep(LOCK_POLL_SECONDS)
        except TimeoutError as error:
            raise WorkspaceTrouble(
                f"Something has held {path} for {seconds:.0f} s: see whether a git process hangs.",
                transient=True,
            ) from error
        yield descriptor


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise WorkspaceTrouble(f"Cannot write {path}: {error.strerror or error}.") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
