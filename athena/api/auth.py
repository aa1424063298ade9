"""Who is asking: the key in the headers, and the address that counts."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from aiohttp import hdrs, web
from multidict import istr

from athena.api.throttle import Throttle
from athena.model.errors import Forbidden, TooMany, Unauthorized
from athena.model.key import Key, Scope
from athena.service.keys import Keys

API_KEY: Final = istr("X-API-Key")
FORWARDED_FOR: Final = istr("X-Forwarded-For")
# A wrong key in a script repeats itself quickly; guessing 256 bits at this rate is hopeless.
FAILED_SIGN_INS_PER_MINUTE: Final = 30

Network = IPv4Network | IPv6Network


class Gate:
    """Lets those in who have a valid key, at the rate that they may have."""

    def __init__(
        self, keys: Keys, *, requests: Throttle, failures: Throttle, trusted: Sequence[str]
    ) -> None:
        self._keys = keys
        self._requests = requests
        self._failures = failures
        self._trusted = tuple(ip_network(text, strict=False) for text in trusted)

    async def admit(self, request: web.BaseRequest) -> Key:
        """The key of the request.

        A wrong one is looked up before it is counted: failures never lock out a right key.

        Raises: Unauthorized, TooMany.
        """
        secret = secret_in(request)
        if secret is None:
            raise Unauthorized
        key = await self._keys.authenticate(secret)
        if key is None:
            wait = self._failures.hit(client_address(request, self._trusted))
            if wait:
                raise TooMany(retry_after_seconds=wait)
            raise Unauthorized
        wait = self._requests.hit(key.id)
        if wait:
            raise TooMany(retry_after_seconds=wait)
        return key

    async def is_valid(self, request: web.BaseRequest) -> bool:
        """Whether the request's key is still valid, for answers that go on for long."""
        secret = secret_in(request)
        return secret is not None and await self._keys.authenticate(secret) is not None


def check_scope(key: Key, scope: Scope) -> None:
    """Refuse a key that lacks the scope.

    Raises: Forbidden.
    """
    if not key.allows(scope):
        raise Forbidden(f"This needs a key with the scope {scope.value}.")


def check_instance(key: Key, instance: object) -> None:
    """Refuse a key that is bound to another instance.

    Raises: Forbidden.
    """
    if key.instance is not None and isinstance(instance, str) and instance != key.instance:
        raise Forbidden("This key may act for its own instance only.")


def secret_in(request: web.BaseRequest) -> str | None:
    """The secret that was sent, in either of the two ways."""
    secret = request.headers.get(API_KEY)
    if secret is None:
        scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        secret = given.strip() if scheme.lower() == "bearer" else None
    return secret or None


def client_address(request: web.BaseRequest, trusted: Sequence[Network]) -> str:
    """The address of the client: the last one that no trusted proxy has as its own."""
    address = request.remote or "unknown"
    if not trusted or not _is_trusted(address, trusted):
        return address
    forwarded = ",".join(request.headers.getall(FORWARDED_FOR, []))
    for hop in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
        if not _is_address(hop):
            break
        address = hop
        if not _is_trusted(hop, trusted):
            break
    return address


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted(text: str, trusted: Sequence[Network]) -> bool:
    return _is_address(text) and any(ip_address(text) in network for network in trusted)
