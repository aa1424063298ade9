"""Sessions of the real Claude Code that have the plugin."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from claude_task_client.commands import check
from claude_task_client.plugin import copying
from claude_task_client.worker.executor import End, Turn
from claude_task_client.worker.executors.claude import ClaudeExecutor
from tests.client import strangers
from tests.fakes.model import Call, Hold, Say, ScriptedModel, Step, bash, claude_program
from tests.scenario.plugin.laptop import INSTANCE, Laptop, eventually, heard
from tests.worker.desk import FakeDesk

pytestmark = pytest.mark.slow

TOOL = "mcp__plugin_athena_athena__"


def waits_for(file: Path) -> Step:
    """A tool call that lasts until the file is there."""
    code = (
        "import pathlib, sys, time\nwhile not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.05)"
    )
    return bash(f"{sys.executable} -c '{code}' '{file}'", timeout=80_000)


def claims(way: str, seconds: int | None = None) -> Step:
    """Claude takes the next task: by a command in Bash, or by the MCP tool."""
    lease = f" --lease {seconds}" if seconds else ""
    return (
        bash(f"claude-task-client claim{lease}")
        if way == "command"
        else Call(f"{TOOL}take_next", {})
    )


def test_a_session_has_the_plugin_and_claude_knows_what_waits(laptop: Laptop, model: ScriptedModel):
    """The person sees a line; Claude is told the same, and how to begin."""
    laptop.add("Deploy new monitoring stack")

    session = laptop.session("Hello")

    assert (session.returncode, session.stderr) == (0, "")
    assert "athena" in [plugin["name"] for plugin in session.init["plugins"]]
    assert {"athena:next", "athena:done", "athena:ask", "athena:queue"} <= set(
        session.init["slash_commands"]
    )
    assert {"athena:add", "athena:fail", "athena:release"} <= set(session.init["slash_commands"])
    assert "athena:auditor" in session.init["agents"]
    assert "athena:task" in session.init["skills"]
    (request,) = model.requests
    line = "1 task(s) pending - Next: #1 Deploy new monitoring stack"
    assert f"(this is instance {INSTANCE}):\n{line}\n" in heard(request)
    assert "take_next" in heard(request)
    (start,) = session.hooks("SessionStart")
    assert json.loads(start["stdout"])["systemMessage"] == f"Athena: {line}"


def test_a_session_with_nothing_to_do_hears_nothing(laptop: Laptop, model: ScriptedModel):
    """Neither the person nor Claude, at the start or at the end."""
    session = laptop.session("Hello")

    assert (session.returncode, session.stderr) == (0, "")
    assert [each["output"] for each in session.hooks("SessionStart")] == [""]
    assert [each["output"] for each in session.hooks("Stop")] == [""]
    (request,) = model.requests
    assert "Athena, the task queue" not in heard(request)


def test_the_next_task_is_taken_and_completed_by_tools(laptop: Laptop, model: ScriptedModel):
    """The tools of the MCP server are offered, and what they do is done in the queue."""
    laptop.variables["ENABLE_TOOL_SEARCH"] = "false"
    task_id = laptop.add("Deploy new monitoring stack")
    model.script(
        "work",
        [
            Call(f"{TOOL}take_next", {}),
            Call(f"{TOOL}complete_task", {"task_id": task_id, "notes": "Deployed"}),
            Say("Done."),
        ],
    )

    session = laptop.session("[script: work] Take the next task")

    offered = {name for request in model.requests for name in request.tools}
    assert {f"{TOOL}take_next", f"{TOOL}complete_task", f"{TOOL}ask_person"} <= offered
    task = laptop.task(task_id)
    assert (task["status"], task["notes"]) == ("completed", "Deployed")
    assert task["claimed_by"] == INSTANCE
    assert (session.returncode, session.stderr) == (0, "")
    assert len(model.requests) == 3, "nothing is open, so Claude is not reminded"


def test_the_next_task_is_taken_and_completed_by_commands(laptop: Laptop, model: ScriptedModel):
    """Bash finds the client by its name, also where PATH does not have it."""
    task_id = laptop.add("Deploy new monitoring stack")
    model.script(
        "work", [claims("command"), bash("claude-task-client complete -n Deployed"), Say("Done.")]
    )

    session = laptop.session("[script: work] Take the next task")

    assert laptop.task(task_id)["status"] == "completed", model.describe()
    assert (session.returncode, session.stderr) == (0, "")


def test_a_slash_command_says_how_to_take_the_next_task(laptop: Laptop, model: ScriptedModel):
    laptop.session("/athena:next 5")

    (request,) = model.requests
    assert "Take a task from Athena's queue and do it" in heard(request)
    assert 'Wanted: "5"' in heard(request)


@pytest.mark.parametrize("way", ["command", "tool"])
def test_a_lease_is_renewed_during_a_long_tool_call(
    laptop: Laptop, model: ScriptedModel, way: str, tmp_path: Path
):
    """Whoever claimed; and no longer than Claude Code lives."""
    task_id = laptop.add("Deploy new monitoring stack")
    go = tmp_path / "go"
    shorten = bash(f"claude-task-client claim {task_id} --lease 6")
    first = [claims("command", 3)] if way == "command" else [claims("tool"), shorten]
    model.script("work", [*first, waits_for(go), Say("Still at it.")])

    process = laptop.start("[script: work] Take the next task")
    eventually(lambda: len(model.requests) > len(first), what="the long tool call")
    expiries: set[str] = set()

    def moved() -> bool:
        expiries.add(str(laptop.task(task_id)["lease_expires_at"]))
        return len(expiries) > 3

    eventually(moved, what="the lease is renewed several times")
    assert len(laptop.beating()) == 1
    go.touch()
    laptop.ended(process)

    eventually(lambda: not laptop.beating(), what="the heartbeats end with Claude Code")
    eventually(lambda: laptop.task(task_id)["status"] == "pending", what="the lease runs out")


def test_claude_code_that_is_killed_renews_nothing_any_more(
    laptop: Laptop, model: ScriptedModel, tmp_path: Path
):
    """Nobody tells of it; the heartbeats see it, and the next session clears up."""
    task_id = laptop.add("Deploy new monitoring stack")
    model.script("work", [claims("command", 6), Hold("never", Say("Done."))])
    process = laptop.start("[script: work] Take the next task")
    eventually(laptop.beating, what="the task is claimed")

    process.kill()
    process.communicate()

    eventually(lambda: not laptop.beating(), what="the heartbeats end")
    eventually(lambda: laptop.task(task_id)["status"] == "pending", what="the lease runs out")
    assert len(laptop.sittings()) == 1
    laptop.session("Hello")
    assert laptop.sittings() == []


def test_a_session_that_is_resumed_keeps_its_claim_alive(
    laptop: Laptop, model: ScriptedModel, tmp_path: Path
):
    """The claim belongs to the conversation, not to the process that had it."""
    task_id = laptop.add("Deploy new monitoring stack")
    go = tmp_path / "go"
    model.script("work", [claims("command"), Say("For now.")], [Say("Later.")])
    model.script("on", [waits_for(go), Say("Done.")])
    first = laptop.session("[script: work] Take the next task")
    eventually(lambda: not laptop.beating(), what="nobody is there")

    process = laptop.start("[script: on] Go on", "--resume", str(first.result["session_id"]))

    eventually(laptop.beating, what="it is kept alive again")
    assert laptop.task(task_id)["status"] == "in_progress"
    go.touch()
    laptop.ended(process)
    (told,) = [heard(request) for request in model.requests_of("on")][:1]
    assert f"In progress: #{task_id} Deploy new monitoring stack (claimed by this session" in told


def test_claude_is_reminded_once_and_the_person_at_the_end(laptop: Laptop, model: ScriptedModel):
    """A session that ends with a claim open: Claude hears it once, and the claim is kept."""
    task_id = laptop.add("Deploy new monitoring stack")
    model.script("work", [claims("command"), Say("I stop here.")])

    session = laptop.session("[script: work] Take the next task")

    *_, last = model.requests
    assert heard(last).count(f"this session still holds #{task_id}") == 1
    assert len(model.requests) == 3, "it may stop the second time"
    assert f"Athena: #{task_id} is still claimed by this session" in session.stderr
    assert session.returncode == 0
    assert laptop.task(task_id)["status"] == "in_progress"
    assert laptop.sittings() == []


def test_claude_hears_that_its_task_was_cancelled(
    laptop: Laptop, model: ScriptedModel, tmp_path: Path
):
    """At the latest when it stops: the heartbeats have learnt of it meanwhile."""
    task_id = laptop.add("Deploy new monitoring stack")
    go = tmp_path / "go"
    model.script("work", [claims("command", 15), waits_for(go), Say("I stop here.")])
    process = laptop.start("[script: work] Take the next task")
    eventually(laptop.beating, what="the task is claimed")

    assert laptop.server is not None
    laptop.server.ask("POST", f"/api/tasks/{task_id}/cancel")
    eventually(lambda: not laptop.beating(), what="the heartbeats have heard of it")
    go.touch()
    session = laptop.ended(process)

    *_, last = model.requests
    assert f"#{task_id} was cancelled. Stop working on it" in heard(last)
    assert session.stderr == ""


@pytest.mark.parametrize("athena", ["away", "silent"])
def test_an_athena_that_is_away_is_no_error(laptop: Laptop, model: ScriptedModel, athena: str):
    """Nothing is said of it, and the session waits for it no longer than `check` does."""
    assert laptop.server is not None
    laptop.server.kill()

    with strangers.stranger(strangers.silence) as url:
        if athena == "silent":
            laptop.variables["ATHENA_API_URL"] = url
        session = laptop.session("Hello")

    assert (session.returncode, session.stderr) == (0, "")
    assert session.result["is_error"] is False
    (start,) = session.hooks("SessionStart")
    assert (start["exit_code"], start["output"], start["outcome"]) == (0, "", "success")
    assert "Athena, the task queue" not in heard(model.requests[0])
    assert check.SECONDS_IN_ALL + check.LOOK_SECONDS_MIN <= 2


def test_who_is_not_signed_in_is_told_how(laptop: Laptop, model: ScriptedModel):
    """That does not pass by itself. It is for the person; Claude need not know."""
    del laptop.variables["ATHENA_API_KEY"]

    session = laptop.session("Hello")

    (start,) = session.hooks("SessionStart")
    assert "claude-task-client login" in json.loads(start["stdout"])["systemMessage"]
    assert "claude-task-client login" not in heard(model.requests[0])
    assert (session.returncode, session.stderr) == (0, "")


def test_the_plugin_is_silent_in_a_workers_session(laptop: Laptop, model: ScriptedModel):
    """The worker gives Claude its task, holds it, and ends it."""
    laptop.variables["ATHENA_RUN"] = "athena-/state#1/1/1"
    laptop.add("Deploy new monitoring stack")

    session = laptop.session("Hello")

    assert [each["output"] for each in session.hooks("SessionStart")] == [""]
    assert "Athena, the task queue" not in heard(model.requests[0])
    assert laptop.sittings() == []


def test_another_session_here_knows_that_a_task_is_being_worked_on(
    laptop: Laptop, model: ScriptedModel, tmp_path: Path
):
    """Two sessions of one instance do not do the same thing twice."""
    task_id = laptop.add("Deploy new monitoring stack")
    go = tmp_path / "go"
    model.script("work", [claims("command"), waits_for(go), Say("Done.")])
    process = laptop.start("[script: work] Take the next task")
    eventually(laptop.beating, what="the task is claimed")

    laptop.session("[script: other] Hello")

    go.touch()
    laptop.ended(process)
    (request,) = model.requests_of("other")
    assert f"#{task_id} Deploy new monitoring stack (another session" in heard(request)


def test_the_hooks_are_bounded_and_started_without_a_shell(laptop: Laptop):
    """Claude Code ends a hook that hangs; and no path or shell can break how it is started."""
    hooks = json.loads((laptop.state / "plugin/marketplace/athena/hooks/hooks.json").read_text())

    for groups in hooks["hooks"].values():
        (hook,) = [hook for group in groups for hook in group["hooks"]]
        assert hook["timeout"] <= 5
        assert [hook["command"], *hook["args"][:-1]] == [*copying.HOOK]


def test_who_audits_can_only_read(laptop: Laptop, model: ScriptedModel):
    """The subagent that judges a change is given no tool that makes one.

    (The name of its agent is not in this one: the model would take each request here for its.)
    """
    asked = {
        "description": "Audit the change",
        "prompt": "[script: audit] Judge it",
        "subagent_type": "athena:auditor",
        "run_in_background": False,
    }
    model.script("work", [Call("Agent", asked), Say("Done.")])
    model.script("audit", [Say("VERDICT: approved")])

    session = laptop.session("[script: work] Have it audited")

    assert session.returncode == 0
    (audit,) = model.requests_of("audit")
    assert audit.agent_id is not None
    assert set(audit.tools) == {"Read", "Grep", "Glob"}
    *_, last = model.requests_of("work")
    assert "VERDICT: approved" in str(last.results)


def test_the_skill_says_how_to_work_on_a_task(laptop: Laptop, model: ScriptedModel):
    model.script("work", [Call("Skill", {"skill": "athena:task"}), Say("Done.")])

    laptop.session("[script: work] How do I do it?")

    *_, last = model.requests
    told = heard(last)
    for word in ("## 2. Checkpoint", "athena:auditor", "At most 3 rounds", "## 6. Complete"):
        assert word in told


async def test_a_worker_s_task_has_nothing_of_the_plugin(
    laptop: Laptop, model: ScriptedModel, tmp_path: Path
):
    """What Claude does unattended must not take, end or submit tasks by its owner's plugin."""
    session = laptop.session("Hello")
    assert "athena" in [plugin["name"] for plugin in session.init["plugins"]]
    executor = ClaudeExecutor([str(claude_program())], laptop.environment())
    turn = Turn(
        task_id=1,
        prompt="[script: work] Work",
        folder=laptop.work,
        temporary=tmp_path / "temporary",
        timeout_seconds=60.0,
    )

    outcome = await executor.run(turn, FakeDesk())

    assert outcome.end is End.FINISHED
    (request,) = [each for each in model.requests if each.tag == "work"]
    for ours in ("athena:auditor", "athena:task", "athena:next"):
        assert ours in str(model.requests[0].body)
        assert ours not in str(request.body)
    assert TOOL not in str(request.body)
