"""A way to Athena on which answers get lost: what was asked is done, and the asker never hears."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "host"}


@dataclass
class Losing:
    """Passes requests on; the next answer to each path in `losses` is lost."""

    session: aiohttp.ClientSession
    losses: list[str]
    lost: list[str] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Ask for the asker, and tell what was answered, mostly."""
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
        async with self.session.request(
            request.method, request.path_qs, data=await request.read(), headers=headers
        ) as answer:
            loss = next((each for each in self.losses if request.path.endswith(each)), None)
            if loss is not None and answer.status != 204:
                await answer.read()
                self.losses.remove(loss)
                self.lost.append(request.path)
                assert request.transport is not None
                request.transport.abort()
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
            told = web.StreamResponse(status=answer.status, headers=kept)
            await told.prepare(request)
            async for chunk in answer.content.iter_any():
                await told.write(chunk)
            return told


@asynccontextmanager
async def losing(server_url: str, *losses: str) -> AsyncIterator[Losing]:
    """A way to a server; the paths that end so lose their next answer each."""
    application = web.Application()
    async with aiohttp.ClientSession(server_url, auto_decompress=False) as session:
        way = Losing(session, list(losses))
        application.router.add_route("*", "/{path:.*}", way.handle)
        runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        way.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield way
        finally:
            await runner.cleanup()
