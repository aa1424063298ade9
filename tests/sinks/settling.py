"""Waiting until all that has happened is told, or until a mishap has happened."""

from __future__ import annotations

import asyncio
from typing import Final

from tests.bot.conftest import Athena
from tests.fakes.discord import DiscordStandIn
from tests.fakes.discord.faults import Fault
from tests.stored import rows_of

_PROGRESS: Final = """
SELECT (SELECT max(id) FROM events) AS newest, (SELECT position FROM sink_cursors) AS position,
       (SELECT count(*) FROM discord_outgoing) AS outgoing
"""


async def settled(athena: Athena) -> None:
    """Until everything in the log has been dealt with, and nothing is on its way."""

    def look() -> bool:
        (found,) = rows_of(athena.server, _PROGRESS)
        return bool(found["position"] >= found["newest"] and not found["outgoing"])

    async with asyncio.timeout(80):
        while True:
            if await asyncio.to_thread(look):
                return
            await asyncio.sleep(0.1)


async def until_hit(discord: DiscordStandIn, fault: Fault) -> None:
    """Until a request has met with the mishap."""
    await discord.wait_for(lambda _: fault.hits >= 1, what=f"a request like {fault.route}")
