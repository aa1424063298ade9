"""I12: SIGTERM in the middle of everything."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.running import RunningServer
from tests.scenario.history import history_of
from tests.scenario.wire import Line, held_still, request_bytes
from tests.store.engines import only_on

pytestmark = pytest.mark.slow

# The specification's own bound: containers are killed after ten seconds.
STOP_SECONDS = 10


@contextmanager
def lines(server: RunningServer, count: int) -> Iterator[list[Line]]:
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            line = Line(server)
            stack.callback(line.hang_up)
            found.append(line)
        yield found


def ask_to_stop(server: RunningServer) -> None:
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)


def exit_status(server: RunningServer) -> int:
    assert server.process is not None
    return server.process.wait(STOP_SECONDS)


def submit(server: RunningServer, number: int) -> bytes:
    return request_bytes(server, "POST", "/api/tasks", {"description": f"task {number}"})


def test_requests_that_were_sent_before_the_signal_are_answered(server: RunningServer) -> None:
    """Whatever was on its way is carried out and answered, on new connections and on old ones."""
    with lines(server, 100) as fresh, lines(server, 100) as used:
        for line in used:
            line.send(request_bytes(server, "GET", "/health"))
            assert line.status() == 200

        for number, line in enumerate([*fresh, *used]):
            line.send(submit(server, number))
        ask_to_stop(server)

        answers = [line.status() for line in [*fresh, *used]]
        assert exit_status(server) == 0

    assert answers == [201] * 200
    history = history_of(server)
    assert len(history.tasks) == 200
    history.check()


def test_requests_that_nobody_has_looked_at_yet_are_answered(server: RunningServer) -> None:
    """Also what the system has taken in for a server that was too busy to accept it."""
    with lines(server, 50) as used, ExitStack() as stack:
        for line in used:
            line.send(request_bytes(server, "GET", "/health"))
            assert line.status() == 200
        with held_still(server):
            fresh = stack.enter_context(lines(server, 100))
            for number, line in enumerate([*fresh, *used]):
                line.send(submit(server, number))
            ask_to_stop(server)

        assert [line.status() for line in [*fresh, *used]] == [201] * 150
        assert exit_status(server) == 0


def test_open_polls_and_streams_and_half_a_request_do_not_hold_it_up(
    server: RunningServer,
) -> None:
    """Polls are answered, streams end, and who stops in mid-sentence is not waited for."""
    poll = request_bytes(server, "POST", "/api/claim", {"instance": "pi", "wait": 60})
    task = server.ask("POST", "/api/tasks", {"description": "x", "not_before": "2099-01-01T00:00Z"})
    result = request_bytes(server, "GET", f"/api/tasks/{task.body['id']}/result?wait=60")
    stream = request_bytes(server, "GET", "/api/events", headers={"Accept": "text/event-stream"})
    halves = [b"POST /api/ta", submit(server, 1)[:-5], b""]
    with (
        lines(server, 10) as polls,
        lines(server, 10) as waits,
        lines(server, 10) as streams,
        lines(server, len(halves)) as rude,
    ):
        for line in polls:
            line.send(poll)
        for line in waits:
            line.send(result)
        for line in streams:
            line.send(stream)
            assert b"200 OK" in line.read_some()
        for line, half in zip(rude, halves, strict=True):
            line.send(half)

        ask_to_stop(server)

        assert [line.status() for line in polls] == [204] * 10
        assert [line.status() for line in waits] == [204] * 10
        for line in streams:
            line.read_to_end()
        assert exit_status(server) == 0
    assert b"Traceback" not in server.log.read_bytes()


def test_it_stops_also_while_its_clients_do_not_read(server: RunningServer) -> None:
    """Answers that nobody takes do not keep the process alive."""
    for _ in range(20):
        server.ask("POST", "/api/tasks", {"description": "x" * 20_000})
    with lines(server, 20) as deaf:
        for line in deaf:
            for _ in range(50):
                line.send(request_bytes(server, "GET", "/api/tasks"))
        ask_to_stop(server)
        assert exit_status(server) == 0


def test_a_second_signal_changes_nothing(server: RunningServer) -> None:
    """An impatient second SIGTERM does not end the first one's work halfway."""
    with lines(server, 50) as busy:
        for number, line in enumerate(busy):
            line.send(submit(server, number))
        ask_to_stop(server)
        ask_to_stop(server)
        assert [line.status() for line in busy] == [201] * 50
        assert exit_status(server) == 0


def test_what_was_acknowledged_is_there_after_the_stop(server: RunningServer) -> None:
    """The next life knows all that this one has said."""
    ids = [server.ask("POST", "/api/tasks", {"description": "x"}).body["id"] for _ in range(20)]

    server.restart()

    tasks = server.ask("GET", "/api/tasks?limit=500").body["tasks"]
    assert [task["id"] for task in tasks] == ids


@only_on("sqlite", "it has a log beside its file")
def test_nothing_is_left_to_recover(server: RunningServer) -> None:
    """What a stop leaves is one file, which is whole."""
    server.ask("POST", "/api/tasks", {"description": "x"})

    server.stop()

    assert not server.database.with_name("tasks.db-wal").exists()
