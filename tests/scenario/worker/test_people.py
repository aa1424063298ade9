"""Where a person decides: at once, after the worker was restarted, with a yes and with a no."""

from __future__ import annotations

import signal

import pytest

from tests.fakes.model import Hold, Say, ask, structured, write
from tests.scenario.worker.workshop import Workshop, eventually, runs, writes

pytestmark = pytest.mark.slow


def test_a_question_is_answered_at_once(workshop: Workshop):
    """The process waits; the answer reaches the model as the tool's result."""
    workshop.script("ask", [ask("Which colour?", "red", "blue"), Say("Painted.")])
    task_id = workshop.add("ask")
    worker = workshop.work("--once")

    question = workshop.question()
    assert question["task_id"] == task_id
    assert question["choices"] == ["red", "blue"]
    assert workshop.task(task_id)["phase"] == "waiting"
    workshop.answer(question, "blue")

    assert workshop.ended(task_id)["status"] == "completed", workshop.story(task_id)
    worker.wait(60)
    last = workshop.model.requests_of("ask", auditor=False)[-1]
    assert "blue" in last.results[0][0]
    assert "task.parked" not in workshop.events(task_id)
    workshop.check_nothing_is_left()


def test_a_question_is_answered_after_the_worker_was_restarted(workshop: Workshop):
    """The task is parked on it; hours later the same conversation goes on with the answer."""
    workshop.script("ask", [ask("Which colour?", "red", "blue"), Say("Painted.")])
    task_id = workshop.add("ask")
    worker = workshop.work()
    question = workshop.question()

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert workshop.task(task_id)["readiness"] == "parked"
    workshop.check_nothing_is_left(jobs=[task_id])
    workshop.answer(question, "blue")
    workshop.work("--once")

    task = workshop.ended(task_id)
    assert task["status"] == "completed", workshop.story(task_id)
    assert task["failures"] == 0
    last = workshop.model.requests_of("ask", auditor=False)[-1]
    assert "blue" in str(last.results) + str(last.prompts)
    assert len({r.session_id for r in workshop.model.requests_of("ask", auditor=False)}) == 1
    assert len(workshop.questions("all")) == 1
    workshop.check_nothing_is_left()


def test_a_question_nobody_answers_parks_the_task(workshop: Workshop):
    """After its patience the worker takes other tasks, and this one again with the answer."""
    workshop.limits = {"patience": 2}
    workshop.script("ask", [ask("Which colour?", "red", "blue"), Say("Painted.")])
    workshop.script("window", [writes("window.py", "x = 1\n"), Say("Done.")])
    asking = workshop.add("ask")
    other = workshop.add("window")
    workshop.work()

    eventually(lambda: workshop.task(asking)["readiness"] == "parked", what="parked")
    assert workshop.ended(other)["status"] == "completed"
    workshop.answer(workshop.question(), "red")

    task = workshop.ended(asking)
    assert task["status"] == "completed", workshop.story(asking)
    assert task["failures"] == 0
    last = workshop.model.requests_of("ask", auditor=False)[-1]
    assert "red" in str(last.results)
    assert len(workshop.model.prompts_of("ask")) == 1
    workshop.check_nothing_is_left()


def test_what_a_person_denies_does_not_run(workshop: Workshop):
    """The exact command is shown; the model hears of the denial, and why."""
    workshop.script("rm", [runs("touch proof-that-it-ran"), Say("Then not.")])
    task_id = workshop.add("rm")
    workshop.work("--once")

    question = workshop.question()
    assert question["kind"] == "approval"
    assert question["action"]["tool"] == "Bash"
    assert question["action"]["input"]["command"] == "touch proof-that-it-ran"
    workshop.answer(question, "deny", note="Not on a Sunday")

    task = workshop.ended(task_id)
    assert task["status"] == "completed", workshop.story(task_id)
    last = workshop.model.requests_of("rm", auditor=False)[-1]
    assert "Not on a Sunday" in str(last.results)
    assert workshop.git("log", "--all", "--format=%s", "--", "proof-that-it-ran") == ""
    assert not list(workshop.folder.rglob("proof-that-it-ran"))
    workshop.check_nothing_is_left()


def test_what_a_person_allows_runs_once(workshop: Workshop):
    """The same command later in the task is asked for again."""
    workshop.script("rm", [runs("echo x >> count.txt"), runs("echo x >> count.txt"), Say("Done.")])
    task_id = workshop.add("rm")
    workshop.work("--once")

    first = workshop.question()
    workshop.answer(first, "allow")
    eventually(
        lambda: [q for q in workshop.questions() if q["id"] != first["id"]], what="asked again"
    )
    workshop.answer(workshop.question(), "deny")

    assert workshop.ended(task_id)["status"] == "completed", workshop.story(task_id)
    assert workshop.file(f"athena/task-{task_id}", "count.txt") == "x"
    workshop.check_nothing_is_left()


def test_allowed_for_the_project_is_remembered(workshop: Workshop):
    """Over restarts of the worker; nothing else is allowed by it."""
    workshop.script("rm", [runs("echo x > one.txt"), Say("Done.")])
    workshop.script("other", [runs("echo x > two.txt"), Say("Done.")])
    first = workshop.add("rm")
    workshop.work("--once")
    workshop.answer(workshop.question(), "allow_project")
    assert workshop.ended(first)["status"] == "completed", workshop.story(first)

    second = workshop.add("rm")
    third = workshop.add("other")
    workshop.work("--cycles", "2")

    assert workshop.ended(second)["status"] == "completed", workshop.story(second)
    question = workshop.question()
    assert question["task_id"] == third
    workshop.answer(question, "deny")
    workshop.ended(third)
    workshop.check_nothing_is_left()


def test_an_approval_given_after_a_restart_runs_that_very_command(workshop: Workshop):
    """Parked over the restart; then the call runs as it was shown, once."""
    workshop.script("rm", [runs("echo x >> count.txt"), Say("Done.")])
    workshop.limits = {"patience": 1}
    task_id = workshop.add("rm")
    worker = workshop.work()
    question = workshop.question()
    eventually(lambda: workshop.task(task_id)["readiness"] == "parked", what="parked")
    worker.kill()
    worker.wait()

    workshop.answer(question, "allow")
    workshop.work("--once")

    task = workshop.ended(task_id)
    assert task["status"] == "completed", workshop.story(task_id)
    assert workshop.file(f"athena/task-{task_id}", "count.txt") == "x"
    assert len(workshop.questions("all")) == 1
    workshop.check_nothing_is_left()


def test_a_word_to_a_running_task_reaches_claude(workshop: Workshop):
    """Said while it works, heard in the same conversation."""
    workshop.script(
        "window",
        [writes("a.py", "x = 1\n"), Hold("later", writes("b.py", "y = 1\n")), Say("Done.")],
    )
    task_id = workshop.add("window")
    workshop.work("--once")
    eventually(lambda: workshop.model.requests_of("window"), what="it works")

    answer = workshop.server.ask(
        "POST", f"/api/tasks/{task_id}/messages", {"text": "Mind the step"}
    )
    assert answer.status == 201
    workshop.model.release("later")

    assert workshop.ended(task_id)["status"] == "completed", workshop.story(task_id)
    heard = [r for r in workshop.model.requests if "Mind the step" in "\n".join(r.texts)]
    assert heard
    workshop.check_nothing_is_left()


def test_a_word_to_a_task_that_waits_is_heard(workshop: Workshop):
    """Said before anybody claimed it."""
    workshop.script("window", [writes("a.py", "x = 1\n"), Say("Done.")])
    task_id = workshop.add("window")
    _say(workshop, task_id, "Mind the step")
    workshop.work("--once")

    assert workshop.ended(task_id)["status"] == "completed", workshop.story(task_id)
    assert [r for r in workshop.model.requests if "Mind the step" in "\n".join(r.texts)]


def test_a_word_during_the_audit_is_heard(workshop: Workshop):
    """Claude is asked again, and the auditor judges what comes of it."""
    approve = structured(verdict="approved", findings=[])
    workshop.script(
        "window",
        [writes("a.py", "x = 1\n"), Say("Done.")],
        [writes("b.py", "x = 1\n"), Say("Done as well.")],
        auditor=[[Hold("audit", approve)], [approve]],
    )
    task_id = workshop.add("window")
    workshop.work("--once")
    eventually(lambda: workshop.model.requests_of("window", auditor=True), what="it is audited")
    _say(workshop, task_id, "Mind the step")
    workshop.model.release("audit")

    assert workshop.ended(task_id)["status"] == "completed", workshop.story(task_id)
    assert [r for r in workshop.model.requests if "Mind the step" in "\n".join(r.texts)]


def _say(workshop: Workshop, task_id: int, text: str) -> None:
    answer = workshop.server.ask("POST", f"/api/tasks/{task_id}/messages", {"text": text})
    assert answer.status == 201


def test_in_place_a_parked_task_leaves_the_folder_to_others(workshop: Workshop):
    """They take turns in one folder; each commit has the work of one task."""
    workshop.project = {"isolation": "in-place"}
    workshop.limits = {"patience": 2}
    one, two = (write(workshop.repository / f"{name}.py", "x = 1\n") for name in ("one", "two"))
    workshop.script("ask", [one, ask("Which colour?", "red", "blue"), Say("Painted.")])
    workshop.script("window", [two, Say("Done.")])
    asking = workshop.add("ask")
    other = workshop.add("window")
    workshop.work()

    eventually(lambda: workshop.task(asking)["readiness"] == "parked", what="parked")
    second = workshop.ended(other)
    assert second["status"] == "completed", workshop.story(other)
    assert not (workshop.repository / "one.py").exists()
    workshop.answer(workshop.question(), "red")

    first = workshop.ended(asking)
    assert first["status"] == "completed", workshop.story(asking)
    assert workshop.git("diff", "--name-only", "main~2", "main~1") == "two.py"
    assert workshop.git("diff", "--name-only", "main~1", "main") == "one.py"
    assert workshop.git("rev-parse", "main", "main~1").split() == [
        first["result"]["commit"],
        second["result"]["commit"],
    ]
    assert workshop.git("for-each-ref", "refs/athena") == ""
    workshop.check_nothing_is_left()
