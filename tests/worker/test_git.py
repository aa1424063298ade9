"""Git is run within bounds: of time, of output, of what it may see, and beside others."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from claude_task_client.worker import git as running
from claude_task_client.worker.git import Git, GitRefused, alone, git_environment
from claude_task_client.worker.job import WorkspaceTrouble
from tests.worker.repositories import Project


@pytest.fixture
def git(project: Project) -> Git:
    environment = git_environment(project.environment)
    return Git(git_dir=project.path / ".git", work_tree=project.path, environment=environment)


def alias(project: Project, command: str) -> str:
    """A command of git's that runs a line of shell."""
    project.git("config", "alias.act", f"!{command}")
    return "act"


async def test_a_lock_that_somebody_holds_for_a_moment_is_waited_for(project, git):
    """The owner works with git as well."""
    lock = project.path / ".git" / "index.lock"
    lock.write_text("")
    freed = threading.Timer(0.3, lock.unlink)
    freed.start()

    await git.run("read-tree", "HEAD")

    freed.join()
    assert not lock.exists()


async def test_a_lock_that_stays_is_named(project, git, monkeypatch):
    """Another try may do, once somebody has looked."""
    monkeypatch.setattr(running, "BUSY_WAITS_SECONDS", (0.01, 0.01))
    (project.path / ".git" / "index.lock").write_text("")

    with pytest.raises(GitRefused, match=r"index\.lock") as refused:
        await git.run("read-tree", "HEAD")

    assert refused.value.transient


async def test_what_takes_too_long_is_ended_with_all_it_started(project, git):
    """A helper that waits for somebody's password."""
    mark = project.root / "pid"
    act = alias(project, f"sh -c 'echo $$ > {mark}; exec sleep 1000'")

    with pytest.raises(GitRefused, match="not done after 5 s") as refused:
        await git.run(act, timeout_seconds=5.0)

    assert refused.value.transient
    await _gone(mark)


async def test_a_cancelled_task_leaves_no_git_behind(project, git):
    """Everything that a task started ends with it."""
    mark = project.root / "pid"
    act = alias(project, f"sh -c 'echo $$ > {mark}; exec sleep 1000'")
    running_task = asyncio.create_task(git.run(act))
    await _until(lambda: mark.exists() and bool(mark.read_text()))

    running_task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running_task

    await _gone(mark)


async def test_an_output_that_was_cut_is_never_taken_for_whole(project, git, monkeypatch):
    """A list of files without its end would be a commit without them."""
    monkeypatch.setattr(running, "OUTPUT_BYTES_MAX", 1000)
    act = alias(project, "seq 1 10000")

    with pytest.raises(GitRefused, match="longer than"):
        await git.run(act)
    cut = await git.run_cut(act)

    assert (len(cut.out), cut.is_whole) == (1000, False)


async def test_nobody_is_asked_for_a_password(project, git):
    """There is no terminal, and no window to open."""
    act = alias(project, "env")

    seen = (await git.run(act)).text

    assert "GIT_TERMINAL_PROMPT=0" in seen
    assert "ATHENA" not in seen


async def test_users_and_passwords_in_addresses_are_not_repeated(git):
    """An error goes to Discord."""
    address = "https://ada:hunter2@127.0.0.1:1/app.git"

    with pytest.raises(GitRefused) as refused:
        await git.reach("ls-remote", address, timeout_seconds=30)

    assert "127.0.0.1:1/app.git" in str(refused.value)
    assert "hunter2" not in str(refused.value)


async def test_one_at_a_time_holds_a_lock(tmp_path):
    """In one process and between several."""
    inside: list[int] = []

    async def enter(number: int) -> None:
        async with alone(tmp_path / "lock"):
            inside.append(number)
            await asyncio.sleep(0)
            assert inside.pop() == number

    await asyncio.gather(*(enter(number) for number in range(20)))

    assert inside == []


async def test_a_lock_is_held_until_what_a_killed_worker_began_has_ended(project, git, tmp_path):
    """A local git keeps the lock's file open; the worker's own end does not free it."""
    lock, gate = tmp_path / "lock", tmp_path / "gate"
    act = alias(project, f"touch {tmp_path}/begun; while [ ! -e {gate} ]; do sleep 0.05; done #")

    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT)
    running._try_lock(descriptor)
    begun = asyncio.create_task(replace(git, held=(descriptor,)).run(act))
    await _until((tmp_path / "begun").exists)

    os.close(descriptor)  # as its death would

    with pytest.raises(WorkspaceTrouble, match="see whether a git process hangs"):
        async with alone(lock, seconds=0.2):
            pass
    gate.touch()
    await begun
    async with alone(lock, seconds=20.0):
        pass


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  it is another process that changes
            await asyncio.sleep(0.01)


async def _gone(mark: Path) -> None:
    """The process ends; whoever adopts it takes a moment to notice."""

    def is_gone() -> bool:
        try:
            return psutil.Process(int(mark.read_text())).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    await _until(is_gone)
