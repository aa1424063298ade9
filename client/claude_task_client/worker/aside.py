"""Runs beside a task's own conversation: an auditor, or whoever else only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from claude_task_client.worker.executor import (
    Answer,
    Desk,
    Executor,
    LineKind,
    Outcome,
    Question,
    Turn,
)


class Aside:
    """An executor whose runs are heard, but can neither ask anybody nor pass for the task's own."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def run(self, turn: Turn, desk: Desk) -> Outcome:
        """Run to the end; see `Executor`."""
        quiet = desk if isinstance(desk, QuietDesk) else QuietDesk(desk)
        return await self._executor.run(turn, quiet)


class QuietDesk:
    """What is left of a desk where nobody is asked.

    The conversation is not the one that the task goes on with, and what people say is not for it.
    `who` speaks: its lines are told apart from those of the task's own agent.
    """

    def __init__(self, desk: Desk, *, who: str | None = None) -> None:
        self._desk = desk
        self._prefix = f"{who}: " if who else ""

    async def ask(self, question: Question) -> Answer | None:  # noqa: ARG002  a desk's shape
        """Nobody is asked: what only reads needs no leave."""
        return Answer(text="deny", note="Nobody can be asked here: read, and judge by that.")

    def is_allowed(self, tool: str, tool_input: Mapping[str, object]) -> bool:  # noqa: ARG002
        """What was allowed, was allowed to the task's own agent."""
        return False

    def log(self, kind: LineKind, text: str) -> None:
        """Write a line of the transcript."""
        self._desk.log(kind, f"{self._prefix}{text}")

    def progress(self, message: str) -> None:
        """Say what is being done now."""
        self._desk.progress(f"{self._prefix}{message}")

    def started(self, session_id: str) -> None:
        """Nothing goes on with this conversation."""

    def inject(self) -> Sequence[str]:
        """What people say waits for the task's own agent."""
        return ()
