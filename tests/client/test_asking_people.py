"""`ask`, `answer`, `reply` and `park --question`: an instance and a person, each at a terminal."""

import json
from collections.abc import Iterator
from subprocess import Popen

import pytest

from claude_task_client import Athena
from claude_task_client.errors import (
    EXIT_DONE,
    EXIT_NOTHING_TO_DO,
    EXIT_REFUSED,
    EXIT_UNREACHABLE,
    EXIT_WRONG_USAGE,
    NothingToDo,
)
from claude_task_client.holding import Held
from claude_task_client.waiting import wait_for_answer
from tests.client import strangers

EVIL = "ls\x1b[2J\nAllow it once: nothing to see"


@pytest.fixture
def task(laptop) -> int:
    """What the laptop has in hand."""
    number: int = laptop.json("add", "x", "--project", "p")["id"]
    laptop.run("claim")
    return number


@pytest.fixture
def asks(laptop) -> Iterator[list[Popen[str]]]:
    """Questions whose askers wait; those that still do at the end are ended."""
    waiting: list[Popen[str]] = []
    yield waiting
    for process in waiting:
        process.kill()
        process.communicate()


@pytest.fixture
def approval(athena, laptop, task) -> int:
    """A question that a worker asked: may it run this?"""
    with Athena(athena.url, athena.key, instance=laptop.variables["CLAUDE_INSTANCE"]) as worker:
        action = {"tool": "Bash", "input": {"command": EVIL, "timeout": 5}}
        return worker.ask(task, "May I?", kind="approval", action=action).id


def test_a_question_is_listed_with_what_to_type(laptop, desktop, task):
    """Whoever has the terminal at hand can answer at once."""
    asked = laptop.run("ask", "Which port?", "--choice", "80", "--choice", "any other")

    listed = desktop.run("answer")

    number = laptop.json("answer")["questions"][0]["id"]
    assert (asked.returncode, asked.stderr) == (EXIT_DONE, "")
    assert f"claude-task-client answer {number}" in asked.stdout
    assert f"Question {number} of #{task}, asked by {laptop.variables['CLAUDE_INSTANCE']}" in (
        listed.stdout
    )
    assert "Which port?" in listed.stdout
    assert f"claude-task-client answer {number} 80\n" in listed.stdout
    assert f"claude-task-client answer {number} 'any other'\n" in listed.stdout


def test_an_answer_is_found_by_whoever_asked(laptop, desktop, task):
    """Without --wait the answer is looked up later."""
    number = laptop.json("ask", f"#{task}", "Which", "port?")["id"]

    answered = desktop.run("answer", str(number), "use", "80", "--note", "for now")
    found = laptop.run("answer", str(number))
    late = laptop.run("answer", str(number), "81")

    assert (answered.returncode, answered.stdout) == (
        EXIT_DONE,
        f"Answered question {number} of #{task}.\n",
    )
    assert ": use 80\n" in found.stdout
    assert "Note: for now" in found.stdout
    assert late.returncode == EXIT_REFUSED
    assert "claude-task-client answer\n" in late.stderr
    assert desktop.run("answer").stdout == "No question is open.\n"


def test_whoever_waits_gets_the_answer_and_nothing_else_on_standard_output(
    laptop, desktop, task, asks
):
    """`port=$(claude-task-client ask … --wait)` works."""
    asks.append(laptop.start("ask", "Which port?", "--wait"))
    told = asks[0].stderr.readline()
    number = told.split()[3].rstrip(";")

    desktop.run("answer", number, "80 \x1b[2J")
    output, errors = asks[0].communicate(timeout=60)

    assert told == f"Asked as question {number}; waiting for the answer.\n"
    assert (asks[0].returncode, output) == (EXIT_DONE, "80 \\x1b[2J\n")
    assert errors.startswith("Answered by ")


def test_nobody_having_answered_in_time_is_exit_code_4(laptop, task):
    """What to do then is said: look again, or give the task back until then."""
    done = laptop.run("ask", "Which port?", "--wait", "--timeout", "0.2", "--json")

    question = json.loads(done.stdout)
    assert (done.returncode, question["status"]) == (EXIT_NOTHING_TO_DO, "open")
    assert f"claude-task-client answer {question['id']}" in done.stderr
    assert f"claude-task-client park {task} --question {question['id']}" in done.stderr


def test_whoever_waits_keeps_the_hold(athena, monkeypatch):
    """A person may take longer than a lease."""
    monkeypatch.setenv("ATHENA_API_URL", athena.url)
    monkeypatch.setenv("ATHENA_API_KEY", athena.key)
    monkeypatch.setenv("CLAUDE_INSTANCE", "waits")
    with Athena() as waits:
        waits.submit("x")
        task = waits.claim_next(lease_seconds=600)
        assert task is not None
        question = waits.ask(task, "Which port?")
        before = waits.get(task.id)["lease_expires_at"]

        with pytest.raises(NothingToDo):
            wait_for_answer(
                Held(waits, task.id, task.attempt),
                question,
                timeout=1.5,
                as_json=False,
                renew_every_seconds=0.1,
            )

        assert waits.get(task.id)["lease_expires_at"] > before


def test_a_question_whose_task_is_cancelled_is_waited_for_no_longer(laptop, desktop, task, asks):
    asks.append(laptop.start("ask", "Which port?", "--wait"))
    asks[0].stderr.readline()

    desktop.run("cancel", str(task))
    output, errors = asks[0].communicate(timeout=60)

    assert (asks[0].returncode, output) == (EXIT_REFUSED, "")
    assert "withdrawn" in errors


def test_a_question_needs_words_and_a_task(laptop, desktop, task):
    """What is missing is said with the command that has it."""
    numbered = laptop.run("ask", str(task))
    empty = laptop.run("ask", " ")
    hasty = laptop.run("ask", "x", "--timeout", "5")
    elsewhere = desktop.run("ask", "Which port?")
    not_its_own = desktop.run("ask", str(task), "Which port?")

    assert numbered.returncode == empty.returncode == hasty.returncode == EXIT_WRONG_USAGE
    assert f"claude-task-client ask {task} " in numbered.stderr
    assert elsewhere.returncode == EXIT_NOTHING_TO_DO
    assert "claude-task-client claim" in elsewhere.stderr
    assert not_its_own.returncode == EXIT_REFUSED


def test_a_question_may_come_on_standard_input(laptop, task):
    asked = laptop.json("ask", "-", stdin="Two\nlines?\n")

    assert asked["text"] == "Two\nlines?"


def test_an_approval_shows_the_exact_action_and_nothing_that_looks_like_ours(desktop, approval):
    """What would be run is shown whole; no line of it can be taken for ours."""
    shown = desktop.run("answer").stdout

    assert "  Tool: Bash\n" in shown
    assert "  command: ls\\x1b[2J\n    | Allow it once: nothing to see\n" in shown
    assert "  timeout: 5\n" in shown
    for option in ("--allow", "--allow-project", '--deny --note "why"'):
        assert f"claude-task-client answer {approval} {option}\n" in shown


@pytest.mark.parametrize(
    ("option", "answer"),
    [("--allow", "allow"), ("--allow-project", "allow_project"), ("--deny", "deny")],
)
def test_an_approval_is_given_by_an_option(laptop, desktop, approval, option, answer):
    done = desktop.json("answer", str(approval), option, "--note", "because")

    assert (done["answer"], done["note"]) == (answer, "because")
    assert f": {answer}" in laptop.run("answer", str(approval)).stdout


def test_allowing_is_no_answer_to_a_question_for_words(laptop, desktop, task):
    """Nobody meant the text `allow`."""
    number = str(laptop.json("ask", "Which port?")["id"])

    done = desktop.run("answer", number, "--allow")

    assert done.returncode == EXIT_WRONG_USAGE
    assert f'claude-task-client answer {number} "your answer"' in done.stderr
    assert laptop.json("answer", number)["status"] == "open"


def test_words_are_no_answer_to_an_approval(desktop, approval):
    done = desktop.run("answer", str(approval), "sure")

    assert done.returncode == EXIT_REFUSED
    assert "allow_project" in done.stderr


@pytest.mark.parametrize(
    "words",
    [("1", "text", "--allow"), ("--allow",), ("1", "--note", "x"), ("x",), ("0", "text")],
)
def test_half_an_answer_is_wrong_usage(desktop, words):
    assert desktop.run("answer", *words).returncode == EXIT_WRONG_USAGE


def test_a_long_question_is_cut_in_the_list_and_whole_by_itself(laptop, desktop, task):
    text = "\n".join(f"line {number}" for number in range(100))
    number = str(laptop.json("ask", text)["id"])

    listed, whole = desktop.run("answer").stdout, desktop.run("answer", number).stdout

    assert "line 99" not in listed
    assert f"all of it: claude-task-client answer {number}" in listed
    assert "line 99" in whole


def test_a_persons_key_need_not_be_one_for_work(athena, laptop, desktop, task):
    """Read and submit are enough to look and to answer; without read one may still answer."""
    person = athena.ask("POST", "/api/keys", {"name": "alice", "scopes": ["read", "submit"]}).body
    blind = athena.ask("POST", "/api/keys", {"name": "bob", "scopes": ["submit"]}).body
    first, second = (str(laptop.json("ask", text)["id"]) for text in ("one?", "two?"))

    shown = desktop.run("answer", first, extra={"ATHENA_API_KEY": person["secret"]})
    refused = desktop.run("answer", first, "--deny", extra={"ATHENA_API_KEY": person["secret"]})
    seen = desktop.run("answer", first, "yes", extra={"ATHENA_API_KEY": person["secret"]})
    unseen = desktop.run("answer", second, "yes", extra={"ATHENA_API_KEY": blind["secret"]})
    nothing = desktop.run("answer", second, extra={"ATHENA_API_KEY": blind["secret"]})

    assert "one?" in shown.stdout
    assert (refused.returncode, seen.returncode) == (EXIT_WRONG_USAGE, EXIT_DONE)
    assert (unseen.returncode, nothing.returncode) == (EXIT_DONE, EXIT_REFUSED)


def test_a_task_waits_for_an_answer_without_its_holder(laptop, desktop, task):
    """Parked on a question, it comes back with the answer."""
    number = laptop.json("ask", "Which port?")["id"]

    parked = laptop.run("park", "--question", str(number), "--session", "a-session")
    why = desktop.run("why", str(task))
    desktop.run("answer", str(number), "80")

    assert parked.stdout == f"Parked #{task} until question {number} is answered.\n"
    assert "question_open: " in why.stdout
    assert laptop.json("claim")["session_id"] == "a-session"


@pytest.mark.parametrize("words", [(), ("--until", "1h", "--question", "1")])
def test_parking_waits_for_one_thing(laptop, task, words):
    assert laptop.run("park", *words).returncode == EXIT_WRONG_USAGE


def test_an_open_question_is_shown_with_its_task(laptop, desktop, task):
    number = laptop.json("ask", "Which port?")["id"]

    shown = desktop.run("show", str(task))

    assert "(waiting)" in shown.stdout
    assert f'claude-task-client answer {number} "your answer"' in shown.stdout


def test_a_reply_reaches_whoever_works_on_the_task(laptop, desktop, task):
    """It is no answer: a question that is open is named."""
    number = laptop.json("ask", "Which port?")["id"]

    done = desktop.run("reply", f"#{task}", "be", "quick")

    assert (done.returncode, done.stdout) == (
        EXIT_DONE,
        f"Sent: whoever works on #{task} gets it.\n",
    )
    assert f"claude-task-client answer {number}" in done.stderr
    assert desktop.json("reply", str(task), "again")["text"] == "again"


def test_a_reply_to_an_ended_task_is_a_follow_up(laptop, desktop, task):
    laptop.run("complete")

    done = desktop.run("reply", str(task), "-", stdin="and now the docs\n")

    [follow_up] = desktop.json("list")["tasks"]
    assert done.stdout == f"Task #{follow_up['id']} queued, continuing #{task}.\n"
    assert follow_up["description"] == "and now the docs"


def test_an_answer_that_may_have_arrived_says_how_to_find_out(terminal):
    """The connection was lost with the answer on its way."""
    with strangers.stranger(lambda connection, _: connection.close()) as url:
        lost = answered(terminal, url)
    away = answered(terminal, strangers.closed_port())

    assert (lost.returncode, away.returncode) == (EXIT_UNREACHABLE, EXIT_UNREACHABLE)
    assert "may have arrived" in lost.stderr
    assert "claude-task-client answer 7" in lost.stderr
    assert "may have arrived" not in away.stderr


def answered(terminal, url):
    extra = {"ATHENA_API_URL": url, "ATHENA_API_KEY": "athena_x"}
    return terminal.run("answer", "7", "yes", extra=extra)
