"""A call of the API, and what counts as an answer of Athena's: for every way of sending one."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlencode

from claude_task_client.errors import (
    NotAthena,
    NotSent,
    TooMany,
    Unavailable,
    Unreachable,
    refusal,
)

# This bounds what a stranger on the port may send us; Athena's longest pages stay below it.
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
# The server sends a comment at least every 15 s: a stream silent for three of them is dead.
STREAM_SILENCE_SECONDS: Final = 45.0
RETRY_AFTER_SECONDS_MAX: Final = 30.0

Json = Mapping[str, object]


class Call(NamedTuple):
    """One request. `repeatable` says that sending it twice does no more than sending it once."""

    method: str
    path: str
    query: Mapping[str, str] = {}
    body: Json | None = None
    idempotency_key: str | None = None
    repeatable: bool = False
    wait_seconds: float = 0.0

    @property
    def target(self) -> str:
        """The path with its query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def headers(self, key: str | None) -> dict[str, str]:
        """The headers to send, signed with `key`."""
        headers = {"Accept": "application/json", "User-Agent": "claude-task-client"}
        if key:
            headers["X-API-Key"] = key
        if self.body is not None:
            headers["Content-Type"] = "application/json"
        if self.idempotency_key:
            headers["Idempotency-Key"] = self.idempotency_key
        return headers

    def content(self) -> bytes | None:
        """The body as it is sent."""
        return None if self.body is None else json.dumps(self.body).encode()


class Answer(NamedTuple):
    """An answer of Athena's: `body` is None where there is none (204)."""

    status: int
    body: Json | None
    headers: Mapping[str, str]


class Transport(Protocol):
    """A way to send calls. The blocking ones never suspend: see `sync.finish`."""

    async def send(self, call: Call) -> Answer:
        """Send a call, again where that is safe. Raises: Refused, Unreachable."""

    def stream(self, call: Call, *, last_event_id: str | None) -> AsyncGenerator[bytes, None]:
        """The bytes of an event stream as they come, once. Raises: Refused, Unreachable."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def close(self) -> None:
        """Let go of the connections."""


def read_answer(url: str, status: int, headers: Mapping[str, str], content: bytes) -> Answer:
    """Tell an answer of Athena's from anybody else's. `headers` has lower-case names.

    Raises: Refused where Athena says no; NotAthena for a maintenance page, a redirect, others.
    """
    if status == 204:
        return Answer(status, None, headers)
    body = _json_object(headers.get("content-type", ""), content)
    if 200 <= status < 300 and body is not None:
        return Answer(status, body, headers)
    # Readiness answers 503 with plain JSON; every refusal is a problem document with a code.
    if status >= 400 and body is not None and isinstance(body.get("code"), str):
        raise refusal(status, body, retry_after_seconds=_seconds(headers.get("retry-after")))
    raise stranger(url, status, headers)


def stranger(url: str, status: int, headers: Mapping[str, str]) -> NotAthena:
    """The error for an answer that is not Athena's."""
    location = headers.get("location")
    if 300 <= status < 400 and location:
        return NotAthena(f"{url} redirects to {location}: set Athena's own address instead.")
    kind = headers.get("content-type", "").partition(";")[0] or "no content type"
    return NotAthena(f"The answer from {url} is not Athena's (HTTP {status}, {kind}).")


def worth_another_try(call: Call) -> Callable[[Exception], bool | float]:
    """Whether, or after how many seconds, this call may be sent again after an error.

    A call that Athena did not carry out (429, 503) or never got may always be; one whose answer was
    lost only where a second time changes nothing.
    """

    def decide(error: Exception) -> bool | float:
        if isinstance(error, TooMany | Unavailable):
            wait = error.retry_after_seconds
            return True if wait is None else min(wait, RETRY_AFTER_SECONDS_MAX)
        return isinstance(error, NotSent) or (
            isinstance(error, Unreachable) and is_repeatable(call)
        )

    return decide


def is_repeatable(call: Call) -> bool:
    """Whether sending the call twice does no more than sending it once."""
    return call.repeatable or call.method == "GET" or call.idempotency_key is not None


def wrong_shape(url: str, missing: str) -> NotAthena:
    """The error for JSON that lacks what every answer of this kind has."""
    return NotAthena(f"The answer from {url} is not Athena's (no {missing!r} in it).")


def _json_object(content_type: str, content: bytes) -> Json | None:
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in {"application/json", "application/problem+json"}:
        return None
    try:
        value = json.loads(content)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None
