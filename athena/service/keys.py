"""API keys: made, listed, revoked, and recognised."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from athena.model import limits
from athena.model.clock import Clock
from athena.model.errors import FieldError, Invalid
from athena.model.event import SYSTEM, Actor, KeyCreated, KeyRevoked
from athena.model.key import (
    SECRET_CHARACTERS_MIN,
    Key,
    KeyId,
    Scope,
    digest_of,
    secret_from,
    shown_part,
)
from athena.model.text import fault_in_text, is_slug
from athena.store import events, keys
from athena.store.base import Committed, Reading, Store, Transaction

_SECRET_BYTES: Final = 32
_SECRET_CHARACTERS_MAX: Final = 512
_CACHED_MAX: Final = 1_000
_USE_NOTED_EVERY: Final = timedelta(minutes=1)
# Where others may revoke a key without our hearing of it, one that is known is looked up again, and
# never believed for longer.
_FRESH_FOR: Final = timedelta(milliseconds=500)
_BELIEVED_FOR: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key with its secret, which is shown this once and kept nowhere."""

    key: Key
    secret: str


@dataclass(slots=True)
class _Known:
    """A key that was looked up, and when; None: it is known until we hear otherwise."""

    key: Key
    asked_at: timedelta | None
    is_asked_for: bool = False


class Keys:
    """Use cases around keys. Valid ones are remembered, so that a request costs no query.

    On a store that replicas share they are looked up again and again: a revocation counts on all
    of them, whether or not they can hear each other.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, _Known] = {}
        # How often what is known was dropped: a look-up that was under way then is not remembered.
        self._dropped = 0
        self._used: set[KeyId] = set()
        self._noted: dict[KeyId, datetime] = {}
        store.on_commit(self._on_commit)

    def _on_commit(self, committed: Committed) -> None:
        revoked = any(event.type == KeyRevoked.type for event in committed.events)
        # Another process wrote, perhaps `athena keys revoke`. Replicas do so all the time.
        foreign = committed.elsewhere is not None and not self._store.is_shared
        if revoked or foreign:
            self._known.clear()
            self._dropped += 1

    async def authenticate(self, secret: str) -> Key | None:
        """The valid key whose secret this is, or None."""
        if len(secret) > _SECRET_CHARACTERS_MAX:
            return None
        digest = digest_of(secret)
        key = self._recall(digest) or await self._look_up(digest, secret)
        if key is None or not self._is_valid(key):
            return None
        self._used.add(key.id)
        return key

    def _is_valid(self, key: Key) -> bool:
        # Only a key that ends at some time costs a look at the clock.
        return key.revoked_at is None and (
            key.expires_at is None or key.is_valid(self._clock.now())
        )

    def _recall(self, digest: str) -> Key | None:
        known = self._known.get(digest)
        if known is None:
            return None
        if known.asked_at is None:
            return known.key
        age = self._clock.steady() - known.asked_at
        if age < _FRESH_FOR or (known.is_asked_for and age < _BELIEVED_FOR):
            return known.key
        # One asks for all who come meanwhile.
        known.is_asked_for = True
        return None

    async def _look_up(self, digest: str, secret: str) -> Key | None:
        dropped, asked_at = self._dropped, self._clock.steady()
        key = await self._store.read(lambda reading: keys.find_by_digest(reading, digest))
        if key is None or not key.matches(secret) or key.revoked_at is not None:
            self._known.pop(digest, None)
            return None
        if len(self._known) >= _CACHED_MAX:
            self._known.clear()
        if dropped == self._dropped:
            self._known[digest] = _Known(key, asked_at if self._store.is_shared else None)
        return key

    async def note_uses(self) -> None:
        """Write down which keys were used since the last time, each at most once a minute.

        The time noted is this one: a look at the clock for each request would cost more than
        the seconds in between are worth.
        """
        used, self._used = self._used, set()
        now = self._clock.now()
        due = {
            key_id: now
            for key_id in used
            if key_id not in self._noted or now - self._noted[key_id] >= _USE_NOTED_EVERY
        }
        if not due:
            return

        async def act(tx: Transaction) -> None:
            for key_id, at in due.items():
                await keys.note_use(tx, key_id, at)

        await self._store.run(act)
        self._noted |= due

    async def create(
        self,
        *,
        name: str,
        scopes: frozenset[Scope],
        by: Actor,
        instance: str | None = None,
        expires_at: datetime | None = None,
    ) -> NewKey:
        """Make a key.

        Raises: Invalid.
        """
        _check_key(name, scopes, instance)
        if expires_at is not None and expires_at <= self._clock.now():
            raise Invalid(errors=[FieldError("expires_at", "is past already")])
        secret = _new_secret()

        async def act(tx: Transaction) -> Key:
            key = _key_of(secret, name=name, scopes=scopes, created_at=tx.now)
            return await _insert(tx, replace(key, instance=instance, expires_at=expires_at), by)

        return NewKey(key=await self._store.run(act), secret=secret)

    async def list(self) -> list[Key]:
        """Every key, revoked ones too."""
        return await self._store.read(keys.list_all)

    async def has_admin(self) -> bool:
        """Whether anybody can still make keys over HTTP."""
        return await self._store.read(_has_admin)

    async def revoke(self, key_id: KeyId, *, by: Actor) -> None:
        """End a key's validity, at once; may be repeated.

        Raises: KeyNotFound.
        """

        async def act(tx: Transaction) -> None:
            key = await keys.get(tx, key_id)
            if await keys.revoke(tx, key_id):
                await events.append(tx, KeyRevoked(key_id=key.id, name=key.name), by)

        await self._store.run(act)

    async def ensure_first(self, configured: str | None) -> NewKey | None:
        """See to it that there is an admin key.

        A configured secret becomes one where it is not known yet (then None is given: its owner
        has it). Where there is neither, a key is made, and given to be shown once.

        Raises: Invalid, for a configured secret that is too short.
        """
        if configured is not None and len(configured) < SECRET_CHARACTERS_MIN:
            raise Invalid(f"ATHENA_API_KEY needs at least {SECRET_CHARACTERS_MIN} characters.")
        secret = configured or _new_secret()

        async def act(tx: Transaction) -> Key | None:
            # In one transaction: of replicas that start together one makes the key.
            if configured is None:
                is_there = await _has_admin(tx)
            else:
                is_there = await keys.find_by_digest(tx, digest_of(secret)) is not None
            if is_there:
                return None
            scopes = frozenset({Scope.ADMIN})
            key = _key_of(secret, name="admin", scopes=scopes, created_at=tx.now)
            return await _insert(tx, key, SYSTEM)

        made = await self._store.run(act)
        return None if made is None or configured is not None else NewKey(key=made, secret=secret)


def _new_secret() -> str:
    return secret_from(secrets.token_bytes(_SECRET_BYTES))


def _key_of(secret: str, *, name: str, scopes: frozenset[Scope], created_at: datetime) -> Key:
    return Key(
        id=KeyId(0),
        name=name,
        shown=shown_part(secret),
        digest=digest_of(secret),
        scopes=scopes,
        instance=None,
        created_at=created_at,
    )


async def _insert(tx: Transaction, key: Key, by: Actor) -> Key:
    stored = await keys.insert(tx, key)
    scopes = tuple(sorted(scope.value for scope in key.scopes))
    await events.append(tx, KeyCreated(key_id=stored.id, name=key.name, scopes=scopes), by)
    return stored


async def _has_admin(reading: Reading) -> bool:
    return any(
        key.is_valid(reading.now) and key.allows(Scope.ADMIN)
        for key in await keys.list_all(reading)
    )


def _check_key(name: str, scopes: frozenset[Scope], instance: str | None) -> None:
    faults: list[FieldError] = []
    name_fault = fault_in_text(name, limits.LABEL_CHARACTERS_MAX)
    if name_fault or not name.strip():
        faults.append(FieldError("name", name_fault or "must say something"))
    if not scopes:
        faults.append(FieldError("scopes", "must name at least one scope"))
    if instance is not None and not is_slug(instance):
        faults.append(FieldError("instance", "is not a slug"))
    if faults:
        raise Invalid(errors=faults)
