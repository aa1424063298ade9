"""What an API key is, how one is written, and what its scopes allow."""

from __future__ import annotations

import hashlib
import hmac
import zlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType

KeyId = NewType("KeyId", int)

PREFIX: Final = "ath_"
SECRET_CHARACTERS_MIN: Final = 16
_SHOWN_CHARACTERS: Final = 10
_SHOWN_OF_A_CHOSEN: Final = 3


class Scope(StrEnum):
    """What a key may do; `admin` includes the others, which are independent of each other."""

    READ = "read"
    SUBMIT = "submit"
    WORK = "work"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key as the server knows it: the secret itself is never kept.

    `digest` is the hex SHA-256 of the secret; `shown` its first characters, to tell keys apart;
    `instance` binds the key to one slug.
    """

    id: KeyId
    name: str
    shown: str
    digest: str
    scopes: frozenset[Scope]
    instance: str | None
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def allows(self, scope: Scope) -> bool:
        """Whether the key has the scope, itself or through `admin`."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def is_valid(self, now: datetime) -> bool:
        """Whether the key is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)

    def matches(self, secret: str) -> bool:
        """Whether the secret is this key's, compared in constant time."""
        return hmac.compare_digest(self.digest, digest_of(secret))


def secret_from(random: bytes) -> str:
    """The secret that stands for 32 random bytes: prefix, hex, and a checksum for scanners."""
    body = random.hex()
    return f"{PREFIX}{body}{zlib.crc32(body.encode()):08x}"


def digest_of(secret: str) -> str:
    """What is stored of a secret. Keys are random, so a fast hash is the right one."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def shown_part(secret: str) -> str:
    """The beginning of a secret, to tell keys apart; of one that a person chose, hardly any."""
    return secret[: _SHOWN_CHARACTERS if secret.startswith(PREFIX) else _SHOWN_OF_A_CHOSEN]
