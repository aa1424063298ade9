"""How a person answers a question or writes to a task: by a button, a menu, a form, or `/reply`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, assert_never

import discord

from athena.bot.answers import Answer, answer, in_time
from athena.bot.buttons import QuestionPress, Reply, buttons_of, question_id_of, view_of
from athena.bot.cards import ICONS
from athena.bot.names import names_of
from athena.bot.notices import Wording
from athena.bot.questions import notice_of, verdict_of
from athena.bot.submitting import actor_of
from athena.bot.text import Words
from athena.model import limits
from athena.model.errors import Invalid
from athena.model.message import Sent
from athena.model.question import (
    Question,
    QuestionFilter,
    QuestionId,
    QuestionKind,
    Verdict,
    check_open,
)
from athena.model.task import TaskId

if TYPE_CHECKING:
    from athena.bot.client import AthenaClient

_VIA: Final = "discord"
FIELD: Final = "answer"
_ABOUT_UNITS: Final = 100
_SHOWN_UNITS: Final = 200
_VERDICTS: Final = {
    Reply.ALLOW: Verdict.ALLOW,
    Reply.ALLOW_PROJECT: Verdict.ALLOW_PROJECT,
    Reply.DENY: Verdict.DENY,
}


async def pressed(
    interaction: discord.Interaction[AthenaClient], press: QuestionPress, values: list[str]
) -> None:
    """Do what a button or menu under a question says.

    Raises: QuestionNotFound, AlreadyAnswered, QuestionWasWithdrawn; Forbidden; Invalid.
    """
    match press.reply:
        case Reply.ANSWER | Reply.DENY_WHY:
            # A form has to be the first answer: there is no "thinking…" before it.
            question = await interaction.client.services.questions.get(press.question_id)
            _check_may_answer(interaction, question)
            await interaction.response.send_modal(_form(question, press.reply, interaction.client))
        case Reply.PICK | Reply.CHOOSE:
            question = await _question(interaction, press.question_id)
            number = press.choice if press.reply is Reply.PICK else _number(values)
            await _answer(interaction, question, _choice(question, number))
        case Reply.ALLOW | Reply.ALLOW_PROJECT | Reply.DENY:
            question = await _question(interaction, press.question_id)
            await _answer(interaction, question, _VERDICTS[press.reply])
        case _:
            assert_never(press.reply)


async def _question(
    interaction: discord.Interaction[AthenaClient], question_id: QuestionId
) -> Question:
    return await in_time(interaction, interaction.client.services.questions.get(question_id))


def _check_may_answer(interaction: discord.Interaction[AthenaClient], question: Question) -> None:
    """Let pass whoever may decide this, while it can be decided; also what an old button says."""
    needs_admin = question.kind is QuestionKind.APPROVAL
    interaction.client.check(interaction, needs_admin=needs_admin)
    check_open(question)


def _number(values: list[str]) -> int | None:
    chosen = values[0] if values else ""
    return int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) <= 2 else None


def _choice(question: Question, number: int | None) -> str:
    choices = question.choices or ()
    if number is None or number >= len(choices):
        raise Invalid("That is none of the choices any more.")
    return choices[number]


async def _answer(
    interaction: discord.Interaction[AthenaClient],
    question: Question,
    text: str,
    note: str | None = None,
) -> None:
    """Answer it, and show so in the place of the question."""
    _check_may_answer(interaction, question)
    client = interaction.client
    answering = client.services.questions.answer(
        question.id, text, note=note, **_person(interaction), by=actor_of(interaction)
    )
    answered = await in_time(interaction, answering)
    if interaction.response.is_done() or interaction.message is None:
        await answer(interaction, Answer(content=_confirmed(answered)))
        return
    wording = Wording(client.words, await names_of(client.services.instances))
    shown = notice_of(answered, mention=None, wording=wording)
    try:
        await interaction.response.edit_message(content=shown.content, view=view_of(shown.controls))
    except discord.DiscordServerError:
        raise
    except discord.HTTPException as refusal:
        # The message is gone, or its thread is locked; whoever has answered is told all the same.
        await answer(interaction, Answer(content=f"{_confirmed(answered)} ({refusal.text})"))


def _person(interaction: discord.Interaction[AthenaClient]) -> dict[str, Any]:
    return {
        "answered_by": interaction.user.name[: limits.LABEL_CHARACTERS_MAX],
        "via": _VIA,
    }


def _confirmed(question: Question) -> str:
    if question.kind is QuestionKind.APPROVAL:
        return f"✅ Approval {question.id} of task #{question.task_id}: you {verdict_of(question)}."
    return f"✅ Question {question.id} of task #{question.task_id} has your answer."


# The forms


def _form(question: Question, reply: Reply, client: AthenaClient) -> discord.ui.Modal:
    denies = reply is Reply.DENY_WHY
    title = f"Deny approval {question.id}" if denies else f"Answer question {question.id}"
    custom_id = question_id_of(question.id, reply)
    form = discord.ui.Modal(title=title, custom_id=custom_id, timeout=None)
    form.add_item(
        discord.ui.Label(
            text="Why, and what to do instead" if denies else "Your answer",
            description=client.words.plain(question.text, _ABOUT_UNITS) or None,
            component=discord.ui.TextInput(
                custom_id=FIELD,
                style=discord.TextStyle.paragraph,
                max_length=limits.ANSWER_CHARACTERS_MAX,
                required=not denies,
            ),
        )
    )
    form.stop()  # discord.py need not remember it
    return form


async def submitted(
    interaction: discord.Interaction[AthenaClient], press: QuestionPress, text: str
) -> None:
    """Answer with what was filled in; it is asked anew whether the person may.

    Raises: as `pressed`.
    """
    question = await _question(interaction, press.question_id)
    if press.reply is Reply.DENY_WHY:
        await _answer(interaction, question, Verdict.DENY, text.strip() or None)
    else:
        await _answer(interaction, question, text)


# The command


async def reply(interaction: discord.Interaction[AthenaClient], task_id: TaskId, text: str) -> None:
    """Answer the task's oldest open question; else say it to the task, or begin a follow-up.

    Leave to do something is not given in words: an approval has its own buttons.

    Raises: TaskNotFound; Invalid; Conflict.
    """
    services = interaction.client.services
    task = await in_time(interaction, services.tasks.get(task_id))
    wanted = QuestionFilter(task_id=task_id)
    page = await in_time(
        interaction, services.questions.list(wanted, limit=limits.QUESTIONS_OPEN_MAX)
    )
    asked = [each for each in page.items if each.kind is not QuestionKind.APPROVAL]
    if asked:
        await _answer(interaction, asked[0], text)
        return
    sending = services.messages.send(
        task_id,
        text,
        by=actor_of(interaction),
        sent_by=interaction.user.name[: limits.LABEL_CHARACTERS_MAX],
        via=_VIA,
        submitter=f"discord:{interaction.user.id}",
    )
    sent = await in_time(interaction, sending, public=task.status.is_end)
    await answer(interaction, _told(sent, interaction.client.words))


def _told(sent: Sent, words: Words) -> Answer:
    follow_up, text = sent.follow_up, words.line(sent.message.text, _SHOWN_UNITS)
    if follow_up is None:
        return Answer(content=f"💬 Said to task #{sent.message.task_id}\n> {text}")
    head = f"{ICONS[follow_up.status]} Task #{follow_up.id} queued, continuing"
    return Answer(
        content=f"{head} #{sent.message.task_id}\n> {text}",
        buttons=buttons_of(follow_up),
        public=True,
    )
