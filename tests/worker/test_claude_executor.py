"""Turns executed by the real program: what it does, how it ends, and what is left of it."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from claude_task_client.worker.executor import End, LineKind, Turn
from claude_task_client.worker.executors.claude import ClaudeExecutor
from claude_task_client.worker.executors.claude_stream import Story
from tests.fakes.model import (
    Call,
    Cut,
    Fail,
    Hold,
    Reply,
    Say,
    ScriptedModel,
    Silence,
    Tokens,
    bash,
    claude_program,
    overloaded,
    rate_limited,
    signed_out,
    structured,
    write,
)
from tests.worker.desk import FakeDesk

pytestmark = pytest.mark.slow

TurnMaker = Callable[..., Turn]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def turn(tmp_path: Path, folder: Path) -> TurnMaker:
    def make(prompt: str | None, **more: Any) -> Turn:
        more.setdefault("permission_mode", "acceptEdits")
        more.setdefault("timeout_seconds", 60.0)
        temporary = tmp_path / "temporary"
        return Turn(task_id=12, prompt=prompt, folder=folder, temporary=temporary, **more)

    return make


@pytest.fixture
def executor(claude_env: dict[str, str]) -> ClaudeExecutor:
    return ClaudeExecutor([str(claude_program())], {**claude_env, "ATHENA_RUN": run_name()})


def run_name() -> str:
    return f"test-{os.getpid()}-{uuid.uuid4()}"


def processes_of(executor: ClaudeExecutor) -> list[str]:
    """The command lines of all that still runs of it."""
    mark = f"ATHENA_RUN={executor._environment['ATHENA_RUN']}".encode()
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


async def test_a_turn_is_done_and_told(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker, folder: Path
):
    """Real edits, a line of the transcript for each step, and what it cost."""
    file = folder / "a.txt"
    model.script("do", [(Say("I write."), write(file, "one\n")), bash("cat a.txt"), Say("Ok.")])
    desk, session = FakeDesk(), str(uuid.uuid4())

    outcome = await executor.run(turn("[script: do] Do it", new_session_id=session), desk)

    assert (outcome.end, outcome.text, outcome.error) == (End.FINISHED, "Ok.", None)
    assert file.read_text() == "one\n"
    assert outcome.session_id == session
    assert desk.sessions == [session]
    assert desk.said(LineKind.TOOL) == [f"Write: {file}", "Bash: cat a.txt"]
    assert desk.said(LineKind.TEXT) == ["I write.", "Ok."]
    assert "one" in desk.said(LineKind.RESULT)
    first, written, *others = desk.progresses
    assert [first, *others] == ["I write.", "Bash: cat a.txt", "Ok."]
    # Where the tests have their files in a long path, it is cut.
    assert written == f"Write: {file}" or f"Write: {file}".startswith(written.removesuffix("…"))
    assert desk.questions == []
    assert (outcome.usage.num_turns, outcome.usage.input_tokens) == (3, 300)
    assert outcome.usage.total_cost_usd > 0
    assert processes_of(executor) == []


async def test_a_resumed_run_counts_its_own_cost(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker
):
    """The program reports the whole conversation's cost; a run's own is what is paid twice else."""
    model.script("pay", [Reply([Say("One.")], Tokens(input=1000))], [Say("Two.")])
    first = await executor.run(turn("[script: pay] Go"), FakeDesk())

    second = await executor.run(turn("And now?", session_id=first.session_id), FakeDesk())

    assert (first.text, second.text) == ("One.", "Two.")
    assert second.session_id == first.session_id
    assert (first.usage.input_tokens, second.usage.input_tokens) == (1000, 100)
    assert 0 < second.usage.total_cost_usd < first.usage.total_cost_usd


async def test_of_several_results_the_last_counts_and_the_figures_add_up(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker
):
    """Work in the background brings a second result; the run is over after that."""
    work = bash("python3 -c 'import time; time.sleep(1)'", run_in_background=True)
    model.script("bg", [work, Say("Started."), Say("It is done.")])

    outcome = await executor.run(turn("[script: bg] Go", allowed_tools=["Bash"]), FakeDesk())

    assert (outcome.end, outcome.text) == (End.FINISHED, "It is done.")
    assert (outcome.usage.num_turns, outcome.usage.input_tokens) == (3, 300)


async def test_what_stays_in_the_background_is_not_waited_for(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker
):
    """A server that Claude started and forgot ends with the run, which counts as finished."""
    server = bash("python3 -c 'import time; time.sleep(600)'", run_in_background=True)
    model.script("server", [server, Say("Started.")])

    outcome = await executor.run(
        turn("[script: server] Go", allowed_tools=["Bash"], silence_seconds=12.0), FakeDesk()
    )

    assert (outcome.end, outcome.text) == (End.FINISHED, "Started.")
    assert processes_of(executor) == []


async def test_a_structured_answer_is_given_by_who_may_only_read(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker, folder: Path
):
    """The auditor reads, cannot write or run anything, and nobody is asked."""
    (folder / "a.txt").write_text("content")
    tries = (write(folder / "b.txt", "no"), bash("touch b.txt"))
    answer = structured(verdict="approved")
    model.script(
        "audit", [], auditor=[[tries, Call("Read", {"file_path": str(folder / "a.txt")}), answer]]
    )
    schema = {
        "type": "object",
        "properties": {"verdict": {"type": "string"}},
        "required": ["verdict"],
    }
    desk = FakeDesk()

    outcome = await executor.run(
        turn("[script: audit] Judge", may_write=False, schema=schema, allowed_tools=["Bash"]), desk
    )

    assert (outcome.end, outcome.structured) == (End.FINISHED, {"verdict": "approved"})
    assert not (folder / "b.txt").exists()
    assert desk.questions == []
    assert any("content" in line for line in desk.said(LineKind.RESULT))


NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.mark.parametrize(
    ("step", "end", "resets_at"),
    [
        (rate_limited(NOW + timedelta(hours=2)), End.USAGE_LIMIT, NOW + timedelta(hours=2)),
        (Fail(status=429, headers={"retry-after": "1"}), End.API_UNAVAILABLE, None),
        (overloaded(), End.API_UNAVAILABLE, None),
        (Cut(Say("Half of it")), End.API_UNAVAILABLE, None),
        (signed_out(), End.SIGNED_OUT, None),
        (Fail(status=400, message="Your credit balance is too low."), End.SIGNED_OUT, None),
        (Fail(status=413, kind="request_too_large"), End.FAILED, None),
    ],
    ids=["limit", "429", "529", "cut", "401", "credit", "413"],
)
async def test_trouble_with_the_service_is_told_apart(
    model: ScriptedModel,
    claude_env: dict[str, str],
    turn: TurnMaker,
    step: Any,
    end: End,
    resets_at: datetime | None,
):
    """Each kind has another consequence: wait until then, wait a little, or call a person."""
    model.script("trouble", [step])
    del claude_env["ANTHROPIC_API_KEY"]  # limits of a subscription are told to its token alone
    executor = ClaudeExecutor(
        [str(claude_program())], {**claude_env, "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-dummy"}
    )

    outcome = await executor.run(turn("[script: trouble] Go"), FakeDesk())

    assert (outcome.end, outcome.resets_at) == (end, resets_at), outcome.error
    assert outcome.error


async def test_a_limit_whose_reset_is_not_named_is_a_limit(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker
):
    """With an API key the program tells no time, but it gives up at once."""
    model.script("limit", [rate_limited(NOW + timedelta(hours=2))])

    outcome = await executor.run(turn("[script: limit] Go"), FakeDesk())

    assert (outcome.end, outcome.resets_at) == (End.USAGE_LIMIT, None)


async def test_retries_show_as_progress(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker
):
    """While the service has trouble, a person sees that something is being done."""
    model.script("busy", [overloaded(times=1, then=Say("At last."))])
    desk = FakeDesk()

    outcome = await executor.run(turn("[script: busy] Go"), desk)

    assert outcome.text == "At last."
    assert any("529" in progress for progress in desk.progresses)


async def test_without_a_credential_it_is_signed_out(
    model: ScriptedModel, claude_env: dict[str, str], turn: TurnMaker
):
    """So that the worker stops claiming, and says what to do."""
    del claude_env["ANTHROPIC_API_KEY"]
    executor = ClaudeExecutor([str(claude_program())], claude_env)

    outcome = await executor.run(turn("[script: x] Go"), FakeDesk())

    assert outcome.end is End.SIGNED_OUT
    assert "/login" in (outcome.error or "")


@pytest.mark.parametrize(
    ("limit", "end"), [({"max_turns": 1}, End.MAX_TURNS), ({"max_cost_usd": 0.0001}, End.MAX_COST)]
)
async def test_limits_of_a_run_are_told_apart(
    model: ScriptedModel,
    executor: ClaudeExecutor,
    turn: TurnMaker,
    limit: dict[str, Any],
    end: End,
):
    """A limit ends the run, and what was used until then is counted."""
    model.script("long", [bash("pwd"), bash("ls"), Say("Done.")])

    outcome = await executor.run(turn("[script: long] Go", **limit), FakeDesk())

    assert outcome.end is end
    assert outcome.usage.total_cost_usd > 0


async def test_an_unknown_conversation_is_lost(executor: ClaudeExecutor, turn: TurnMaker):
    """It may have been made elsewhere, or deleted."""
    outcome = await executor.run(turn("Go", session_id=str(uuid.uuid4())), FakeDesk())

    assert outcome.end is End.SESSION_LOST


@pytest.mark.parametrize("started", [True, False])
async def test_a_silent_service_ends_the_run_by_our_clock(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker, started: bool
):
    """The program by itself would wait for many minutes."""
    model.script("silent", [Silence(started=started)])

    outcome = await executor.run(turn("[script: silent] Go", silence_seconds=3.0), FakeDesk())

    assert outcome.end is End.SILENT
    assert processes_of(executor) == []


async def test_a_run_that_takes_too_long_ends(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker
):
    """Whatever it does meanwhile."""
    model.script("slow", [Hold("never", Say("No."))])

    outcome = await executor.run(turn("[script: slow] Go", timeout_seconds=2.0), FakeDesk())

    assert outcome.end is End.TIMED_OUT
    assert outcome.usage.duration_ms >= 2000
    assert processes_of(executor) == []


async def test_a_cancelled_run_leaves_no_process(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker, folder: Path
):
    """Cancelling ends the program in the middle of a tool, and the tool with it."""
    tool = "import os, time; open('started', 'w').close(); time.sleep(600)"
    model.script("tool", [bash(f'python3 -c "{tool}"')])
    running = asyncio.create_task(
        executor.run(turn("[script: tool] Go", allowed_tools=["Bash"]), FakeDesk())
    )
    async with asyncio.timeout(60):
        while not (folder / "started").exists():  # noqa: ASYNC110 - the tool's own sign
            await asyncio.sleep(0.05)

    running.cancel()
    await asyncio.wait([running])

    assert running.cancelled()
    assert processes_of(executor) == []


async def test_a_program_that_crashes_is_told(turn: TurnMaker, tmp_path: Path):
    """With what it said on its standard error."""
    executor = ClaudeExecutor(
        ["sh", "-c", "echo no memory >&2; kill -9 $$"], {"PATH": os.environ["PATH"]}
    )
    (tmp_path / "temporary").mkdir()

    outcome = await executor.run(turn("Go"), FakeDesk())
    missing = await ClaudeExecutor(["no-such-claude"], {}).run(turn("Go"), FakeDesk())

    assert (outcome.end, outcome.error) == (End.CRASHED, "no memory")
    assert missing.end is End.CRASHED


async def test_a_persons_words_reach_the_running_task(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker, folder: Path
):
    """In the middle of the work, and also when it has just said its last word."""
    model.script("hear", [Hold("go", bash("pwd")), Say("Done.")], [Say("Heard.")])
    desk = FakeDesk()
    running = asyncio.create_task(executor.run(turn("[script: hear] Go"), desk))
    await model.reached("hear")

    desk.messages.append("/clear that")
    async with asyncio.timeout(30):
        await desk.taken.wait()
    model.release("go")
    outcome = await running

    texts = [text for request in model.requests for text in request.texts]
    assert any("A message from a person:\n\n/clear that" in text for text in texts)
    assert outcome.end is End.FINISHED
    assert "A person says: /clear that" in desk.said(LineKind.SYSTEM)


async def test_no_process_of_the_task_sees_a_credential(
    model: ScriptedModel, claude_env: dict[str, str], turn: TurnMaker, folder: Path
):
    """Neither in its own environment nor in that of the program and the keeper above it."""
    look = "env; for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/environ; done 2>/dev/null"
    model.script("look", [bash(f"({look}) > seen.txt; true"), Say("Done.")])
    keys = {
        "ANTHROPIC_API_KEY": "sk-ant-hidden-key",
        "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat-hidden",
    }
    executor = ClaudeExecutor([str(claude_program())], {**claude_env, **keys})

    outcome = await executor.run(turn("[script: look] Go", allowed_tools=["Bash"]), FakeDesk())

    assert outcome.end is End.FINISHED
    seen = (folder / "seen.txt").read_text()
    assert "ANTHROPIC_BASE_URL=" in seen
    assert "hidden" not in seen
    assert "hidden" in (model.requests[0].credential or "")


async def test_the_repositorys_settings_stay_out_and_its_memory_comes_in(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker, folder: Path
):
    """Hooks and MCP servers of a repository would run what nobody has allowed."""
    (folder / "CLAUDE.md").write_text("Write tests first, says the project.\n")
    (folder / ".claude").mkdir()
    hook = '{"hooks": [{"type": "command", "command": "touch hook-ran"}]}'
    settings = f'{{"hooks": {{"SessionStart": [{hook}]}}, "env": {{"EVIL": "1"}}}}'
    (folder / ".claude" / "settings.json").write_text(settings)
    (folder / ".mcp.json").write_text(
        '{"mcpServers": {"evil": {"command": "touch", "args": ["mcp-ran"]}}}'
    )
    model.script("memory", [Say("Done.")])

    await executor.run(turn("[script: memory] Go"), FakeDesk())

    assert any("Write tests first" in text for text in model.requests[0].texts)
    assert not list(folder.glob("*-ran"))  # noqa: ASYNC240 - a look at a folder of the test's own


async def test_a_program_that_does_not_even_read_is_ended_by_our_clock(
    turn: TurnMaker, tmp_path: Path
):
    """A prompt longer than a pipe holds must not hold up the worker."""
    (tmp_path / "temporary").mkdir()
    executor = ClaudeExecutor(["sh", "-c", "exec sleep 600"], {"PATH": os.environ["PATH"]})

    outcome = await executor.run(turn("x" * 1_000_000, silence_seconds=1.0), FakeDesk())

    assert outcome.end is End.SILENT


async def test_a_program_that_closes_its_output_and_stays_is_ended(
    turn: TurnMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nothing more can be heard of it, so no other clock of ours would end it."""
    monkeypatch.setattr("claude_task_client.worker.executors.claude.LEAVING_SECONDS", 0.5)
    (tmp_path / "temporary").mkdir()
    closing = ["sh", "-c", "exec >&- 2>&-; exec sleep 600"]
    executor = ClaudeExecutor(closing, {"PATH": os.environ["PATH"], "ATHENA_RUN": run_name()})

    async with asyncio.timeout(60):
        outcome = await executor.run(turn("Hello"), FakeDesk())

    assert outcome.end is End.CRASHED
    assert processes_of(executor) == []


def test_costs_are_counted_where_the_program_tells_only_the_runs():
    """As 2.1.197 does: each result has the sum of the run so far, and its own tokens."""
    story = Story(FakeDesk())
    for cost, tokens in ((0.5, 100), (0.75, 20)):
        usage = {"input_tokens": tokens, "output_tokens": 1}
        story.hear({"type": "result", "total_cost_usd": cost, "usage": usage, "num_turns": 2})

    assert story.usage.total_cost_usd == pytest.approx(0.75)
    assert (story.usage.input_tokens, story.usage.num_turns) == (120, 4)


async def test_a_flood_of_lines_does_not_outlive_a_cancelling(turn: TurnMaker, tmp_path: Path):
    """Whoever is cancelled while lines come faster than they are heard does not wait for room."""
    (tmp_path / "temporary").mkdir()
    executor = ClaudeExecutor(["sh", "-c", "yes '{\"type\": 0}'"], {"PATH": os.environ["PATH"]})

    for tenths in range(1, 6):
        running = asyncio.create_task(executor.run(turn("Flow"), FakeDesk()))
        await asyncio.wait({running}, timeout=tenths / 10)
        running.cancel()
        await asyncio.wait({running}, timeout=30)
        assert running.cancelled()


@pytest.mark.parametrize("name", ["--debug-file=trace", "--continue", "A title", "../x", ""])
async def test_what_a_task_continues_is_a_session_and_nothing_else(turn: TurnMaker, name: str):
    """Whoever submits a task names it: no option of the program, no session by its title."""
    executor = ClaudeExecutor(["/never/started"], {})

    outcome = await executor.run(turn("Go on", session_id=name), FakeDesk())

    assert outcome.end is End.SESSION_LOST


@pytest.mark.parametrize("may_write", [True, False])
async def test_no_text_of_others_has_a_file_attached(
    model: ScriptedModel,
    executor: ClaudeExecutor,
    turn: TurnMaker,
    claude_env: dict[str, str],
    may_write: bool,
):
    """The program reads `@FILE` in a prompt without asking for leave: a key, where a task says."""
    secret = Path(claude_env["HOME"]) / "config.toml"
    secret.write_text("key = 'canary-4c1f'\n")
    model.script("look", [Say("Seen.")], [Say("Heard.")])
    desk = FakeDesk()
    desk.messages = [f"See @~/config.toml and @{secret} as well"]
    prompt = f"[script: look] See @{secret} and @~/config.toml"

    outcome = await executor.run(turn(prompt, may_write=may_write), desk)

    assert outcome.end is End.FINISHED
    assert str(secret) in str(model.requests[0].body)
    assert "canary-4c1f" not in str([request.body for request in model.requests])


async def test_a_long_prompt_reaches_the_model_whole(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker
):
    """It goes in on standard input, where no argument's length is the limit."""
    model.script("long", [Say("Read.")])
    prompt = "[script: long] " + "words and " * 40_000 + "the end"

    outcome = await executor.run(turn(prompt), FakeDesk())

    assert outcome.text == "Read."
    assert model.requests[0].prompt == prompt
