"""Every command, button and form, as a person uses it; one Athena serves all of these tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bot.conftest import Athena
from tests.fakes.discord import User

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def task_of(athena: Athena, text: str) -> dict[str, Any]:
    """The newest task whose description has the text."""
    found = await athena.ask("GET", f"/api/tasks?status=all&q={text}")
    task: dict[str, Any] = max(found.body["tasks"], key=lambda task: task["id"])
    return task


async def test_task_keeps_every_option(athena: Athena, alice: User) -> None:
    """What was said with the command is what is queued, and who said it."""
    answer = await athena.discord.slash(
        alice, "task", description="Rotate-keys", priority="urgent", project="infra", target="pi"
    )

    task = await task_of(athena, "Rotate-keys")
    said = {name: task[name] for name in ("priority", "project", "target", "created_by")}
    assert said == {"priority": "urgent", "project": "infra", "target": "pi", "created_by": "alice"}
    assert task["created_via"] == "discord"
    assert f"Task #{task['id']} queued" in answer.text
    assert [button.label for button in answer.buttons] == ["Cancel", "Why is it waiting?", "Show"]


async def test_form_opens_without_a_description(athena: Athena, alice: User) -> None:
    """A long text is written in a form, where the options already given stand."""
    form = await athena.discord.slash(alice, "task", priority="low", project="infra")
    assert form.modal is not None
    assert form.modal.field("Project").value == "infra"

    text = "A-form-of\nmany lines\n" + "x" * 3_000
    answer = await athena.discord.submit_modal(alice, form, {"Description": text})

    task = await task_of(athena, "A-form-of")
    assert task["description"] == text
    assert (task["priority"], task["project"]) == ("low", "infra")
    assert f"Task #{task['id']} queued" in answer.text


async def test_attached_file_is_the_task(athena: Athena, alice: User) -> None:
    """A prompt longer than any field of Discord comes as a file."""
    text = "From-a-file\n" + "ü" * 9_000
    file = await athena.discord.attach("prompt.md", text.encode())
    await athena.discord.slash(alice, "task", file=file)
    assert (await task_of(athena, "From-a-file"))["description"] == text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("picture.png", b"\x89PNG\xff\xfe", "not a text"),
        ("huge.txt", b"x" * 200_000, "too large"),
        ("long.txt", b"x" * 30_000, "at most 20000"),
        ("empty.txt", b"  \n", "no text"),
    ],
)
async def test_unusable_file_is_refused(
    athena: Athena, alice: User, name: str, content: bytes, said: str
) -> None:
    """What cannot be a task is refused with the reason."""
    file = await athena.discord.attach(name, content)
    answer = await athena.discord.slash(alice, "task", file=file)
    assert said in answer.text
    assert "queued" not in answer.text


async def test_message_becomes_a_task(athena: Athena, alice: User) -> None:
    """The menu of any message queues what it says."""
    message = await athena.discord.say(alice, "Please-fix the login @everyone")
    answer = await athena.discord.message_menu(alice, "Queue as task", message)
    assert "queued" in answer.text
    task = await task_of(athena, "Please-fix")
    assert task["description"] == "Please-fix the login @everyone"


@pytest.mark.parametrize("text", ["", "   ", "\n"])
async def test_empty_task_is_refused_kindly(athena: Athena, alice: User, text: str) -> None:
    """Nothing to do is no task."""
    if not text:
        form = await athena.discord.slash(alice, "task", project="infra")
        answer = await athena.discord.submit_modal(alice, form, {"Description": " "})
    else:
        answer = await athena.discord.slash(alice, "task", description=text)
    assert "no text" in answer.text
    assert answer.ephemeral


async def test_project_that_is_no_slug_is_explained(athena: Athena, alice: User) -> None:
    """A refusal of the service is a short sentence for the person alone."""
    answer = await athena.discord.slash(alice, "task", description="x", project="no good!")
    assert "project" in answer.text
    assert answer.ephemeral


@pytest.mark.parametrize("suffix", ["", " and more"])
async def test_same_interaction_twice_is_one_task(athena: Athena, alice: User, suffix: str) -> None:
    """Discord may deliver an interaction again; it is one task."""
    text = f"Only-once{suffix}"
    answer = await athena.discord.slash(alice, "task", description=text)
    athena.discord.deliver_again(answer)
    athena.discord.deliver_again(answer)
    await athena.discord.slash(alice, "status")
    found = await athena.ask("GET", "/api/tasks?status=all&q=Only-once")
    assert [task["description"] for task in found.body["tasks"]].count(text) == 1


async def test_priority_changes(athena: Athena, alice: User) -> None:
    """A task goes before others."""
    task = await athena.submit()
    answer = await athena.discord.slash(alice, "priority", id=str(task), level="urgent")
    assert f"#{task}" in answer.text
    assert (await athena.ask("GET", f"/api/tasks/{task}")).body["priority"] == "urgent"


async def test_pending_task_is_cancelled_at_once(athena: Athena, alice: User) -> None:
    """Nobody works on it: there is nothing to ask."""
    task = await athena.submit()
    answer = await athena.discord.slash(alice, "cancel", id=f"#{task}")
    assert f"Task #{task} cancelled" in answer.text
    again = await athena.discord.slash(alice, "cancel", id=str(task))
    assert "already" in again.text


async def test_running_task_is_cancelled_after_a_question(athena: Athena, alice: User) -> None:
    """Somebody works on it: the work would be lost."""
    task = await athena.submit()
    await athena.claim(task)

    question = await athena.discord.slash(alice, "cancel", id=str(task))
    assert "is working on" in question.text
    assert (await athena.ask("GET", f"/api/tasks/{task}")).body["status"] == "in_progress"
    answer = await athena.discord.press(alice, question, "Yes")

    assert f"Task #{task} cancelled" in answer.text
    assert (await athena.ask("GET", f"/api/tasks/{task}")).body["status"] == "cancelled"


async def test_two_people_cancel_at_once(athena: Athena, alice: User) -> None:
    """One cancels it, the other is told so; nobody waits in vain."""
    bob = athena.discord.member("bob")
    task = await athena.submit()
    card = await athena.card(task)

    presses = [athena.discord.start_press(who, card, "Cancel") for who in (alice, bob)]
    texts = [(await athena.discord.outcome(press)).text for press in presses]

    assert sum(f"Task #{task} cancelled" in text for text in texts) == 1
    assert all("cancel" in text for text in texts)


async def test_ended_task_is_retried(athena: Athena, alice: User) -> None:
    """What has ended goes into the queue again; what has not, does not."""
    task = await athena.submit()
    waiting = await athena.discord.slash(alice, "retry", id=str(task))
    assert "has not ended" in waiting.text
    await athena.claim(task)
    await athena.fail(task, "no disk")
    answer = await athena.discord.slash(alice, "retry", id=str(task))
    assert "in the queue again" in answer.text
    assert (await athena.ask("GET", f"/api/tasks/{task}")).body["status"] == "pending"


async def test_show_has_everything(athena: Athena, alice: User) -> None:
    """All that is known of a task; what does not fit is a file."""
    task = await athena.submit("Long-one " * 1_000, project="infra", lane="lane-7")
    answer = await athena.discord.slash(alice, "show", id=str(task))
    for part in (f"Task #{task}", "infra", "lane-7", f"[file task-{task}.txt]"):
        assert part in answer.text


async def test_why_names_the_reason(athena: Athena, alice: User) -> None:
    """A task that waits says what for."""
    first = await athena.submit()
    second = await athena.submit(depends_on=[first])
    answer = await athena.discord.slash(alice, "why", id=str(second))
    assert f"#{first}" in answer.text


@pytest.mark.parametrize("command", ["cancel", "retry", "show", "why"])
@pytest.mark.parametrize(
    ("typed", "said"),
    [("999999", "no task #999999"), ("deploy", "number"), ("-1", "number"), ("1" * 40, "number")],
)
async def test_task_that_is_none_is_explained(
    athena: Athena, alice: User, command: str, typed: str, said: str
) -> None:
    """What people type need not be one of the suggestions."""
    answer = await athena.discord.slash(alice, command, id=typed)
    assert said in answer.text
    assert answer.ephemeral


async def test_ids_are_suggested_by_number_and_by_words(athena: Athena, alice: User) -> None:
    """By its number, the number's beginning, or words of the text in any order."""
    task = await athena.submit("Water the greenhouse tomatoes")
    other = await athena.submit("Water the lawn 100%")
    suggest = athena.discord.autocomplete

    by_words = await suggest(alice, "cancel", "id", "tomatoes WATER")
    assert [choice.value for choice in by_words] == [str(task)]
    by_number = await suggest(alice, "cancel", "id", f"#{task}")
    assert by_number[0].value == str(task)
    assert "greenhouse" in by_number[0].name
    assert [choice.value for choice in await suggest(alice, "show", "id", "100%")] == [str(other)]
    assert await suggest(alice, "retry", "id", "greenhouse") == []
    assert await suggest(alice, "cancel", "id", "%_%") == []


async def test_projects_and_targets_are_suggested(athena: Athena, alice: User) -> None:
    """Those that instances have announced."""
    beat = {"instance": "pi-7", "projects": ["garden"], "labels": ["gpu"]}
    await athena.ask("POST", "/api/instance/heartbeat", beat)
    suggest = athena.discord.autocomplete
    assert [c.value for c in await suggest(alice, "queue", "project", "gard")] == ["garden"]
    targets = {c.value for c in await suggest(alice, "task", "target", "", description="x")}
    assert {"pi-7", "gpu"} <= targets


async def test_pause_and_resume_are_for_admins(athena: Athena, alice: User, boss: User) -> None:
    """A member is refused, whatever the server's own settings offer; an admin is not."""
    athena.discord.open_command("pause")
    refused = await athena.discord.slash(alice, "pause")
    assert "Manage Server" in refused.text
    assert refused.ephemeral

    paused = await athena.discord.slash(boss, "pause", project="infra")
    assert "paused" in paused.text
    assert "infra" in (await athena.discord.slash(alice, "status")).text
    resumed = await athena.discord.slash(boss, "resume", project="infra")
    assert "resumed" in resumed.text
    assert "infra" not in (await athena.discord.slash(alice, "status")).text


async def test_status_says_who_is_there(athena: Athena, alice: User) -> None:
    """The instances, what they do, what is wrong with them, and the figures."""
    sick = {"ok": False, "message": "Claude is not signed in"}
    beat = {"instance": "sickly", "name": "Old *Pi*", "health": sick}
    await athena.ask("POST", "/api/instance/heartbeat", beat)
    task = await athena.submit()
    await athena.claim(task, "busy-one")

    answer = await athena.discord.slash(alice, "status")

    for part in (r"Old \*Pi\*", "not signed in", "busy-one", f"#{task}", "pending"):
        assert part in answer.text


async def test_help_names_every_command(athena: Athena, alice: User) -> None:
    """`/athena` is where one begins."""
    answer = await athena.discord.slash(alice, "athena")
    for name in "task queue status done priority cancel retry show why pause resume".split():
        assert f"/{name}" in answer.text
    assert "Queue as task" in answer.text


async def test_done_lists_what_ended(athena: Athena, alice: User) -> None:
    """With cost and duration, of one project or all."""
    task = await athena.submit("Paint-the-fence", project="garden-2")
    await athena.claim(task)
    result = {"success": True, "total_cost_usd": 1.5, "duration_ms": 61_000}
    await athena.complete(task, result=result)

    answer = await athena.discord.slash(alice, "done", project="garden-2")

    for part in ("Paint-the-fence", "$1.50", "1 min 1 s"):
        assert part in answer.text
    assert "Nothing" in (await athena.discord.slash(alice, "done", project="nowhere")).text


@pytest.mark.parametrize("count", [0, 1, 10, 11, 26])
async def test_queue_is_paged(athena: Athena, alice: User, count: int) -> None:
    """Every task stands on one page, in the order of claiming."""
    project = f"paged-{count}"
    tasks = [await athena.submit(f"Item {n}", project=project) for n in range(count)]

    page = await athena.discord.slash(alice, "queue", project=project)
    texts = [page.text]
    while any(button.label == "Next page" for button in page.buttons):
        page = await athena.discord.press(alice, page, "Next page")
        texts.append(page.text)

    listed = "\n".join(texts)
    places = [listed.index(f"**#{task}**") for task in tasks]
    assert places == sorted(places)
    assert len(texts) == max(1, -(-count // 10))
    if count == 0:
        assert "empty" in listed


async def test_queue_shows_first_what_runs(athena: Athena, alice: User) -> None:
    """Who works on what, then what waits."""
    first = await athena.submit("Runs", project="ordered")
    second = await athena.submit("Waits", project="ordered", priority="urgent")
    await athena.claim(first)
    text = (await athena.discord.slash(alice, "queue", project="ordered")).text
    assert text.index(f"#{first}") < text.index(f"#{second}")


async def test_unknown_button_is_answered(athena: Athena, alice: User) -> None:
    """A button of another version, or one that an edit has removed, is not met with silence."""
    task = await athena.submit()
    card = await athena.card(task)
    old = await athena.discord.press_stale(alice, card, "athena:explode:5")
    assert "older version" in old.text
    gone = await athena.discord.press_stale(alice, card, f"athena:retry:{task}")
    assert "has not ended" in gone.text


async def test_buttons_of_a_card_do_what_they_say(athena: Athena, alice: User) -> None:
    """Show, why, and retry after the end."""
    task = await athena.submit("With-buttons")
    card = await athena.card(task)
    assert "With-buttons" in (await athena.discord.press(alice, card, "Show")).text
    assert f"#{task}" in (await athena.discord.press(alice, card, "Why")).text
    await athena.discord.press(alice, card, "Cancel")
    await athena.discord.wait_for(lambda _: "cancelled" in card.text)
    assert "again" in (await athena.discord.press(alice, card, "Retry")).text


async def test_commands_are_acknowledged_while_discord_is_slow(athena: Athena, alice: User) -> None:
    """Discord's own API taking a second leaves time enough within its three."""
    slow = athena.discord.faults.delay("POST /interactions/**", seconds=1.0)
    try:
        answer = await athena.discord.slash(alice, "status")
        assert answer.acknowledged_seconds is not None
    finally:
        slow.lift()
