"""Answering a question: all of what is asked, and what a person can say to it."""

from __future__ import annotations

import math
import time
from typing import ClassVar, Final

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Input, OptionList, Static, TextArea

from claude_task_client import questions
from claude_task_client.advice import advice
from claude_task_client.client import AsyncAthena
from claude_task_client.errors import AthenaError, Conflict, Unreachable
from claude_task_client.view import drawing
from claude_task_client.view.leaving import Dialog
from claude_task_client.view.menu import DIALOG_CSS, Choice, Choices
from claude_task_client.wire import Event, Question

CHOICE: Final = "choice"
READ_SECONDS_MIN: Final = 0.5
_VERDICTS: Final = (
    Choice("o", "Allow it, this once", "allow"),
    Choice("p", "Allow such things for the project", "allow_project"),
    Choice("d", "Deny it, with a note if you like", "deny"),
)
_ALLOWING: Final = frozenset({"allow", "allow_project"})


class Words(TextArea):
    """A text that Enter sends; Ctrl+J breaks the line."""

    class Sent(Message):
        """Enter was pressed."""

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self.post_message(self.Sent())
        elif event.key == "ctrl+j":
            event.stop()
            event.prevent_default()
            self.insert("\n")
        else:
            await super()._on_key(event)


class Answering(Dialog[Question | None]):
    """Shows a question and sends the answer; gives the answered question, None without one."""

    DEFAULT_CSS = (
        "Answering {"
        + DIALOG_CSS
        + """
    #asked { height: auto; max-height: 50%; }
    Words, Words:focus { height: 5; border: round $border-blurred; padding: 0; }
    Input, Input:focus { border: round $border-blurred; height: 3; padding: 0; }
    #said { color: $error; text-style: bold; height: auto; }
}"""
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back"),
        Binding("pagedown", "read_on(1)", "Read on", priority=True),
        Binding("pageup", "read_on(-1)", "Read back", priority=True),
    ]

    def __init__(self, athena: AsyncAthena, question: Question) -> None:
        super().__init__()
        self._athena = athena
        self._question = question
        self._choices = _choices(question)
        self._is_over = False
        self._shown_at = math.inf

    def is_settled_by(self, event: Event) -> bool:
        """Whether the event is the end of this question."""
        is_end = event.type in {"question.answered", "question.withdrawn"}
        return is_end and event.data.get("question") == self._question.id

    def compose(self) -> ComposeResult:
        """See `Screen`."""
        asked = self._question
        title = f"Question {asked.id} of #{asked.task_id}, {questions.asker(asked)}"
        with Vertical(classes="dialog"):
            yield Static(Text(title, "bold"))
            with VerticalScroll(id="asked", can_focus=False):
                yield Static(Text(drawing.whole("\n".join(questions.asked_lines(asked)))))
            if self._choices:
                yield Choices(self._choices)
            if asked.kind == questions.APPROVAL:
                yield Input(placeholder="Why not? Enter denies it", id="note")
            else:
                yield Words(id="words", soft_wrap=True, placeholder=self._placeholder())
            yield Static(Text(), id="said")
            yield Static(self._hint(), classes="hint", markup=False)

    def on_mount(self) -> None:
        """The cursor stands where an answer is given; no choice is chosen beforehand."""
        first = OptionList if self._choices else Words
        self.query_one(first).focus()
        for note in self.query("#note"):
            note.display = False
        self.call_after_refresh(self._shown)

    def _shown(self) -> None:
        self._shown_at = time.monotonic()

    def settled(self, event: Event) -> None:
        """The question is answered or withdrawn: by somebody else, where this did not."""
        if self._is_over:
            return
        self._is_over = True
        if event.type == "question.answered":
            who, answer = event.data.get("answered_by"), event.data.get("answer")
            self._say(f"Somebody else was first: {who or 'somebody'} answered: {answer}")
        else:
            self._say("It was taken back: nobody waits for an answer any more.")

    def action_read_on(self, direction: int) -> None:
        """Scroll what is asked."""
        asked = self.query_one("#asked", VerticalScroll)
        asked.scroll_relative(y=direction * max(1, asked.size.height - 1), animate=False)

    def on_key(self, event: events.Key) -> None:
        """A choice's key takes it, unless somebody writes."""
        if isinstance(self.focused, OptionList):
            for choice in self._choices:
                if choice.key and event.character == choice.key:
                    event.stop()
                    self._take(choice)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter takes the one that is highlighted."""
        self._take(self._choices[event.option_index])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The note is written: deny."""
        event.stop()
        self._send("deny", note=event.value.strip() or None)

    def on_words_sent(self) -> None:
        """The answer is written."""
        text = self.query_one(Words).text.strip()
        if text:
            self._send(text)
        else:
            self._say("An answer has at least one word.")

    def _take(self, choice: Choice) -> None:
        if self._question.kind != questions.APPROVAL:
            self._send(choice.value)
        elif choice.value not in _ALLOWING:
            note = self.query_one("#note", Input)
            note.display = True
            note.focus()
        elif self._is_read():
            self._send(choice.value)
        else:
            self._say("Read it to its end first (PgDn), then allow it.")

    def _is_read(self) -> bool:
        """Whether the end of what would be done is in sight: nobody allows what nobody has seen.

        Not right after it came up either, nor before its lines are laid out: `a` and `o` may have
        been typed as one, at a question that somebody else has answered meanwhile.
        """
        if time.monotonic() - self._shown_at < READ_SECONDS_MIN:
            return False
        asked = self.query_one("#asked", VerticalScroll)
        return asked.scroll_offset.y >= asked.max_scroll_y

    def _send(self, answer: str, *, note: str | None = None) -> None:
        if self._is_over:
            self._say("It is answered already: Esc goes back.")
            return
        self._is_over = True
        self._say("Sending …")
        self.run_worker(self._answer(answer, note))

    async def _answer(self, answer: str, note: str | None) -> None:
        try:
            answered = await self._athena.answer(self._question.id, answer, note=note)
        except Conflict:
            self._say(await self._who_was_first())
        except AthenaError as error:
            self._is_over = False
            self._say("\n".join(filter(None, [str(error), _what_now(error)])))
        else:
            self.dismiss(answered)

    async def _who_was_first(self) -> str:
        """A person's key may list questions without being one that may read each."""
        try:
            page = await self._athena.questions(
                status="all", task=self._question.task_id, limit=500
            )
        except AthenaError:
            return "Somebody else was first."
        for each in page.questions:
            if each.id == self._question.id and each.answer is not None:
                who = questions.answerer(each)
                return f"Somebody else was first: {who} answered: {each.answer}"
        return "It was taken back: nobody waits for an answer any more."

    def _say(self, words: str) -> None:
        self.query_one("#said", Static).update(Text(drawing.whole(words)))

    def _placeholder(self) -> str:
        return "… or in your own words" if self._choices else "Your answer"

    def _hint(self) -> str:
        if self._question.kind == questions.APPROVAL:
            return "PgUp/PgDn: read all of it · Esc: back"
        tab = "Tab: choices or words · " if self._choices else ""
        return f"{tab}Enter: send · Ctrl+J: new line · Esc: back"


def _choices(question: Question) -> list[Choice]:
    if question.kind == questions.APPROVAL:
        return list(_VERDICTS)
    return [
        Choice("123456789"[index : index + 1], drawing.shown(text), text)
        for index, text in enumerate(question.choices)
    ]


def _what_now(error: AthenaError) -> str | None:
    if isinstance(error, Unreachable):
        return "It may have arrived all the same: when she is back, you will see."
    return advice(error)
