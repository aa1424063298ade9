"""What the scripted model does in the demonstration: it writes a greeting, and a test of it."""

from __future__ import annotations

import re
from typing import Any

from tests.fakes.model import Say, structured, write

GREETING = 'def greet(name):\n    return f"Hello, {name}!"\n'
TEST = (
    "import unittest\n\nfrom greeting import greet\n\n\nclass Greeting(unittest.TestCase):\n"
    '    def test_it_greets_by_name(self):\n        self.assertEqual(greet("Ada"), "Hello, Ada!")\n'
)


def _in_worktree(name: str, text: str) -> Any:
    def step(request: Any) -> Any:
        told = "\n".join([*request.texts, request.system])
        found = re.search(r"\S*/worktrees/hello/task-\d+", told)
        assert found is not None, told
        return write(f"{found[0]}/{name}", text)

    return step


def define(model: Any) -> None:
    """Any task is the greeting; the auditor approves it."""
    turn = [
        _in_worktree("greeting.py", GREETING),
        _in_worktree("test_greeting.py", TEST),
        Say("I added `greet()` in greeting.py, and a test of it."),
    ]
    approve = [structured(verdict="approved", findings=[])]
    model.script("default", *[turn] * 20, auditor=[approve] * 20)
