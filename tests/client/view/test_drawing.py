"""How each thing looks in a line, whatever it holds."""

from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len

from claude_task_client.view import drawing
from claude_task_client.wire import Instance, Question, Task

NOW = datetime.now(UTC)
EVIL = "\x1b[2J\x07\u202e\ud800\n\t[bold]wide \u65e5\u672c\u8a9e \U0001f600" * 20


def text_of(row, width=120):
    return "\n".join(line.plain for line in row.draw(width))


def task(**fields):
    return Task.read(
        {"id": 1, "description": "x", "status": "pending", "priority": "low", **fields}
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"readiness": "ready"}, "ready"),
        ({"readiness": "held", "lane": "ops"}, "lane ops"),
        ({"readiness": "parked"}, "parked"),
        ({"readiness": "blocked", "blocked_by": [2, 3, 4, 5]}, "blocked by #2, #3, #4\u2026"),
        ({"readiness": "blocked"}, "blocked"),
        ({"readiness": "scheduled"}, "scheduled"),
        ({"readiness": "scheduled", "not_before": (NOW + timedelta(hours=2)).isoformat()}, "from "),
        ({"readiness": None}, "pending"),
        ({"readiness": "something new"}, "something new"),
    ],
)
def test_a_pending_task_tells_what_it_waits_for(fields, words):
    assert words in text_of(drawing.pending(task(**fields)))


@pytest.mark.parametrize(
    ("health", "words"),
    [
        ({"ok": False}, "sick: it does not say why"),
        ({"ok": False, "message": "Sign in"}, "sick: Sign in"),
        ({"ok": True, "sick_projects": ["a", "b"], "message": "No remote"}, "cannot work on a, b"),
        ({"limited_until": (NOW + timedelta(hours=1)).isoformat()}, "usage limit until"),
    ],
)
def test_an_instance_tells_what_is_wrong(health, words):
    row = drawing.instance(Instance.read({"instance": "pi", "online": True, "health": health}))

    assert words in text_of(row)


def test_what_is_wrong_with_one_that_is_away_is_not_known():
    health = {"ok": False, "message": "Sign in"}
    away = {"instance": "pi", "online": False, "health": health, "last_seen": NOW.isoformat()}

    shown = text_of(drawing.instance(Instance.read(away)))

    assert "\u25cb pi" in shown
    assert "Sign in" not in shown


def test_without_a_result_the_clock_tells_how_long_it_took():
    ended = task(
        status="cancelled",
        claimed_at=NOW.isoformat(),
        completed_at=(NOW + timedelta(minutes=5)).isoformat(),
    )

    assert "5 min" in text_of(drawing.ended(ended))


@pytest.mark.parametrize("width", [0, 1, 5, 20, 39, 80, 200])
def test_no_line_is_wider_than_it_may_be_and_none_does_anything(width):
    """Wide characters count twice; what cannot be printed is told in others."""
    hostile = task(
        description=EVIL,
        project=EVIL,
        lane=EVIL,
        readiness="held",
        claimed_by=EVIL,
        phase=EVIL,
        error=EVIL,
        progress={"percent": 40, "message": EVIL},
    )
    asked = Question.read(
        {"id": 1, "task_id": 1, "text": EVIL, "kind": "approval", "action": {"tool": EVIL}}
    )
    health = {"ok": False, "message": EVIL}
    rows = [
        drawing.running(hostile, [EVIL]),
        drawing.pending(hostile),
        drawing.ended(hostile),
        drawing.question(asked),
        drawing.instance(Instance.read({"instance": EVIL, "online": True, "health": health})),
    ]

    lines = [line.plain for row in rows for line in row.draw(width)]

    assert len(lines) == sum(row.height for row in rows)
    if width >= 80:
        assert max(map(cell_len, lines)) <= width
    assert all(line.isprintable() for line in lines)
    assert all(line.encode() is not None for line in lines)
