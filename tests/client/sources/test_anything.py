"""Whatever people, workers and kills do, in whatever order: documents and tasks stay in step."""

from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable, Callable

import pytest

from claude_task_client.sources.layout import COMPLETED, FAILED, PENDING
from claude_task_client.wire import ENDED
from tests.client.sources.folders import Watched, text

STEPS = 40
STEMS = [f"task-20261122-12000{number}-{word}" for number, word in enumerate(("a", "b", "c", ""))]
STEMS = [stem.rstrip("-") for stem in STEMS]


class World:
    """A source, all that may happen to it, and what must be so afterwards."""

    def __init__(self, inbox: Watched, seed: int) -> None:
        self.inbox = inbox
        self.dice = random.Random(seed)
        self.words = (f"word-{number}." for number in itertools.count())
        self.alive: set[str] = set()
        self.submitted = 0
        self.history: list[str] = []

    def _waiting(self) -> list[str]:
        return [stem for stem in STEMS if self.inbox.path(PENDING, stem).exists()]

    def _word(self, stem: str, folder: str = PENDING) -> str:
        content = self.inbox.path(folder, stem).read_text("utf-8")
        return next(word for word in content.split() if word.startswith("word-"))

    # --- people

    async def drop(self) -> None:
        stem, word = self.dice.choice(STEMS), next(self.words)
        if stem in self._waiting():
            self.alive.discard(self._word(stem))
        else:
            self.submitted += 1
        self.inbox.drop(stem, text(task=f"Do {word}"))
        self.alive.add(word)

    async def touch(self) -> None:
        for stem in self._waiting()[:1]:
            path = self.inbox.path(PENDING, stem)
            path.write_text(path.read_text("utf-8"), "utf-8")

    async def take_away(self) -> None:
        for stem in self.dice.sample(self._waiting(), k=min(1, len(self._waiting()))):
            self.alive.discard(self._word(stem))
            self.inbox.path(PENDING, stem).unlink()

    async def rename(self) -> None:
        waiting = self._waiting()
        # A name whose task runs without its document is not free: whoever takes it has to wait.
        taken = {*waiting, *self.inbox.desk.records.all_open()}
        free = [stem for stem in STEMS if stem not in taken]
        if waiting and free:
            old, new = self.dice.choice(waiting), self.dice.choice(free)
            self.inbox.path(PENDING, old).rename(self.inbox.path(PENDING, new))

    async def put_back(self) -> None:
        done = [
            (folder, stem)
            for folder in (COMPLETED, FAILED)
            for stem in STEMS
            if self.inbox.path(folder, stem).exists() and stem not in self._waiting()
        ]
        if done:
            folder, stem = self.dice.choice(done)
            self.inbox.path(folder, stem).rename(self.inbox.path(PENDING, stem))
            self.submitted += 1

    # --- workers, and people at Athena

    async def _claimable(self) -> bool:
        return any(task.readiness == "ready" for task in await self.inbox.tasks())

    async def complete(self) -> None:
        if await self._claimable():
            await self.inbox.end(lambda worker, task: worker.complete(task))

    async def fail(self) -> None:
        if await self._claimable():
            await self.inbox.end(lambda worker, task: worker.fail(task, "no", retry=False))

    async def claim(self) -> None:
        if await self._claimable():
            await self.inbox.claimed()

    async def finish(self) -> None:
        for task in await self.inbox.tasks():
            if task.status == "in_progress":
                self.inbox.server.ask(
                    "POST", f"/api/tasks/{task.id}/complete", {"instance": "worker"}
                )

    async def cancel(self) -> None:
        for task in await self.inbox.tasks():
            if not task.has_ended:
                await self.inbox.athena.cancel(task.id)
                return

    async def retry(self) -> None:
        """Of a document's last task: that of an earlier time has no document any more."""
        for stem in self.dice.sample(STEMS, k=len(STEMS)):
            ended = self.inbox.desk.records.ended(stem)
            is_there = any(self.inbox.path(name, stem).exists() for name in (COMPLETED, FAILED))
            is_its_own = ended is not None and ended.status in ENDED
            is_last = self.inbox.open_record(stem) is None and stem not in self._waiting()
            if ended is not None and is_its_own and is_there and is_last:
                await self.inbox.athena.retry(ended.task_id or 0)
                return

    # --- what breaks

    async def kill(self) -> None:
        self.inbox.desk.close()
        self.inbox.begin_anew()

    async def damage(self) -> None:
        records = sorted((self.inbox.layout.own / "open").iterdir())
        if records:
            self.dice.choice(records).write_text("{")

    # --- what must be so

    async def step(self) -> None:
        acts: list[Callable[[], Awaitable[None]]] = [
            self.drop, self.drop, self.touch, self.take_away, self.rename, self.put_back,
            self.complete, self.complete, self.fail, self.claim, self.finish, self.cancel,
            self.retry, self.kill, self.damage,
        ]  # fmt: skip
        act = self.dice.choice(acts)
        self.history.append(act.__name__)
        await act()
        await self.inbox.look()
        await self.inbox.look()

    async def check(self) -> None:
        """Nothing is lost, nothing is done twice, and everything is where it belongs."""
        found = [
            self._word(path.name.removesuffix(".md"), folder)
            for folder in (PENDING, COMPLETED, FAILED)
            for path in (self.inbox.source.path / folder).glob("*.md")
        ]
        assert self.alive <= set(found), "a document was lost"
        assert len(found) == len(set(found)), "a document was doubled"
        tasks = await self.inbox.tasks()
        records = self.inbox.desk.records.all_open()
        assert set(self._waiting()) <= set(records), "a document is nobody's"
        later = [stem for stem in self._waiting() if records[stem].is_absent]
        assert len(tasks) + len(later) == self.submitted, "not one task a document"
        unfinished = {task.id for task in tasks if not task.has_ended}
        assert {record.task_id for record in records.values()} == unfinished


@pytest.mark.parametrize("seed", range(6))
async def test_documents_and_tasks_stay_in_step(inbox, seed):
    """Each text is somewhere, each document is one task, and each open task has its record."""
    world = World(inbox, seed)
    for _ in range(STEPS):
        await world.step()
        try:
            await world.check()
        except AssertionError as error:
            raise AssertionError(f"{error} after {world.history}; {inbox.said[-8:]}") from error
