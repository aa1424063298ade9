"""What the view shows, and that it is right a moment after anything has happened."""

from claude_task_client.view.looking import Options
from tests.client.view.conftest import EVIL, key_of


async def test_a_running_task_shows_how_far_it_is_and_the_end_of_its_log(look, pi):
    """Phase, bar, message, who has it, and each line of its log as it comes."""
    pi.submit("Deploy the stack")
    task = pi.claim_next()
    pi.progress(task, percent=40, message="writing tests", phase="testing")
    pi.append_log(task, [{"kind": "tool", "text": "Edit alerts.yml"}], first=0)

    async with look() as looker:
        await looker.sees("testing", "████░░░░░░ 40%", "» writing tests", "│ Edit alerts.yml")
        head = looker.line(f"#{task.id}", "testing")
        pi.append_log(task, [{"kind": "text", "text": "Now the dashboards."}], first=1)
        await looker.sees("│ Now the dashboards.")

    assert "pi" in head
    assert "Deploy the stack" in head


async def test_progress_is_shown_without_asking_for_the_task(look, pi):
    """Of a hundred workers many speak each second: what an event tells is not asked for."""
    pi.submit("x")
    task = pi.claim_next()
    async with look() as looker:
        await looker.sees("working")
        await looker.until(lambda: not looker.app._looking._wanted)
        before = dict(looker.app._looking._asked_at)
        pi.progress(task, percent=70, message="nearly there")
        await looker.sees("70%", "nearly there")
        after = dict(looker.app._looking._asked_at)

    assert {part.name for part in after if after[part] != before[part]} <= {"INSTANCES"}


async def test_pending_tasks_stand_in_claim_order_with_what_they_wait_for(look, person):
    low = person.submit("Later", priority="low")
    first = person.submit("First", priority="urgent", target="nobody-is-this")
    blocked = person.submit("After that", depends_on=[low.id])
    person.submit("Tomorrow", not_before="2099-01-01T00:00:00Z", priority="low")

    async with look() as looker:
        await looker.sees("First", "Later", f"blocked by #{low.id}", "from 01-01")
        shown = looker.text()
        await looker.sees(
            f"#{first.id}: No instance is online that is or is labelled nobody-is-this."
        )

    order = [shown.index(each) for each in ("First", f"#{blocked.id}", "Later", "Tomorrow")]
    assert order == sorted(order)


async def test_the_selected_task_tells_why_it_waits(look, person):
    person.submit("First", priority="high")
    second = person.submit("Second", target="nobody-is-this")

    async with look() as looker:
        await looker.sees("Second")
        await looker.goes_to("pending")
        await looker.press("down")

        await looker.sees(f"#{second.id}: number 2 in the queue. No instance is online")


async def test_a_task_moves_from_list_to_list_as_things_happen(look, pi):
    async with look() as looker:
        await looker.sees("Pending 0", "Running 0")
        task = pi.submit("Move me")
        await looker.sees("Pending 1")
        pi.claim_next()
        await looker.sees("Running 1", "Pending 0")
        pi.complete(task.id, attempt=1, result={"total_cost_usd": 0.42, "duration_ms": 720_000})
        await looker.sees("Running 0", "✓ completed", "$0.42", "12 min")

    assert looker.app.failure is None


async def test_a_failed_task_tells_why(look, pi):
    task = pi.submit("Try me")
    pi.claim_next()
    async with look() as looker:
        await looker.sees("Running 1")
        pi.fail(task.id, "3 tests fail", retry=False, attempt=1)
        await looker.sees("✗ failed", "3 tests fail · Try me")


async def test_instances_show_what_they_hold_and_what_is_wrong(look, pi, person):
    task = pi.submit("x")
    pi.claim_next()
    person.heartbeat(health={"ok": False, "message": "Sign in to Claude"})

    async with look() as looker:
        await looker.sees("● elsewhere", "sick: Sign in to Claude")
        await looker.until(lambda: f"#{task.id}" in looker.line("● pi"))
        person.heartbeat(health={"ok": True})
        await looker.misses("Sign in to Claude")


async def test_events_can_be_restricted(look, person):
    """The options of `watch` restrict the events that are listed, from as far back as was said."""
    other, task = person.submit("Other"), person.submit("This one")

    async with look(options=Options(task=task.id, after=0)) as looker:
        await looker.sees(f"Events of #{task.id}, behind 0", "Other", "This one")
        await looker.sees("task.submitted")
        person.cancel(other.id)
        person.cancel(task.id)
        await looker.sees("task.cancelled")
        listed = [line for line in looker.lines() if "task.cancelled" in line]

    assert len(listed) == 1
    assert f"#{task.id}" in listed[0]


async def test_only_tasks_with_some_words_are_found(look, person):
    """Athena searches, so that any task is found among however many; Esc shows all again."""
    person.submit("Upgrade the wiki")
    person.submit("Deploy the stack")

    async with look() as looker:
        await looker.sees("Upgrade the wiki", "Deploy the stack")
        await looker.press("slash", *"wiki", "enter")
        await looker.misses("Deploy the stack")
        found = looker.text()
        await looker.press("escape")
        await looker.sees("Deploy the stack")

    assert "Upgrade the wiki" in found


async def test_no_text_reaches_the_terminal_but_as_text(look, pi):
    """Control characters are shown, not sent; markup stays as it was written."""
    pi.submit(EVIL, project="p", lane="l")
    task = pi.claim_next(projects=["p"])
    pi.progress(task, message=EVIL[:200])
    pi.append_log(task, [{"kind": "text", "text": EVIL}], first=0)
    pi.submit(EVIL, target="nobody")
    pi.heartbeat(health={"ok": False, "message": EVIL})
    pi.ask(task, EVIL, kind="choice", choices=[EVIL[:90], "b"])

    async with look((200, 50)) as looker:
        await looker.sees("sick: [bold]no markup", "│ [bold]no markup", "» [bold]no markup")
        lists = looker.text()
        await looker.goes_to("questions")
        seen = [looker.text()]
        for keys in (["a"], ["escape", "tab", "enter"], ["l"], ["escape", "escape", "c"]):
            await looker.press(*keys)
            await looker.until(lambda: looker.text() != seen[-1])
            await looker.sees("no markup")
            seen.append(looker.text())

    assert lists.count("[bold]no markup[/bold] \\x1b[2J") >= 4
    for text in seen:
        assert [each for each in text if not each.isprintable() and each != "\n"] == []


async def test_a_reason_in_a_title_is_no_markup(look, pi):
    """What a task waits for may hold the words of whoever asks."""
    pi.submit("x")
    task = pi.claim_next()
    pi.park(task, question=pi.ask(task, EVIL))

    async with look((200, 40)) as looker:
        await looker.sees("Pending 1", ": [bold]no markup[/bold] \\x1b[2J")
        title = looker.line("─ Pending 1")

    assert f"#{task.id}: Waits for the answer" in title


async def test_a_key_that_may_only_read_sees_everything(look, athena, pi):
    pi.submit("Look at me")
    number, secret = key_of(athena, "read")

    async with look(key=secret) as looker:
        await looker.sees("Look at me")

    athena.ask("DELETE", f"/api/keys/{number}")
