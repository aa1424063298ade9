"""Mishaps on request: rate limits, server errors, lost and slow answers, by route."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum


class Mishap(Enum):
    RATE_LIMIT = "rate limit"
    STATUS = "status"
    DROP = "drop"  # the request is not carried out, the connection breaks
    LOSE_ANSWER = "lose answer"  # it is carried out, and the connection breaks
    DELAY = "delay"
    DELAY_ANSWER = "delay answer"


@dataclass(eq=False)
class Fault:
    """One mishap for the next `times` requests that match (None: until it is lifted)."""

    route: str
    mishap: Mishap
    times: int | None = 1
    status: int = 0
    seconds: float = 0.0
    is_global: bool = False
    hits: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._pattern = _compiled(self.route)

    @property
    def spent(self) -> bool:
        return self.times is not None and self.hits >= self.times

    def matches(self, method: str, path: str) -> bool:
        return not self.spent and bool(self._pattern.fullmatch(f"{method} {path}"))

    def lift(self) -> None:
        """From now on it happens no more."""
        self.times = self.hits


class Faults:
    """Those that wait to happen. Routes are written as Discord's documentation writes them:
    "POST /channels/*/messages"; "*" stands for one part of the path, "**" for anything, and a
    method left out for any method.
    """

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def rate_limit(
        self, route: str = "**", *, times: int | None = 1, retry_after: float = 0.2
    ) -> Fault:
        """429 with Retry-After (seconds)."""
        return self._add(Fault(route, Mishap.RATE_LIMIT, times, 429, retry_after))

    def fail(self, route: str = "**", *, status: int = 500, times: int | None = 1) -> Fault:
        """500, 502, 503 …: nothing is carried out."""
        return self._add(Fault(route, Mishap.STATUS, times, status))

    def drop(self, route: str = "**", *, times: int | None = 1) -> Fault:
        """The connection breaks before the request is carried out."""
        return self._add(Fault(route, Mishap.DROP, times))

    def lose_answer(self, route: str = "**", *, times: int | None = 1, status: int = 0) -> Fault:
        """The request is carried out, but its answer does not arrive: the connection breaks, or
        with a `status` (such as 502) a proxy answers in its place.
        """
        return self._add(Fault(route, Mishap.LOSE_ANSWER, times, status))

    def delay(self, route: str = "**", *, seconds: float, times: int | None = None) -> Fault:
        """Requests are carried out late."""
        return self._add(Fault(route, Mishap.DELAY, times, seconds=seconds))

    def delay_answer(self, route: str = "**", *, seconds: float, times: int | None = None) -> Fault:
        """Requests are carried out at once and answered late."""
        return self._add(Fault(route, Mishap.DELAY_ANSWER, times, seconds=seconds))

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, method: str, path: str) -> list[Fault]:
        """The mishaps of this request, each counted as a hit; the first of each kind."""
        found: dict[Mishap, Fault] = {}
        for fault in self._waiting:
            if fault.mishap not in found and fault.matches(method, path):
                found[fault.mishap] = fault
        for fault in found.values():
            fault.hits += 1
        return list(found.values())

    def _add(self, fault: Fault) -> Fault:
        self._waiting.append(fault)
        return fault


def _compiled(route: str) -> re.Pattern[str]:
    method, _, path = route.rpartition(" ")
    parts = re.split(r"(\*\*|\*|\{[^}]*\})", path)
    pattern = "".join(
        ".*" if part == "**" else "[^/]+" if part == "*" or part[:1] == "{" else re.escape(part)
        for part in parts
    )
    return re.compile(f"{re.escape(method) if method else '[A-Z]+'} {pattern}")
