"""Long waits, cut into slices: the client hears that something is still going on."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any, Final

from mcp.server.mcpserver import Context

SLICE_SECONDS: Final = 10.0


async def slices(ctx: Context[None, Any], seconds: float, what: str) -> AsyncIterator[float]:
    """How long to wait next, at least once, until `seconds` are over in all."""
    started = time.monotonic()
    while True:
        left = seconds - (time.monotonic() - started)
        yield max(0.0, min(left, SLICE_SECONDS))
        passed = time.monotonic() - started
        if passed >= seconds:
            return
        await ctx.report_progress(passed, seconds, what)
