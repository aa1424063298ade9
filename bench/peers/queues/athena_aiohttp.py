"""Athena on SQLite, with workers that use an ordinary HTTP client."""

from __future__ import annotations

from bench.peers.athena_client import RETURNS, WORKERS, connect, work_with_aiohttp
from bench.peers.contract import Backend, Peer

__all__ = ["PEER", "connect", "work"]

work = work_with_aiohttp

PEER = Peer(
    title="Athena, SQLite, workers with aiohttp",
    packages=("athena", "aiohttp"),
    backend=Backend.ATHENA,
    processes=1,
    slots=WORKERS,
    workers=f"1 process, {WORKERS} connections of aiohttp",
    settings="stock: synchronous=FULL; rate limit off",
    returns=RETURNS,
)
