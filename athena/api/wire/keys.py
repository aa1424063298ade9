"""How keys look in JSON."""

from __future__ import annotations

from typing_extensions import TypedDict

from athena.api.wire.times import time_or_none
from athena.model.key import Key
from athena.model.text import iso
from athena.service.keys import NewKey


class KeyJson(TypedDict):
    """A key; `shown` is the beginning of its secret."""

    id: int
    name: str
    shown: str
    scopes: list[str]
    instance: str | None
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None


class NewKeyJson(KeyJson):
    """A new key with its secret, which is shown this once."""

    secret: str


class KeyList(TypedDict):
    """Every key, revoked ones too."""

    keys: list[KeyJson]


def key_json(key: Key) -> KeyJson:
    """A key, without its secret."""
    return {
        "id": key.id,
        "name": key.name,
        "shown": key.shown,
        "scopes": sorted(scope.value for scope in key.scopes),
        "instance": key.instance,
        "created_at": iso(key.created_at),
        "expires_at": time_or_none(key.expires_at),
        "last_used_at": time_or_none(key.last_used_at),
        "revoked_at": time_or_none(key.revoked_at),
    }


def new_key_json(new: NewKey) -> NewKeyJson:
    """A new key, with its secret."""
    return {**key_json(new.key), "secret": new.secret}
