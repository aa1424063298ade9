"""A task on a screen of its own: everything about it, and its log."""

from claude_task_client.view import reading


async def test_details_follow_what_happens(look, pi):
    task = pi.submit("Deploy\nall\tof it", project=None)

    async with look() as looker:
        await looker.sees("Deploy all of it")
        await looker.goes_to("pending")
        await looker.press("enter")
        await looker.sees("Status:      pending", "Deploy\n", "all of it", "Place ")
        pi.claim_next()
        await looker.sees("in_progress (working)", "by pi")
        asked = pi.ask(pi.get(task.id), "Which port?")
        pi.progress(pi.get(task.id), phase="waiting")
        await looker.sees(f"Question {asked.id} (a answers it)", "Which port?")
        pi.append_log(pi.get(task.id), [{"kind": "tool", "text": "Edit"}], first=0)
        pi.complete(task.id, attempt=1, notes="All done")
        await looker.sees("completed", "All done", "tool   Edit")
        await looker.press("escape")
        await looker.sees("Ended")


async def test_the_log_goes_on_until_the_task_ends(look, pi):
    """It follows what comes; who has scrolled up is left in peace, and End follows again."""
    pi.submit("x")
    task = pi.claim_next()
    pi.append_log(task, [{"kind": "text", "text": f"line {n}"} for n in range(100)], first=0)

    async with look((80, 24)) as looker:
        await looker.goes_to("running")
        await looker.press("l")
        await looker.sees("Log of", "line 99", "following")
        await looker.press(*["pageup"] * 2)
        await looker.misses("line 99")
        pi.append_log(task, [{"kind": "text", "text": "the hundredth"}], first=100)
        pi.complete(task)
        await looker.sees("· completed")
        unseen = "the hundredth" not in looker.text()
        await looker.press("end")
        await looker.sees("the hundredth")

    assert unseen


async def test_a_long_log_is_bounded_and_lines_are_broken_at_the_width(look, pi, monkeypatch):
    monkeypatch.setattr(reading, "LINES_FIRST", 20)
    pi.submit("x")
    task = pi.claim_next()
    lines = [{"kind": "text", "text": f"line {n} " + "w" * 300} for n in range(60)]
    pi.append_log(task, lines, first=0)

    async with look((80, 24)) as looker:
        await looker.goes_to("running")
        await looker.press("l")
        await looker.sees("from line 41 on", "line 59")
        narrow = looker.text().count("w" * 60)
        await looker.pilot.resize_terminal(160, 40)
        await looker.until(lambda: "w" * 130 in looker.text())
        await looker.press("home")
        await looker.sees("line 40")

    assert narrow > 3


async def test_a_task_that_is_gone_says_so(look, athena, pi):
    task = pi.submit("x")

    async with look() as looker:
        await looker.sees("Pending 1")
        await looker.goes_to("pending")
        await looker.press("enter")
        await looker.sees("Status:      pending")
        athena.ask("DELETE", f"/api/tasks/{task.id}")
        await looker.misses("Status:      pending")
        await looker.sees("There is no task")
