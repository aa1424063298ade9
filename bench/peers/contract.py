"""What a queue says of itself to be measured, and what its module must offer.

A module in `bench/peers/queues/` has `PEER`, `connect()`, which gives a function that puts one job
in and returns when it is accepted, and `work()`, which runs jobs until it is killed; on
PostgreSQL also `prepare()`, which makes its tables. It is loaded in the peers' environment alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Backend(StrEnum):
    """What runs behind a queue. Each is started on a new folder."""

    FILE = "file"
    REDIS = "redis"
    BEANSTALKD = "beanstalkd"
    POSTGRES = "postgres"
    ATHENA = "athena"
    ATHENA_POSTGRES = "athena on postgres"
    ATHENA_REPLICAS = "three athenas on postgres"


class Promise(StrEnum):
    """What becomes of a job, as the queue's makers set it up or offer to."""

    SAME = "kept on disk before it is accepted; comes back when its worker dies"
    NO_RETURN = "kept on disk before it is accepted; lost with its worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One queue as it is measured. `slots` jobs run at once in all its worker processes.

    `differs` says what makes it quicker than Athena, should it be.
    """

    title: str
    packages: tuple[str, ...]
    backend: Backend
    processes: int
    slots: int
    workers: str
    settings: str
    returns: str
    differs: str = ""
    promise: Promise = Promise.SAME
