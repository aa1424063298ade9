"""Keys: secrets, scopes, validity."""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import Any

import pytest

from athena.model.key import Key, KeyId, Scope, digest_of, secret_from, shown_part
from tests.model.tasks import NOW


def a_key(secret: str = "ath_secret", **facts: Any) -> Key:
    known: dict[str, Any] = {
        "id": KeyId(1),
        "name": "laptop",
        "shown": shown_part(secret),
        "digest": digest_of(secret),
        "scopes": frozenset({Scope.READ}),
        "instance": None,
        "created_at": NOW,
    }
    return Key(**{**known, **facts})


def test_secrets_are_recognisable_and_checked():
    """The prefix, 64 hex digits, and a checksum that scanners can verify."""
    secret = secret_from(bytes(range(32)))

    body, checksum = secret.removeprefix("ath_")[:-8], secret[-8:]
    assert secret.startswith("ath_")
    assert bytes.fromhex(body) == bytes(range(32))
    assert int(checksum, 16) == zlib.crc32(body.encode())


@pytest.mark.parametrize(
    ("secret", "shown"), [("ath_0123456789abcdef", "ath_012345"), ("a chosen secret", "a c")]
)
def test_what_is_shown_of_a_secret(secret: str, shown: str):
    """Ten characters of one of ours; three of one that a person chose, which may be short."""
    assert shown_part(secret) == shown


def test_key_matches_its_secret_alone():
    """By the digest; any text may be tried."""
    key = a_key("ath_secret")

    assert key.matches("ath_secret")
    assert not any(key.matches(wrong) for wrong in ("", "ath_secre", "ath_secret ", "\ud800"))


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        ({Scope.ADMIN}, set(Scope)),
        ({Scope.READ}, {Scope.READ}),
        ({Scope.SUBMIT, Scope.WORK}, {Scope.SUBMIT, Scope.WORK}),
    ],
)
def test_scopes(scopes: set[Scope], allowed: set[Scope]):
    """`admin` includes the others, which are independent of each other."""
    key = a_key(scopes=frozenset(scopes))

    assert {scope for scope in Scope if key.allows(scope)} == allowed


@pytest.mark.parametrize(
    ("facts", "valid"),
    [
        ({}, True),
        ({"expires_at": NOW + timedelta(milliseconds=1)}, True),
        ({"expires_at": NOW}, False),
        ({"revoked_at": NOW - timedelta(days=1)}, False),
    ],
)
def test_validity(facts: dict[str, Any], valid: bool):
    """Neither revoked nor expired."""
    assert a_key(**facts).is_valid(NOW) is valid
