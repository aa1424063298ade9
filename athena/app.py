"""The composition root: builds everything from the settings, starts it, stops it in reverse."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import secrets
import signal
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Final

import structlog

from athena import __version__
from athena.api.server import Api
from athena.background.housekeeping import KeyUseDuty, NewsDuty, PresenceDuty, RetentionDuty
from athena.background.leading import LeadershipDuty, Reign
from athena.background.leases import LeaseDuty
from athena.background.loop import Duty, run_forever
from athena.clock import SystemClock
from athena.model.clock import Clock
from athena.service.health import ON_THE_LEADER
from athena.service.keys import NewKey
from athena.service.services import Services, build_services, services_of_leader
from athena.settings import Settings
from athena.store.base import Role, Store
from athena.store.sqlite import SQLiteStore

_log: Final = structlog.get_logger(__name__)
_END_SECONDS_MAX: Final = 1.0
# How many new objects come together before the collector looks through them. Python's own 700 are
# less than what 64 requests are just using: it looked at the same ones again and again, for 14 of
# the 232 µs of CPU of a claim and its completion.
_NEW_OBJECTS: Final = 10_000


def build_store(settings: Settings, clock: Clock, role: Role = Role.SERVER) -> Store:
    """The store that the settings name."""
    if not settings.is_postgres:
        return SQLiteStore(settings.database_path, clock, role)
    # Imported late: its library is an extra.
    from athena.store.postgres import PostgresStore

    # By the database's own clock: replicas on several machines have but that one in common.
    return PostgresStore(settings.database_url, role=role)


def replica_name() -> str:
    """What this process is called among its replicas: no two lives have the same name."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


class App:
    """One running Athena."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._store = build_store(settings, self._clock)
        self._stop = asyncio.Event()
        self._running = AsyncExitStack()
        self.services: Services = build_services(
            self._store,
            self._clock,
            lease=settings.stale_after,
            max_attempts=settings.max_attempts,
            version=__version__,
            replica=replica_name(),
        )
        # For what runs on the leader alone.
        self._leaders = services_of_leader(self.services, max_attempts=settings.max_attempts)
        self.url = ""

    async def start(self) -> NewKey | None:
        """Start everything; gives the first admin key where one was made.

        Raises: StoreUnusable, Invalid, CannotListen.
        """
        try:
            return await self._start()
        except BaseException:
            await asyncio.shield(self.stop())
            raise

    async def _start(self) -> NewKey | None:
        settings, services = self._settings, self.services
        await self._running.enter_async_context(self._store)
        await services.feed.catch_up()
        secret = settings.api_key.get_secret_value() if settings.api_key else None
        new_key = await services.keys.ensure_first(secret)
        if not await services.keys.has_admin():
            _log.warning("no admin key is valid; `athena keys create NAME --scope admin` makes one")
        for duty in (KeyUseDuty(services.keys), NewsDuty(services.feed)):
            _run_beside(duty, self._running)
        await self._start_leading()
        api = Api(
            services,
            version=__version__,
            rate_limit=settings.rate_limit,
            trusted_proxies=settings.trusted_proxies,
        )
        self._running.push_async_callback(api.stop)
        await api.start(settings.host, settings.port)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.url = f"http://{host}:{api.port}"
        _log.info("athena serves", url=self.url, version=__version__)
        return new_key

    async def _start_leading(self) -> None:
        """Lead from here on whenever it is our turn: at once where nobody else does."""
        leadership = self.services.leadership
        if self._store.is_shared:
            if self._settings.discord_token is not None:
                self.services.health.set_discord(ON_THE_LEADER)
            self._running.push_async_callback(leadership.resign)
            duty = LeadershipDuty(leadership)
            await duty.run_once()
            _run_beside(duty, self._running)
        reign = Reign(leadership, self._lead)
        self._running.push_async_callback(reign.stop)
        await reign.start()

    async def _lead(self, parts: AsyncExitStack) -> None:
        """Begin what one replica does for all."""
        for duty in self._leaders_duties():
            _run_beside(duty, parts)
        await self._start_bot(parts)

    def _leaders_duties(self) -> list[Duty]:
        services, days = self._leaders, self._settings.retention_days
        sinks = frozenset({"discord"} if self._settings.discord_token else ())
        return [
            LeaseDuty(services.sweeping),
            PresenceDuty(services.instances),
            RetentionDuty(services.sweeping, timedelta(days=days) if days else None, sinks),
        ]

    async def _start_bot(self, parts: AsyncExitStack) -> None:
        """Start the bot, where there is a token; it lives and fails by itself."""
        settings = self._settings
        if settings.discord_token is None:
            return
        # Imported late: a server without Discord does not pay its memory. And apart from the loop:
        # a replica that takes over has answers to give meanwhile.
        await asyncio.to_thread(importlib.import_module, "athena.sinks.discord")
        from athena.sinks.discord import DiscordConfig, DiscordSink

        sink = DiscordSink(
            self._leaders,
            DiscordConfig(
                token=settings.discord_token.get_secret_value(),
                guild_ids=tuple(int(guild) for guild in settings.discord_guild_ids),
                channel=settings.discord_channel,
                roles=settings.discord_roles,
                users=settings.discord_users,
                admin_roles=settings.discord_admin_roles,
                api_url=settings.discord_api_url,
                gateway_url=settings.discord_gateway_url,
                public_url=settings.public_url,
                secrets=settings.secrets,
            ),
            self._clock,
        )
        if self._store.is_shared:
            parts.callback(self.services.health.set_discord, ON_THE_LEADER)
        parts.push_async_callback(sink.stop)
        await sink.start()

    async def stop(self) -> None:
        """Stop everything in reverse: waiting requests are answered first. May be repeated."""
        self.services.polls.close()
        self.services.feed.close()
        await self._running.aclose()

    def ask_to_stop(self) -> None:
        """Have `run_until_stopped` end."""
        self._stop.set()

    async def run_until_stopped(self, on_started: Callable[[NewKey | None, str], None]) -> None:
        """Start, serve until SIGTERM or SIGINT, stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.ask_to_stop)
        new_key = await self.start()
        try:
            on_started(new_key, self.url)
            # What is there by now stays: the collector need not go through it again and again.
            # Measured: 8 % of the CPU of a claim, and a third off its 99th percentile.
            gc.freeze()
            gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
            await self._stop.wait()
            _log.info("athena stops")
        finally:
            await self.stop()


def _run_beside(duty: Duty, until: AsyncExitStack) -> None:
    """Do the duty again and again, until the stack is left."""
    running = asyncio.create_task(run_forever(duty), name=duty.name)

    async def end() -> None:
        running.cancel()
        # A library may take its time over a connection that hangs: that must not hold up the stop.
        await asyncio.wait([running], timeout=_END_SECONDS_MAX)

    until.push_async_callback(end)
