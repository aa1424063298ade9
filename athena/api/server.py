"""The REST API as something that starts and stops."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache
from typing import Final

from aiohttp import web

from athena.api.auth import FAILED_SIGN_INS_PER_MINUTE, Gate
from athena.api.call import Surroundings
from athena.api.connection import Connections
from athena.api.dispatch import Dispatcher
from athena.api.endpoint import load_endpoints
from athena.api.metrics import Metrics
from athena.api.openapi import openapi_document
from athena.api.page import docs_page
from athena.api.reply import json_bytes
from athena.api.streams import Streams
from athena.api.throttle import Throttle
from athena.model.errors import AthenaError
from athena.service.services import Services

# Below the ten seconds of grace that containers get: what runs is answered, then cut off.
_SHUTDOWN_SECONDS: Final = 4.0
_BACKLOG: Final = 512
# How long those are waited for at the end who stand at the door; and in how many rounds of the
# loop nobody came in, and everybody was heard.
_LAST_SECONDS_MAX: Final = 0.5
_LAST_ROUNDS: Final = 10


class CannotListen(AthenaError):
    """The address cannot be listened on."""

    code = "cannot_listen"


class Api:
    """Serves HTTP for the services, between `start` and `stop`.

    `rate_limit`: requests a minute and key, 0 for no limit (then none on failed sign-ins either).
    `trusted_proxies`: addresses or networks whose X-Forwarded-For counts.
    """

    def __init__(
        self,
        services: Services,
        *,
        version: str,
        rate_limit: int = 6_000,
        trusted_proxies: Sequence[str] = (),
    ) -> None:
        self._services = services
        self._version = version
        self._rate_limit = rate_limit
        self._trusted_proxies = trusted_proxies
        self._runner: web.ServerRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen; with port 0 on a free one, which `port` then names.

        Raises: CannotListen.
        """
        runner = web.ServerRunner(
            Connections(self._dispatcher()), shutdown_timeout=_SHUTDOWN_SECONDS
        )
        self._runner = runner
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port, backlog=_BACKLOG).start()
        except OSError as error:
            await self.stop()
            reason = error.strerror or "the address is not usable"
            raise CannotListen(f"Cannot listen on {host} port {port}: {reason}.") from error
        self.port = runner.addresses[0][1]

    def _dispatcher(self) -> Dispatcher:
        openapi, docs = _documents(self._version)
        streams = Streams(self._services.feed)
        now = asyncio.get_running_loop().time
        failures = FAILED_SIGN_INS_PER_MINUTE if self._rate_limit else 0
        around = Surroundings(
            services=self._services,
            gate=Gate(
                self._services.keys,
                requests=Throttle(self._rate_limit, now),
                failures=Throttle(failures, now),
                trusted=self._trusted_proxies,
            ),
            streams=streams,
            metrics=Metrics(
                self._services.stats,
                open_streams=streams.count,
                is_leader=lambda: self._services.leadership.is_leader,
            ),
            openapi=openapi,
            docs=docs,
        )
        return Dispatcher(load_endpoints(), around)

    async def stop(self) -> None:
        """Stop listening, let streams and polls end, and answer what was asked; may be repeated."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        self._services.polls.close()
        self._services.feed.close()
        await _take_in(runner)
        await runner.cleanup()


async def _take_in(runner: web.ServerRunner) -> None:
    """Accept and read what the system has taken in already.

    Closing the socket would cut off who stands before it, and closing an idle connection whose
    request has arrived in the meantime. The loop accepts one connection in a round.
    """
    deadline = asyncio.get_running_loop().time() + _LAST_SECONDS_MAX
    quiet, before = 0, -1
    while quiet < _LAST_ROUNDS and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0)
        count = len(runner.server.connections) if runner.server else 0
        quiet, before = (quiet + 1 if count == before else 0), count


@cache
def _documents(version: str) -> tuple[bytes, bytes]:
    """The OpenAPI document and the page, as they are served."""
    document = openapi_document(load_endpoints(), version=version)
    return json_bytes(document), docs_page(document).encode()
