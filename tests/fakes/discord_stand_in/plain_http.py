"""Plain HTTP with the bot's token, and the parts that bodies are built of."""

from __future__ import annotations

import io
import json
from typing import Any

import aiohttp

from tests.fakes.discord import DiscordStandIn

Json = dict[str, Any]


class Rest:
    """A client of the API with the bot's token: answers are (status, body)."""

    def __init__(self, stand_in: DiscordStandIn, session: aiohttp.ClientSession) -> None:
        self._base = stand_in.api_url
        self._session = session

    async def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self._session.request(method, self._base + path, json=body) as answer:
            told = answer.content_type == "application/json"
            return answer.status, await answer.json() if told else None

    async def upload(self, path: str, body: Json, *files: tuple[str, bytes]) -> tuple[int, Any]:
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("payload_json", json.dumps(body))
        for number, (name, content) in enumerate(files):
            form.add_field(f"files[{number}]", io.BytesIO(content), filename=name)
        async with self._session.post(self._base + path, data=form) as answer:
            return answer.status, await answer.json()


def embed(**parts: Any) -> Json:
    return {"embeds": [parts]}


def row(*components: Json) -> Json:
    return {"components": [{"type": 1, "components": list(components)}]}


def button(**parts: Any) -> Json:
    return {"type": 2, "style": 1, "label": "Go", "custom_id": "go", **parts}


def command(**parts: Any) -> Json:
    return {"name": "task", "description": "Queue a task", "type": 1, **parts}


def option(**parts: Any) -> Json:
    return {"name": "text", "description": "what", "type": 3, **parts}


def choices(number: int, value: str = "v") -> list[Json]:
    return [{"name": f"c{n}", "value": value} for n in range(number)]
