"""Questions, approvals and messages as people meet them; one Athena serves all of these tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bot.conftest import Athena
from tests.fakes.discord import DiscordStandIn, Message, User

# A thread is told something at most every two seconds: each test waits for that.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

ACTION = {"tool": "Bash", "input": {"command": "rm -rf build", "description": "Clean"}}


async def asked(athena: Athena, text: str = "Which database?", **said: Any) -> tuple[int, Message]:
    """A question of a running task, and the message that shows it."""
    task = await athena.submit()
    await athena.claim(task)
    question = await athena.ask_person(task, text, **said)
    return question, await athena.question_message(question)


async def approval(athena: Athena) -> tuple[int, Message]:
    return await asked(athena, "May I clean up?", kind="approval", action=ACTION)


async def until_settled(discord: DiscordStandIn, message: Message, text: str) -> None:
    await discord.wait_for(lambda _: text in message.text and not message.controls, what=text)


async def test_question_is_asked_in_the_thread(athena: Athena, alice: User) -> None:
    """Below what the thread tells already; the submitter is told, and nobody else."""
    started = await athena.discord.slash(alice, "task", description="Ask-me-first")
    task = int(started.text.partition("#")[2].split()[0])
    card = await athena.card(task)
    await athena.claim(task)
    question = await athena.ask_person(task, "Which *database*, @everyone?")

    message = await athena.question_message(question)

    assert message.channel is card.thread
    assert r"Which \*database\*" in message.text
    assert athena.discord.state.pings_of(alice) == [message]
    assert [user for m in athena.discord.state.messages for user in m.pings.notified] == [alice]
    await athena.discord.wait_for(lambda _: "waiting for an answer" in card.text)


async def test_form_takes_a_free_answer(athena: Athena, alice: User) -> None:
    """The question stands on the form; the answer and its author stand on the message."""
    question, message = await asked(athena)
    form = await athena.discord.press(alice, message, "Answer…")
    assert form.modal is not None
    assert "Which database?" in str(form.modal.components)

    await athena.discord.submit_modal(alice, form, {"Your answer": "PostgreSQL\n*now*"})

    found = await athena.question(question)
    assert (found["answer"], found["answered_by"]) == ("PostgreSQL\n*now*", "alice")
    assert found["answered_via"] == "discord"
    assert "**alice** answered" in message.text
    assert "> PostgreSQL" in message.text
    assert message.controls == []


async def test_choice_is_one_press(athena: Athena, alice: User) -> None:
    """The text of the choice is the answer."""
    question, message = await asked(athena, kind="choice", choices=["PostgreSQL", "SQLite"])
    await athena.discord.press(alice, message, "SQLite")
    assert (await athena.question(question))["answer"] == "SQLite"
    assert "> SQLite" in message.text


async def test_other_answer_than_the_choices(athena: Athena, alice: User) -> None:
    """Choices are offers."""
    question, message = await asked(athena, kind="choice", choices=["PostgreSQL", "SQLite"])
    form = await athena.discord.press(alice, message, "Other…")
    await athena.discord.submit_modal(alice, form, {"Your answer": "neither"})
    assert (await athena.question(question))["answer"] == "neither"


async def test_many_choices_are_a_menu(athena: Athena, alice: User) -> None:
    """The last of 25 can be chosen as well."""
    choices = [f"choice {n} " + "x" * 85 for n in range(25)]
    question, message = await asked(athena, kind="choice", choices=choices)
    await athena.discord.choose(alice, message, "Choose", choices[24])
    assert (await athena.question(question))["answer"] == choices[24]


@pytest.mark.parametrize(
    ("button", "answer", "said"),
    [
        ("Allow once", "allow", "allowed it once"),
        ("Allow for this project", "allow_project", "allowed it for this project"),
        ("Deny", "deny", "denied it"),
    ],
)
async def test_approval_is_one_press_of_an_admin(
    athena: Athena, boss: User, button: str, answer: str, said: str
) -> None:
    """The exact action, then what was decided, and by whom."""
    question, message = await approval(athena)
    assert "rm -rf build" in message.text

    await athena.discord.press(boss, message, button)

    found = await athena.question(question)
    assert (found["answer"], found["answered_by"]) == (answer, "boss")
    assert f"**boss** {said}" in message.text
    assert message.controls == []


async def test_denial_may_say_why(athena: Athena, boss: User) -> None:
    """The reason goes to Claude, and stands on the message."""
    question, message = await approval(athena)
    form = await athena.discord.press(boss, message, "say why")
    await athena.discord.submit_modal(boss, form, {"answer": "Use `make clean`"})
    found = await athena.question(question)
    assert (found["answer"], found["note"]) == ("deny", "Use `make clean`")
    assert "make clean" in message.text


async def test_only_admins_decide_approvals(athena: Athena, alice: User, boss: User) -> None:
    """Whoever may answer questions may not thereby allow actions; nor by an old form."""
    question, message = await approval(athena)
    for button in ("Allow once", "Allow for this project", "Deny", "say why"):
        custom_id = message.control(button if button != "Deny" else "Deny").custom_id
        refused = await athena.discord.press_stale(alice, message, str(custom_id))
        assert "Manage Server" in refused.text
        assert refused.ephemeral
    form = await athena.discord.press(boss, message, "say why")
    athena.discord.guild.members[boss.id].roles.clear()
    late = await athena.discord.submit_modal(boss, form, {"answer": "too late"})
    assert "Manage Server" in late.text
    assert (await athena.question(question))["status"] == "open"


async def test_form_of_a_question_is_no_way_around_an_approval(athena: Athena, alice: User) -> None:
    """An id that no button of an approval has is judged by what the question is."""
    question, message = await approval(athena)
    pressed = await athena.discord.press_stale(alice, message, f"athena:question:{question}:answer")
    assert "Manage Server" in pressed.text
    picked = await athena.discord.press_stale(alice, message, f"athena:question:{question}:pick:0")
    assert "none of the choices" in picked.text
    assert (await athena.question(question))["status"] == "open"


async def test_first_answer_wins_and_the_other_is_told(athena: Athena, alice: User) -> None:
    """Two press at once: one answer counts, the other person learns whose."""
    bob = athena.discord.member("bob")
    question, message = await asked(athena, kind="choice", choices=["left", "right"])
    presses = [
        athena.discord.start_press(alice, message, "left"),
        athena.discord.start_press(bob, message, "right"),
    ]
    outcomes = [await athena.discord.outcome(press) for press in presses]

    winner = (await athena.question(question))["answered_by"]
    told = [outcome for outcome in outcomes if "has answered" in outcome.text]
    assert len(told) == 1
    assert winner in told[0].text
    assert told[0].user.name != winner
    assert told[0].ephemeral


async def test_late_form_is_told_who_was_first(athena: Athena, alice: User) -> None:
    """A form that was open while somebody else answered."""
    question, message = await asked(athena)
    form = await athena.discord.press(alice, message, "Answer…")
    body = {"answer": "mine", "answered_by": "carol"}
    await athena.ask("POST", f"/api/questions/{question}/answer", body)
    late = await athena.discord.submit_modal(alice, form, {"Your answer": "late"})
    assert "carol has answered" in late.text
    assert (await athena.question(question))["answer"] == "mine"


async def test_answer_from_elsewhere_shows_on_the_message(athena: Athena) -> None:
    """By the API or the dashboard: who, what, and no buttons any more."""
    question, message = await asked(athena)
    body = {"answer": "SQLite", "answered_by": "carol"}
    await athena.ask("POST", f"/api/questions/{question}/answer", body)
    await until_settled(athena.discord, message, "**carol** answered · via api")
    assert "> SQLite" in message.text


async def test_stale_button_is_told_who_was_first(athena: Athena, alice: User) -> None:
    """A client that still shows the buttons."""
    question, message = await asked(athena)
    await athena.ask("POST", f"/api/questions/{question}/answer", {"answer": "x"})
    pressed = await athena.discord.press_stale(alice, message, f"athena:question:{question}:answer")
    assert "has answered" in pressed.text


async def test_withdrawn_question_says_so(athena: Athena, alice: User) -> None:
    """The asker no longer needs it: nobody has to think about it any more."""
    question, message = await asked(athena)
    body = {"instance": "macbook-pro"}
    await athena.ask("POST", f"/api/questions/{question}/withdraw", body)
    await until_settled(athena.discord, message, "Withdrawn")
    pressed = await athena.discord.press_stale(alice, message, f"athena:question:{question}:answer")
    assert "withdrawn" in pressed.text


async def test_end_of_the_task_withdraws_its_questions(athena: Athena) -> None:
    """Nobody waits for the answer any more; the thread is put away all the same."""
    question, message = await asked(athena)
    task = (await athena.question(question))["task_id"]
    await athena.complete(task)
    await until_settled(athena.discord, message, "Withdrawn")
    await athena.discord.wait_for(lambda _: message.channel.archived, what="an archived thread")


async def test_long_question_and_answer_are_a_file(athena: Athena, alice: User) -> None:
    """What is cut is attached whole, also once it is answered."""
    text, reply = "Why? " * 700, "Because. " * 400
    _, message = await asked(athena, text)
    assert text.strip().encode() in message.attachments[0].content
    form = await athena.discord.press(alice, message, "Answer…")
    await athena.discord.submit_modal(alice, form, {"Your answer": reply})
    await athena.discord.wait_for(
        lambda _: reply.strip().encode() in message.attachments[0].content,
        what="the file with the answer",
    )
    assert len(message.attachments) == 1


async def test_button_that_is_pressed_in_an_archived_thread(athena: Athena, alice: User) -> None:
    """A question waits as long as it takes; Discord puts its thread away meanwhile."""
    question, message = await asked(athena)
    athena.discord.archive(message.channel)
    body = {"answer": "SQLite", "answered_by": "carol"}
    await athena.ask("POST", f"/api/questions/{question}/answer", body)
    await until_settled(athena.discord, message, "**carol** answered")


async def test_parked_task_says_what_it_waits_for(athena: Athena, alice: User) -> None:
    """Its card names the question, and the time where it waits for one."""
    question, message = await asked(athena, "Deploy on a Friday?")
    task = (await athena.question(question))["task_id"]
    card = await athena.card(task)
    body = {"instance": "macbook-pro", "question": question}
    await athena.ask("POST", f"/api/tasks/{task}/park", body)

    await athena.discord.wait_for(
        lambda _: f"question {question} is answered: Deploy on a Friday?" in card.text
    )
    why = await athena.discord.slash(alice, "why", id=str(task))
    assert "Deploy on a Friday?" in why.text
    shown = await athena.discord.slash(alice, "show", id=str(task))
    assert f"❓ {question}: Deploy on a Friday?" in shown.text
    form = await athena.discord.press(alice, message, "Answer…")
    await athena.discord.submit_modal(alice, form, {"Your answer": "yes"})
    await athena.discord.wait_for(lambda _: "is answered" not in card.text)


async def test_status_names_what_waits_for_a_person(athena: Athena, alice: User) -> None:
    """With the way to the message; what is answered is no longer there."""
    for open_one in (await athena.ask("GET", "/api/questions")).body["questions"]:
        said = {"answer": "deny"}
        await athena.ask("POST", f"/api/questions/{open_one['id']}/answer", said)
    question, message = await asked(athena, "Whose-turn *is* it?")

    status = await athena.discord.slash(alice, "status")

    assert r"Whose-turn \*is\* it?" in status.text
    assert f"/{message.channel.id}/{message.id})" in status.text
    await athena.ask("POST", f"/api/questions/{question}/answer", {"answer": "mine"})
    assert "Whose-turn" not in (await athena.discord.slash(alice, "status")).text


async def test_unknown_question_is_explained(athena: Athena, alice: User) -> None:
    """A button whose question has gone with its task."""
    _, message = await asked(athena)
    pressed = await athena.discord.press_stale(alice, message, "athena:question:99999:answer")
    assert "no question 99999" in pressed.text


# /reply


async def test_reply_answers_the_oldest_open_question(athena: Athena, alice: User) -> None:
    """From anywhere in the server, without looking for the button."""
    first, message = await asked(athena, "first?")
    task = (await athena.question(first))["task_id"]
    second = await athena.ask_person(task, "second?")

    said = await athena.discord.slash(alice, "reply", id=str(task), text="one")

    assert f"Question {first}" in said.text
    assert said.ephemeral
    assert (await athena.question(first))["answer"] == "one"
    assert (await athena.question(second))["status"] == "open"
    await until_settled(athena.discord, message, "**alice** answered")


async def test_reply_allows_nothing(athena: Athena, boss: User) -> None:
    """An approval has buttons; words are said to the task."""
    question, _ = await approval(athena)
    task = (await athena.question(question))["task_id"]
    said = await athena.discord.slash(boss, "reply", id=str(task), text="allow")
    assert f"Said to task #{task}" in said.text
    assert (await athena.question(question))["status"] == "open"


async def test_reply_to_a_running_task_is_told_in_its_thread(athena: Athena, alice: User) -> None:
    """Who said what, for everybody who follows it."""
    task = await athena.submit()
    await athena.claim(task)
    card = await athena.card(task)
    await athena.discord.slash(alice, "reply", id=f"#{task}", text="Use *tabs*, @everyone")
    told = await athena.discord.wait_for_message("Use \\*tabs\\*")
    assert told.channel is card.thread
    assert "💬 **alice** via discord" in told.text
    messages = (await athena.ask("GET", f"/api/tasks/{task}/messages")).body["messages"]
    assert [message["text"] for message in messages] == ["Use *tabs*, @everyone"]
    assert not told.pings


async def test_reply_to_an_ended_task_is_a_follow_up(athena: Athena, alice: User) -> None:
    """A new task that goes on from there; its submitter is told its end."""
    task = await athena.submit("The-first-part")
    await athena.claim(task)
    await athena.complete(task, notes="done")

    said = await athena.discord.slash(alice, "reply", id=str(task), text="The-second-part")

    assert "queued, continuing" in said.text
    assert not said.ephemeral
    follow_up = int(said.text.partition("#")[2].split()[0])
    assert f"Task #{follow_up} queued, continuing #{task}" in said.text
    found = (await athena.ask("GET", f"/api/tasks/{follow_up}")).body
    assert (found["description"], found["metadata"]) == ("The-second-part", {"follows": task})
    assert found["created_by"] == "alice"
    told = await athena.discord.wait_for_message(f"task #{follow_up} continues with")
    assert told.channel is (await athena.card(task)).thread
    await athena.claim(follow_up)
    await athena.complete(follow_up)
    end = await athena.discord.wait_for_message(f"✅ Task #{follow_up} completed")
    assert end in athena.discord.state.pings_of(alice)


async def test_long_message_is_a_file(athena: Athena) -> None:
    """Long text is cut, and attached whole."""
    task = await athena.submit()
    text = "Long-message " * 1_000
    await athena.ask("POST", f"/api/tasks/{task}/messages", {"text": text, "created_by": "carol"})
    told = await athena.discord.wait_for_message("Long-message Long-message")
    assert "**carol** via api" in told.text
    assert [file.content for file in told.attachments] == [text.encode()]


async def test_same_reply_delivered_twice_is_said_once(athena: Athena, alice: User) -> None:
    """Discord may deliver an interaction again."""
    task = await athena.submit()
    said = await athena.discord.slash(alice, "reply", id=str(task), text="once")
    athena.discord.deliver_again(said)
    await athena.discord.slash(alice, "status")
    messages = (await athena.ask("GET", f"/api/tasks/{task}/messages")).body["messages"]
    assert [message["text"] for message in messages] == ["once"]


@pytest.mark.parametrize(("typed", "said"), [("999999", "no task #999999"), ("x", "number")])
async def test_reply_to_no_task_is_explained(
    athena: Athena, alice: User, typed: str, said: str
) -> None:
    """What people type need not be one of the suggestions."""
    answer = await athena.discord.slash(alice, "reply", id=typed, text="x")
    assert said in answer.text


async def test_reply_suggests_tasks(athena: Athena, alice: User) -> None:
    """Running ones and ended ones, by words or number."""
    task = await athena.submit("Prune the lilac")
    suggested = await athena.discord.autocomplete(alice, "reply", "id", "lilac", text="x")
    assert [choice.value for choice in suggested] == [str(task)]
