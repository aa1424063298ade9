"""A desk for the executor, where the test plays the people."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from claude_task_client.worker.executor import Answer, LineKind, Question


class FakeDesk:
    """Notes all that it is told. `answers` by tool or by a question's first line.

    Who is not named there does not answer in time; `held` is set to let questions wait.
    """

    def __init__(self, answers: Mapping[str, str | Answer] | None = None) -> None:
        self.answers = dict(answers or {})
        self.questions: list[Question] = []
        self.lines: list[tuple[LineKind, str]] = []
        self.progresses: list[str] = []
        self.sessions: list[str] = []
        self.messages: list[str] = []
        self.allowed: list[tuple[str, Mapping[str, object]]] = []
        self.asked = asyncio.Event()
        self.held: asyncio.Event | None = None
        self.taken = asyncio.Event()  # messages, by the executor

    async def ask(self, question: Question) -> Answer | None:
        self.questions.append(question)
        self.asked.set()
        if self.held is not None:
            await self.held.wait()
        answer = self.answers.get(question.tool or question.text.splitlines()[0])
        if isinstance(answer, str):
            answer = Answer(text=answer)
        if answer is not None and answer.text == "allow_project" and question.tool:
            self.allowed.append((question.tool, question.input))
        return answer

    def is_allowed(self, tool: str, tool_input: Mapping[str, object]) -> bool:
        return (tool, tool_input) in self.allowed

    def log(self, kind: LineKind, text: str) -> None:
        self.lines.append((kind, text))

    def progress(self, message: str) -> None:
        self.progresses.append(message)

    def started(self, session_id: str) -> None:
        self.sessions.append(session_id)

    def inject(self) -> Sequence[str]:
        messages, self.messages = self.messages, []
        if messages:
            self.taken.set()
        return messages

    def said(self, kind: LineKind) -> list[str]:
        return [text for each, text in self.lines if each is kind]
