"""Over a lost connection: it is said, it goes on by itself, and nothing is missed."""

from claude_task_client.errors import Denied
from tests.client.view.conftest import claimed, instance_of, key_of


async def test_a_restart_of_athena_is_told_and_nothing_is_missed(start_server, look):
    """What happened meanwhile is there as soon as she is back."""
    server = start_server()
    with instance_of(server, "pi") as pi:
        pi.submit("Before")
        async with look(at=server) as looker:
            await looker.sees("Before", "Pending 1")
            await looker.goes_to("pending")
            server.stop()
            await looker.sees("NOT CONNECTED, trying again. What you see is of", "Before")
            server.start()
            pi.submit("Afterwards")
            pi.claim_next()
            await looker.sees("Afterwards", "Running 1")
            await looker.misses("NOT CONNECTED")
            task = pi.submit("Live again")
            await looker.sees("Live again")
            assert looker.app._lists.find_task(task.id)


async def test_what_happens_before_the_first_event_is_seen_after_a_loss(start_server, look):
    """A stream that was lost before it told anything cannot be resumed: all is looked at anew."""
    server = start_server()
    async with look(at=server) as looker:
        await looker.sees("Pending 0")
        await looker.until(lambda: looker.app._looking.is_live)
        server.kill()
        await looker.sees("NOT CONNECTED")
        server.start()
        with instance_of(server, "pi") as pi:
            pi.submit("Meanwhile")
        await looker.sees("Meanwhile", "Pending 1")
        await looker.misses("NOT CONNECTED")


async def test_details_say_so_and_are_right_again_afterwards(start_server, look):
    """Also what happened without an event that reached us."""
    server = start_server()
    with instance_of(server, "pi") as pi:
        task = pi.submit("x")
        async with look(at=server) as looker:
            await looker.goes_to("pending")
            await looker.press("enter")
            await looker.sees("Status:      pending")
            server.stop()
            await looker.sees(f"#{task.id} · NOT CONNECTED, trying again", "Status:      pending")
            server.start()
            pi.cancel(task.id)
            await looker.sees("Status:      cancelled")
            await looker.misses("NOT CONNECTED")


async def test_a_key_that_is_revoked_ends_the_view_with_the_reason(look, athena):
    """Trying on for ever would only hide it."""
    number, secret = key_of(athena, "read")

    async with look(key=secret) as looker:
        await looker.sees("Pending 0")
        athena.ask("DELETE", f"/api/keys/{number}")
        await looker.until(lambda: looker.app.failure is not None)

    assert isinstance(looker.app.failure, Denied)


async def test_an_answer_that_athena_did_not_get_can_be_sent_again(start_server, look):
    server = start_server()
    with instance_of(server, "pi") as pi:
        pi.submit("x")
        asked = pi.ask(claimed(pi), "Which port?")
        async with look(at=server) as looker:
            await looker.sees("Which port?")
            await looker.press("a", *"80")
            server.stop()
            await looker.press("enter")
            await looker.sees("not reachable", "It may have arrived all the same")
            server.start()
            await looker.press("enter")
            await looker.sees("Answered question")

        assert pi.question(asked.id).answer == "80"


async def test_the_logs_go_on_after_a_loss(start_server, look):
    server = start_server()
    with instance_of(server, "pi") as pi:
        pi.submit("x")
        task = claimed(pi)
        pi.append_log(task, [{"kind": "text", "text": "before it"}], first=0)
        async with look(at=server) as looker:
            await looker.sees("│ before it")
            server.restart()
            pi.append_log(task, [{"kind": "text", "text": "after it"}], first=1)
            await looker.sees("│ after it")
