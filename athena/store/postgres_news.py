"""What replicas tell each other when they commit: by NOTIFY, with a look at the log as safety net.

Some databases that speak PostgreSQL's protocol have no NOTIFY; then the look, once a second, is all
there is, and everything else works as before.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import structlog

from athena.model.event import EventId
from athena.model.task import TaskId
from athena.store.base import Committed, Offer
from athena.store.postgres_connections import options

if TYPE_CHECKING:
    from athena.store.postgres_transaction import AnyConnection

_log: Final = structlog.get_logger(__name__)
CHANNEL: Final = "athena"
NEWS_END: Final = "}"
# The server takes 8,000 bytes; what does not fit is told as "look for yourselves".
_NEWS_MAX: Final = 7_900
_RETRY_SECONDS: Final = 1.0


def news_of(committed: Committed, replica: str) -> str:
    """What the other replicas are told of a transaction, but for the id of its last event.

    The insertion of the events adds that, and the end (`NEWS_END`): it is not known before.
    """
    news = _news_of(committed, replica, committed.ready)
    return news if len(news) < _NEWS_MAX else _news_of(committed, replica, None)


def _news_of(committed: Committed, replica: str, ready: list[Offer] | None) -> str:
    told = {
        "by": replica,
        "all": committed.wake_all or ready is None,
        "ready": [[offer.task_id, offer.offered_to, offer.project] for offer in ready or ()],
    }
    # ASCII, so that its length is its size.
    return json.dumps(told, separators=(",", ":")).removesuffix("}") + ',"last":'


async def announce(connection: AnyConnection, committed: Committed, replica: str) -> None:
    """Have all replicas told of a transaction without events, once it is committed."""
    news = f"{news_of(committed, replica)}0{NEWS_END}"
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, news)


async def can_announce(connection: AnyConnection, replica: str) -> bool:
    """Whether this database can tell its clients anything; it is tried, as nothing else says."""
    try:
        await announce(connection, Committed(), replica)
    except (asyncpg.FeatureNotSupportedError, asyncpg.UndefinedFunctionError):
        _log.warning("this database has no NOTIFY: replicas look once a second instead")
        return False
    return True


class News:
    """Listens to the other replicas on a connection of its own, and comes back when it is lost."""

    def __init__(self, url: str, replica: str, tell: Callable[[Committed], None]) -> None:
        self._url = url
        self._replica = replica
        self._tell = tell
        self._known = EventId(0)
        self._seen = EventId(0)
        self._deaf = False
        self._was_lost = False
        self._listening: asyncio.Task[None] | None = None

    def start(self, position: EventId) -> None:
        """Listen from now on; `position` is the end of the log."""
        self._known = self._seen = position
        self._listening = asyncio.create_task(self._listen_for_ever(), name="news")

    async def stop(self) -> None:
        """Listen no more; may be repeated."""
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def note(self, first: EventId, last: EventId) -> None:
        """Our own commit has written these events to the log.

        Where they do not follow what is known, others have committed in between: unless they are
        heard by then, the next look tells of it.
        """
        if first <= self._known + 1:
            self._known = max(self._known, last)

    def look(self, position: EventId) -> None:
        """The log ends here now: what nobody has told of since the last look is told by us."""
        if self._seen > self._known:
            self._known = position
            self._tell(Committed(wake_all=True, elsewhere=position))
        self._seen = position

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001  (whatever it was, the next try may succeed)
                if not self._deaf:
                    _log.warning("other replicas are not heard", reason=type(error).__name__)
                self._deaf = True
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self) -> None:
        """Until the connection is lost."""
        connection = await asyncpg.connect(self._url, **options())
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, self._hear)
            self._deaf = False
            if self._was_lost:
                # Something may have been told while nobody listened.
                self._tell(Committed(wake_all=True))
            await lost.wait()
        finally:
            self._was_lost = True
            with contextlib.suppress(OSError, TimeoutError, asyncpg.InterfaceError):
                await connection.close(timeout=1)

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        try:
            told: dict[str, Any] = json.loads(str(payload))
            by, last = str(told["by"]), EventId(int(told["last"]))
            ready = [Offer(TaskId(i), target, project) for i, target, project in told["ready"]]
            wake_all = bool(told["all"])
        except (ValueError, KeyError, TypeError):
            _log.warning("something else speaks on our channel", channel=CHANNEL)
            return
        self._known = max(self._known, last)
        if by != self._replica:
            self._tell(Committed(ready=ready, wake_all=wake_all, elsewhere=last))
