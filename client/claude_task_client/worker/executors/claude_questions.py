"""What the program asks of people on its control channel: may I, and which do you want?

Each tool call comes by as the callback of a `PreToolUse` hook and waits there for its answer. Where
nobody answers in time, the hook says `defer`: the program ends, keeps the call, and comes back with
the very same one when the conversation is resumed, hours or restarts later (decision 0009).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from claude_task_client.worker.executor import Answer, Desk, Question, QuestionKind
from claude_task_client.worker.executors.claude_stream import call_line
from claude_task_client.worker.permissions import QUESTION_TOOL, Decision, Permissions

Reply = dict[str, Any]

ALLOWED: Final = frozenset({"allow", "allow_project"})
NOT_ALLOWED: Final = "This is not allowed in this project, and nobody is asked. Do it another way."
READ_ONLY: Final = "You may only read."
PUT_OFF: Final = (
    "Another call is already waiting for a person, so this one was not looked at. Make it again"
    " later."
)
NOBODY: Final = (
    "Nobody has answered yet, so this was not done. Do not work around it: end here, and report"
    " exactly which call is needed."
)
DENIED: Final = "A person has denied this."


class Questions:
    """The answers of one run. `deferred` is the question that the run is ended by."""

    def __init__(self, desk: Desk, permissions: Permissions) -> None:
        self._desk = desk
        self._permissions = permissions
        self._granted: set[str] = set()
        self.deferred: Question | None = None
        self.waiting = 0

    async def before_call(self, asked: Mapping[str, Any]) -> Reply:
        """Answer the hook: may this call be made?"""
        tool, tool_input = str(asked.get("tool_name")), asked.get("tool_input") or {}
        if tool == QUESTION_TOOL and self._permissions.may_write:
            return await self._answers(asked, tool_input)
        decision = self._permissions.judge(tool, tool_input)
        if decision is Decision.ASK and self._desk.is_allowed(tool, tool_input):
            self._granted.add(str(asked.get("tool_use_id")))
            decision = Decision.ALLOW
        if decision is Decision.ALLOW:
            return _hook("allow")
        if decision is Decision.DENY:
            return _hook("deny", NOT_ALLOWED if self._permissions.may_write else READ_ONLY)
        return await self._approval(asked, tool, tool_input)

    async def for_program(self, asked: Mapping[str, Any]) -> Reply:
        """Answer the program's own question, which it has where it is more careful than we are.

        So it is with files that it obeys itself. A hook's `allow` does not cover them.
        """
        tool, tool_input = str(asked.get("tool_name")), asked.get("input") or {}
        grant: Reply = {"behavior": "allow", "updatedInput": tool_input}
        if (
            asked.get("tool_use_id") in self._granted
            or self._permissions.mode == "bypassPermissions"
        ):
            return grant
        if not self._permissions.may_write or self._permissions.mode == "dontAsk":
            return {"behavior": "deny", "message": NOT_ALLOWED}
        if self.deferred is not None:
            return {"behavior": "deny", "message": PUT_OFF}
        question = approval(tool, tool_input)
        answer = await self._ask(question)
        if answer is None:
            # Nothing can be deferred from here: the run ends, and the call is made again.
            self.deferred = question
            return {"behavior": "deny", "message": NOBODY, "interrupt": True}
        return grant if answer.text in ALLOWED else {"behavior": "deny", "message": _denied(answer)}

    async def _approval(
        self, asked: Mapping[str, Any], tool: str, tool_input: Mapping[str, object]
    ) -> Reply:
        if self.deferred is not None:
            return _hook("deny", PUT_OFF)
        question = approval(tool, tool_input)
        answer = await self._ask(question)
        if answer is None:
            return self._defer(asked, question)
        if answer.text in ALLOWED:
            self._granted.add(str(asked.get("tool_use_id")))
            return _hook("allow")
        return _hook("deny", _denied(answer))

    async def _answers(self, asked: Mapping[str, Any], tool_input: Mapping[str, Any]) -> Reply:
        """Ask all of a call's questions, one after the other, as a person would be asked."""
        answers: dict[str, str] = {}
        for each in tool_input.get("questions") or ():
            if self.deferred is not None:
                return _hook("deny", PUT_OFF)
            question = choice(each)
            answer = await self._ask(question)
            if answer is None:
                return self._defer(asked, question)
            answers[str(each.get("question"))] = answer.text
        return _hook("allow", updatedInput={**tool_input, "answers": answers})

    def _defer(self, asked: Mapping[str, Any], question: Question) -> Reply:
        """End the run with this call waiting. A subagent's cannot wait: it would be dropped."""
        if self.deferred is not None:
            return _hook("deny", PUT_OFF)  # of two deferred calls the program keeps but one
        if asked.get("agent_id"):
            return _hook("deny", NOBODY)
        self.deferred = question
        return _hook("defer", "A person will be asked.")

    async def _ask(self, question: Question) -> Answer | None:
        self.waiting += 1
        try:
            return await self._desk.ask(question)
        finally:
            self.waiting -= 1


def approval(tool: str, tool_input: Mapping[str, object]) -> Question:
    """May Claude do exactly this?"""
    return Question(
        key=_key("approval", tool, tool_input),
        kind=QuestionKind.APPROVAL,
        text=f"Claude wants to use {call_line(tool, tool_input)}",
        tool=tool,
        input=tool_input,
    )


def choice(asked: Mapping[str, Any]) -> Question:
    """One of the questions that Claude asks with its own tool."""
    options: Sequence[Mapping[str, Any]] = asked.get("options") or ()
    lines = [str(asked.get("question") or asked.get("header") or "?")]
    lines += [
        f"- {option.get('label')}: {option['description']}"
        for option in options
        if option.get("description")
    ]
    if asked.get("multiSelect"):
        lines.append("(Several may be chosen: write them, with commas between.)")
    return Question(
        key=_key("question", QUESTION_TOOL, asked),
        kind=QuestionKind.CHOICE if options else QuestionKind.TEXT,
        text="\n".join(lines),
        choices=[str(option.get("label")) for option in options],
    )


def _key(kind: str, tool: str, asked: Mapping[str, Any]) -> str:
    """The same for the same question, also when the program that asked was killed in between."""
    told = json.dumps([tool, asked], sort_keys=True, ensure_ascii=False)
    return f"{kind}-{hashlib.sha256(told.encode()).hexdigest()[:40]}"


def _denied(answer: Answer) -> str:
    return f"{DENIED} {answer.note}" if answer.note else DENIED


def _hook(decision: str, reason: str = "", **more: object) -> Reply:
    said = {"hookEventName": "PreToolUse", "permissionDecision": decision, **more}
    return {"hookSpecificOutput": said | ({"permissionDecisionReason": reason} if reason else {})}
