"""Questions that are answered in the view."""

import pytest

from tests.client.view.conftest import key_of

COMMAND = {"tool": "Bash", "input": {"command": "rm -rf build\nmake", "timeout": 5}}


@pytest.fixture
def task(pi):
    """A task in hand."""
    pi.submit("Build it")
    return pi.claim_next()


async def test_a_question_is_answered_in_words(look, pi, task):
    """Enter sends; Ctrl+J breaks the line."""
    asked = pi.ask(task, "Which port?")

    async with look() as looker:
        await looker.sees(f"?{asked.id}", "Which port?")
        await looker.press("a", *"8080", "ctrl+j", *"or 80", "enter")
        await looker.sees(f"Answered question {asked.id}")
        await looker.misses(f"?{asked.id}")

    assert pi.question(asked.id).answer == "8080\nor 80"


async def test_an_answer_has_words(look, pi, task):
    asked = pi.ask(task, "Which port?")

    async with look() as looker:
        await looker.sees("Which port?")
        await looker.press("a", "enter")
        await looker.sees("An answer has at least one word.")

    assert pi.question(asked.id).is_open


async def test_a_choice_is_taken_by_its_number(look, pi, task):
    asked = pi.ask(task, "Which port?", kind="choice", choices=["80", "[b]8080[/b]"])

    async with look() as looker:
        await looker.sees("Which port?")
        await looker.press("a")
        await looker.sees("1  80", "2  [b]8080[/b]")
        await looker.press("2")
        await looker.sees("Answered question")

    assert pi.question(asked.id).answer == "[b]8080[/b]"


async def test_a_choice_may_be_answered_in_other_words(look, pi, task):
    asked = pi.ask(task, "Which port?", kind="choice", choices=["80"])

    async with look() as looker:
        await looker.sees("Which port?")
        await looker.press("a", "tab", *"443", "enter")
        await looker.sees("Answered question")

    assert pi.question(asked.id).answer == "443"


@pytest.mark.parametrize(
    ("keys", "answer", "note"),
    [
        (["o"], "allow", None),
        (["p"], "allow_project", None),
        (["d", "enter"], "deny", None),
        (["d", *"not now", "enter"], "deny", "not now"),
        (["down", "down", "down", "enter", "enter"], "deny", None),
    ],
)
async def test_an_approval_shows_the_exact_action_and_takes_a_verdict(
    look, pi, task, keys, answer, note
):
    asked = pi.ask(task, "May I?", kind="approval", action=COMMAND)

    async with look() as looker:
        await looker.sees("Bash: May I?")
        await looker.press("a")
        await looker.sees("Tool: Bash", "command: rm -rf build", "| make", "timeout: 5")
        await looker.until(looker.app.screen._is_read)
        await looker.press(*keys)
        await looker.sees("Answered question")

    answered = pi.question(asked.id)
    assert (answered.answer, answered.note) == (answer, note)


async def test_a_key_pressed_too_much_allows_nothing(look, pi, task):
    """No choice is chosen beforehand."""
    asked = pi.ask(task, "May I?", kind="approval", action=COMMAND)

    async with look() as looker:
        await looker.sees("Bash: May I?")
        await looker.goes_to("questions")
        await looker.press("enter")
        await looker.sees("Tool: Bash")
        await looker.press("enter", "enter", "space", "escape")
        await looker.misses("Tool: Bash")

    assert pi.question(asked.id).is_open


async def test_nobody_allows_what_nobody_has_seen(look, pi, task):
    """Of a long action the end has to be in sight first."""
    lines = [f"echo {number}" for number in range(80)]
    action = {"tool": "Bash", "input": {"command": "\n".join([*lines, "rm -rf /"])}}
    asked = pi.ask(task, "May I?", kind="approval", action=action)

    async with look((80, 24)) as looker:
        await looker.sees("Bash: May I?")
        await looker.press("a")
        await looker.sees("echo 1", "Allow it, this once", "Esc: back")
        unseen = "rm -rf /" not in looker.text()
        await looker.press("o")
        await looker.sees("Read it to its end first")
        still_open = pi.question(asked.id).is_open
        await looker.press(*["pagedown"] * 20)
        await looker.sees("rm -rf /")
        await looker.until(looker.app.screen._is_read)
        await looker.press("o")
        await looker.sees("Answered question")

    assert unseen
    assert still_open


async def test_who_is_second_is_told_who_was_first(look, pi, task, person):
    """The first answer counts. The view knows of it at once, even while somebody writes."""
    asked = pi.ask(task, "Which port?")

    async with look() as looker:
        await looker.sees("Which port?")
        await looker.press("a", *"80")
        person.answer(asked.id, "443", answered_by="bob")
        await looker.sees("Somebody else was first: bob", "443")
        await looker.press("enter")
        await looker.sees("It is answered already")

    assert pi.question(asked.id).answer == "443"


async def test_who_is_second_is_told_by_athena_where_no_event_came_in_time(look, pi, task, person):
    asked = pi.ask(task, "Which port?")

    async with look() as looker:
        await looker.sees("Which port?")
        await looker.press("a", *"80")
        looker.app.screen.settled = lambda event: None
        person.answer(asked.id, "443", answered_by="bob")
        await looker.press("enter")
        await looker.sees("Somebody else was first: bob", "answered: 443")


async def test_a_question_that_is_taken_back_says_so(look, pi, task):
    asked = pi.ask(task, "Which port?")

    async with look() as looker:
        await looker.sees("Which port?")
        await looker.press("a")
        pi.withdraw(asked.id)
        await looker.sees("It was taken back")


async def test_a_key_that_may_only_read_is_told_what_it_lacks(look, athena, pi, task):
    asked = pi.ask(task, "Which port?")
    number, secret = key_of(athena, "read")

    async with look(key=secret) as looker:
        await looker.sees("Which port?")
        await looker.press("a", *"80", "enter")
        await looker.sees("the scope submit", "claude-task-client doctor")

    assert pi.question(asked.id).is_open
    athena.ask("DELETE", f"/api/keys/{number}")


async def test_without_a_question_nothing_opens(look, pi, task):
    async with look() as looker:
        await looker.sees("Build it")
        await looker.press("a")
        await looker.sees("No question is open.")
