"""A worker that is killed with -9 at any moment loses no work and does nothing twice."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path

import pytest

from tests.worker.repositories import Project

TASKS = (1, 2, 3, 4)
KILLS = 10
ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
async def test_every_task_ends_once_however_often_its_worker_is_killed(tmp_path, seed):
    """Four tasks at once on one repository, each killed ten times wherever it is."""
    project = Project(tmp_path).make().with_remote()
    project.commit("much", {f"src/{n}.txt": f"{n}\n" * 50 for n in range(400)})
    project.git("push", "--quiet")
    chance = random.Random(seed)

    await asyncio.gather(*(_killed_often(project, task, chance) for task in TASKS))

    for task in TASKS:
        branch = f"athena/task-{task}"
        assert project.git("rev-list", "--count", f"main..{branch}") == "1"
        assert f"Athena-Task: {task}" in project.git("log", "-1", "--format=%B", branch)
        assert len(project.git("diff", "--name-only", "main", branch).splitlines()) == 40
        assert project.head(branch, at=project.remote) == project.head(branch)
    assert len(project.git("worktree", "list").splitlines()) == 1
    assert project.refs("refs/athena") == []
    assert project.git("fsck", "--no-dangling") == ""
    assert list((project.state / "worktrees" / "app").iterdir()) == []
    assert project.git("status", "--porcelain") == ""


async def _killed_often(project: Project, task: int, chance: random.Random) -> None:
    for _ in range(KILLS):
        await _run(project, task, seconds=chance.uniform(0.0, 0.1))
    assert await _run(project, task, seconds=60.0) == 0


async def _run(project: Project, task: int, *, seconds: float) -> int | None:
    """Let the worker run, at the most for so long, and kill it alone: not what it has started."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.worker.workspace_worker", str(project.root), str(task)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "client")},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.readline()  # it begins now
    try:
        async with asyncio.timeout(seconds):
            return await process.wait()
    except TimeoutError:
        process.kill()
        return await process.wait()
