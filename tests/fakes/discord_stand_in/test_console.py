"""The stand-in by hand, with the real bot."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.fakes.discord import DiscordStandIn
from tests.fakes.discord.console import HELP, Console
from tests.fakes.discord_stand_in.conftest import BotProcess

REPOSITORY = Path(__file__).resolve().parents[3]


async def test_a_person_works_by_hand(discord: DiscordStandIn, bot: BotProcess):
    """Commands, forms and buttons by the line; people appear as they are named."""
    console = Console(discord)
    await discord.wait_ready("task")

    assert "a form opens: New task (Description)" in await console.run("alice: /task")
    assert "queued: now" in await console.run("alice: submit Description=now")
    assert "[Cancel]" in await console.run('bob: /task description="Deploy it"')
    assert "cancelled" in await console.run("bob: press last Cancel")
    assert "message" in await console.run("bob: say hello")
    assert "queued: hello" in await console.run("bob: menu last Queue as task")
    assert "bob: hello" in await console.run("state")


async def test_what_cannot_be_done_is_said(discord: DiscordStandIn):
    """Mistakes at the terminal end in a sentence."""
    console = Console(discord)

    assert "no command 'nothing'" in await console.run("alice: /nothing")
    assert "no message 'last'" in await console.run("alice: press last Cancel")
    assert await console.run("alice: dance") == HELP
    assert await console.run("help") == HELP


async def test_service_goes_and_comes_by_hand(discord: DiscordStandIn):
    """The same mishaps as in tests."""
    console = Console(discord)

    for line in ("away", "back", "drop 4000", "reconnect", "invalidate"):
        assert await console.run(line) == "done"


async def test_module_runs():
    """`python -m tests.fakes.discord` prints what `athena serve` needs, and ends with its input."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.discord", "--port", "0"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
    )

    output, _ = await asyncio.wait_for(process.communicate(b"state\n"), 30)

    assert process.returncode == 0
    assert "export ATHENA_DISCORD_API_URL=http://127.0.0.1:" in output.decode()
    assert "bot athena: not connected" in output.decode()
