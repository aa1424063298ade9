"""Rate limits as Discord keeps them (its numbers are not published; these are the ones seen)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Limit:
    requests: int
    seconds: float


# What is not in the table gets plenty. Channels and guilds have a bucket each.
_LIMITS: Final = {
    ("POST", "/channels/{channel_id}/messages"): Limit(5, 5.0),
    ("PATCH", "/channels/{channel_id}/messages/{message_id}"): Limit(5, 5.0),
    ("DELETE", "/channels/{channel_id}/messages/{message_id}"): Limit(5, 1.0),
    ("PUT", "/applications/{application_id}/commands"): Limit(5, 20.0),
    ("PUT", "/applications/{application_id}/guilds/{guild_id}/commands"): Limit(5, 20.0),
}
_PLENTY: Final = Limit(50, 1.0)
_UNLIMITED: Final = Limit(10_000, 1.0)
# Hidden: no header tells of it. Renaming a channel or thread, or changing a topic.
_RENAME: Final = Limit(2, 600.0)


@dataclass
class _Window:
    ends_at: float = 0.0
    used: int = 0

    def take(self, limit: Limit, now: float) -> float:
        """Count one request; seconds to wait where there is no room (0: there is)."""
        if now >= self.ends_at:
            self.ends_at, self.used = now + limit.seconds, 0
        if self.used >= limit.requests:
            return self.ends_at - now
        self.used += 1
        return 0.0


@dataclass(frozen=True)
class Verdict:
    """What the headers of an answer say, and whether it is a 429 (`retry_after` > 0)."""

    headers: dict[str, str]
    retry_after: float


class RateLimits:
    """Counts requests; where it is not `strict` it only fills in the headers."""

    def __init__(self, now: Callable[[], float], *, strict: bool) -> None:
        self._now = now
        self.strict = strict
        self._windows: dict[tuple[str, str], _Window] = {}
        self.exceeded = 0

    def count(self, method: str, template: str, major: str, *, renames: bool) -> Verdict:
        limit = _LIMITS.get((method, template), _PLENTY) if self.strict else _UNLIMITED
        bucket = hashlib.md5(f"{method} {template}".encode(), usedforsecurity=False).hexdigest()
        wait = 0.0
        if self.strict and renames:
            wait = self._window("rename", major).take(_RENAME, self._now())
        window = self._window(bucket, major)
        wait = wait or window.take(limit, self._now())
        self.exceeded += wait > 0
        left = max(0.0, window.ends_at - self._now())
        headers = {
            "X-RateLimit-Limit": str(limit.requests),
            "X-RateLimit-Remaining": str(max(0, limit.requests - window.used)),
            "X-RateLimit-Reset": f"{self._now() + left:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
            "X-RateLimit-Bucket": bucket,
        }
        return Verdict(headers, wait)

    def _window(self, bucket: str, major: str) -> _Window:
        return self._windows.setdefault((bucket, major), _Window())
