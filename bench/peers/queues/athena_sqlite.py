"""Athena as it comes: one process and one SQLite file."""

from __future__ import annotations

from bench.peers.athena_client import RETURNS, WORKERS, connect, work
from bench.peers.contract import Backend, Peer

__all__ = ["PEER", "connect", "work"]

PEER = Peer(
    title="Athena, SQLite",
    packages=("athena",),
    backend=Backend.ATHENA,
    processes=1,
    slots=WORKERS,
    workers=f"1 process, {WORKERS} raw connections",
    settings="stock: synchronous=FULL; rate limit off",
    returns=RETURNS,
)
