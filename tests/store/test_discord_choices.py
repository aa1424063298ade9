"""What a person is offered while typing: the same on each engine, whatever is typed."""

from __future__ import annotations

import pytest

from athena.model.lifecycle import Status
from athena.model.task import Priority
from athena.store import discord
from athena.store.base import Store
from tests.store.samples import insert


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("", [2, 1]),
        ("1", [1, 2]),
        ("#2", [2]),
        ("deploy", [1]),
        ("100%", [2]),
        ("_", []),
        ("\\", []),
        ("9" * 18, []),
        ("9" * 40, []),
        ("\x00", []),
        ("a\x00b", []),
        ("\ud800", []),
        ("x" * 30_000, []),
    ],
    ids=lambda value: repr(value)[:20],
)
async def test_whatever_is_typed_has_an_answer(store: Store, typed: str, offered: list[int]):
    """Signs that no text can hold are in no task; they are not asked for."""
    await insert(store, description="Deploy the service")
    await insert(store, description="Be 100% sure", priority=Priority.HIGH)

    found = await store.read(
        lambda reading: discord.choices(reading, typed, statuses=list(Status), limit=25)
    )

    assert [choice.task_id for choice in found] == offered
