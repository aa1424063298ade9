"""What a run starts ends with it, whatever it does to stay and whoever is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from claude_task_client.worker import processes
from claude_task_client.worker.processes import Errors, NotStarted
from claude_task_client.worker.strays import end_strays

ROOT = Path(__file__).parents[2]
PATH = {"PATH": os.environ["PATH"]}

# Starts processes that try to stay, each in a way of its own, says their ids, and waits.
STAYERS = """
import os, signal, subprocess, sys, time
stay = "import signal, time; {}; open(__import__('sys').argv[1], 'w').close(); time.sleep(600)"
def stayer(name, how="", **more):
    file = f"{name}.ready"
    child = subprocess.Popen([sys.executable, "-c", stay.format(how or "pass"), file], **more)
    while not os.path.exists(file): time.sleep(0.01)
    return child.pid
pids = [
    stayer("plain"),
    stayer("session", start_new_session=True),
    stayer("deaf", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"),
    stayer("nameless", env={"PATH": os.environ["PATH"]}),
]
reader, writer = os.pipe()
if os.fork() == 0:                       # the classic daemon: its parent and its session are gone
    os.setsid()
    if os.fork():
        os._exit(0)
    os.write(writer, str(stayer("daemon")).encode() + b" " + str(os.getpid()).encode())
    time.sleep(600)
os.wait()
pids += [int(word) for word in os.read(reader, 100).split()]
print(*pids, flush=True)
if "leave" not in sys.argv:
    time.sleep(600)
"""


def lives(pid: int) -> bool:
    """Whether it is there, and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


@pytest.fixture
def run_id() -> str:
    return f"test-{uuid.uuid4().hex}"


async def first_line(process: processes.Process) -> str:
    async for line in process.lines():
        return line.decode()
    raise AssertionError(f"it said nothing: {process.error_tail}")


async def test_a_program_gets_its_input_and_environment_and_nothing_else(
    tmp_path: Path, run_id: str
):
    """What is not given is not there: neither variables nor files of the worker."""
    script = (
        "import os, sys; print(sys.stdin.read(), sorted(os.environ), os.listdir('/proc/self/fd'))"
    )

    async with processes.start(
        [sys.executable, "-S", "-c", script],
        folder=tmp_path,
        environment={"LC_ALL": "C.UTF-8"},
        run_id=run_id,
        stdin=b"hello",
    ) as process:
        said = await first_line(process)
        code = await process.wait()

    assert said == "hello ['ATHENA_RUN', 'LC_ALL'] ['0', '1', '2', '3']"
    assert (code, process.returncode, process.error_tail) == (0, 0, "")


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 3", 3), ("kill -9 $$", -9), ("kill -15 $$", -15), ("echo bad >&2; exit 1", 1)],
)
async def test_the_exit_code_is_the_programs(tmp_path: Path, run_id: str, script: str, code: int):
    """The keeper in between does not show."""
    async with processes.start(
        ["sh", "-c", script], folder=tmp_path, environment=PATH, run_id=run_id
    ) as process:
        assert await process.exited() == code
        assert await process.wait() == code

    assert process.error_tail == ("bad" if "bad" in script else "")


async def test_errors_come_within_the_output_where_wanted(tmp_path: Path, run_id: str):
    """A test command's output is read as a person would see it."""
    async with processes.start(
        ["sh", "-c", "echo a; echo b >&2; echo c; printf d"],
        folder=tmp_path,
        environment=PATH,
        run_id=run_id,
        errors=Errors.WITHIN,
    ) as process:
        lines = [line async for line in process.lines()]

    assert lines == [b"a", b"b", b"c", b"d"]


async def test_of_an_endless_line_the_rest_is_left_out(tmp_path: Path, run_id: str):
    """Memory is bounded whatever the program prints."""
    script = "print('x' * 3_000_000); print('y')"
    async with processes.start(
        [sys.executable, "-c", script], folder=tmp_path, environment=PATH, run_id=run_id
    ) as process:
        lines = [line async for line in process.lines(bytes_max=1000)]

    assert lines == [b"x" * 1000, b"y"]


async def test_a_conversation_over_open_input(tmp_path: Path, run_id: str):
    """Input left open is written to as the talk goes on."""
    async with processes.start(
        ["cat"], folder=tmp_path, environment=PATH, run_id=run_id, stdin=None
    ) as process:
        lines = process.lines()
        await process.write(b"one\n")
        first = await anext(lines)
        await process.write(b"two\n")
        second = await anext(lines)
        process.close_input()
        assert await process.wait() == 0

    assert (first, second) == (b"one", b"two")


@pytest.mark.parametrize("missing", ["program", "folder"])
async def test_what_cannot_be_started_is_said(tmp_path: Path, run_id: str, missing: str):
    """A missing program or folder is an error of the start, not an exit code."""
    argv = ["no-such-program"] if missing == "program" else ["true"]
    folder = tmp_path / "none" if missing == "folder" else tmp_path

    # Not everybody may look into every folder of a PATH that was handed down.
    path = {"PATH": os.defpath}

    with pytest.raises(NotStarted, match="No such file"):
        async with processes.start(argv, folder=folder, environment=path, run_id=run_id):
            pass


@pytest.mark.slow
@pytest.mark.parametrize("how", ["end", "leave", "cancel"])
async def test_nobody_stays(tmp_path: Path, run_id: str, how: str):
    """Other sessions, daemons, deaf and nameless ones: all end, however the run ends."""
    pids: list[int] = []
    said = asyncio.Event()

    async def run() -> None:
        argv = [sys.executable, "-c", STAYERS, *(["leave"] if how == "leave" else [])]
        async with processes.start(
            argv, folder=tmp_path, environment=PATH, run_id=run_id, grace_seconds=0.5
        ) as process:
            pids.extend(int(word) for word in (await first_line(process)).split())
            said.set()
            if how == "leave":
                assert await process.wait() == 0
            elif how == "cancel":
                await asyncio.sleep(600)

    running = asyncio.create_task(run())
    if how == "cancel":
        await said.wait()
        running.cancel()
    await asyncio.wait([running])

    assert running.cancelled() is (how == "cancel")
    assert len(pids) == 6
    assert [pid for pid in pids if lives(pid)] == []


@pytest.mark.slow
def test_nobody_stays_when_the_worker_is_killed(tmp_path: Path, run_id: str):
    """A worker killed with -9 says no word; the keeper ends the run all the same."""
    worker = textwrap.dedent(
        f"""
        import asyncio, sys
        from pathlib import Path
        from claude_task_client.worker import processes
        async def main():
            async with processes.start(
                [sys.executable, "-c", {STAYERS!r}], folder=Path({str(tmp_path)!r}),
                environment={PATH!r}, run_id={run_id!r},
            ) as process:
                async for line in process.lines():
                    print(line.decode(), flush=True)
        asyncio.run(main())
        """
    )
    started = subprocess.Popen(
        [sys.executable, "-c", worker], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert started.stdout is not None
    pids = [int(word) for word in started.stdout.readline().split()]

    started.kill()
    started.wait()
    started.stdout.close()

    assert len(pids) == 6
    wait_until(lambda: not any(lives(pid) for pid in pids))


@pytest.mark.slow
async def test_nobody_stays_when_the_keeper_is_killed(tmp_path: Path, run_id: str):
    """The program dies with its keeper; the worker finds the others by their environment."""
    async with processes.start(
        [sys.executable, "-c", STAYERS], folder=tmp_path, environment=PATH, run_id=run_id
    ) as process:
        pids = [int(word) for word in (await first_line(process)).split()]
        nameless = pids.pop(3)
        assert process.pid is not None
        keeper = parent(process.pid)

        os.kill(keeper, signal.SIGKILL)
        code = await process.wait()

    assert code == -signal.SIGKILL
    assert [pid for pid in [*pids, process.pid] if lives(pid)] == []
    os.kill(nameless, signal.SIGKILL)  # cleaned its environment and lost its keeper: out of reach


@pytest.mark.slow
async def test_strays_are_found_by_the_start_of_their_runs_name(tmp_path: Path, run_id: str):
    """What a worker and its keeper left, both killed, the next worker ends, and nothing else."""
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    script = f"import signal, time; {deaf}; print(flush=True); time.sleep(600)"

    def stray(name: str) -> subprocess.Popen[bytes]:
        started = subprocess.Popen(
            [sys.executable, "-c", script], env={"ATHENA_RUN": name}, stdout=subprocess.PIPE
        )
        assert started.stdout is not None
        started.stdout.readline()
        started.stdout.close()
        return started

    ours, other = stray(f"{run_id}/12/1"), stray(f"other-{run_id}")
    try:
        ended = await end_strays(run_id)

        assert ended == [ours.pid]
        assert ours.wait(30) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
