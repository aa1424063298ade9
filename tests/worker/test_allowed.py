"""What a person has allowed for a project: the very same call, and nothing like it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from claude_task_client.worker.allowed import Allowed, all_rules, allowed_file

FIRST, SECOND = Path("/state/worktrees/app/task-1"), Path("/state/worktrees/app/task-2")


@pytest.fixture
def allowed(tmp_path: Path) -> Allowed:
    return Allowed(tmp_path / "app.json", now=lambda: datetime(2026, 1, 1, tzinfo=UTC))


def allow(allowed: Allowed, tool: str, tool_input: dict[str, object]) -> None:
    allowed.add(tool, tool_input, folder=FIRST, task_id=1, allowed_by="ada")


def test_the_same_command_with_another_remark(allowed: Allowed):
    """What Claude says about a command is no part of it."""
    allow(allowed, "Bash", {"command": "make deploy", "description": "Deploys"})

    assert allowed.has("Bash", {"command": "make deploy", "timeout": 9}, folder=SECOND)


@pytest.mark.parametrize(
    ("tool", "tool_input"),
    [
        ("Bash", {"command": "make deploy; rm -rf /"}),
        ("Bash", {"command": "make deploy", "run_in_background": True}),
        ("Bash", {"command": "make  deploy"}),
        ("Other", {"command": "make deploy"}),
        ("Bash", {}),
    ],
)
def test_nothing_that_is_merely_like_it(allowed: Allowed, tool: str, tool_input: dict[str, object]):
    """No prefix, no pattern, no other tool."""
    allow(allowed, "Bash", {"command": "make deploy"})

    assert not allowed.has(tool, tool_input, folder=SECOND)


def test_the_same_place_in_another_tasks_folder(allowed: Allowed):
    """Each task has a folder of its own: what was allowed in one is allowed in the next."""
    allow(allowed, "Write", {"file_path": f"{FIRST}/.env", "content": "A=1"})

    assert allowed.has("Write", {"file_path": f"{SECOND}/.env", "content": "A=1"}, folder=SECOND)
    assert not allowed.has("Write", {"file_path": f"{FIRST}/.env", "content": "A=1"}, folder=SECOND)
    assert not allowed.has("Write", {"file_path": f"{SECOND}/.env", "content": "B"}, folder=SECOND)


@pytest.mark.parametrize("place", ["{}2", "/mnt{}", "{}.kept-1"])
def test_a_place_that_only_looks_like_the_folder(allowed: Allowed, place: str):
    """What was shown is allowed, and not the like of it beside the next task's folder."""
    shown = {"command": f"ls {place.format(FIRST)}"}
    allowed.add("Bash", shown, folder=FIRST, task_id=1, allowed_by=None)

    assert allowed.has("Bash", shown, folder=FIRST)
    assert not allowed.has("Bash", {"command": f"ls {place.format(SECOND)}"}, folder=SECOND)


def test_nobody_passes_for_a_folder_by_its_sign(allowed: Allowed):
    """A text that holds the sign which stands for the folder matches no rule and makes none."""
    allow(allowed, "Bash", {"command": f"ls {FIRST}"})
    rule = allowed.rules()[0].input
    sign = rule[rule.index("{folder") : rule.rindex('"}')]

    assert not allowed.has("Bash", {"command": f"ls {sign}"}, folder=SECOND)
    allow(allowed, "Bash", {"command": f"rm {sign}"})
    assert len(allowed.rules()) == 1


def test_a_rule_is_kept_once_and_says_who(allowed: Allowed):
    """For a person who looks into the file."""
    for _ in range(2):
        allow(allowed, "Bash", {"command": "make deploy"})

    [rule] = allowed.rules()
    assert (rule.tool, rule.allowed_by, rule.task_id) == ("Bash", "ada", 1)


def test_a_damaged_file_allows_nothing(tmp_path: Path, allowed: Allowed):
    """Better asked once too often."""
    (tmp_path / "app.json").write_text("{")

    assert not allowed.has("Bash", {"command": "make deploy"}, folder=SECOND)


def test_all_rules_of_a_worker_are_shown_with_their_project(tmp_path: Path):
    """For `work status`: whoever runs the worker sees what was allowed."""
    rules = Allowed(allowed_file(tmp_path, "app"), now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    allow(rules, "Bash", {"command": "make deploy"})

    [(project, rule)] = all_rules(tmp_path)

    assert (project, rule.tool, rule.input) == ("app", "Bash", '{"command": "make deploy"}')
