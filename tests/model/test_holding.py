"""What a holder may do, and what the task is then."""

from __future__ import annotations

from datetime import timedelta

import pytest

from athena.model import holding
from athena.model.errors import InvalidTransition, NotHolder, TaskWasCancelled
from athena.model.lifecycle import ENDED, Action, Status
from athena.model.task import Phase, Progress, Readiness, Task
from tests.model.tasks import NOW, STEADY, a_task, held

LATER = NOW + timedelta(minutes=30)
MINUTE = timedelta(minutes=1)


def claimed(task: Task, *, lease: timedelta = MINUTE) -> Task:
    return holding.claimed(task, instance="pi", lease=lease, now=LATER, steady=STEADY)


def test_claim_takes_the_task_out_of_the_queue():
    """What is known of it only while pending is gone; the lease runs on both clocks."""
    waiting = a_task(
        readiness=Readiness.READY,
        affinity="pi",
        affinity_until=LATER,
        offered_to="pi",
        due_at=LATER,
        late_holder="mac",
        attempt=2,
        progress=Progress(percent=80),
    )

    task = claimed(waiting)

    assert (task.status, task.claimed_by, task.attempt) == (Status.IN_PROGRESS, "pi", 3)
    assert (task.lease_deadline, task.lease_expires_at) == (STEADY + MINUTE, LATER + MINUTE)
    assert (task.phase, task.progress, task.late_holder) == (Phase.WORKING, None, None)
    assert {task.readiness, task.affinity, task.affinity_until, task.offered_to, task.due_at} == {
        None
    }


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.PENDING])
def test_only_a_pending_task_is_claimed(status: Status):
    """Claiming begins in the queue."""
    with pytest.raises(InvalidTransition):
        claimed(a_task(status=status))


def test_claim_is_fresh_until_it_is_renewed():
    """So that a claim that never reached its claimer can be told from one that did."""
    task = claimed(a_task())

    later = holding.renewed(task, lease=None, now=LATER + MINUTE, steady=STEADY + MINUTE)

    assert holding.is_fresh(task)
    assert not holding.is_fresh(later)
    assert not holding.is_fresh(a_task())


def test_renewal_keeps_or_changes_the_length():
    """The length it had, unless another is asked for."""
    task = claimed(a_task())

    same = holding.renewed(task, lease=None, now=LATER, steady=STEADY)
    other = holding.renewed(task, lease=2 * MINUTE, now=LATER, steady=STEADY)

    assert (same.lease, same.lease_deadline) == (MINUTE, STEADY + MINUTE)
    assert (other.lease, other.lease_expires_at) == (2 * MINUTE, LATER + 2 * MINUTE)


def test_hold():
    """The holder holds; nobody else, and nobody once it has ended."""
    assert holding.is_held_by(held("pi"), "pi")
    assert not holding.is_held_by(held("pi"), "mac")
    assert not holding.is_held_by(held("pi", status=Status.COMPLETED), "pi")


@pytest.mark.parametrize(
    ("task", "instance", "attempt", "refusal"),
    [
        (held("pi"), "pi", 1, None),
        (held("pi"), "pi", None, None),
        (held("pi"), "mac", 1, NotHolder),
        (held("pi"), "pi", 0, NotHolder),
        (held("pi"), "pi", 2, NotHolder),
        (a_task(), "pi", None, NotHolder),
        (held("pi", status=Status.CANCELLED), "mac", 9, TaskWasCancelled),
        (held("pi", status=Status.COMPLETED), "mac", 1, NotHolder),
        (held("pi", status=Status.COMPLETED), "pi", 2, NotHolder),
        (held("pi", status=Status.COMPLETED), "pi", 1, InvalidTransition),
        (held("pi", status=Status.FAILED), "pi", 1, InvalidTransition),
    ],
)
def test_order_of_checks(
    task: Task, instance: str, attempt: int | None, refusal: type[Exception] | None
):
    """Cancelled, then not the holder, then not possible."""
    if refusal is None:
        holding.check_running_holder(task, instance=instance, attempt=attempt)
    else:
        with pytest.raises(refusal):
            holding.check_running_holder(task, instance=instance, attempt=attempt)


@pytest.mark.parametrize(
    ("task", "instance", "attempt", "expected"),
    [
        (a_task(late_holder="pi", attempt=2), "pi", 2, True),
        (a_task(late_holder="pi", attempt=2), "pi", None, True),
        (a_task(late_holder="pi", attempt=2), "pi", 1, False),
        (a_task(late_holder="pi", attempt=2), "mac", 2, False),
        (a_task(attempt=2), "pi", 2, False),
        (held("pi", status=Status.FAILED, late_holder="pi"), "pi", 1, True),
        (held("pi", late_holder="pi"), "pi", 1, False),
    ],
)
def test_late_work(task: Task, instance: str, attempt: int | None, expected: bool):
    """Of the very attempt whose lease ran out, and only while nobody holds the task."""
    assert holding.may_finish_late(task, instance=instance, attempt=attempt) is expected


@pytest.mark.parametrize(
    ("task", "instance", "attempt", "expected"),
    [
        (held("pi", status=Status.COMPLETED), "pi", 1, True),
        (held("pi", status=Status.COMPLETED), "pi", None, True),
        (held("pi", status=Status.COMPLETED), "pi", 2, False),
        (held("pi", status=Status.COMPLETED), "mac", 1, False),
        (held("pi", status=Status.FAILED), "pi", 1, False),
        (held("pi"), "pi", 1, False),
    ],
)
def test_repeated_completion(task: Task, instance: str, attempt: int | None, expected: bool):
    """The same instance, the same attempt, and it was completed."""
    assert holding.is_done_by(task, instance=instance, attempt=attempt) is expected


def test_progress_is_merged():
    """What is left out stays as it was."""
    task = held(progress=Progress(percent=10, message="begun"), notes="n", phase=Phase.WORKING)

    told = holding.progressed(
        task,
        phase=Phase.TESTING,
        notes=None,
        progress=Progress(percent=20),
        session_id=None,
        now=LATER,
    )

    assert told.progress == Progress(percent=20, message="begun")
    assert (told.phase, told.notes, told.updated_at) == (Phase.TESTING, "n", LATER)


def test_first_progress_stands_as_it_is():
    """Before it there was nothing to keep."""
    told = holding.progressed(
        held(),
        phase=None,
        notes="n",
        progress=Progress(message="m"),
        session_id="s-1",
        now=LATER,
    )

    assert (told.progress, told.notes) == (Progress(message="m"), "n")
    assert told.session_id == "s-1"


def test_given_back_is_held_by_nobody():
    """With the notes and the progress that its holder left."""
    task = held(notes="half way", progress=Progress(percent=50), phase=Phase.WAITING)

    back = holding.given_back(task, Action.RELEASE, now=LATER)

    assert (back.status, back.claimed_by, back.claimed_at) == (Status.PENDING, None, None)
    assert (back.lease, back.lease_deadline, back.lease_expires_at) == (None, None, None)
    assert (back.notes, back.progress, back.phase) == ("half way", Progress(percent=50), None)
    assert (back.attempt, back.failures) == (1, 0)


@pytest.mark.parametrize(
    ("failures", "status"), [(0, Status.PENDING), (1, Status.PENDING), (2, Status.FAILED)]
)
def test_expiry_counts(failures: int, status: Status):
    """A failure more; at `max_attempts` the task has failed. Its holder may still finish."""
    task = holding.expired(held(failures=failures), now=LATER)

    assert (task.status, task.failures, task.late_holder) == (status, failures + 1, "pi")
    assert task.lease_deadline is None


@pytest.mark.parametrize(
    ("result", "session"),
    [
        (None, "before"),
        ({}, "before"),
        ({"session_id": "after"}, "after"),
        ({"session_id": ""}, "before"),
        ({"session_id": 7}, "before"),
    ],
)
def test_session_comes_with_the_result(result: dict[str, object] | None, session: str):
    """Where it names one in words."""
    task = held(session_id="before")

    done = holding.completed(
        task, Action.COMPLETE, instance="pi", notes=None, result=result, now=LATER
    )
    waiting = holding.failed_for_now(task, error="e", result=result, not_before=LATER, now=NOW)

    assert done.session_id == waiting.session_id == session


def test_retried_task_begins_anew():
    """Failures, error, result, and the wait are gone; the attempt goes on."""
    failed = holding.failed(held(failures=2, attempt=3), error="e", result={"a": 1}, now=NOW)

    again = holding.retried(failed, now=LATER)

    assert (again.status, again.failures, again.attempt) == (Status.PENDING, 0, 3)
    assert (again.error, again.result, again.not_before) == (None, None, None)
    assert (again.claimed_by, again.completed_at) == (None, None)


@pytest.mark.parametrize("status", sorted(ENDED))
def test_ended_task_cannot_end_again(status: Status):
    """An end is an end."""
    with pytest.raises(InvalidTransition):
        holding.failed(held(status=status), error="e", result=None, now=NOW)
    with pytest.raises(InvalidTransition):
        holding.cancelled(held(status=status), now=NOW)


def test_only_an_end_ends():
    """A move that leads back into the queue is no end, whatever is called with it."""
    with pytest.raises(InvalidTransition, match="is not an end"):
        holding.completed(held(), Action.RELEASE, instance="pi", notes=None, result=None, now=NOW)


# --- questions --------------------------------------------------------------------------------


def test_asking_waits_and_notes_who_has_asked():
    """So that it is known, without a look at the questions, who can use the answers."""
    task = holding.asked(held("pi"))

    assert (task.phase, task.asker) == (Phase.WAITING, "pi")


@pytest.mark.parametrize(
    ("phase", "still_open", "after"),
    [
        (Phase.WAITING, 0, (Phase.WORKING, None)),
        (Phase.WAITING, 1, (Phase.WAITING, "pi")),
        (Phase.TESTING, 0, (Phase.TESTING, None)),
        (None, 0, (None, None)),
    ],
)
def test_last_answer_ends_the_waiting(
    phase: Phase | None, still_open: int, after: tuple[Phase | None, str | None]
):
    """Not an earlier one, and not a phase that the holder has named since."""
    task = holding.unasked(held("pi", asker="pi", phase=phase), 7, still_open=still_open)

    assert (task.phase, task.asker) == after


def test_only_its_own_answer_ends_a_park():
    """A task that waits for one question goes on waiting after another's answer."""
    parked = a_task(asker="pi", parked_question=7, readiness=Readiness.PARKED)

    assert holding.unasked(parked, 8, still_open=1).parked_question == 7
    assert holding.unasked(parked, 7, still_open=1).parked_question is None


@pytest.mark.parametrize(
    ("action", "asker"),
    [
        (Action.RELEASE, None),
        (Action.FAIL_AND_RETRY, None),
        (Action.PARK, "pi"),
        (Action.EXPIRE, "pi"),
    ],
)
def test_who_gives_back_for_good_asks_no_more(action: Action, asker: str | None):
    """Who parks, or merely lost its lease, may come back for the answers."""
    assert holding.given_back(held("pi", asker="pi"), action, now=LATER).asker == asker


@pytest.mark.parametrize(("instance", "asker"), [("pi", "pi"), ("mac", None)])
def test_claim_keeps_ones_own_questions(instance: str, asker: str | None):
    """Those of another instance are of no use."""
    task = holding.claimed(
        a_task(asker="pi"), instance=instance, lease=MINUTE, now=LATER, steady=STEADY
    )

    assert task.asker == asker


def test_ended_task_asks_nothing_and_waits_for_nothing():
    """However it came to its end."""
    parked = a_task(asker="pi", parked_question=7, readiness=Readiness.PARKED)
    ended = [
        holding.cancelled(parked, now=LATER),
        holding.failed(held("pi", asker="pi"), error="no", result=None, now=LATER),
        holding.expired(held("pi", asker="pi", max_attempts=1), now=LATER),
        holding.completed(
            held("pi", asker="pi"),
            Action.COMPLETE,
            instance="pi",
            notes=None,
            result=None,
            now=LATER,
        ),
    ]

    assert {(task.asker, task.parked_question) for task in ended} == {(None, None)}


def test_report_tells_how_far_the_holder_is():
    """In the fields of the event; what it has not said is left out."""
    told = held("pi", phase=Phase.AUDITING, progress=Progress(percent=40, message="round 2"))

    assert holding.report_of(told).data() == {
        "instance": "pi",
        "attempt": 1,
        "phase": "auditing",
        "percent": 40,
        "message": "round 2",
    }
    assert holding.report_of(held("pi")).data() == {"instance": "pi", "attempt": 1}
