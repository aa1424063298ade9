"""What an endpoint gets to see of a request."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from aiohttp import web
from multidict import istr

from athena.api.auth import Gate
from athena.api.metrics import Metrics
from athena.api.reply import Headers
from athena.api.streams import Streams
from athena.model import limits
from athena.model.errors import FieldError, Invalid
from athena.model.event import Actor, ActorKind
from athena.model.key import Key
from athena.model.text import fault_in_text
from athena.service.once import Once
from athena.service.services import Services

IDEMPOTENCY_KEY: Final = istr("Idempotency-Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all endpoints share. `openapi` and `docs` are the finished documents."""

    services: Services
    gate: Gate
    streams: Streams
    metrics: Metrics
    openapi: bytes
    docs: bytes


class Visit:
    """A request that needs no key."""

    __slots__ = ("around", "request", "services")

    def __init__(self, request: web.BaseRequest, around: Surroundings) -> None:
        self.request = request
        self.around = around
        self.services: Services = around.services

    def is_gone(self) -> bool:
        """Whether the client's connection is closed."""
        transport = self.request.transport
        return transport is None or transport.is_closing()


class Call(Visit):
    """A request with a valid key.

    `raw` is its body as it came; `headers` go with the answer; `undo` is to be done where the
    answer cannot be handed over.
    """

    __slots__ = ("actor", "headers", "key", "raw", "undo")

    def __init__(self, request: web.BaseRequest, around: Surroundings, key: Key) -> None:
        super().__init__(request, around)
        self.key = key
        self.actor = actor_named(key.name)
        self.raw = b""
        self.headers: Headers = ()
        self.undo: Callable[[], Awaitable[None]] | None = None

    def once(self) -> Once | None:
        """The name that the client gave to this request, if any, with a digest of all of it.

        Raises: Invalid.
        """
        name = self.request.headers.get(IDEMPOTENCY_KEY)
        if name is None:
            return None
        if not name or fault_in_text(name, limits.IDEMPOTENCY_KEY_CHARACTERS_MAX):
            raise Invalid(
                errors=[FieldError("Idempotency-Key", "must be 1 to 255 characters of text")]
            )
        what = f"{self.request.method} {self.request.raw_path}\n".encode("utf-8", "surrogateescape")
        return Once(
            owner=f"key:{self.key.id}",
            key=name,
            fingerprint=hashlib.sha256(what + self.raw).hexdigest(),
        )


@lru_cache(maxsize=1_024)
def actor_named(name: str) -> Actor:
    """The key as the cause of events."""
    return Actor(ActorKind.KEY, name)
