"""Everything that can be done with Athena, in one value for the edges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from athena.model.clock import Clock
from athena.service.claims import Claims
from athena.service.discord import DiscordRecords
from athena.service.feed import Feed
from athena.service.health import Health
from athena.service.instances import Instances
from athena.service.keys import Keys
from athena.service.leadership import Leadership
from athena.service.messages import Messages
from athena.service.polls import Polls
from athena.service.questions import Questions
from athena.service.queue import Queue
from athena.service.sessions import Sessions
from athena.service.sinks import SinkStates
from athena.service.stats import Stats
from athena.service.sweeping import Sweeping
from athena.service.tasks import Tasks
from athena.service.transcript import Transcript
from athena.service.waking import Waking
from athena.store.base import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """One service a noun. The edges know these and the model, nothing below."""

    tasks: Tasks
    claims: Claims
    polls: Polls
    questions: Questions
    messages: Messages
    transcript: Transcript
    sessions: Sessions
    instances: Instances
    queue: Queue
    keys: Keys
    stats: Stats
    feed: Feed
    sinks: SinkStates
    discord: DiscordRecords
    sweeping: Sweeping
    health: Health
    leadership: Leadership


def build_services(
    store: Store,
    clock: Clock,
    *,
    lease: timedelta,
    max_attempts: int,
    version: str,
    replica: str = "",
) -> Services:
    """The services on a store, which must be opened before they are used.

    `replica`: what this server is called among those on the same store.
    """
    feed = Feed(store)
    leadership = Leadership(store, clock, replica=replica)
    claims = Claims(store, lease=lease)
    return Services(
        tasks=Tasks(store, feed, max_attempts=max_attempts),
        claims=claims,
        polls=Polls(claims, Waking(store)),
        questions=Questions(store, feed),
        messages=Messages(store, max_attempts=max_attempts),
        transcript=Transcript(store, feed),
        sessions=Sessions(store),
        instances=Instances(store),
        queue=Queue(store),
        keys=Keys(store, clock),
        stats=Stats(store),
        feed=feed,
        sinks=SinkStates(store),
        discord=DiscordRecords(store),
        sweeping=Sweeping(store),
        health=Health(store, clock, leadership, version=version),
        leadership=leadership,
    )


def services_of_leader(services: Services, *, max_attempts: int) -> Services:
    """The same for what only the leader does: nothing is written after another has taken over."""
    store = services.leadership.store
    return replace(
        services,
        tasks=Tasks(store, services.feed, max_attempts=max_attempts),
        questions=Questions(store, services.feed),
        messages=Messages(store, max_attempts=max_attempts),
        instances=Instances(store),
        queue=Queue(store),
        sinks=SinkStates(store),
        discord=DiscordRecords(store),
        sweeping=Sweeping(store),
    )
