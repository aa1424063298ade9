"""Executes a turn with a program of the project's own, where its config turns that on.

The task's text is never part of a command: it goes in on standard input, and as a file. So nothing
that a person writes into a task is ever read by a shell, unless that program does so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from claude_task_client.worker import processes
from claude_task_client.worker.executor import Desk, End, LineKind, Outcome, Turn, Usage
from claude_task_client.worker.processes import Errors, NotStarted, Process
from claude_task_client.worker.strays import RUN_VARIABLE

PROMPT_FILE: Final = "task.txt"
PROMPT_VARIABLE: Final = "ATHENA_TASK_FILE"
ID_VARIABLE: Final = "ATHENA_TASK_ID"

LINE_BYTES_MAX: Final = 4_000
TAIL_CHARACTERS_MAX: Final = 4_000
PROGRESS_CHARACTERS_MAX: Final = 200


class ShellExecutor:
    """Runs `command`, a program with its arguments; exit code 0 is a finished task."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = command
        self._environment = environment

    async def run(self, turn: Turn, desk: Desk) -> Outcome:
        """Run to the end. Cancelled, it ends every process of the run before it raises."""
        prompt = turn.prompt or ""
        told = {
            PROMPT_VARIABLE: str(_write(turn.temporary, prompt)),
            ID_VARIABLE: str(turn.task_id),
            "TMPDIR": str(turn.temporary),
        }
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with processes.start(
                self._command,
                folder=turn.folder,
                environment={**self._environment, **told},
                run_id=self._environment.get(RUN_VARIABLE, f"athena-{turn.task_id}"),
                stdin=prompt.encode(),
                errors=Errors.WITHIN,
            ) as process:
                outcome = await self._follow(process, turn, desk)
        except NotStarted as error:
            return Outcome(end=End.CRASHED, error=str(error))
        milliseconds = round((loop.time() - started) * 1000)
        return replace(outcome, usage=Usage(num_turns=1, duration_ms=milliseconds))

    async def _follow(self, process: Process, turn: Turn, desk: Desk) -> Outcome:
        tail = ""
        try:
            async with asyncio.timeout(turn.timeout_seconds):
                async for line in _lines(process, turn.silence_seconds):
                    tail = f"{tail}{line}\n"[-TAIL_CHARACTERS_MAX:]
                    _tell(desk, line)
                code = await process.exited()
        except _Silent:
            error = f"Nothing was printed for {turn.silence_seconds:.0f} s."
            return Outcome(end=End.SILENT, text=tail, error=error)
        except TimeoutError:
            error = f"It took longer than {turn.timeout_seconds:.0f} s."
            return Outcome(end=End.TIMED_OUT, text=tail, error=error)
        if code == 0:
            return Outcome(end=End.FINISHED, text=tail.strip())
        error = f"{self._command[0]} ended with exit code {code}:\n{tail}".strip()
        return Outcome(end=End.FAILED, text=tail, error=error)


class _Silent(Exception):
    """Nothing was printed for too long."""


async def _lines(process: Process, silence_seconds: float) -> AsyncIterator[str]:
    """Its output, line by line. Raises: _Silent."""
    lines = process.lines(LINE_BYTES_MAX)
    while True:
        try:
            async with asyncio.timeout(silence_seconds):
                line = await anext(lines)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise _Silent from None
        yield line.decode(errors="replace")


def _tell(desk: Desk, line: str) -> None:
    if line.strip():
        desk.log(LineKind.TEXT, line)
        desk.progress(line.strip()[:PROGRESS_CHARACTERS_MAX])


def _write(temporary: Path, prompt: str) -> Path:
    file = temporary / PROMPT_FILE
    file.write_text(prompt, encoding="utf-8")
    return file.absolute()
