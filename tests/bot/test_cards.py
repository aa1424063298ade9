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
from athena.model.message import Message, MessageId
from athena.model.question import Question, QuestionId, QuestionKind
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


PROVEN = replace(
    COMPLETED,
    result={
        "branch": "athena/task-5",
        "pushed": False,
        "session_id": "0f3a-77",
        "tests": {"passed": 12, "failed": 1, "command": "make test", "exit_code": 2},
        "audit": {"verdict": "approved", "iterations": 2, "findings": ["a", "b"]},
    },
)
QUESTION = Question(
    id=QuestionId(7),
    task_id=TaskId(5),
    attempt=1,
    instance="pi",
    kind=QuestionKind.TEXT,
    text="Which *database*?",
    asked_at=NOW,
)


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
        continues="c" * 128,
        depends_on=tuple(TaskId(n) for n in range(1, 101)),
        result={
            "branch": much,
            "commit": much,
            "pull_request_url": much,
            "session_id": much,
            "tests": {"passed": 10**8, "failed": 10**8, "exit_code": 255, "command": much},
            "audit": {"verdict": much, "iterations": 10**8, "findings": [much] * 50},
        },
    )
    asked = [replace(QUESTION, text=much)] * 50
    embed = full_card_of(task, holder=much, words=WORDS, questions=asked).embed
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
        {"tests": "all", "audit": ["approved"], "branch": " ", "session_id": 9},
        {"tests": {"passed": "all", "failed": True}, "audit": {"verdict": 7}},
    ],
)
def test_odd_results_are_passed_over(result: dict[str, object]) -> None:
    """A worker's result can hold anything; what makes no sense is not shown."""
    task = replace(COMPLETED, result=result)
    names = {field.name for field in card_of(task, holder=None, words=WORDS).embed.fields}
    assert "Duration" in names
    assert not {"Tests", "Audit", "Branch"} & names
    assert "Tests" not in WORDING.end(event("task.completed"), task).content


def test_end_says_everything_and_mentions_the_submitter() -> None:
    """✅ with notes, duration, cost, commit and pull request."""
    notice = WORDING.end(event("task.completed", instance="macbook-pro", attempt=1), COMPLETED)
    assert notice.content.startswith("✅ Task #5 completed <@42>\n")
    for part in ("MacBook Pro", "3 min 12 s", "$0.42", "abc1234", "pull/7", "All green"):
        assert part in notice.content
    assert notice.mention == 42


def test_end_says_how_the_work_was_checked() -> None:
    """Tests and audit with their figures, the branch where there is no commit, and the session."""
    content = WORDING.end(event("task.completed"), PROVEN).content
    assert "Tests 🔴 12 passed, 1 failed (`make test`, exit code 2)" in content
    assert "Audit approved after 2 rounds with 2 findings" in content
    assert "Branch `athena/task-5` (not pushed)" in content
    assert "Session `0f3a-77`" in content
    assert fields(PROVEN)["Tests"] == "🔴 12 passed, 1 failed (`make test`, exit code 2)"
    assert fields(PROVEN)["Audit"] == "approved after 2 rounds with 2 findings"


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ({"passed": 3, "failed": 0, "exit_code": 0}, "🟢 3 passed"),
        ({"exit_code": 0, "command": "make"}, "🟢 passed (`make`)"),
        ({"exit_code": 1, "command": "make"}, "🔴 failed (`make`, exit code 1)"),
        ({"passed": 0, "failed": 2}, "🔴 0 passed, 2 failed"),
    ],
)
def test_tests_are_told_by_what_is_known_of_them(tests: dict[str, object], said: str) -> None:
    """Counts where a command tells them, else how it ended."""
    assert fields(replace(COMPLETED, result={"tests": tests}))["Tests"] == said


def test_card_of_a_parked_task_says_what_it_waits_for() -> None:
    """The question with its words, or the time."""
    asked = replace(PENDING, parked_question=7)
    shown = card_of(asked, holder=None, words=WORDS, waits_for=QUESTION).embed
    waits_for = next(field.value for field in shown.fields if field.name == "Waits for")
    assert waits_for == r"parked, until question 7 is answered: Which \*database\*?"
    assert "question 7 is answered" in str(fields(asked)["Waits for"])
    timed = replace(PENDING, parked_until=NOW)
    assert "<t:1795348800:R>" in str(fields(timed)["Waits for"])


def test_card_says_that_an_answer_is_waited_for() -> None:
    """Whoever looks at it knows that it is their turn."""
    waiting = replace(RUNNING, phase=Phase.WAITING, asker="macbook-pro")
    assert "waiting for an answer" in str(fields(waiting)["Progress"])


def test_message_of_a_person_says_who() -> None:
    """And what it led to, where its task has ended."""
    message = Message(
        id=MessageId(1),
        task_id=TaskId(5),
        text="Use *tabs*\n@everyone",
        sent_by="alice",
        sent_via="discord",
        sent_at=NOW,
    )
    told = WORDING.said(message).content
    assert told == "💬 **alice** via discord\n> Use \\*tabs\\*\n> @\u200beveryone"
    followed = WORDING.said(replace(message, follow_up=TaskId(6))).content
    assert "which task #6 continues with" in followed


@pytest.mark.parametrize("sign", ["x", "*", "\n", "👨‍👩‍👧"])
def test_long_message_of_a_person_is_cut_and_attached(sign: str) -> None:
    """Whatever its length, it makes a message that Discord takes."""
    message = Message(
        id=MessageId(1),
        task_id=TaskId(5),
        text=f"a{sign}b" * 5_000,
        sent_by="*" * 128,
        sent_via="discord",
        sent_at=NOW,
        follow_up=TaskId(10**17),
    )
    notice = WORDING.said(message)
    assert units(notice.content) <= CONTENT_UNITS
    assert notice.file_text == message.text


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
        ("task.parked", {"instance": "pi", "question": 7}, "until question 7 is answered"),
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
