"""What can be done about the selected task, and about the queue."""

import pytest

from tests.client.view.conftest import instance_of, key_of


async def test_cancelling_asks_first(look, person):
    """Yes cancels; no, Esc and Enter leave it alone."""
    task = person.submit("Stop me", priority="urgent")

    async with look() as looker:
        await looker.sees("Stop me")
        await looker.goes_to("pending")
        for leave in ("n", "escape"):
            await looker.press("c")
            await looker.sees(f"Cancel #{task.id}?")
            await looker.press("enter", leave)
            await looker.misses(f"Cancel #{task.id}?")
        before = person.get(task.id).status
        await looker.press("c", "y")
        await looker.sees(f"Cancelled: #{task.id}.", "– cancelled")

    assert before == "pending"
    assert person.get(task.id).status == "cancelled"


async def test_a_running_task_is_cancelled_from_its_log(look, pi):
    """Screens about a task are about that task, wherever the cursor of the lists is."""
    pi.submit("Stop me")
    task = pi.claim_next()
    pi.submit("Leave me alone", priority="low")

    async with look() as looker:
        await looker.goes_to("running")
        await looker.press("l")
        await looker.sees(f"Log of #{task.id}")
        await looker.press("c", "y")
        await looker.sees(f"Cancelled: #{task.id}.")

    assert person_sees(pi, task) == "cancelled"


async def test_an_ended_task_is_tried_again(look, pi):
    task = pi.submit("Try me again")
    pi.claim_next()
    pi.fail(task.id, "no luck", retry=False, attempt=1)

    async with look() as looker:
        await looker.sees("no luck")
        await looker.goes_to("ended")
        await looker.press("r", "y")
        await looker.sees(f"Queued again: #{task.id}.", "Pending 1")

    assert person_sees(pi, task) == "pending"


@pytest.mark.parametrize("level", ["urgent", "low"])
async def test_a_priority_is_changed(look, person, level):
    task = person.submit("Hurry", priority="low" if level != "low" else "high")

    async with look() as looker:
        await looker.sees("Hurry")
        await looker.goes_to("pending")
        await looker.press("plus", level[0])
        await looker.sees(f"is of priority {level} now")
        await looker.until(lambda: level in looker.line(f"#{task.id}", "Hurry"))


async def test_the_queue_is_paused_and_resumed(look, person):
    """Why nothing is given out stands above what waits."""
    task = person.submit("Wait")

    async with look() as looker:
        await looker.sees("Wait")
        await looker.press("p", "p")
        await looker.sees("Paused: the whole queue.", f"#{task.id}: The queue is paused.")
        await looker.press("p", "r")
        await looker.sees("Resumed: the whole queue.")
        await looker.misses("The queue is paused.")


async def test_a_project_and_an_instance_are_paused_where_the_cursor_is(look, athena, person):
    person.submit("Wait", project="shop")
    with instance_of(athena, "a-shopkeeper") as shopkeeper:
        shopkeeper.heartbeat(projects=["shop"])

    async with look() as looker:
        await looker.sees("Wait", "● a-shopkeeper")
        await looker.goes_to("pending")
        await looker.press("p", "1")
        await looker.sees("Paused: the project shop.", "The project shop is paused.")
        await looker.press("p", "2")
        await looker.sees("Resumed: the project shop.")
        await looker.misses("The project shop is paused.")
        await looker.goes_to("instances")
        await looker.press("p", "3")
        await looker.sees("Paused: the instance a-shopkeeper.")


async def test_a_refusal_is_told_with_what_helps(look, athena, person):
    """A key that may only read changes nothing."""
    task = person.submit("Stop me")
    number, secret = key_of(athena, "read")

    async with look(key=secret) as looker:
        await looker.sees("Stop me")
        await looker.goes_to("pending")
        await looker.press("c", "y")
        await looker.sees("the scope submit")

    assert person.get(task.id).status == "pending"
    athena.ask("DELETE", f"/api/keys/{number}")


async def test_every_key_is_explained(look):
    async with look((80, 24)) as looker:
        await looker.press("question_mark")
        await looker.sees("Keys", "cancel the task", "these keys; quit")
        await looker.press("escape")
        await looker.misses("these keys; quit")
        bound = {binding.key for binding in looker.app.BINDINGS if binding.show}

    assert bound == {"question_mark", "enter", "l", "a", "c", "r", "plus", "p", "slash", "q"}


async def test_the_cursor_goes_from_list_to_list(look, pi):
    """With the arrows alone everything is reached; it stays with its task where others come."""
    pi.submit("Running one")
    pi.claim_next()
    low = pi.submit("Pending one", priority="low")

    async with look() as looker:
        await looker.sees("Running one", "Pending one")
        await looker.goes_to("running")
        await looker.press("down")
        await looker.sees(f"#{low.id}: ")
        pi.submit("Before it", priority="urgent")
        await looker.sees("Before it")
        selected = looker.app._lists.selected
        await looker.press("up", "up")
        above = looker.app._lists.focused

    assert selected == ("task", low.id)
    assert above is looker.app._lists.running


async def test_a_screen_back_and_on(look, person):
    """By as much as is seen; at the ends it stays there."""
    numbers = [person.submit(f"task {number}").id for number in range(45)]

    async with look((80, 24)) as looker:
        await looker.sees("Pending 45")
        await looker.goes_to("pending")
        selected = []
        for keys in (["pagedown"], ["pagedown"] * 9, ["pageup"], ["pageup"] * 9, ["end"], ["home"]):
            await looker.press(*keys)
            selected.append(looker.app._lists.selected[1])

    assert numbers[0] < selected[0] < selected[2] < numbers[-1]
    assert [selected[index] for index in (1, 3, 4, 5)] == [numbers[-1], numbers[0]] * 2


async def test_an_event_opens_its_task(look, person):
    async with look() as looker:
        await looker.sees("Pending 0")
        task = person.submit("Open me by what happened")
        await looker.goes_to("events")
        await looker.press("enter")
        await looker.sees("Status:      pending", "Open me by what happened")
        await looker.press("a", "c")
        await looker.sees("No question is open.", f"Cancel #{task.id}?")


def person_sees(athena, task):
    return athena.get(task.id).status
