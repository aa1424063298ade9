"""Athena on PostgreSQL, one replica."""

from __future__ import annotations

from bench.peers.athena_client import RETURNS, WORKERS, connect, work
from bench.peers.contract import Backend, Peer

__all__ = ["PEER", "connect", "work"]

PEER = Peer(
    title="Athena, PostgreSQL",
    packages=("athena", "asyncpg"),
    backend=Backend.ATHENA_POSTGRES,
    processes=1,
    slots=WORKERS,
    workers=f"1 process, {WORKERS} raw connections",
    settings="stock; rate limit off",
    returns=RETURNS,
)
