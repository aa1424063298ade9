"""A reserved port is for one server, whether it is there or not."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest

from tests.ports import ReservedPort

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is a free port only")


@pytest.fixture
def port() -> ReservedPort:
    return ReservedPort()


async def serve(port: int) -> asyncio.Server:
    return await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)


async def test_server_may_come_and_go(port: ReservedPort):
    """As often as it likes."""
    for _ in range(2):
        async with await serve(port.number):
            _, writer = await asyncio.open_connection("127.0.0.1", port.number)
            writer.close()
            await writer.wait_closed()

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port.number)


def test_nobody_else_is_given_it(port: ReservedPort):
    """Whoever asks for any port, or for this one."""
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port.number))


def test_port_is_free_when_it_is_let_go(port: ReservedPort):
    """More than once does no harm; nor does forgetting it."""
    port.let_go()
    port.let_go()

    with socket.socket() as other:
        other.bind(("127.0.0.1", port.number))
