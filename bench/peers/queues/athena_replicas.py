"""Athena on PostgreSQL, three replicas that workers and submitters use in turn."""

from __future__ import annotations

from bench.peers.athena_client import RETURNS, WORKERS, connect, work
from bench.peers.contract import Backend, Peer

__all__ = ["PEER", "connect", "work"]

PEER = Peer(
    title="Athena, PostgreSQL, 3 replicas",
    packages=("athena", "asyncpg"),
    backend=Backend.ATHENA_REPLICAS,
    processes=1,
    slots=WORKERS,
    workers=f"1 process, {WORKERS} raw connections",
    settings="stock; rate limit off",
    returns=RETURNS,
)
