"""The display names of instances."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from athena.service.instances import Instances

_FRESH_SECONDS: Final = 1.0


class InstanceNames:
    """Remembers the names for a little while: every card needs one."""

    def __init__(self, instances: Instances) -> None:
        self._instances = instances
        self._names: dict[str, str] = {}
        self._read_at: float | None = None

    async def current(self) -> Callable[[str], str]:
        """Gives the display name for a slug; the slug itself where there is none."""
        now = asyncio.get_running_loop().time()
        if self._read_at is None or now - self._read_at > _FRESH_SECONDS:
            present = await self._instances.list()
            self._names = {p.instance.slug: p.instance.display_name for p in present}
            self._read_at = now
        names = self._names
        return lambda slug: names.get(slug, slug)
