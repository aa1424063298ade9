"""Queueing a task from Discord: the same for the command, the form and the message menu."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import discord

from athena.bot.answers import Answer, answer, in_time
from athena.bot.buttons import Act, task_button
from athena.bot.cards import ICONS
from athena.bot.places import GUILD_KEY
from athena.bot.text import Words
from athena.model.errors import Invalid
from athena.model.event import Actor, ActorKind
from athena.model.task import Priority, Task
from athena.service.drafts import Draft
from athena.service.once import Once

if TYPE_CHECKING:
    from athena.bot.client import AthenaClient

_SHOWN_UNITS: Final = 200
_NAME_CHARACTERS_MAX: Final = 128
# A description has at most 20,000 characters; none needs more than four bytes.
_FILE_BYTES_MAX: Final = 100_000


def actor_of(interaction: discord.Interaction[AthenaClient]) -> Actor:
    """Who does this, for the log."""
    return Actor(ActorKind.DISCORD, interaction.user.name)


async def submit(
    interaction: discord.Interaction[AthenaClient],
    description: str,
    *,
    priority: Priority = Priority.MEDIUM,
    project: str | None = None,
    target: str | None = None,
) -> None:
    """Queue the task and say so.

    Discord may deliver an interaction twice: its id makes it one task.

    Raises: Invalid.
    """
    if not description.strip():
        raise Invalid("There is nothing to do: the task has no text.")
    metadata = {} if interaction.guild_id is None else {GUILD_KEY: str(interaction.guild_id)}
    draft = Draft(
        description=description,
        priority=priority,
        project=_named(project),
        target=_named(target),
        metadata=metadata,
        created_by=interaction.user.name[:_NAME_CHARACTERS_MAX],
        created_via="discord",
        submitter=f"discord:{interaction.user.id}",
    )
    said = repr((description, priority, project, target))
    once = Once(
        owner="discord",
        key=str(interaction.id),
        fingerprint=hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest(),
    )
    client = interaction.client
    submitting = client.services.tasks.submit(draft, by=actor_of(interaction), once=once)
    task = await in_time(interaction, submitting, public=True)
    await answer(interaction, _queued(task, client.words))


def _named(text: str | None) -> str | None:
    return (text or "").strip() or None


def _queued(task: Task, words: Words) -> Answer:
    details = [task.priority.value, task.project or "", task.target or ""]
    about = " · ".join(words.line(detail, 80) for detail in details if detail)
    return Answer(
        content=f"{ICONS[task.status]} Task #{task.id} queued · {about}\n"
        f"> {words.line(task.description, _SHOWN_UNITS)}",
        buttons=[task_button(act, task.id) for act in (Act.CANCEL, Act.WHY, Act.SHOW)],
        public=True,
    )


async def text_of(attachment: discord.Attachment) -> str:
    """The words of an attached file.

    Raises: Invalid, for one that is too large or no text.
    """
    if attachment.size > _FILE_BYTES_MAX:
        raise Invalid(f"The file is too large: at most {_FILE_BYTES_MAX // 1000} kB of text.")
    content = await attachment.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("The file is not a text in UTF-8.") from error
