"""What has been told on Discord, and its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from athena.model import limits
from athena.model.discord import Choice, Delivery, Outgoing, OutgoingKind, QuestionMessage
from athena.model.lifecycle import ENDED, Status
from athena.model.text import epoch_milliseconds, fault_in_text, from_epoch_milliseconds
from athena.store.base import Reading, Row, Transaction, Value

_CHOICES_LOOK_AT: Final = 20_000
_CHOICES_LOOK_AT_ENDED: Final = 2_000
_WORDS_MAX: Final = 3
_MATCHES_ALL: Final = "%"
_MATCHES_NOTHING: Final = ""
_NO_NUMBER: Final = -1


async def find_delivery(reading: Reading, task_id: int) -> Delivery | None:
    """Where the task stands on Discord; None where nothing was told yet."""
    row = await reading.fetch_one("get_discord_delivery", {"task_id": task_id})
    return None if row is None else Delivery(**{name: row[name] for name in Delivery.__slots__})


async def save_delivery(tx: Transaction, delivery: Delivery) -> None:
    """Store how far the telling has come."""
    values = {name: getattr(delivery, name) for name in Delivery.__slots__}
    await tx.execute("save_discord_delivery", values)


async def delete_delivery(tx: Transaction, task_id: int) -> None:
    """Forget a task that is gone."""
    await tx.execute("delete_discord_delivery", {"task_id": task_id})
    await tx.execute("delete_discord_questions", {"task_id": task_id})
    await delete_outgoing(tx, task_id)


async def find_outgoing(reading: Reading, task_id: int) -> Outgoing | None:
    """The message of the task that was begun and not finished, if there is one."""
    row = await reading.fetch_one("get_discord_outgoing", {"task_id": task_id})
    if row is None:
        return None
    return Outgoing(
        task_id=row["task_id"],
        kind=OutgoingKind(row["kind"]),
        channel_id=row["channel_id"],
        nonce=row["nonce"],
        through=row["through"],
        begun_at=from_epoch_milliseconds(row["begun_at"]),
        content=row["content"],
        reply_to=row["reply_to"],
        mention=row["mention"],
        file_name=row["file_name"],
        file_text=row["file_text"],
        question_id=row["question_id"],
    )


async def save_outgoing(tx: Transaction, outgoing: Outgoing) -> None:
    """Write a message down before it is sent."""
    values: dict[str, Value] = {name: getattr(outgoing, name) for name in Outgoing.__slots__}
    values["kind"] = outgoing.kind.value
    values["begun_at"] = epoch_milliseconds(outgoing.begun_at)
    await tx.execute("save_discord_outgoing", values)


async def delete_outgoing(tx: Transaction, task_id: int) -> None:
    """The message was sent, or never will be."""
    await tx.execute("delete_discord_outgoing", {"task_id": task_id})


async def find_question(reading: Reading, question_id: int) -> QuestionMessage | None:
    """Where the question is shown; None where it is not, or needs to be told no more."""
    row = await reading.fetch_one("get_discord_question", {"question_id": question_id})
    return None if row is None else _question_message(row)


async def questions_of(reading: Reading, task_id: int) -> Sequence[QuestionMessage]:
    """Where the task's questions are shown that were not settled."""
    rows = await reading.fetch_all("list_discord_questions", {"task_id": task_id})
    return [_question_message(row) for row in rows]


def _question_message(row: Row) -> QuestionMessage:
    return QuestionMessage(**{name: row[name] for name in QuestionMessage.__slots__})


async def save_question(tx: Transaction, shown: QuestionMessage) -> None:
    """Store where a question is shown, and what of it."""
    values = {name: getattr(shown, name) for name in QuestionMessage.__slots__}
    await tx.execute("save_discord_question", values)


async def delete_question(tx: Transaction, question_id: int) -> None:
    """The message of the question needs to be touched no more."""
    await tx.execute("delete_discord_question", {"question_id": question_id})


async def commands(reading: Reading) -> Mapping[str, str]:
    """The fingerprint of the commands that were registered in each scope."""
    rows = await reading.fetch_all("list_discord_commands")
    return {row["scope"]: row["fingerprint"] for row in rows}


async def save_commands(tx: Transaction, scope: str, fingerprint: str) -> None:
    """Note what was registered in a scope."""
    await tx.execute("save_discord_commands", {"scope": scope, "fingerprint": fingerprint})


async def delete_commands(tx: Transaction, scope: str) -> None:
    """Note that a scope was cleared."""
    await tx.execute("delete_discord_commands", {"scope": scope})


async def choices(
    reading: Reading, typed: str, *, statuses: Iterable[Status], limit: int
) -> Sequence[Choice]:
    """Tasks that fit what a person has typed so far: a number, its beginning, or words."""
    if fault_in_text(typed, limits.DESCRIPTION_CHARACTERS_MAX):
        return ()  # no task has it, and not every engine can be asked for it
    wanted = frozenset(statuses)
    words = [f"%{_escaped(word)}%" for word in typed.split()[:_WORDS_MAX]]
    words += [_MATCHES_ALL] * (_WORDS_MAX - len(words))
    digits = typed.strip().removeprefix("#")
    is_number = digits.isascii() and digits.isdigit() and len(digits) < 19
    values: dict[str, Value] = {
        "number": int(digits) if is_number else _NO_NUMBER,
        "prefix": f"{digits}%" if is_number else _MATCHES_NOTHING,
        "pending": int(Status.PENDING in wanted),
        "running": int(Status.IN_PROGRESS in wanted),
        "ended": int(bool(ENDED & wanted)),
        "look_at": _CHOICES_LOOK_AT,
        "look_at_ended": _CHOICES_LOOK_AT_ENDED,
        "limit": limit,
    }
    values |= {f"word_{number}": word for number, word in enumerate(words, 1)}
    rows = await reading.fetch_all("discord_choices", values)
    return [
        Choice(task_id=row["id"], description=row["description"], status=row["status"])
        for row in rows
    ]


def _escaped(text: str) -> str:
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return text
