"""What an Athena, a person or a clock may say that nobody expects: the view goes on."""

import asyncio
import time
from datetime import UTC, datetime

import pytest
from textual.widgets import Input

from claude_task_client.errors import NotFound, Refused
from claude_task_client.view.picture import EVERYTHING


@pytest.fixture
def far_east(monkeypatch):
    """A machine whose clocks are ahead of those of Greenwich."""
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="needs a zone of its own")
async def test_a_time_that_no_clock_here_shows_is_shown_as_it_is(look, person, far_east):
    """Whoever may submit could end everybody's view with the last second of the year 9999."""
    person.submit("Far away", not_before=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))

    async with look() as looker:
        await looker.sees("Far away", "from 12-31 23:59")
        await looker.goes_to("pending")
        await looker.press("enter")
        await looker.sees("Not before:  9999-12-31 23:59:59")


@pytest.mark.parametrize("words", ["x" * 5_000, "\x00", "\ud800", "50% [/ ' \" *"])
async def test_no_words_that_are_looked_for_end_the_view(look, person, words):
    person.submit("Look at me")

    async with look() as looker:
        await looker.sees("Look at me")
        await looker.press("slash")
        looker.app.query_one(Input).value = words
        await looker.press("enter")
        await looker.sees("Pending 0")
        await looker.press("escape")
        await looker.sees("Look at me", "Pending 1")


async def test_what_an_older_athena_does_not_have_hides_nothing_else(look, person):
    """The lists that she has are shown, and followed."""
    async with look() as looker:
        await looker.sees("Pending 0")

        async def no_such_path(**_filters):
            raise NotFound("There is nothing here.", status=404, code="not_found")

        looker.app._looking.athena.questions = no_such_path
        looker.app._looking.want(*EVERYTHING)
        person.submit("Look at me")
        await looker.sees("Look at me", "Pending 1")

        assert looker.app.failure is None


async def test_an_error_of_athenas_own_passes(look, person):
    """It is told like a lost connection, and tried again."""
    async with look() as looker:
        await looker.sees("Pending 0")
        looking = looker.app._looking
        ask, broken = looking.athena.stats, asyncio.Event()

        async def breaks():
            broken.set()
            raise Refused("Internal error.", status=500, code="internal_error")

        looking.athena.stats = breaks
        looking.want(*EVERYTHING)
        await looker.sees("trying again", "Internal error.")
        looking.athena.stats = ask
        await looker.misses("Internal error.")

        assert broken.is_set()
        assert looker.app.failure is None


async def test_space_takes_no_choice(look, pi):
    """A choice without a number of its own is taken with the arrows and Enter alone."""
    pi.submit("x")
    choices = [f"choice {number}" for number in range(12)]
    asked = pi.ask(pi.claim_next(), "Which one?", kind="choice", choices=choices)

    async with look() as looker:
        await looker.sees("Which one?")
        await looker.press("a")
        await looker.sees("choice 3")
        await looker.press("space", "end")
        await looker.sees("choice 11")
        still_open = pi.question(asked.id).is_open
        await looker.press("enter")
        await looker.sees("Answered question")

    assert still_open
    assert pi.question(asked.id).answer == "choice 11"


async def test_a_log_that_was_lost_says_that_it_goes_on(start_server, look):
    """Also where nobody writes anything into it."""
    from tests.client.view.conftest import instance_of

    server = start_server()
    with instance_of(server, "pi") as pi:
        pi.submit("x")
        pi.claim_next()
        async with look(at=server) as looker:
            await looker.goes_to("running")
            await looker.press("l")
            await looker.sees("· following")
            server.stop()
            await looker.misses("· following")
            server.start()
            await looker.sees("· following")
