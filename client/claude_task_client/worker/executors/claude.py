"""Executes a turn with Claude Code: the program itself, spoken to over its standard files.

It is asked for JSON lines and given the prompt as one, so no shell and no argument ever holds the
task's text. The program decides nothing about permissions: `claude_questions.py` does. It is run to
the end of its output, since more than one result may come; its clocks are ours, since it waits for
a silent service for an hour and more.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from claude_task_client.plugin.names import PLUGIN
from claude_task_client.worker import processes
from claude_task_client.worker.environment import CLAUDE_MEMORY, secrets_by_file
from claude_task_client.worker.executor import Desk, End, LineKind, Outcome, Turn
from claude_task_client.worker.executors.claude_questions import Questions
from claude_task_client.worker.executors.claude_stream import NO_SESSION, Story, parse
from claude_task_client.worker.permissions import Permissions, Rule
from claude_task_client.worker.processes import NotStarted, Process
from claude_task_client.worker.strays import RUN_VARIABLE

TICK_SECONDS: Final = 0.5
# A hook's answer may take as long as a person's patience; later the call is refused, not made.
HOOK_SECONDS: Final = 7 * 24 * 3600
# A deferred call shows up even before the answer to our greeting.
DEFERRED_SECONDS: Final = 5.0
# From the last result to the end of its output; 0.05 s usually.
LEAVING_SECONDS: Final = 10.0
QUEUED_LINES_MAX: Final = 100

TALK: Final = (
    *("-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"),
    *("--permission-prompt-tool", "stdio"),
)
# They make no sense where nobody sits: a later self, another folder, a plan to be approved.
ABSENT: Final = "CronCreate,CronDelete,CronList,ScheduleWakeup,EnterWorktree,ExitWorktree"
READING: Final = "Read,Glob,Grep"
# Of these the program asks us even where it would allow them by itself, or its owner's settings do.
FENCED: Final = (
    "Bash Edit Glob Grep Monitor NotebookEdit Read Skill WebFetch WebSearch Workflow Write".split()
)
# Where its owner has our plugin, a task must not be able to take, end or submit others with it.
SETTINGS: Final = {"permissions": {"ask": FENCED}, "enabledPlugins": {PLUGIN: False}}
GO_ON: Final = (
    "A person has meanwhile answered what was asked last. Make the call again that was put off."
)
# So that no message is taken for one of the program's own commands, such as /clear.
FROM_A_PERSON: Final = "A message from a person:\n\n"
# The program puts the files that the last block of a message names with an @ into the conversation,
# without asking for leave: the client's config with its key for Athena, where a task says so. So no
# text of others is ever the last block.
NO_FILES: Final = (
    "<system-reminder>\nThe message ends here. Files that it names are not attached: read those"
    " that you need.\n</system-reminder>"
)


class ClaudeExecutor:
    """Runs turns with one `command` (the program and its own arguments) in one environment.

    `environment` is the task's, with Claude's own credential, which no process of the task sees.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = command
        self._environment = environment

    async def run(self, turn: Turn, desk: Desk) -> Outcome:
        """Run to the end. Cancelled, it ends every process of the run before it raises."""
        if turn.session_id is not None and not _is_session(turn.session_id):
            error = "What is to be continued is no session of Claude Code."
            desk.log(LineKind.ERROR, error)
            return Outcome(end=End.SESSION_LOST, error=error, session_id=turn.session_id)
        environment, secrets = secrets_by_file(self._environment)
        run = _Run(turn, desk, _permissions(turn, desk, self._environment))
        try:
            async with processes.start(
                [*self._command, *_arguments(turn)],
                folder=turn.folder,
                environment={**environment, **CLAUDE_MEMORY, "TMPDIR": str(turn.temporary)},
                secrets=secrets,
                run_id=environment.get(RUN_VARIABLE, f"athena-{turn.task_id}"),
                stdin=None,
            ) as process:
                ended_by_us = await run.talk(process)
                if ended_by_us is not None:
                    await process.end()
                code = await _exit_code(process)
        except NotStarted as error:
            return Outcome(end=End.CRASHED, error=str(error))
        return run.outcome(ended_by_us, code, process.error_tail)


class _Run:
    """One run of the program, while it is talked to."""

    def __init__(self, turn: Turn, desk: Desk, permissions: Permissions) -> None:
        self._turn = turn
        self._desk = desk
        self._story = Story(desk)
        self._questions = Questions(desk, permissions)
        self._requests: dict[str, asyncio.Task[None]] = {}
        self._has_closed = False
        self._is_over = False
        self._is_initialized = False
        self._working_seconds = 0.0  # without the time that people took
        self._quiet_seconds = 0.0

    async def talk(self, process: Process) -> End | None:
        """Until its output ends, or until it has to be ended; why, if so."""
        heard: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUED_LINES_MAX)
        # Neither may hold up our clocks: a program that hangs reads no prompt, either.
        beside = [
            asyncio.create_task(_listen(process, heard)),
            asyncio.create_task(self._begin(process)),
        ]
        try:
            loop = asyncio.get_running_loop()
            before = loop.time()
            async for line in _with_ticks(heard):
                now = loop.time()
                self._count(now - before, is_message=line is not None)
                before = now
                if line is not None:
                    await self._hear(process, line)
                if (end := self._overdue()) is not None:
                    return end
                await self._attend(process)
            return None
        finally:
            beside += self._requests.values()
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    def outcome(self, ended_by_us: End | None, code: int, errors: str) -> Outcome:
        """What is known of the run, now that it is over."""
        story = self._story
        end, error = ended_by_us or story.end(), story.error
        if end is End.DEFERRED:
            error = None
        elif end is End.SILENT:
            error = f"Nothing was heard for {self._turn.silence_seconds:.0f} s."
        elif end is End.TIMED_OUT:
            error = f"It took longer than {self._turn.timeout_seconds:.0f} s."
        elif end is End.CRASHED:
            error = errors or f"Claude Code went away with exit code {code}."
            end = End.SESSION_LOST if NO_SESSION in error else end
        if error:
            self._desk.log(LineKind.ERROR, error)
        return Outcome(
            end=end,
            text=story.text,
            error=error,
            session_id=story.session_id or self._turn.session_id,
            usage=replace(story.usage, duration_ms=round(self._working_seconds * 1000)),
            structured=story.structured,
            question=self._questions.deferred if end is End.DEFERRED else None,
            resets_at=story.limited_until if end is End.USAGE_LIMIT else None,
            denied=story.denied,
        )

    # --- saying ----------------------------------------------------------------------------------

    async def _begin(self, process: Process) -> None:
        hook = {"matcher": None, "hookCallbackIds": ["before_call"], "timeout": HOOK_SECONDS}
        await _send(
            process,
            type="control_request",
            request_id="initialize",
            request={"subtype": "initialize", "hooks": {"PreToolUse": [hook]}},
        )
        if self._turn.prompt is not None:
            await _say(process, self._turn.prompt)

    async def _attend(self, process: Process) -> None:
        """Pass on what people say, and close the conversation once all is said."""
        if self._has_closed:
            return
        story = self._story
        # After an error the program would go on by itself where something works in the background.
        self._is_over = story.result is not None and bool(story.error or story.is_deferred)
        messages = () if self._is_over else self._desk.inject()
        for text in messages:
            self._desk.log(LineKind.SYSTEM, f"A person says: {text}")
            await _say(process, FROM_A_PERSON + text)
        if messages:
            story.result = None  # it has an answer to give
        elif self._is_over or story.is_idle:
            self._has_closed = True
            process.close_input()
        elif self._awaits_call_in_vain():
            self._turn = replace(self._turn, prompt=GO_ON)
            await _say(process, GO_ON)

    def _awaits_call_in_vain(self) -> bool:
        return (
            self._turn.prompt is None
            and self._is_initialized
            and not self._story.is_resuming_call
            and self._quiet_seconds > DEFERRED_SECONDS
        )

    # --- hearing ---------------------------------------------------------------------------------

    async def _hear(self, process: Process, line: bytes) -> None:
        message = parse(line)
        if message is None or self._is_over:
            return
        if message["type"] == "control_request":
            self._answer_later(process, message)
        elif message["type"] == "control_cancel_request":
            if (request := self._requests.pop(str(message.get("request_id")), None)) is not None:
                request.cancel()
        elif message["type"] == "control_response":
            self._is_initialized = True
        else:
            self._story.hear(message)

    def _answer_later(self, process: Process, message: Mapping[str, Any]) -> None:
        request, request_id = message.get("request") or {}, str(message.get("request_id"))
        reply: Coroutine[Any, Any, dict[str, Any] | None]
        match request.get("subtype"):
            case "hook_callback":
                reply = self._questions.before_call(request.get("input") or {})
            case "can_use_tool":
                reply = self._questions.for_program(request)
            case _:
                reply = _nothing()
        answering = asyncio.create_task(self._answer(process, request_id, reply))
        self._requests[request_id] = answering
        answering.add_done_callback(lambda _: self._requests.pop(request_id, None))

    async def _answer(
        self, process: Process, request_id: str, reply: Coroutine[Any, Any, dict[str, Any] | None]
    ) -> None:
        """A failure of ours is an answer as well: the call is refused, and the run goes on."""
        answer: dict[str, Any]
        try:
            response = await reply
            if response is None:
                return
            answer = {"subtype": "success", "response": response}
        except Exception as error:  # noqa: BLE001 - told to the program, which tells the model
            answer = {"subtype": "error", "error": f"This could not be asked: {error}"}
        await _send(process, type="control_response", response={**answer, "request_id": request_id})

    # --- clocks ----------------------------------------------------------------------------------

    def _count(self, seconds: float, *, is_message: bool) -> None:
        """While a person is waited for, nothing is late."""
        if not self._questions.waiting:
            self._working_seconds += seconds
            self._quiet_seconds += seconds
        if is_message:
            self._quiet_seconds = 0.0

    def _overdue(self) -> End | None:
        """Why it has to be ended. Who has given a result is only helped out of the door."""
        if self._questions.must_end:
            return End.DEFERRED
        is_leaving = self._has_closed and self._story.result is not None
        if is_leaving and self._quiet_seconds > LEAVING_SECONDS:
            return self._story.end()
        if self._working_seconds > self._turn.timeout_seconds:
            return End.TIMED_OUT
        if self._quiet_seconds > self._turn.silence_seconds:
            # What it has started stays, such as a server: that need not be waited for.
            return End.SILENT if self._story.result is None else self._story.end()
        return None


async def _exit_code(process: Process) -> int:
    """Of a program whose output has ended: it should be gone, and is not waited for any longer."""
    try:
        async with asyncio.timeout(LEAVING_SECONDS):
            return await process.exited()
    except TimeoutError:
        return await process.end()


def _is_session(name: str) -> bool:
    """Whether it names one by its id: another text would be an option, or a session's title."""
    try:
        return str(uuid.UUID(name)) == name.lower()
    except ValueError:
        return False


def _arguments(turn: Turn) -> Sequence[str]:
    """All but the prompt. Options that take several values are written with `=`."""
    arguments = [*TALK]
    arguments += ["--settings", json.dumps(SETTINGS)]
    if turn.session_id is not None:
        arguments += ["--resume", turn.session_id]
    elif turn.new_session_id is not None:
        arguments += ["--session-id", turn.new_session_id]
    if turn.system_append:
        arguments += ["--append-system-prompt", turn.system_append]
    if turn.model is not None:
        arguments += ["--model", turn.model]
    if turn.schema is not None:
        arguments += ["--json-schema", json.dumps(turn.schema)]
    if turn.max_turns is not None:
        arguments += ["--max-turns", str(turn.max_turns)]
    if turn.max_cost_usd is not None:
        arguments += ["--max-budget-usd", str(turn.max_cost_usd)]
    if not turn.allow_project_settings:
        # The repository's hooks, MCP servers, variables and skills stay out; CLAUDE.md comes in.
        arguments += ["--setting-sources", "user", f"--add-dir={turn.folder}"]
    arguments.append(f"--disallowedTools={ABSENT}" if turn.may_write else f"--tools={READING}")
    return arguments


def _permissions(turn: Turn, desk: Desk, environment: Mapping[str, str]) -> Permissions:
    home = environment.get("HOME")
    rules = []
    for text in turn.allowed_tools:
        try:
            rules.append(Rule.parse(text))
        except ValueError as error:
            desk.log(LineKind.ERROR, f"Not allowed, because not understood: {error}")
    return Permissions(
        folder=turn.folder,
        temporary=turn.temporary,
        mode=turn.permission_mode,
        rules=rules,
        may_write=turn.may_write,
        home=Path(home) if home else None,
    )


async def _listen(process: Process, heard: asyncio.Queue[bytes | None]) -> None:
    with contextlib.suppress(OSError):
        async for line in process.lines():
            await heard.put(line)
    await heard.put(None)


async def _with_ticks(heard: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes | None]:
    """Each line, and None whenever a while has passed without one; ends with the output."""
    while True:
        try:
            async with asyncio.timeout(TICK_SECONDS):
                line = await heard.get()
        except TimeoutError:
            yield None
            continue
        if line is None:
            return
        yield line


async def _say(process: Process, text: str) -> None:
    blocks = [{"type": "text", "text": each} for each in (text, NO_FILES)]
    await _send(process, type="user", message={"role": "user", "content": blocks})


async def _send(process: Process, **message: object) -> None:
    await process.write(json.dumps(message).encode() + b"\n")


async def _nothing() -> dict[str, Any]:
    return {}
