"""The messages of questions: posted when one is asked, edited when it is answered or withdrawn."""

from __future__ import annotations

from typing import Any, Final

import discord
import structlog

from athena.bot import threads
from athena.bot.answers import text_file
from athena.bot.buttons import view_of
from athena.bot.notices import Notice, Wording, submitter_of
from athena.bot.questions import gone_notice, notice_of
from athena.model.discord import Delivery, QuestionMessage
from athena.model.errors import QuestionNotFound
from athena.model.event import Event
from athena.model.question import Question, QuestionId, QuestionStatus
from athena.model.task import Task
from athena.service.discord import DiscordRecords
from athena.service.questions import Questions
from athena.sinks.discord_outbox import Outbox, promptly
from athena.sinks.discord_posts import Posts

_log: Final = structlog.get_logger(__name__)


class QuestionMessages:
    """Keeps each question's message as it should be."""

    def __init__(
        self,
        client: discord.Client,
        outbox: Outbox,
        records: DiscordRecords,
        posts: Posts,
        questions: Questions,
    ) -> None:
        self._client = client
        self._outbox = outbox
        self._records = records
        self._posts = posts
        self._questions = questions

    async def find(self, question_id: object) -> Question | None:
        """The question of an event or a task; None where it has gone with its task."""
        if not isinstance(question_id, int):
            return None
        try:
            return await self._questions.get(QuestionId(question_id))
        except QuestionNotFound:
            return None

    async def ask(self, delivery: Delivery, task: Task, event: Event, wording: Wording) -> Delivery:
        """Show the question where its task is told of, as it is by now.

        One that was withdrawn before anybody could see it is not shown at all.
        """
        question = await self.find(event.data.get("question"))
        if question is None or question.status is QuestionStatus.WITHDRAWN:
            return delivery
        notice = notice_of(question, mention=submitter_of(task), wording=wording)
        return await self._posts.question(delivery, task, notice, event.id, question.id)

    async def settle(self, event: Event, wording: Wording) -> None:
        """Show what became of the question, in its place."""
        question_id = event.data.get("question")
        shown = await self._records.question(question_id) if isinstance(question_id, int) else None
        question = await self.find(question_id)
        if shown is None or question is None:
            return
        notice = notice_of(question, mention=None, wording=wording)
        if shown.shown != notice.digest:
            await self._edit(shown, notice)
        if not question.is_open:
            await self._records.forget_question(shown.question_id)

    async def remove(self, task_id: int) -> None:
        """The task is gone: nobody waits for the answers that its questions still ask for."""
        for shown in await self._records.questions_of(task_id):
            await self._edit(shown, gone_notice(QuestionId(shown.question_id)))
            await self._records.forget_question(shown.question_id)

    async def _edit(self, shown: QuestionMessage, notice: Notice) -> None:
        """A message that was deleted, or whose thread is locked, is left as it is."""
        channel = self._outbox.channel(shown.channel_id)
        message = channel.get_partial_message(shown.message_id)
        try:
            await self._edit_open(message, notice)
        except discord.DiscordServerError:
            raise
        except discord.HTTPException as refusal:
            if refusal.code != threads.THREAD_ARCHIVED:
                _log.info("question not edited", question=shown.question_id, reason=refusal.text)
                return
            await self._edit_archived(shown, message, notice)

    async def _edit_archived(
        self, shown: QuestionMessage, message: discord.PartialMessage, notice: Notice
    ) -> None:
        try:
            await promptly(threads.unarchive(self._client, shown.channel_id))
            await self._edit_open(message, notice)
        except discord.DiscordServerError:
            raise
        except discord.HTTPException as refusal:
            _log.info("question not edited", question=shown.question_id, reason=refusal.text)

    async def _edit_open(self, message: discord.PartialMessage, notice: Notice) -> None:
        said: dict[str, Any] = {"content": notice.content, "view": view_of(notice.controls)}
        if notice.file_text is None:
            await promptly(message.edit(**said))
            return
        try:
            file = text_file(notice.file_name or "text.txt", notice.file_text)
            await promptly(message.edit(**said, attachments=[file]))
        except discord.Forbidden:
            await promptly(message.edit(**said))  # without the right to attach files
