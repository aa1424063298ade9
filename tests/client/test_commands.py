"""Each command against a real server: what it does, prints, and how it ends."""

import json
import re

import click
import pytest
from click.testing import CliRunner

from claude_task_client.cli import group
from tests.client import strangers

DONE, REFUSED, WRONG_USAGE, NOTHING_TO_DO = 0, 1, 2, 4


def test_a_task_goes_from_one_terminal_to_another_and_to_its_end(laptop, desktop):
    """Submit here, claim and complete there, see the result here."""
    submitted = laptop.run("add", "Deploy new service", "--project", "havuncore")
    number = submitted.stdout.split("#")[1].rstrip(".\n")

    claimed = desktop.run("claim")
    progressed = desktop.run("progress", "--percent", "40", "-m", "writing tests")
    completed = desktop.run("complete", "-n", "Deployed as v2")
    shown = laptop.run("show", number)

    assert f"Task #{number}" in claimed.stdout
    assert "Deploy new service" in claimed.stdout
    assert "40 %" in progressed.stdout
    assert completed.stdout == f"Completed #{number}.\n"
    assert "Deployed as v2" in shown.stdout


def test_json_is_the_apis_answer(laptop, athena):
    """`--json` prints what the server said, unknown fields and all."""
    task = laptop.json("add", "Say Grüezi", "--priority", "normal")

    assert (
        laptop.json("show", f"#{task['id']}") == athena.ask("GET", f"/api/tasks/{task['id']}").body
    )
    assert laptop.json("list") == athena.ask("GET", "/api/tasks").body
    assert task["priority"] == "medium"
    assert laptop.json("status")["by_status"]["pending"] == 1


def test_add_takes_everything_that_a_submit_takes(laptop):
    first = laptop.json("add", "First")
    task = laptop.json(
        "add", "Second", "--project", "p", "--target", "gpu", "--priority", "urgent",
        "--lane", "l", "--after", str(first["id"]), "--not-before", "2099-01-01T00:00:00Z",
    )  # fmt: skip

    assert (task["project"], task["target"], task["lane"]) == ("p", "gpu", "l")
    assert (task["priority"], task["depends_on"]) == ("urgent", [first["id"]])
    assert task["not_before"] == "2099-01-01T00:00:00.000Z"


def test_add_reads_a_file_or_standard_input_whole(laptop, tmp_path):
    """Only the line end that an editor puts there is left out."""
    document = tmp_path / "task.md"
    document.write_bytes("\ufeff# Title\n\nTwo  spaces, 'quotes' and $(no shell)\n".encode())

    by_file = laptop.json("add", "--file", str(document))
    by_pipe = laptop.json("add", stdin="from a pipe\n\n")
    by_dash = laptop.json("add", "-", stdin="by a dash")

    assert by_file["description"] == "# Title\n\nTwo  spaces, 'quotes' and $(no shell)"
    assert by_pipe["description"] == "from a pipe"
    assert by_dash["description"] == "by a dash"


@pytest.mark.parametrize(
    "words",
    [
        ["add", "text", "--file", "x"],
        ["add", "--file", "/no/such/file"],
        ["add"],
        ["add", "x", "--not-before", "someday"],
        ["add", "x", "--priority", "asap"],
        ["claim", "zero"],
        ["claim", "0"],
        ["claim", "5", "--wait", "1"],
        ["park", "5"],
        ["purge", "--yes"],
        ["fail", "5"],
        ["progress", "5"],
        ["progress", "5", "--percent", "101"],
        ["complete", "5", "--result", "/no/such/file"],
        ["no-such-command"],
        ["__init__"],
        [],
    ],
)
def test_wrong_usage_is_exit_code_2_and_sends_nothing(laptop, words):
    done = laptop.run(*words)

    assert (done.returncode, done.stdout) == (WRONG_USAGE, "")
    assert laptop.json("list")["tasks"] == []


def test_a_lost_answer_makes_no_second_task(laptop, athena):
    """`add` sends an Idempotency-Key, so that sending again is safe."""
    with strangers.before(athena.url, losing=1) as url:
        laptop.variables["ATHENA_API_URL"] = url
        done = laptop.run("add", "Only once")
        laptop.variables["ATHENA_API_URL"] = athena.url

    assert done.returncode == DONE, done
    assert [task["description"] for task in laptop.json("list")["tasks"]] == ["Only once"]


def test_nothing_to_do_is_exit_code_4(laptop):
    """Nothing on standard output; the reason and the next command on standard error."""
    for words in (["next"], ["claim"], ["claim", "--wait", "0.2"], ["complete"], ["release"]):
        done = laptop.run(*words, "--json")

        assert (done.returncode, done.stdout) == (NOTHING_TO_DO, ""), words
        assert "claude-task-client" in done.stderr


def test_an_empty_list_is_no_mishap(laptop):
    done = laptop.run("list")

    assert done.returncode == DONE
    assert "claude-task-client add" in done.stdout


def test_a_refusal_is_exit_code_1_with_reason_and_next_command(laptop, desktop):
    task = laptop.json("add", "x")
    laptop.run("claim")

    done = desktop.run("claim", str(task["id"]))

    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert f"claude-task-client show {task['id']}" in done.stderr


def test_each_field_at_fault_is_told_once(laptop):
    """Where Athena's reason names the field already, a list below would say the same again."""
    named = laptop.run("add", "x", "--after", "999999")
    listed = laptop.run("add", "x", "--project", "no slug!", "--target", "nor this!")

    assert (named.returncode, named.stdout) == (listed.returncode, listed.stdout) == (REFUSED, "")
    assert named.stderr.count("depends_on: ") == 1
    assert len(named.stderr.splitlines()) == 1
    assert listed.stderr.count("project: ") == listed.stderr.count("target: ") == 1


def test_an_unknown_task_is_refused(laptop):
    done = laptop.run("show", "999999")

    assert done.returncode == REFUSED
    assert "claude-task-client list --status all" in done.stderr


def test_a_wrong_key_is_refused_and_not_shown(laptop):
    done = laptop.run("list", extra={"ATHENA_API_KEY": "ath_wrong_wrong_wrong"})

    assert done.returncode == REFUSED
    assert "claude-task-client login" in done.stderr
    assert "ath_wrong" not in done.stdout + done.stderr


def test_failing_releasing_and_parking_give_the_task_back(laptop):
    task = laptop.json("add", "Hard")

    laptop.run("claim")
    released = laptop.json("release")
    laptop.run("claim", str(task["id"]))
    parked = laptop.json("park", "--until", "1h")
    laptop.run("cancel", str(task["id"]))
    retried = laptop.json("retry", str(task["id"]))
    laptop.run("claim", str(task["id"]))
    failed = laptop.json("fail", "-e", "the disk is full", "--no-retry")

    assert (released["status"], released["readiness"]) == ("pending", "ready")
    assert (parked["status"], parked["readiness"]) == ("pending", "parked")
    assert retried["status"] == "pending"
    assert (failed["status"], failed["error"]) == ("failed", "the disk is full")


def test_people_are_told_in_words(laptop):
    """The same as with --json, for reading."""
    task = laptop.json("add", "Deploy", "--priority", "high", "--lane", "l")
    number = str(task["id"])

    told = {
        "next": laptop.run("next").stdout,
        "why": laptop.run("why", number).stdout,
        "claim": laptop.run("claim", number).stdout,
        "heartbeat": laptop.run("heartbeat").stdout,
        "complete": laptop.run("complete", "-n", "went\nwell").stdout,
        "result": laptop.run("result", number).stdout,
        "status": laptop.run("status").stdout,
        "retry": laptop.run("retry", number).stdout,
        "priority": laptop.run("priority", number, "low").stdout,
        "cancel": laptop.run("cancel", number).stdout,
        "purge": laptop.run("purge", "--before", "0s", "--yes").stdout,
    }

    assert "Lane:        l" in told["next"]
    assert "number 1 in the queue" in told["why"]
    assert "in_progress (working)" in told["claim"]
    assert f"holds #{number}." in told["heartbeat"]
    assert "went\nwell" in told["result"]
    assert "completed" in told["status"]
    assert f"#{number} is pending again." in told["retry"]
    assert told["priority"] == f"#{number} has priority low.\n"
    assert told["cancel"] == f"Cancelled #{number}.\n"
    assert told["purge"].startswith("Removed ")


def test_the_figures_stand_in_a_column(laptop):
    """The longest name leaves a space before its value, and all values begin below each other."""
    laptop.run("add", "x")

    lines = laptop.run("status").stdout.splitlines()

    assert {len(name) for line in lines for name in re.findall(r"^[A-Z][a-z ]+: +", line)} == {16}


def test_a_result_of_any_form_can_be_read(laptop):
    """A holder may report what it likes."""
    task = laptop.json("add", "x")
    laptop.run("claim")
    odd = {"success": True, "output": {"a": [1]}, "duration_ms": 90000, "total_cost_usd": 0.5}
    laptop.run("complete", "--result", "-", stdin=json.dumps(odd))

    told = laptop.run("result", str(task["id"])).stdout

    assert "1 min 30 s" in told
    assert "$0.50" in told
    assert "{'a': [1]}" in told


@pytest.mark.parametrize("text", ["{half", "[1]", "\udcff"])
def test_a_result_that_is_no_json_object_is_wrong_usage(laptop, tmp_path, text):
    file = tmp_path / "result.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))

    done = laptop.run("complete", "5", "--result", str(file))

    assert (done.returncode, done.stdout) == (WRONG_USAGE, "")


def test_a_long_list_goes_on_with_a_cursor(laptop):
    for number in range(3):
        laptop.run("add", f"task {number}")

    first = laptop.run("list", "--limit", "2").stdout
    cursor = first.splitlines()[-1].rpartition(" ")[2]
    rest = laptop.run("list", "--limit", "2", "--cursor", cursor).stdout

    assert "task 1" in first
    assert "task 2" in rest
    assert "task 1" not in rest


def test_a_lost_task_is_told_at_the_next_heartbeat(laptop):
    task = laptop.json("add", "x")
    laptop.run("claim")
    laptop.run("cancel", str(task["id"]))

    done = laptop.run("heartbeat")

    assert done.returncode == DONE
    assert f"#{task['id']} is no longer held here (task_cancelled)" in done.stderr


def test_priority_and_why(laptop):
    first = laptop.json("add", "First")
    second = laptop.json("add", "Second", "--after", str(first["id"]))

    raised = laptop.json("priority", str(second["id"]), "urgent")
    why = laptop.json("why", str(second["id"]))

    assert raised["priority"] == "urgent"
    assert "blocked_by" in [reason["code"] for reason in why["reasons"]]
    assert "blocked_by" in laptop.run("why", str(second["id"])).stdout


def test_result_waits_for_the_end(laptop, desktop):
    task = laptop.json("add", "Compute")
    not_yet = laptop.run("result", str(task["id"]))
    waiting = laptop.start("result", str(task["id"]), "--wait", "--timeout", "30", "--json")
    desktop.run("claim")

    desktop.run("complete", "--result", "-", stdin='{"success": true, "output": "42"}')
    output, _ = waiting.communicate(timeout=60)

    assert not_yet.returncode == NOTHING_TO_DO
    assert waiting.returncode == DONE
    assert '"output": "42"' in output


def test_add_wait_ends_as_the_task_does(laptop, desktop):
    """Exit code 1 where the task did not succeed: `add --wait && deploy` is what it is for."""
    adding = laptop.start("add", "Do it", "--wait")
    desktop.run("claim", "--wait", "30")
    desktop.run("fail", "-e", "no way", "--no-retry")

    output, errors = adding.communicate(timeout=60)

    assert adding.returncode == REFUSED
    assert "no way" in output
    assert "Submitted #" in errors


def test_claim_waits_for_a_task(laptop, desktop):
    claiming = desktop.start("claim", "--wait", "--json")

    task = laptop.json("add", "Comes later")
    output, _ = claiming.communicate(timeout=60)

    assert claiming.returncode == DONE
    assert f'"id": {task["id"]},' in output


def test_pausing_stops_the_giving_out_and_resuming_goes_on(laptop):
    laptop.run("add", "x", "--project", "p")

    paused = laptop.run("pause", "--project", "p")
    while_paused = laptop.run("claim")
    resumed = laptop.run("resume", "--project", "p")
    afterwards = laptop.run("claim")

    assert (paused.returncode, paused.stdout) == (DONE, "Paused project p.\n")
    assert while_paused.returncode == NOTHING_TO_DO
    assert (resumed.returncode, resumed.stdout) == (DONE, "Resumed project p.\n")
    assert afterwards.returncode == DONE


def test_an_instance_is_known_by_its_name_and_what_it_holds(laptop):
    laptop.variables["CLAUDE_INSTANCE_NAME"] = "MacBook Pro"
    task = laptop.json("add", "x")
    laptop.run("claim")

    beat = laptop.json("heartbeat", "--label", "gpu")
    [own] = [
        each
        for each in laptop.json("instances")["instances"]
        if each["instance"] == laptop.variables["CLAUDE_INSTANCE"]
    ]

    assert beat["held"] == [task["id"]]
    assert (own["name"], own["labels"], own["online"]) == ("MacBook Pro", ["gpu"], True)
    assert "MacBook Pro" in laptop.run("instances").stdout


def test_instances_that_claim_nothing_say_why(laptop, athena):
    """A sick worker, and one that a usage limit holds back."""
    for name, health in (
        ("ill", {"ok": False, "message": "There is no program claude."}),
        ("spent", {"ok": True, "limited_until": "2099-01-01T00:00:00.000Z"}),
        ("partly", {"ok": True, "message": "lib: gone", "sick_projects": ["lib"]}),
        ("odd", {"ok": True, "limited_until": 5, "message": "hello", "sick_projects": 7}),
    ):
        athena.ask("POST", "/api/instance/heartbeat", {"instance": name, "health": health})

    shown = laptop.run("instances").stdout

    assert "ill is sick, and claims nothing: There is no program claude." in shown
    assert "spent is held back by a usage limit until 2099-01-01" in shown
    assert "partly cannot work on lib: lib: gone" in shown
    assert "odd is" not in shown
    assert "odd cannot" not in shown


def test_show_of_a_failed_task_says_what_can_be_done(laptop):
    """Until then nobody works on it."""
    number = laptop.json("add", "x")["id"]
    laptop.run("claim")
    laptop.run("fail", "-e", "no luck", "--no-retry")

    shown = laptop.run("show", str(number)).stdout

    assert f"claude-task-client retry {number}" in shown
    assert f"claude-task-client reply {number}" in shown


def test_show_says_what_came_of_it(laptop):
    """Where the work is, and what it has cost, also of a task that failed; no stale progress."""
    number = laptop.json("add", "x", "--project", "p")["id"]
    laptop.run("claim")
    laptop.run("progress", "-m", "half-way")
    told = {"branch": "athena/task-1", "commit": "c" * 40, "total_cost_usd": 0.0024}
    laptop.run("complete", "--result", "-", stdin=json.dumps(told))

    shown = laptop.run("show", str(number)).stdout

    for words in ("athena/task-1", "c" * 40, "$0.0024"):
        assert words in shown
    assert "half-way" not in shown
    assert f"claude-task-client show {number}" in laptop.run("why", str(number)).stdout


def test_purge_without_a_terminal_does_not_ask(laptop):
    """A script has nobody who could answer: it removes, and tells a number."""
    first, second = laptop.json("add", "x"), laptop.json("add", "y")

    laptop.run("cancel", str(first["id"]))
    told = laptop.run("purge", "--before", "0s")
    laptop.run("cancel", str(second["id"]))
    printed = laptop.json("purge", "--status", "cancelled", "--before", "0s", "--yes")

    assert (told.returncode, told.stderr) == (DONE, "")
    assert re.match(r"Removed \d+ ended tasks from before ", told.stdout)
    assert set(printed) == {"deleted"}
    assert printed["deleted"] >= 1
    assert laptop.run("show", str(first["id"])).returncode == REFUSED


def test_show_tells_the_history(laptop):
    task = laptop.json("add", "x")
    laptop.run("claim")
    laptop.run("complete")

    history = laptop.run("show", str(task["id"]), "--history").stdout

    assert [line.split()[2] for line in history.splitlines()] == [
        "task.submitted", "task.claimed", "task.completed",
    ]  # fmt: skip


def test_no_text_of_a_task_reaches_the_terminal_as_control(laptop):
    laptop.run("add", "evil \x1b]0;title\x07 \x9b2J text", "--project", "p")

    for words in (["list"], ["next"], ["check"], ["claim"], ["list", "--status", "all", "--json"]):
        printed = laptop.run(*words).stdout

        assert "evil" in printed
        assert not set(printed) & {"\x1b", "\x07", "\x9b"}


def test_every_command_explains_itself_and_takes_json():
    context = click.Context(group)

    for name in group.list_commands(context):
        command = group.get_command(context, name)
        below = command.list_commands(context) if isinstance(command, click.Group) else []
        for words in [[name, each] for each in below] or [[name]]:
            shown = CliRunner().invoke(group, [*words, "--help"])
            assert shown.exit_code == DONE
            # Those speak JSON with the program that starts them, and nothing else.
            is_for_programs = words in (["mcp"], ["plugin", "hook"])
            assert is_for_programs or "--json" in shown.output, words
    assert {"check", "list", "next", "claim", "complete", "add", "status"} <= set(
        group.list_commands(context)
    )


def test_the_help_names_the_commands(terminal):
    shown = terminal.run("--help")

    assert shown.returncode == DONE
    assert "complete    Say that a task is done" in shown.stdout
    assert "3 Athena not reachable; 4 nothing to do." in shown.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(terminal, shell):
    assert "claude-task-client" in terminal.run("completion", shell).stdout
    assert terminal.json("completion", shell)["shell"] == shell


def test_the_version_is_told(terminal):
    assert terminal.run("--version").stdout.startswith("claude-task-client ")
