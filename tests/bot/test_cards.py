"""What cards, lists and notices say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from athena.bot.buttons import Act, List, PagePress, TaskPress, page_button, parse
from athena.bot.cards import card_of, full_card_of
from athena.bot.notices import CONTENT_UNITS, Wording
from athena.bot.text import Words, units
from athena.model.event import SYSTEM, Event, EventId
from athena.model.lifecycle import Status
from athena.model.task import Phase, Priority, Progress, Task, TaskId

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORDS = Words()
WORDING = Wording(WORDS, lambda slug: {"macbook-pro": "MacBook Pro"}.get(slug, slug))

PENDING = Task(
    id=TaskId(5),
    description="Deploy new service",
    status=Status.PENDING,
    priority=Priority.HIGH,
    project="havuncore",
    target=None,
    lane=None,
    created_at=NOW,
    created_by="alice",
    created_via="discord",
    updated_at=NOW,
    not_before=None,
    submitter="discord:42",
)
RUNNING = replace(
    PENDING,
    status=Status.IN_PROGRESS,
    claimed_by="macbook-pro",
    claimed_at=NOW,
    attempt=1,
    phase=Phase.WORKING,
    progress=Progress(percent=40, message="writing tests"),
)
COMPLETED = replace(
    RUNNING,
    status=Status.COMPLETED,
    completed_at=NOW + timedelta(seconds=192),
    notes="All green",
    result={
        "success": True,
        "total_cost_usd": 0.42,
        "commit": "abc1234",
        "branch": "athena/task-5",
        "pull_request_url": "https://github.com/a/b/pull/7",
    },
)
FAILED = replace(COMPLETED, status=Status.FAILED, notes=None, error="tests failed", result=None)


def event(name: str, **data: object) -> Event:
    return Event(id=EventId(9), type=name, task_id=5, at=NOW, actor=SYSTEM, data=data)


def fields(task: Task) -> dict[str | None, str | None]:
    embed = card_of(task, holder="MacBook Pro", words=WORDS).embed
    return {field.name: field.value for field in embed.fields}


def test_card_of_a_running_task_says_who_and_how_far() -> None:
    """The holder by its name, and its progress."""
    said = fields(RUNNING)
    assert said["Instance"] == "MacBook Pro"
    assert "40 %" in str(said["Progress"])
    assert "writing tests" in str(said["Progress"])


def test_card_of_an_ended_task_says_what_it_took() -> None:
    """Duration, cost, and where the work is."""
    said = fields(COMPLETED)
    assert said["Duration"] == "3 min 12 s"
    assert said["Cost"] == "$0.42"
    assert said["Commit"] == "`abc1234` on `athena/task-5`"
    assert said["Pull request"] == "<https://github.com/a/b/pull/7>"


@pytest.mark.parametrize("task", [PENDING, RUNNING, COMPLETED, FAILED])
def test_nothing_new_has_the_same_digest(task: Task) -> None:
    """A card that would say the same is known to; one that would not, is too."""
    first = card_of(task, holder="a", words=WORDS).digest
    assert first == card_of(task, holder="a", words=WORDS).digest
    assert first != card_of(replace(task, description="other"), holder="a", words=WORDS).digest


def test_largest_card_keeps_discords_bounds() -> None:
    """Texts of any length make a card that Discord takes: 6,000 characters in all."""
    much = "*_" * 10_000
    task = replace(
        FAILED,
        description=much,
        error=much,
        notes=much,
        project="p" * 64,
        created_by="c" * 128,
        session_id="s" * 128,
        depends_on=tuple(TaskId(n) for n in range(1, 101)),
        result={"branch": much, "commit": much, "pull_request_url": much},
    )
    embed = full_card_of(task, holder=much, words=WORDS).embed
    assert len(embed) <= 6_000
    assert units(embed.description or "") <= 4_096
    assert all(units(field.value or "") <= 1_024 for field in embed.fields)


@pytest.mark.parametrize(
    "result",
    [
        {"duration_ms": "soon", "total_cost_usd": "much"},
        {"duration_ms": True, "total_cost_usd": [], "commit": 7, "branch": {}},
        {"duration_ms": float("inf"), "pull_request_url": 3},
        {"duration_ms": -5},
    ],
)
def test_odd_results_are_passed_over(result: dict[str, object]) -> None:
    """A worker's result can hold anything; what makes no sense is not shown."""
    card = card_of(replace(COMPLETED, result=result), holder=None, words=WORDS)
    assert "Duration" in {field.name for field in card.embed.fields}


def test_end_says_everything_and_mentions_the_submitter() -> None:
    """✅ with notes, duration, cost, commit and pull request."""
    notice = WORDING.end(event("task.completed", instance="macbook-pro", attempt=1), COMPLETED)
    assert notice.content.startswith("✅ Task #5 completed <@42>\n")
    for part in ("MacBook Pro", "3 min 12 s", "$0.42", "abc1234", "pull/7", "All green"):
        assert part in notice.content
    assert notice.mention == 42


def test_failure_says_why() -> None:
    """❌ with the error."""
    notice = WORDING.end(event("task.failed", instance="macbook-pro"), FAILED)
    assert notice.content.startswith("❌ Task #5 failed <@42>\n")
    assert "tests failed" in notice.content


def test_task_from_elsewhere_mentions_nobody() -> None:
    """Only a person of Discord can be told by a mention."""
    notice = WORDING.end(event("task.completed"), replace(COMPLETED, submitter="key:1"))
    assert notice.mention is None
    assert "<@" not in notice.content


def test_long_notes_are_cut_and_attached_whole() -> None:
    """A long text is never refused: its beginning is shown, all of it is a file."""
    notes = "word " * 4_000
    notice = WORDING.end(event("task.completed"), replace(COMPLETED, notes=notes))
    assert units(notice.content) <= CONTENT_UNITS
    assert notice.file_text == notes
    assert notice.file_name == "task-5-completed.txt"


def test_end_before_a_retry_is_told_from_the_event() -> None:
    """A retry clears the error; the failure was there all the same."""
    failed = event("task.failed", instance="pi", error="no disk")
    notice = WORDING.end(failed, replace(PENDING, attempt=1))
    assert "❌ Task #5 failed" in notice.content
    assert "no disk" in notice.content


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("task.claimed", {"instance": "macbook-pro", "attempt": 1}, "claimed by MacBook Pro"),
        ("task.claimed", {"instance": "pi", "attempt": 2}, "claimed by pi (attempt 2)"),
        ("task.released", {"instance": "pi"}, "Given back by pi"),
        (
            "task.parked",
            {"instance": "pi", "until": "2026-11-22T13:00:00.000Z"},
            "<t:1795352400:R>",
        ),
        ("task.parked", {"instance": "pi", "until": "whenever"}, "Parked by pi"),
        ("task.expired", {"instance": "pi"}, "pi"),
        ("task.will_retry", {"instance": "pi", "error": "no **disk**"}, r"no \*\*disk\*\*"),
        ("task.cancelled", {}, "cancelled by athena"),
        ("task.retried", {}, "back into the queue by athena"),
    ],
)
def test_thread_is_told_of_each_step(name: str, data: dict[str, object], said: str) -> None:
    """Who has the task, and what became of it."""
    assert said in str(WORDING.line(event(name, **data)))


@pytest.mark.parametrize("name", ["task.submitted", "task.ready", "task.changed", "task.deleted"])
def test_thread_is_spared_what_the_card_shows(name: str) -> None:
    """Events without news for the thread say nothing there."""
    assert WORDING.line(event(name)) is None


def test_progress_without_words_is_left_to_the_card() -> None:
    """A mere percentage is shown on the card."""
    assert WORDING.progress(event("task.progressed", percent=40)) is None
    said = WORDING.progress(event("task.progressed", percent=40, phase="testing", message="unit"))
    assert said == "• 40 %, testing · unit"


@pytest.mark.parametrize(
    ("custom_id", "meaning"),
    [
        ("athena:cancel:12", TaskPress(Act.CANCEL, TaskId(12))),
        ("athena:stop:1", TaskPress(Act.STOP, TaskId(1))),
        ("athena:q:my.project:0-2-77", PagePress(List.QUEUE, "my.project", "0-2-77")),
        ("athena:d::", PagePress(List.DONE, None, None)),
        ("athena:cancel:0", None),
        ("athena:cancel:99999999999999999999", None),
        ("athena:explode:3", None),
        ("other:cancel:3", None),
        ("", None),
    ],
)
def test_ids_of_buttons_are_understood_or_not_ours(custom_id: str, meaning: object) -> None:
    """A press means what its button said; anything else means nothing."""
    assert parse(custom_id) == meaning


def test_no_button_where_its_id_would_be_too_long() -> None:
    """Discord takes ids of 100 characters."""
    assert page_button("Next", List.QUEUE, "p" * 64, "0-" + "1" * 40) is None
    assert page_button("Next", List.QUEUE, "p" * 64, "0-0-1234567890") is not None
