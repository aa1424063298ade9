"""API keys: made once, recognised at once, revoked at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from athena.model.errors import Invalid, KeyNotFound
from athena.model.event import SYSTEM
from athena.model.key import KeyId, Scope
from athena.service.keys import Keys, NewKey
from athena.store.base import Query, Role, T
from athena.store.sqlite import SQLiteStore
from tests.service.driver import ALICE, QueueDriver
from tests.service.replicas import SharedStore
from tests.store.clock import ManualClock
from tests.store.engines import ENGINES, Engine

READ = frozenset({Scope.READ})


@pytest.fixture
def keys(queue: QueueDriver) -> Keys:
    return queue.services.keys


async def make(keys: Keys, name: str = "laptop", **said) -> NewKey:
    return await keys.create(name=name, scopes=said.pop("scopes", READ), by=ALICE, **said)


async def test_new_key_is_recognised(keys: Keys):
    """Its secret, shown once, is what opens."""
    made = await make(keys, instance="pi", scopes=frozenset({Scope.WORK, Scope.READ}))

    assert made.secret.startswith("ath_")
    assert await keys.authenticate(made.secret) == made.key
    assert (made.key.name, made.key.instance) == ("laptop", "pi")
    assert made.key.scopes == {Scope.WORK, Scope.READ}


async def test_wrong_secrets_are_not_recognised(keys: Keys):
    """Neither a near miss nor nonsense, of whatever length or alphabet."""
    made = await make(keys)

    for secret in (
        "",
        "x",
        made.secret[:-1],
        made.secret + "x",
        "\udfff",
        "\N{ROCKET}",
        "x" * 5000,
    ):
        assert await keys.authenticate(secret) is None


async def test_every_key_is_another(keys: Keys):
    """Secrets are drawn anew; the ids tell the keys apart."""
    first, second = await make(keys), await make(keys)

    assert first.secret != second.secret
    assert first.key.id != second.key.id


async def test_secret_is_kept_nowhere(queue: QueueDriver, engine: Engine, tmp_path: Path):
    """The store has its digest and its first characters, no more; the log has neither."""
    made = await make(queue.services.keys)

    contents = engine.contents(tmp_path)

    assert made.secret.encode() not in contents
    assert made.key.digest.encode() in contents
    assert made.secret.startswith(made.key.shown)
    assert len(made.key.shown) <= 10
    assert made.key.digest not in str(await queue.log())


async def test_making_and_revoking_is_told(queue: QueueDriver):
    """Who made which key, and who ended it."""
    made = await make(queue.services.keys)
    await queue.services.keys.revoke(made.key.id, by=ALICE)

    told = [(e.type, e.actor.name, dict(e.data)) for e in await queue.log()]
    assert told == [
        ("key.created", "alice", {"key_id": 1, "name": "laptop", "scopes": ("read",)}),
        ("key.revoked", "alice", {"key_id": 1, "name": "laptop"}),
    ]


async def test_revoked_key_is_refused_at_once(keys: Keys):
    """Also one that was used a moment ago; revoking may be repeated."""
    made = await make(keys)
    assert await keys.authenticate(made.secret) is not None

    await keys.revoke(made.key.id, by=ALICE)
    await keys.revoke(made.key.id, by=ALICE)

    assert await keys.authenticate(made.secret) is None
    (listed,) = await keys.list()
    assert listed.revoked_at is not None


async def test_revoking_no_key(keys: Keys):
    """There must be a key to be revoked."""
    with pytest.raises(KeyNotFound):
        await keys.revoke(KeyId(7), by=ALICE)


async def test_key_expires(queue: QueueDriver):
    """From its time on it opens nothing, also if it was used a moment before."""
    made = await make(queue.services.keys, expires_at=queue.clock.now() + timedelta(days=1))

    queue.clock.advance(timedelta(days=1) - timedelta(milliseconds=1))
    assert await queue.services.keys.authenticate(made.secret) is not None
    queue.clock.advance(timedelta(milliseconds=1))

    assert await queue.services.keys.authenticate(made.secret) is None


async def test_key_revoked_by_another_process(queue: QueueDriver, engine: Engine, tmp_path: Path):
    """`athena keys revoke` beside the server takes effect within a second."""
    keys = queue.services.keys
    made = await make(keys)
    assert await keys.authenticate(made.secret) is not None

    async with engine.visit(tmp_path, queue.clock) as visitor:
        await Keys(visitor, queue.clock).revoke(made.key.id, by=SYSTEM)
    await queue.services.feed.notice_foreign_writes()
    queue.clock.advance(timedelta(seconds=1))

    assert await keys.authenticate(made.secret) is None


@pytest.fixture
async def two_replicas(tmp_path: Path, clock: ManualClock) -> AsyncIterator[tuple[Keys, Keys]]:
    """The same keys, on two servers that do not hear each other."""
    url = ENGINES["postgres"].url(tmp_path)
    async with SharedStore(url, clock) as one, SharedStore(url, clock, Role.VISITOR) as other:
        yield Keys(one, clock), Keys(other, clock)


async def test_key_revoked_on_another_replica(two_replicas: tuple[Keys, Keys], clock: ManualClock):
    """Within half a second it is refused on all, whether or not they can hear each other."""
    here, there = two_replicas
    made = await make(here)
    assert await there.authenticate(made.secret) is not None

    await here.revoke(made.key.id, by=ALICE)
    clock.advance(timedelta(milliseconds=500))

    assert await there.authenticate(made.secret) is None


async def test_one_looks_a_key_up_for_all(two_replicas: tuple[Keys, Keys], clock: ManualClock):
    """Those who come meanwhile believe what is known, but for no longer than a second."""
    here, there = two_replicas
    made = await make(here)
    await there.authenticate(made.secret)
    await here.revoke(made.key.id, by=ALICE)
    clock.advance(timedelta(milliseconds=500))
    first = asyncio.create_task(there.authenticate(made.secret))
    await asyncio.sleep(0)

    assert await there.authenticate(made.secret) is not None
    clock.advance(timedelta(milliseconds=500))
    assert await there.authenticate(made.secret) is None
    assert await first is None


async def test_key_is_not_looked_up_for_every_request(tmp_path: Path, clock: ManualClock):
    """Also where replicas share the store, for a moment it is believed."""
    async with SharedStore(ENGINES["postgres"].url(tmp_path), clock) as store:
        keys = Keys(store, clock)
        made = await make(keys)
        await keys.authenticate(made.secret)
        store.is_away = True

        clock.advance(timedelta(milliseconds=499))

        assert await keys.authenticate(made.secret) == made.key


class SlowReads(SQLiteStore):
    """A store whose answers take their time on the way."""

    def __init__(self, path: Path, clock: ManualClock) -> None:
        super().__init__(path, clock)
        self.arrive = asyncio.Event()
        self.arrive.set()
        self.answered = asyncio.Event()

    async def read(self, query: Query[T]) -> T:
        answer = await super().read(query)
        self.answered.set()
        await self.arrive.wait()
        return answer


@pytest.fixture
async def slow_store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SlowReads]:
    async with SlowReads(tmp_path / "slow.db", clock) as store:
        yield store


async def test_key_revoked_while_it_was_looked_up(slow_store: SlowReads, clock: ManualClock):
    """An answer that was on its way when the key was revoked is not remembered."""
    keys = Keys(slow_store, clock)
    made = await make(keys)
    slow_store.arrive.clear()
    slow_store.answered.clear()
    looking_up = asyncio.create_task(keys.authenticate(made.secret))
    await slow_store.answered.wait()

    await keys.revoke(made.key.id, by=ALICE)
    slow_store.arrive.set()
    await looking_up

    assert await keys.authenticate(made.secret) is None


async def test_use_is_noted_apart_from_the_requests(queue: QueueDriver):
    """When a key was last used is written later, at most once a minute."""
    keys, clock = queue.services.keys, queue.clock
    made = await make(keys)

    async def last_use() -> object:
        await keys.note_uses()
        return (await keys.list())[0].last_used_at

    assert await last_use() is None
    await keys.authenticate(made.secret)
    first = clock.now()
    assert await last_use() == first
    clock.advance(timedelta(seconds=59))
    await keys.authenticate(made.secret)
    assert await last_use() == first
    clock.advance(timedelta(seconds=1))
    await keys.authenticate(made.secret)
    assert await last_use() == clock.now()


async def test_very_many_keys_are_recognised(queue: QueueDriver):
    """What is remembered is bounded; what is forgotten is looked up."""
    keys = queue.services.keys
    made = await asyncio.gather(*(make(keys, name=f"key-{n}") for n in range(1_005)))

    for one in (*made, made[0]):
        assert await keys.authenticate(one.secret) is not None


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"name": "\x00"}, "name"),
        ({"scopes": frozenset()}, "scopes"),
        ({"instance": "no slug"}, "instance"),
        ({"expires_at": datetime(2000, 1, 1, tzinfo=UTC)}, "expires_at"),
    ],
)
async def test_key_that_makes_no_sense_is_refused(keys: Keys, said: dict[str, str], field: str):
    """With the name of the field."""
    with pytest.raises(Invalid) as refusal:
        await make(keys, **said)

    assert [error.field for error in refusal.value.errors] == [field]
    assert await keys.list() == []


# --- the first key ----------------------------------------------------------------------------


async def test_first_key_is_made_where_there_is_none(keys: Keys):
    """An admin key, given to be shown once; none is ever built in."""
    made = await keys.ensure_first(None)

    assert made is not None
    assert (set(made.key.scopes), made.key.name) == ({Scope.ADMIN}, "admin")
    assert await keys.ensure_first(None) is None


async def test_first_key_is_made_again_where_none_is_left(keys: Keys):
    """Whoever revoked the last admin key is not locked out for ever."""
    first = await keys.ensure_first(None)
    assert first is not None
    await keys.revoke(first.key.id, by=ALICE)

    assert not await keys.has_admin()
    assert await keys.ensure_first(None) is not None
    assert await keys.has_admin()


async def test_configured_key_is_the_first(keys: Keys):
    """Its owner has it: nothing is shown; the next start changes nothing."""
    for _ in range(2):
        assert await keys.ensure_first("a secret of some length") is None

    (key,) = await keys.list()
    assert await keys.authenticate("a secret of some length") == key
    assert key.allows(Scope.ADMIN)


async def test_configured_key_beside_others(keys: Keys):
    """A key that is newly configured is added, whatever keys there are."""
    await make(keys)

    await keys.ensure_first("a secret of some length")

    assert await keys.authenticate("a secret of some length") is not None


async def test_configured_key_that_was_revoked_stays_revoked(keys: Keys):
    """A start does not bring it back."""
    await keys.ensure_first("a secret of some length")
    await keys.revoke(KeyId(1), by=ALICE)

    await keys.ensure_first("a secret of some length")

    assert await keys.authenticate("a secret of some length") is None


@pytest.mark.parametrize("configured", [None, "a secret of some length"])
async def test_replicas_that_start_together_make_one_key(
    two_replicas: tuple[Keys, Keys], configured: str | None
):
    """And one of them shows it, where it was made."""
    made = await asyncio.gather(*(keys.ensure_first(configured) for keys in two_replicas))

    assert len(await two_replicas[0].list()) == 1
    assert len([key for key in made if key is not None]) == (1 if configured is None else 0)


async def test_short_configured_key_is_refused(keys: Keys):
    """At least 16 characters; a shorter one is no secret."""
    with pytest.raises(Invalid, match="16 characters"):
        await keys.ensure_first("fifteen letters")
