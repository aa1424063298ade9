"""API keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from athena.api.call import Call
from athena.api.endpoint import endpoint
from athena.api.fields import Body, Name, Slug, Time
from athena.api.wire.keys import KeyList, NewKeyJson, key_json, new_key_json
from athena.model.key import KeyId, Scope


@endpoint("GET", "/api/keys", scope=Scope.ADMIN)
async def list_keys(call: Call) -> KeyList:
    """List every key, revoked ones too. Their secrets are not known to Athena."""
    return {"keys": [key_json(key) for key in await call.services.keys.list()]}


class KeyBody(Body):
    """A key to be made: `admin` includes all scopes; `instance` binds it to that slug."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=10)]
    instance: Slug | None = None
    expires_at: Time | None = None


@endpoint("POST", "/api/keys", scope=Scope.ADMIN, status=201)
async def create_key(call: Call, body: KeyBody) -> NewKeyJson:
    """Make a key. Its secret is shown this once."""
    new = await call.services.keys.create(
        name=body.name,
        scopes=frozenset(body.scopes),
        instance=body.instance,
        expires_at=body.expires_at,
        by=call.actor,
    )
    return new_key_json(new)


@endpoint("DELETE", "/api/keys/{id}", scope=Scope.ADMIN, status=204)
async def revoke_key(call: Call, key_id: KeyId) -> None:
    """Revoke a key, at once. It stays in the list."""
    await call.services.keys.revoke(key_id, by=call.actor)
