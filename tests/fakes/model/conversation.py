"""What a request of the program says: whose it is, and where its conversation stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TAG = re.compile(r"\[script: *([^\]]+?) *\]")

# What the program puts into user messages beside a person's words.
NOT_A_PROMPT = re.compile(
    r"<system-reminder>|<task-notification>|Tool loaded\.|\[structured-output-enforce\]"
)
INTERRUPTED = "[Request interrupted by user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of the Messages API.

    - `prompts`: what was said by people in the conversation, in order; `prompt`: the last
    - `turn`, `step`, `round`: where it stands, see the package's docstring
    - `tries`: how often this very step had been asked before
    - `results`: of the tools called by the model's last message: (text, is_error)
    - `texts`: all text of the conversation that is not the model's
    - `credential`: the key or token it came with
    - `at`: when, on the monotonic clock
    """

    at: float
    tag: str | None
    is_auditor: bool
    turn: int
    step: int
    round: int = 0
    tries: int = 0
    prompts: Sequence[str] = ()
    results: Sequence[tuple[str, bool]] = ()
    texts: Sequence[str] = ()
    system: str = ""
    tools: Sequence[str] = ()
    model: str = ""
    session_id: str | None = None
    agent_id: str | None = None
    credential: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def prompt(self) -> str:
        """What was said last."""
        return self.prompts[-1] if self.prompts else ""

    @property
    def streams(self) -> bool:
        """Whether the answer is wanted as a stream."""
        return bool(self.body.get("stream"))


def understand(body: Mapping[str, Any], headers: Mapping[str, str], *, at: float) -> Request:
    """The request, without what only the server knows (auditor, round, tries)."""
    messages = body.get("messages", [])
    prompts: list[str] = []
    step = 0
    for message in messages:
        if message["role"] == "assistant":
            step += 1
        elif said := _said(message):
            prompts.append(said)
            step = 0
    tag, turn = _place(prompts)
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    return Request(
        at=at,
        tag=tag,
        is_auditor=False,
        turn=turn,
        step=step,
        prompts=prompts,
        results=_results(messages),
        texts=[
            text
            for message in messages
            if message["role"] != "assistant"
            for text in _texts(message)
        ],
        system="\n".join(block.get("text", "") for block in _blocks(body.get("system", ""))),
        tools=[tool["name"] for tool in body.get("tools", [])],
        model=body.get("model", ""),
        session_id=headers.get("x-claude-code-session-id"),
        agent_id=headers.get("x-claude-code-agent-id"),
        credential=headers.get("x-api-key") or bearer or None,
        body=body,
    )


def _place(prompts: Sequence[str]) -> tuple[str | None, int]:
    """The script asked for last, and how many prompts there were since it was first asked for."""
    tags = [found[-1] if (found := TAG.findall(prompt)) else None for prompt in prompts]
    named = [tag for tag in tags if tag]
    if not named:
        return None, max(0, len(prompts) - 1)
    return named[-1], len(prompts) - 1 - tags.index(named[-1])


def _said(message: Mapping[str, Any]) -> str:
    """A person's words in a user message; beside a tool's result they are the program's own."""
    if message["role"] != "user":
        return ""
    texts = _texts(message)
    has_results = any(block.get("type") == "tool_result" for block in _blocks(message["content"]))
    if has_results and not any(INTERRUPTED in text for text in texts):
        return ""
    own = (text for text in texts if not NOT_A_PROMPT.match(text.lstrip()))
    return "\n".join(text for text in own if INTERRUPTED not in text).strip()


def _results(messages: Sequence[Mapping[str, Any]]) -> list[tuple[str, bool]]:
    results: list[tuple[str, bool]] = []
    for message in reversed(messages):
        if message["role"] == "assistant":
            break
        for block in _blocks(message["content"]):
            if block.get("type") == "tool_result":
                text = "".join(part.get("text", "") for part in _blocks(block.get("content", "")))
                results.append((text, bool(block.get("is_error"))))
    return results


def _texts(message: Mapping[str, Any]) -> list[str]:
    blocks = _blocks(message["content"])
    return [block.get("text", "") for block in blocks if block.get("type") == "text"]


def _blocks(content: str | Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
