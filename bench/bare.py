"""The yardstick: aiohttp on uvloop, answering a small JSON POST with a small JSON, and no more.

    python -m bench.bare        serves on a free port, which is the first line that it prints

Each answer has about 85 bytes, as a queue of few fields would give.
"""

from __future__ import annotations

import asyncio

import orjson
import uvloop
from aiohttp import web

PATH = "/api/claim"
USUAL_PATH = "/usual"


async def answer(request: web.Request) -> web.Response:
    asked = orjson.loads(await request.read())
    body = orjson.dumps(
        {"id": 12, "instance": asked["instance"], "status": "in_progress", "attempt": 1, "ok": True}
    )
    return web.Response(body=body, content_type="application/json")


async def answer_as_usual(request: web.Request) -> web.Response:
    """The way of aiohttp's own documents: the standard library's JSON."""
    asked = await request.json()
    return web.json_response(
        {"id": 12, "instance": asked["instance"], "status": "in_progress", "attempt": 1, "ok": True}
    )


async def serve() -> None:
    app = web.Application()
    app.router.add_post(PATH, answer)
    app.router.add_post(USUAL_PATH, answer_as_usual)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
