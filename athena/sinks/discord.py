"""Discord as a whole: the bot that takes commands, and the sink that tells what has happened.

The composition root imports this late, so that a server without a token does not pay for
discord.py::

    sink = DiscordSink(services, DiscordConfig(token=..., guild_ids=(...)), clock)
    await sink.start()      # before anything can be submitted: from here on nothing is missed
    ...
    await sink.stop()       # within 3 seconds; may be repeated
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from athena.bot.client import AthenaClient
from athena.bot.config import DiscordConfig
from athena.bot.supervisor import Supervisor
from athena.bot.text import Words
from athena.model.clock import Clock
from athena.service.services import Services
from athena.sinks.discord_courier import Courier
from athena.sinks.discord_delivery import SINK, Deliveries

__all__ = ["DiscordConfig", "DiscordSink"]

_log: Final = structlog.get_logger(__name__)
_FINISH_SECONDS_MAX: Final = 1.8


class DiscordSink:
    """The bot and its sink, as one thing to start and stop."""

    def __init__(self, services: Services, config: DiscordConfig, clock: Clock) -> None:
        self._services = services
        self._clock = clock
        self._words = Words((config.token, *config.secrets))
        self._deliveries: Deliveries | None = None
        self._running: asyncio.Task[None] | None = None
        self._finished = asyncio.Event()
        self._supervisor = Supervisor(
            services,
            config,
            self._words,
            deliver=self._deliver,
            on_change=self._on_change,
        )

    async def start(self) -> None:
        """Begin at the newest event where this is the first start, and connect in the background.

        A store that is already full of history must not flood a channel.
        """
        if await self._services.sinks.cursor(SINK) is None:
            await self._services.sinks.move_cursor(SINK, self._services.feed.position)
        self._services.health.set_discord("connecting")
        self._running = asyncio.create_task(self._supervisor.run(), name="discord")

    async def stop(self) -> None:
        """Take no more work, tell what is in hand, and leave.

        Where another replica has taken over already, what is in hand is told by that one.
        """
        self._supervisor.stop_taking_work()
        if self._deliveries is not None and self._services.leadership.is_leader:
            self._deliveries.finish()
            try:
                async with asyncio.timeout(_FINISH_SECONDS_MAX):
                    await self._finished.wait()
            except TimeoutError:
                _log.info("discord is told the rest after the next start")
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _deliver(self, client: AthenaClient) -> None:
        services = self._services
        courier = Courier(
            services=services,
            client=client,
            places=client.places,
            words=self._words,
            clock=self._clock,
        )
        deliveries = Deliveries(
            courier, services.feed, services.sinks, report=self._supervisor.report
        )
        self._deliveries = deliveries
        self._finished.clear()
        try:
            await deliveries.run()
        finally:
            self._deliveries = None
            self._finished.set()

    def _on_change(self) -> None:
        if self._deliveries is not None:
            self._deliveries.nudge()
