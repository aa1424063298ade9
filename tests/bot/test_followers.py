"""A replica that does not lead says nothing on Discord, whatever it was in the middle of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import discord
import pytest

from athena.bot.client import AthenaClient
from athena.bot.config import DiscordConfig
from athena.bot.text import Words
from athena.service.leadership import NoLongerLeader
from athena.service.services import Services, build_services
from tests.service.replicas import SharedStore
from tests.store.clock import ManualClock
from tests.store.engines import ENGINES

ROUTE = discord.http.Route("GET", "/users/@me")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def services(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Services]:
    async with SharedStore(ENGINES["postgres"].url(tmp_path), clock) as store:
        yield build_services(
            store, clock, lease=timedelta(hours=2), max_attempts=3, version="0", replica="one"
        )


@pytest.fixture
async def client(services: Services) -> AsyncIterator[AthenaClient]:
    """The bot of a replica that leads; what it asks of Discord is noted and goes nowhere."""
    await services.leadership.tend()
    client = AthenaClient(
        services, DiscordConfig(token="x.y.z"), Words(("x.y.z",)), on_change=lambda: None
    )
    client._ask = AsyncMock(return_value={})  # the way to Discord
    yield client
    await client.close()


async def test_leader_asks_discord(client: AthenaClient):
    """Everything goes through one place."""
    await client.http.request(ROUTE)

    assert client._ask.await_args_list[0].args == (ROUTE,)  # type: ignore[attr-defined]


async def test_follower_asks_nothing(client: AthenaClient, clock: ManualClock):
    """Its lease has run out while it slept: the request that it was about to send is not sent."""
    clock.advance(timedelta(seconds=5))

    with pytest.raises(NoLongerLeader):
        await client.http.request(ROUTE)

    client._ask.assert_not_awaited()  # type: ignore[attr-defined]


async def test_follower_leaves_the_answer_to_the_leader(client: AthenaClient, clock: ManualClock):
    """Both may be asked; two answers would be one too many."""
    clock.advance(timedelta(seconds=5))
    interaction = Mock(spec=discord.Interaction, type=discord.InteractionType.component)

    await client.on_interaction(interaction)

    assert interaction.response.mock_calls == []
    assert interaction.followup.mock_calls == []
