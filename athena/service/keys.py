"""API keys: made, listed, revoked, and recognised."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
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
from athena.store.base import Committed, Store, Transaction

_SECRET_BYTES: Final = 32
_SECRET_CHARACTERS_MAX: Final = 512
_CACHED_MAX: Final = 1_000
_USE_NOTED_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key with its secret, which is shown this once and kept nowhere."""

    key: Key
    secret: str


class Keys:
    """Use cases around keys. Valid ones are remembered, so that a request costs no query."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, Key] = {}
        # How often what is known was dropped: a look-up that was under way then is not remembered.
        self._dropped = 0
        self._uses: dict[KeyId, datetime] = {}
        self._noted: dict[KeyId, datetime] = {}
        store.on_commit(self._on_commit)

    def _on_commit(self, committed: Committed) -> None:
        revoked = any(event.type == KeyRevoked.type for event in committed.events)
        # `wake_all` without events: another process wrote, perhaps `athena keys revoke`.
        if revoked or (committed.wake_all and not committed.events):
            self._known.clear()
            self._dropped += 1

    async def authenticate(self, secret: str) -> Key | None:
        """The valid key whose secret this is, or None."""
        if len(secret) > _SECRET_CHARACTERS_MAX:
            return None
        digest = digest_of(secret)
        key, dropped = self._known.get(digest), self._dropped
        if key is None:
            key = await self._store.read(lambda reading: keys.find_by_digest(reading, digest))
        now = self._clock.now()
        if key is None or not key.matches(secret) or not key.is_valid(now):
            return None
        if len(self._known) >= _CACHED_MAX:
            self._known.clear()
        if dropped == self._dropped:
            self._known[digest] = key
        self._uses[key.id] = now
        return key

    async def note_uses(self) -> None:
        """Write down when keys were last used, each at most once a minute."""
        uses, self._uses = self._uses, {}
        due = {
            key_id: at
            for key_id, at in uses.items()
            if key_id not in self._noted or at - self._noted[key_id] >= _USE_NOTED_EVERY
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
        secret = secret_from(secrets.token_bytes(_SECRET_BYTES))
        return await self._insert(
            secret, name=name, scopes=scopes, by=by, instance=instance, expires_at=expires_at
        )

    async def _insert(
        self,
        secret: str,
        *,
        name: str,
        scopes: frozenset[Scope],
        by: Actor,
        instance: str | None,
        expires_at: datetime | None,
    ) -> NewKey:
        _check_key(name, scopes, instance)
        if expires_at is not None and expires_at <= self._clock.now():
            raise Invalid(errors=[FieldError("expires_at", "is past already")])

        async def act(tx: Transaction) -> Key:
            key = Key(
                id=KeyId(0),
                name=name,
                shown=shown_part(secret),
                digest=digest_of(secret),
                scopes=scopes,
                instance=instance,
                created_at=tx.now,
                expires_at=expires_at,
            )
            stored = await keys.insert(tx, key)
            created = KeyCreated(
                key_id=stored.id, name=name, scopes=tuple(sorted(s.value for s in scopes))
            )
            await events.append(tx, created, by)
            return stored

        return NewKey(key=await self._store.run(act), secret=secret)

    async def list(self) -> list[Key]:
        """Every key, revoked ones too."""
        return await self._store.read(keys.list_all)

    async def has_admin(self) -> bool:
        """Whether anybody can still make keys over HTTP."""
        now = self._clock.now()
        return any(key.is_valid(now) and key.allows(Scope.ADMIN) for key in await self.list())

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
        everyone = frozenset({Scope.ADMIN})
        if configured is None:
            if await self.has_admin():
                return None
            return await self.create(name="admin", scopes=everyone, by=SYSTEM)
        if len(configured) < SECRET_CHARACTERS_MIN:
            raise Invalid(f"ATHENA_API_KEY needs at least {SECRET_CHARACTERS_MIN} characters.")
        digest = digest_of(configured)
        if await self._store.read(lambda reading: keys.find_by_digest(reading, digest)) is None:
            await self._insert(
                configured, name="admin", scopes=everyone, by=SYSTEM, instance=None, expires_at=None
            )
        return None


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
