"""Runs the project's own commands as proof: to their end, or to the end of their time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from claude_task_client.worker.config import Command
from claude_task_client.worker.job import Check
from claude_task_client.worker.processes import Errors, NotStarted, Process, start

TAIL_BYTES_MAX: Final = 64 * 1024
TAIL_CHARACTERS_MAX: Final = 6_000
NOT_STARTED: Final = 127  # as the shell has it

# Colours, titles and links of terminals; then all that is no text.
_ESCAPES: Final = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)", re.DOTALL)
_CONTROLS: Final = re.compile(r"[^\S \t\n]|[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class ProcessChecks:
    """Implements `Checks`.

    `environment` is the task's clean one, with a TMPDIR of its own; `run_id` marks the processes,
    so that those of a worker that was killed are found.
    """

    def __init__(self, environment: Mapping[str, str], *, run_id: str) -> None:
        self._environment = environment
        self._run_id = run_id

    async def run(self, command: Command, *, folder: Path, timeout_seconds: float) -> Check:
        """Run it; nothing that it started is left when this returns."""
        argv = ("/bin/sh", "-c", command) if isinstance(command, str) else tuple(command)
        clock = asyncio.get_running_loop().time
        began, output = clock(), _Tail()
        try:
            async with start(
                argv,
                folder=folder,
                environment=self._environment,
                run_id=self._run_id,
                errors=Errors.WITHIN,
            ) as process:
                code = await _end(process, output, timeout_seconds)
        except NotStarted as error:
            code, output = NOT_STARTED, _Tail(str(error).encode())
        return Check(
            command=command if isinstance(command, str) else " ".join(command),
            exit_code=code,
            tail=output.text(),
            seconds=round(clock() - began, 3),
        )


async def _end(process: Process, output: _Tail, timeout_seconds: float) -> int | None:
    """The exit code; None where the time was over before the end."""
    try:
        async with asyncio.timeout(timeout_seconds):
            async for chunk in process.chunks():
                output.add(chunk)
            return await process.wait()
    except TimeoutError:
        return None


class _Tail:
    """The end of an output, however long it was."""

    def __init__(self, kept: bytes = b"") -> None:
        self._kept = kept

    def add(self, chunk: bytes) -> None:
        self._kept = (self._kept + chunk)[-TAIL_BYTES_MAX:]

    def text(self) -> str:
        """As a person would have it: no colours, of a line written over and over the last state."""
        told = self._kept.decode("utf-8", errors="replace").replace("\r\n", "\n")
        lines = (line.rstrip("\r").rpartition("\r")[2] for line in told.split("\n"))
        plain = _CONTROLS.sub("", _ESCAPES.sub("", "\n".join(lines))).strip("\n")
        if len(plain) <= TAIL_CHARACTERS_MAX:
            return plain
        end = plain[-TAIL_CHARACTERS_MAX:]
        return f"[…]\n{end.partition(chr(10))[2] or end}"
