"""A worker that is killed with -9 while a task leaves its folder, or comes back, loses no work."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path

import pytest

from tests.worker.repositories import Project, write

KILLS = 15
ROOT = Path(__file__).parents[2]
FILES = {f"work/{number}.txt": f"{number}\n" * 50 for number in range(200)}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
async def test_the_work_and_the_owner_s_files_outlive_every_kill(tmp_path, seed):
    """The owner writes and commits between the kills; in the end all of it is there."""
    project = Project(tmp_path).make()
    first = await project.in_place().prepare()
    write(project.path, {**FILES, "app.py": "print('of the task')\n"})
    chance = random.Random(seed)

    for number in range(KILLS):
        await _killed(project, seconds=chance.uniform(0.0, 0.3))
        write(project.path, {f"mine/{number}.txt": f"{number}\n"})
    place = await project.in_place().prepare()

    assert project.head(first.base) == first.base
    for name, text in FILES.items():
        assert (project.path / name).read_text() == text
    assert (project.path / "app.py").read_text() == "print('of the task')\n"
    for number in range(KILLS):
        assert (project.path / f"mine/{number}.txt").read_text() == f"{number}\n"
    assert place.returned is not None
    assert (place.returned.conflicts, place.returned.is_whole) == ((), True)
    assert project.refs("refs/athena") == []
    assert project.git("fsck", "--no-dangling") == ""
    diff = await project.in_place().diff()
    assert all(name in diff for name in FILES)


async def _killed(project: Project, *, seconds: float) -> None:
    """Let it leave and come back for so long, and kill it alone: not what it has started."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.worker.leaving_worker", str(project.root)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "client")},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.readline()
    await asyncio.sleep(seconds)
    assert process.returncode is None
    process.kill()
    await process.wait()
