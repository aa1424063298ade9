"""Keeps the bot running beside everything else, whatever Discord does.

discord.py gives up in many ways: a gateway that cannot be reached at first, an API that answers
503, an event that its parser does not understand. Each attempt is a new client; a failed one is
followed by the next after a growing pause. Only what no waiting can mend ends it: a token or
intents that Discord refuses. Nobody else notices more than the state of health.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import discord
import structlog
import yarl

from athena.bot.client import AthenaClient
from athena.bot.config import DiscordConfig
from athena.bot.sync import CommandSync
from athena.bot.text import Words
from athena.service.services import Services

_log: Final = structlog.get_logger(__name__)

_PAUSE_SECONDS: Final = 1.0
_PAUSE_SECONDS_MAX: Final = 300.0
# A connection that held so long was good: the next attempt follows soon.
_GOOD_SECONDS: Final = 60.0
_LOGIN_SECONDS_MAX: Final = 60.0
_AWAY_SECONDS_MAX: Final = 45.0
_LOOK_SECONDS: Final = 5.0
_CLOSE_SECONDS_MAX: Final = 1.0
_BAD_TOKEN_CODE: Final = 4004
_BAD_TOKEN: Final = "failed: bad token"  # noqa: S105  (what is said of one)
_REFUSED_INTENTS: Final = "failed: intents refused"

# Begins to deliver over a connected client, and gives what is called when Discord has changed.
Deliver = Callable[[AthenaClient], Awaitable[None]]


class Supervisor:
    """One bot, over any number of connections. `deliver` runs beside each connection."""

    def __init__(
        self,
        services: Services,
        config: DiscordConfig,
        words: Words,
        *,
        deliver: Deliver,
        on_change: Callable[[], None],
    ) -> None:
        self._services = services
        self._config = config
        self._words = words
        self._deliver = deliver
        self._on_change = on_change
        self._client: AthenaClient | None = None
        self._trouble: str | None = None
        self._state = ""
        _set_constants(config)

    async def run(self) -> None:
        """Connect again and again, until cancelled or refused for good."""
        pause = _PAUSE_SECONDS
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._connect_once()
            except Exception as error:  # noqa: BLE001  (the bot lives on, whatever discord.py raises)
                refusal = _refusal_for_good(error)
                if refusal is not None:
                    self._set_state(refusal)
                    return
                _log.warning("discord connection failed", reason=repr(error), pause=round(pause))
            self._set_state("connecting")
            if loop.time() - began > _GOOD_SECONDS:
                pause = _PAUSE_SECONDS
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311
            pause = min(2 * pause, _PAUSE_SECONDS_MAX)

    async def _connect_once(self) -> None:
        """Sign in and stay until the connection ends.

        Raises: whatever discord.py does.
        """
        self._set_state("connecting")
        client = AthenaClient(
            self._services, self._config, self._words, on_change=self._note_change
        )
        self._client, self._trouble = client, None
        beside: list[asyncio.Task[None]] = []
        try:
            async with asyncio.timeout(_LOGIN_SECONDS_MAX):
                await client.login(self._config.token)
            sync = CommandSync(client, client.tree, self._config, self._services.discord)
            beside = [
                asyncio.create_task(_lives_on(sync.run, "commands")),
                asyncio.create_task(self._deliver_when_ready(client)),
            ]
            await _first_of(client.connect(reconnect=True), _lost(client))
        finally:
            self._client = None
            for running in beside:
                running.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await _close(client)

    async def _deliver_when_ready(self, client: AthenaClient) -> None:
        await client.wait_until_ready()
        await _lives_on(lambda: self._deliver(client), "delivery")

    # Health

    def report(self, trouble: str | None) -> None:
        """Something cannot be posted, or (None) can be again; said until places change."""
        if trouble != self._trouble:
            self._trouble = trouble
            self._show_health()

    def _note_change(self) -> None:
        self._trouble = None
        self._show_health()
        self._on_change()

    def _show_health(self) -> None:
        client = self._client
        if client is None or not client.connected:
            state = "connecting"
        else:
            problems = client.places.problems() or ([self._trouble] if self._trouble else [])
            state = f"failed: {'; '.join(problems)}" if problems else "connected"
        self._set_state(state)

    def _set_state(self, state: str) -> None:
        """Show the state, and log it where it is another one."""
        self._services.health.set_discord(state)
        if state != self._state:
            self._state = state
            log = _log.warning if state.startswith("failed") else _log.info
            log("discord", state=state)

    def stop_taking_work(self) -> None:
        """Refuse further interactions, kindly."""
        if self._client is not None:
            self._client.closing = True


async def _first_of(connection: Awaitable[None], loss: Awaitable[None]) -> None:
    """Wait for the one that ends first, and end the other."""
    both = [asyncio.ensure_future(connection), asyncio.ensure_future(loss)]
    try:
        done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for ended in done:
            ended.result()
    finally:
        for each in both:
            each.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def _lost(client: AthenaClient) -> None:
    """Wait until the connection has been away for long.

    discord.py takes a short interruption up again where it was; but after some tries it waits up
    to 17 minutes between them, longer than Discord itself may be away.

    Raises: ConnectionError.
    """
    away = 0.0
    while away < _AWAY_SECONDS_MAX:
        await asyncio.sleep(_LOOK_SECONDS)
        away = 0.0 if client.connected else away + _LOOK_SECONDS
    raise ConnectionError("away for too long")


async def _lives_on(act: Callable[[], Awaitable[None]], what: str) -> None:
    """Do it again after a failure, until it ends by itself."""
    while True:
        try:
            await act()
        except Exception as error:  # noqa: BLE001  (what runs beside a connection must not end it)
            _log.error("failed, and begins anew", what=what, exc_info=error)
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return


async def _close(client: discord.Client) -> None:
    with suppress(Exception):  # there is nothing left to do about a connection that does not close
        async with asyncio.timeout(_CLOSE_SECONDS_MAX):
            await client.close()


def _refusal_for_good(error: BaseException) -> str | None:
    """What to say of an error that trying again would only repeat."""
    if isinstance(error, discord.PrivilegedIntentsRequired):
        return _REFUSED_INTENTS
    if isinstance(error, discord.LoginFailure):
        return _BAD_TOKEN
    if isinstance(error, discord.ConnectionClosed) and error.code == _BAD_TOKEN_CODE:
        return _BAD_TOKEN
    return None


def _set_constants(config: DiscordConfig) -> None:
    """What discord.py can only be told by its constants: no voice, and other addresses if set."""
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    if config.api_url:
        discord.http.Route.BASE = config.api_url
    if config.gateway_url:
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(config.gateway_url)
