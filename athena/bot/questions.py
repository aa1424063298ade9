"""What the message of a question says as it stands, and what can be pressed under it.

An approval shows exactly what would be done. Where a message has no room for all of it, or could
not show a part of it, it says so, and the whole is in a file.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

import discord

from athena.bot.buttons import Button, Control, Menu, Reply, question_id_of
from athena.bot.notices import Notice, Wording
from athena.bot.text import Words, units
from athena.model.question import (
    ProposedAction,
    Question,
    QuestionId,
    QuestionKind,
    QuestionStatus,
    Verdict,
)

# Together with the lines around them they fit into a message of 2,000 units.
_ASKER_UNITS: Final = 80
_TEXT_UNITS: Final = 1_100
_TEXT_BESIDE_ACTION_UNITS: Final = 350
_TOOL_UNITS: Final = 80
_PLACE_UNITS: Final = 150
_COMMAND_UNITS: Final = 450
_OTHERS_UNITS: Final = 200
_ANSWER_UNITS: Final = 250
_NO_BOUND: Final = 1_000_000
_LABEL_UNITS: Final = 80
_OPTION_UNITS: Final = 100
# With the button for another answer, the 25 that a message may have.
_CHOICE_BUTTONS_MAX: Final = 24
_COMMAND: Final = "command"
_PLACES: Final = ("file_path", "notebook_path", "path", "url")

_NAMES: Final = {
    QuestionKind.TEXT: "Question",
    QuestionKind.CHOICE: "Question",
    QuestionKind.APPROVAL: "Approval",
}
_VERDICTS: Final = {
    Verdict.ALLOW: "allowed it once",
    Verdict.ALLOW_PROJECT: "allowed it for this project",
    Verdict.DENY: "denied it",
}


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a message, and whether it shows the whole of what it stands for, as it is."""

    shown: str
    whole: bool = True


def is_message_of(message: discord.Message, question_id: QuestionId) -> bool:
    """Whether a message that the bot wrote shows the question, in whichever state."""
    head = rf"\S+ \*\*(?:Question|Approval) {question_id}\*\* "
    return re.match(head, message.content) is not None


def notice_of(question: Question, *, mention: int | None, wording: Wording) -> Notice:
    """The message of the question; only an open one mentions anybody and has buttons."""
    words = wording.words
    mentioned = mention if question.is_open else None
    parts = [_head(question, mentioned, wording), _text(question, words)]
    parts += _action(question.action, words) if question.action is not None else []
    parts += _foot(question, words)
    file_text = None
    if not all(part.whole for part in parts):
        parts.append(_warning(question))
        file_text = words.redact(_whole(question, words))
    return Notice(
        content="\n".join(part.shown for part in parts),
        mention=mentioned,
        file_name=f"question-{question.id}.txt" if file_text is not None else None,
        file_text=file_text,
        controls=controls_of(question, words),
    )


def gone_notice(question_id: QuestionId) -> Notice:
    """What is left of the message of a question whose task somebody has removed."""
    return Notice(content=f"⚪ **Question {question_id}** · its task was removed")


def _head(question: Question, mention: int | None, wording: Wording) -> _Part:
    approval = question.kind is QuestionKind.APPROVAL
    match question.status:
        case QuestionStatus.OPEN:
            icon = "🔐" if approval else "❓"
        case QuestionStatus.ANSWERED:
            icon = "⛔" if question.answer == Verdict.DENY and approval else "✅"
        case QuestionStatus.WITHDRAWN:
            icon = "⚪"
        case _:
            assert_never(question.status)
    asker = wording.words.line(wording.name_of(question.instance), _ASKER_UNITS)
    verb = "asks" if question.is_open else "asked"
    named = f" <@{mention}>" if mention else ""
    about = f"task #{question.task_id} · {asker} {verb}{named}"
    return _Part(f"{icon} **{_NAMES[question.kind]} {question.id}** · {about}")


def _text(question: Question, words: Words) -> _Part:
    room = _TEXT_UNITS if question.action is None else _TEXT_BESIDE_ACTION_UNITS
    return _quote(question.text, room, words)


def _quote(text: str, room: int, words: Words) -> _Part:
    shown = words.quote(text, room)
    return _Part(shown, shown == words.quote(text, _NO_BOUND) and not words.hides(text))


def _block(text: str, room: int, words: Words) -> _Part:
    shown = words.block(text, room)
    return _Part(shown, shown == f"```\n{text.strip()}\n```")


def _code(name: str, text: str, room: int, words: Words) -> _Part:
    shown = words.code(text, room)
    return _Part(f"{name} {shown}", shown == f"`{text}`")


# The action that leave is asked for


def _action(action: ProposedAction, words: Words) -> list[_Part]:
    """The tool, the path, the command, then whatever else it would be given."""
    command, places, others = _parts(action.input)
    parts = [_code("Tool", action.tool, _TOOL_UNITS, words)]
    parts += [_code(name, place, _PLACE_UNITS, words) for name, place in places]
    parts += [_block(command, _COMMAND_UNITS, words)] if command is not None else []
    room = _OTHERS_UNITS if command is not None else _OTHERS_UNITS + _COMMAND_UNITS
    parts += [_block(_as_json(others), room, words)] if others else []
    return parts


def _parts(
    given: Mapping[str, object],
) -> tuple[str | None, Sequence[tuple[str, str]], Mapping[str, object]]:
    command = given.get(_COMMAND)
    shown = command if isinstance(command, str) else None
    named = [(name, given.get(name)) for name in _PLACES]
    places = [(name, place) for name, place in named if isinstance(place, str)][:1]
    told = {name for name, _ in places} | ({_COMMAND} if shown is not None else set())
    return shown, places, {name: value for name, value in given.items() if name not in told}


def _as_json(value: object, *, escaped: bool = False) -> str:
    return json.dumps(value, indent=1, ensure_ascii=escaped)


# What was answered


def _foot(question: Question, words: Words) -> list[_Part]:
    match question.status:
        case QuestionStatus.OPEN:
            is_approval = question.kind is QuestionKind.APPROVAL
            return [_Part("-# An admin decides.")] if is_approval else []
        case QuestionStatus.WITHDRAWN:
            return [_Part("**Withdrawn**: no answer is needed any more.")]
        case QuestionStatus.ANSWERED:
            return _answered(question, words)
        case _:
            assert_never(question.status)


def _answered(question: Question, words: Words) -> list[_Part]:
    who = f"**{words.line(question.answered_by or '?', 100)}**"
    via = words.line(question.answered_via or "?", 40)
    if question.kind is QuestionKind.APPROVAL:
        said, text = verdict_of(question), question.note
    else:
        said, text = "answered", question.answer
    head = _Part(f"{who} {said} · via {via}")
    return [head, _quote(text, _ANSWER_UNITS, words)] if text else [head]


def verdict_of(question: Question) -> str:
    """What was decided about an approval, as the end of a sentence."""
    return _VERDICTS[Verdict(question.answer or Verdict.DENY)]


# What has no room in the message


def _warning(question: Question) -> _Part:
    if question.action is None or not question.is_open:
        return _Part("-# The file has all of it.")
    return _Part("⚠️ Not all of it shows here as it is: **read the file** before you allow it.")


def _whole(question: Question, words: Words) -> str:
    parts = [f"{_NAMES[question.kind]} {question.id} of task #{question.task_id}", question.text]
    if question.action is not None:
        given = question.action.input
        parts.append(f"--- tool ---\n{question.action.tool}")
        parts += [
            f"--- {name} ---\n{value if isinstance(value, str) else _as_json(value)}"
            for name, value in given.items()
        ]
        if words.hides(_as_json(given)):
            parts.append(f"--- with every sign visible ---\n{_as_json(given, escaped=True)}")
    parts += [f"--- answer ---\n{question.answer}"] if question.answer else []
    parts += [f"--- note ---\n{question.note}"] if question.note else []
    return "\n\n".join(parts)


# What can be pressed


def controls_of(question: Question, words: Words) -> Sequence[Control]:
    """The buttons of an open question: the choices, the verdicts, or a form."""
    if not question.is_open:
        return ()
    match question.kind:
        case QuestionKind.TEXT:
            return (_form_button(question, "Answer…", discord.ButtonStyle.primary),)
        case QuestionKind.CHOICE:
            other = _form_button(question, "Other…", discord.ButtonStyle.secondary)
            return (*_choices(question, words), other)
        case QuestionKind.APPROVAL:
            return tuple(
                Button(label, question_id_of(question.id, reply), style)
                for label, reply, style in (
                    ("Allow once", Reply.ALLOW, discord.ButtonStyle.success),
                    ("Allow for this project", Reply.ALLOW_PROJECT, discord.ButtonStyle.secondary),
                    ("Deny", Reply.DENY, discord.ButtonStyle.danger),
                    ("Deny, and say why…", Reply.DENY_WHY, discord.ButtonStyle.secondary),
                )
            )
        case _:
            assert_never(question.kind)


def _form_button(question: Question, label: str, style: discord.ButtonStyle) -> Button:
    return Button(label, question_id_of(question.id, Reply.ANSWER), style)


def _choices(question: Question, words: Words) -> Sequence[Control]:
    """A button for each choice; a menu where they are too many or too long for that."""
    choices = question.choices or ()
    if len(choices) > _CHOICE_BUTTONS_MAX or any(units(each) > _LABEL_UNITS for each in choices):
        custom_id = question_id_of(question.id, Reply.CHOOSE)
        options = tuple(
            _label(each, number, _OPTION_UNITS, words) for number, each in enumerate(choices)
        )
        return (Menu("Choose an answer", custom_id, options),)
    return [
        Button(
            _label(each, number, _LABEL_UNITS, words),
            question_id_of(question.id, Reply.PICK, number),
            discord.ButtonStyle.primary,
        )
        for number, each in enumerate(choices)
    ]


def _label(choice: str, number: int, room: int, words: Words) -> str:
    """Discord refuses a label without anything to see, and the whole message with it."""
    label = words.plain(choice, room)
    is_seen = any(unicodedata.category(sign)[0] not in "CZM" for sign in label)
    return label if is_seen else f"Choice {number + 1}"
