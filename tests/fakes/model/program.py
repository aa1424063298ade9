"""The real `claude` program, and an environment in which it talks to the scripted model alone."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from tests.fakes.model.server import ScriptedModel

DUMMY_KEY = "sk-ant-dummy-key-of-a-test"


def claude_program() -> Path:
    """The program that comes with the Agent SDK, found without the second its import costs."""
    spec = importlib.util.find_spec("claude_agent_sdk")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("claude-agent-sdk is not installed: it brings the program")
    return Path(spec.origin).with_name("_bundled") / "claude"


def claude_environment(
    model: ScriptedModel | str, *, home: Path, temporary: Path, retries: int | None = None
) -> dict[str, str]:
    """All that the program needs, and nothing of the machine's but PATH.

    `retries` bounds how often it asks again after an error (its default of 10 takes 3 minutes).
    """
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "ANTHROPIC_BASE_URL": model if isinstance(model, str) else model.url,
        "ANTHROPIC_API_KEY": DUMMY_KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
    if retries is not None:
        environment["CLAUDE_CODE_MAX_RETRIES"] = str(retries)
    return environment
