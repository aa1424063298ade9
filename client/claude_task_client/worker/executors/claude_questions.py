"""What the program asks of people on its control channel: may I, and which do you want?

Each tool call comes by as the callback of a `PreToolUse` hook and waits there for its answer. Where
nobody answers in time, the hook says `defer`: the program ends, keeps the call, and comes back with
the very same one when the conversation is resumed, hours or restarts later (decision 0009).

The program then asks by itself as well (`can_use_tool`), since it is told to for every tool that
matters. That is the second fence: on a loaded machine a resumed call was seen to be made before the
hook was known to the program. From there nothing can be deferred: `must_end` says that the run is
to be ended without an answer. A deferred call survives that (seen); any other is made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
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


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of a call: allowed (`answers`: to what it asked), denied, or put off."""

    decision: Decision
    reason: str = ""
    answers: Mapping[str, str] | None = None
    question: Question | None = None

    def changed(self, tool_input: Mapping[str, object]) -> dict[str, object]:
        """The call's input, with what people have answered."""
        return {**tool_input} if self.answers is None else {**tool_input, "answers": self.answers}


class Questions:
    """The answers of one run. `deferred` is the question that the run is ended by."""

    def __init__(self, desk: Desk, permissions: Permissions) -> None:
        self._desk = desk
        self._permissions = permissions
        self._by_rule: set[str] = set()
        self._by_person: set[str] = set()
        self.deferred: Question | None = None
        self.must_end = False
        self.waiting = 0

    async def before_call(self, asked: Mapping[str, Any]) -> Reply:
        """Answer the hook: may this call be made?"""
        self._note_own_folder(asked)
        tool_input = asked.get("tool_input") or {}
        ruling = await self._rule(asked, tool_input)
        if ruling.decision is Decision.ASK:
            # A subagent's call cannot wait: it would be dropped, and the run go on.
            if asked.get("agent_id"):
                return _hook("deny", NOBODY)
            self.deferred = ruling.question
            return _hook("defer", "A person will be asked.")
        if ruling.decision is Decision.DENY:
            return _hook("deny", ruling.reason)
        if ruling.answers is not None:
            return _hook("allow", updatedInput=ruling.changed(tool_input))
        return _hook("allow")

    async def for_program(self, asked: Mapping[str, Any]) -> Reply | None:
        """Answer the program itself, or leave it waiting for its end.

        What it holds to be unsafe is a person's to allow.
        """
        tool_input = asked.get("input") or {}
        ruling = self._known(asked) or await self._rule(asked, tool_input)
        if ruling.decision is Decision.ASK:
            self.deferred, self.must_end = ruling.question, True
            return None
        if ruling.decision is Decision.DENY:
            return {"behavior": "deny", "message": ruling.reason}
        return {"behavior": "allow", "updatedInput": ruling.changed(tool_input)}

    def _note_own_folder(self, asked: Mapping[str, Any]) -> None:
        """Long results are put aside beside the conversation's file, for Claude to read there."""
        transcript = asked.get("transcript_path")
        if isinstance(transcript, str) and transcript.endswith(".jsonl"):
            own = Path(transcript.removesuffix(".jsonl")) / "tool-results"
            if own not in self._permissions.readable:
                self._permissions = replace(self._permissions, readable=(own,))

    def _known(self, asked: Mapping[str, Any]) -> Ruling | None:
        """What the hook has said of this very call."""
        call = str(asked.get("tool_use_id"))
        is_unsafe = asked.get("decision_reason_type") == "safetyCheck"
        is_known = call in self._by_person or (call in self._by_rule and not is_unsafe)
        return Ruling(Decision.ALLOW) if is_known else None

    async def _rule(self, asked: Mapping[str, Any], tool_input: Mapping[str, Any]) -> Ruling:
        tool, call = str(asked.get("tool_name")), str(asked.get("tool_use_id"))
        if tool == QUESTION_TOOL and self._permissions.may_write:
            return await self._answered(call, tool_input)
        decision = self._permissions.judge(tool, tool_input)
        if decision is Decision.DENY:
            return Ruling(decision, NOT_ALLOWED if self._permissions.may_write else READ_ONLY)
        if self._permissions.mode == "bypassPermissions" or (
            decision is Decision.ASK and self._desk.is_allowed(tool, tool_input)
        ):
            self._by_person.add(call)
            return Ruling(Decision.ALLOW)
        if decision is Decision.ALLOW and call not in self._by_rule:
            self._by_rule.add(call)
            return Ruling(decision)
        return await self._approved(call, approval(tool, tool_input))

    async def _approved(self, call: str, question: Question) -> Ruling:
        if self.deferred is not None:
            return Ruling(Decision.DENY, PUT_OFF)
        answer = await self._ask(question)
        if answer is None:
            return self._put_off(question)
        if answer.text not in ALLOWED:
            return Ruling(Decision.DENY, f"{DENIED} {answer.note}" if answer.note else DENIED)
        self._by_person.add(call)
        return Ruling(Decision.ALLOW)

    async def _answered(self, call: str, tool_input: Mapping[str, Any]) -> Ruling:
        """Ask all of a call's questions, one after the other, as a person would be asked."""
        answers: dict[str, str] = {}
        for each in tool_input.get("questions") or ():
            if self.deferred is not None:
                return Ruling(Decision.DENY, PUT_OFF)
            question = choice(each)
            answer = await self._ask(question)
            if answer is None:
                return self._put_off(question)
            answers[str(each.get("question"))] = answer.text
        self._by_person.add(call)
        return Ruling(Decision.ALLOW, answers=answers)

    def _put_off(self, question: Question) -> Ruling:
        """Of two calls that are put off the program would keep but one."""
        if self.deferred is not None:
            return Ruling(Decision.DENY, PUT_OFF)
        return Ruling(Decision.ASK, question=question)

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


def _hook(decision: str, reason: str = "", **more: object) -> Reply:
    said = {"hookEventName": "PreToolUse", "permissionDecision": decision, **more}
    return {"hookSpecificOutput": said | ({"permissionDecisionReason": reason} if reason else {})}
