"""What both sides must know alike: the client's fields and words are those that the server serves.

The two meet on the wire only, so each has its own spelling; here one is held against the other.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from claude_task_client import advice, errors, holding, options, transcript, wire
from claude_task_client.commands import progress, status
from tests.running import RunningServer

# Client value: the schema of the server's document that it reads, and what it need not know.
SHAPES: dict[type[wire.Value], tuple[str, set[str]]] = {
    wire.Task: ("TaskJson", set()),
    wire.TaskPage: ("TaskPage", set()),
    wire.Progress: ("ProgressJson", set()),
    wire.Result: ("ResultJson", {"duration_api_ms", "usage", "pushed", "audit", "tests"}),
    wire.Event: ("EventJson", set()),
    wire.Actor: ("ActorJson", set()),
    wire.Why: ("WhyJson", set()),
    wire.Reason: ("ReasonJson", set()),
    wire.Instance: ("InstanceJson", {"host", "platform", "slots", "tasks", "version"}),
    wire.InstanceList: ("InstanceList", set()),
    wire.Heartbeat: ("HeartbeatJson", set()),
    wire.Loss: ("LostJson", set()),
    wire.Stats: ("StatsJson", set()),
    wire.Health: ("HealthJson", set()),
    wire.Question: ("QuestionJson", set()),
    wire.QuestionPage: ("QuestionPage", set()),
    wire.Message: ("MessageJson", set()),
    wire.MessagePage: ("MessagePage", set()),
    wire.LogLine: ("LineJson", set()),
    wire.LogPage: ("LogPage", set()),
    wire.Session: ("SessionJson", set()),
    wire.SessionPage: ("SessionPage", set()),
}
# What instances say of themselves: the server passes it on, and knows no shape of it.
PASSED_ON = {wire.Condition}
# A page of the log, and of a task's history, are one value to the client.
PAGES = ("EventPage", "TaskEvents")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The server's own description of its API, as it serves it."""
    server = RunningServer(tmp_path_factory.mktemp("contract")).start()
    yield server.ask("GET", "/openapi.json", key=None).body
    server.stop()


def fields_of(kind: type[wire.Value]) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)} - {"raw"}


def properties_of(document: dict[str, Any], *schemas: str) -> set[str]:
    known = document["components"]["schemas"]
    return {name for schema in schemas for name in known[schema]["properties"]}


@pytest.mark.parametrize("kind", SHAPES, ids=lambda kind: kind.__name__)
def test_the_client_reads_the_fields_that_the_server_writes(
    document: dict[str, Any], kind: type[wire.Value]
) -> None:
    """No field is known to one side only, save those that the client leaves to `raw`."""
    schema, left_to_raw = SHAPES[kind]

    assert fields_of(kind) == properties_of(document, schema) - left_to_raw


def test_pages_of_events_are_read_alike(document: dict[str, Any]) -> None:
    """The client's one page of events has the fields of both of the server's."""
    assert fields_of(wire.EventPage) == properties_of(document, *PAGES)


def test_every_value_of_the_client_is_compared() -> None:
    """A new value of the client's cannot be forgotten here."""
    values = {kind for kind in vars(wire).values() if isinstance(kind, type)}
    read = {kind for kind in values if issubclass(kind, wire.Value)} - {wire.Value}
    assert read == {*SHAPES, wire.EventPage, *PASSED_ON}


def test_the_client_knows_the_ends_of_a_task(document: dict[str, Any]) -> None:
    """What the client takes for an end is a status of the server's."""
    assert set(document["components"]["schemas"]["Status"]["enum"]) - wire.ENDED == {
        "pending",
        "in_progress",
    }


def test_the_client_gives_up_a_task_for_codes_that_exist(document: dict[str, Any]) -> None:
    """The codes that make the client forget a claim are codes of the server's."""
    assert all(f'"{code}"' in json.dumps(document) for code in holding.LOST), holding.LOST


def test_the_client_advises_on_codes_that_exist(document: dict[str, Any]) -> None:
    """No advice is given for a code that the server does not know."""
    assert [code for code in advice.BY_CODE if f'"{code}"' not in json.dumps(document)] == []


def test_each_refusal_has_an_exception_of_its_status(document: dict[str, Any]) -> None:
    """Every 4xx of the server's document becomes a refusal, and never an unreachable Athena."""
    statuses = {
        int(code)
        for operations in document["paths"].values()
        for operation in operations.values()
        for code in operation["responses"]
        if code[0] in "45"
    }
    for number in statuses:
        refused = errors.refusal(number, {"code": "some_code", "detail": "No."})
        assert refused.exit_code == errors.EXIT_REFUSED
        assert refused.status == number


def test_the_client_offers_the_words_that_the_server_takes(document: dict[str, Any]) -> None:
    """Priorities, phases and statuses are spelled alike on both sides."""
    schemas = document["components"]["schemas"]
    submitted = schemas["TaskBody"]["properties"]["priority"]

    assert set(options.PRIORITIES) == {*schemas["Priority"]["enum"], "normal"}
    assert all(f'"{word}"' in json.dumps(submitted) for word in options.PRIORITIES)
    assert {"text", *transcript.COLOURS} == set(schemas["LineKind"]["enum"])
    assert set(progress.PHASES) == set(schemas["Phase"]["enum"])
    assert set(status.STATUSES) == set(schemas["Status"]["enum"])
    assert set(status.PRIORITIES) == set(schemas["Priority"]["enum"])
