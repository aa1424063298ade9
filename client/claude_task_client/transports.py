"""The transports of the Python classes: httpx2's two clients, with retries by stamina."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Any, Final

import anyio
import httpx2
import stamina

from claude_task_client.errors import Unreachable
from claude_task_client.http import trust
from claude_task_client.transport import (
    STREAM_SILENCE_SECONDS,
    Answer,
    Call,
    read_answer,
    stranger,
    worth_another_try,
)

STREAM_TIMEOUT: Final = httpx2.Timeout(10.0, read=STREAM_SILENCE_SECONDS)


class _Httpx:
    """What both have in common: everything but waiting."""

    def __init__(
        self, url: str, key: str | None, *, timeout_seconds: float, retry_seconds: float
    ) -> None:
        self.url = url
        self._key = key
        self._timeout_seconds = timeout_seconds
        self._retry_seconds = retry_seconds

    def _client_options(self) -> dict[str, Any]:
        # The same way out as the commands take: straight to Athena, by the system's trust store.
        verify = trust() if self.url.startswith("https:") else False
        return {"verify": verify, "trust_env": False, "follow_redirects": False}

    def _request(self, call: Call) -> dict[str, Any]:
        return {
            "method": call.method,
            "url": self.url + call.target,
            "content": call.content(),
            "headers": call.headers(self._key),
            "timeout": self._timeout_seconds + call.wait_seconds,
        }

    def _stream_request(self, call: Call, last_event_id: str | None) -> dict[str, Any]:
        headers = {**call.headers(self._key), "Accept": "text/event-stream"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        return {**self._request(call), "headers": headers, "timeout": STREAM_TIMEOUT}

    def _retries(self, call: Call) -> Any:
        return stamina.retry_context(
            on=worth_another_try(call), attempts=None, timeout=self._retry_seconds or 1e-9
        )

    def _answer(self, response: httpx2.Response) -> Answer:
        return read_answer(self.url, response.status_code, response.headers, response.content)

    def _unreachable(self, error: httpx2.HTTPError) -> Unreachable:
        why = "no answer in time" if isinstance(error, httpx2.TimeoutException) else str(error)
        return Unreachable(f"Athena is not reachable at {self.url}: {why or type(error).__name__}.")


class AsyncTransport(_Httpx):
    """For asyncio."""

    def __init__(
        self, url: str, key: str | None, *, timeout_seconds: float, retry_seconds: float
    ) -> None:
        super().__init__(url, key, timeout_seconds=timeout_seconds, retry_seconds=retry_seconds)
        self._client = httpx2.AsyncClient(**self._client_options())

    async def send(self, call: Call) -> Answer:
        async for attempt in self._retries(call):
            with attempt:
                return await self._once(call)
        raise AssertionError("stamina ends with an answer or an error")

    async def _once(self, call: Call) -> Answer:
        try:
            return self._answer(await self._client.request(**self._request(call)))
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error

    async def stream(self, call: Call, *, last_event_id: str | None) -> AsyncGenerator[bytes, None]:
        request = self._stream_request(call, last_event_id)
        try:
            async with self._client.stream(**request) as response:
                if not _is_event_stream(response):
                    await response.aread()
                    self._answer(response)
                    raise stranger(self.url, response.status_code, response.headers)
                async for chunk in response.aiter_bytes():
                    yield chunk
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    async def close(self) -> None:
        await self._client.aclose()


class BlockingTransport(_Httpx):
    """For programs without an event loop. None of its coroutines ever suspends."""

    def __init__(
        self, url: str, key: str | None, *, timeout_seconds: float, retry_seconds: float
    ) -> None:
        super().__init__(url, key, timeout_seconds=timeout_seconds, retry_seconds=retry_seconds)
        self._client = httpx2.Client(**self._client_options())

    async def send(self, call: Call) -> Answer:
        for attempt in self._retries(call):
            with attempt:
                return self._once(call)
        raise AssertionError("stamina ends with an answer or an error")

    def _once(self, call: Call) -> Answer:
        try:
            return self._answer(self._client.request(**self._request(call)))
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error

    async def stream(self, call: Call, *, last_event_id: str | None) -> AsyncGenerator[bytes, None]:
        request = self._stream_request(call, last_event_id)
        try:
            with self._client.stream(**request) as response:
                if not _is_event_stream(response):
                    response.read()
                    self._answer(response)
                    raise stranger(self.url, response.status_code, response.headers)
                for chunk in response.iter_bytes():
                    yield chunk
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251  blocking is what this transport is for

    async def close(self) -> None:
        self._client.close()


def _is_event_stream(response: httpx2.Response) -> bool:
    kind = response.headers.get("content-type", "")
    return response.status_code == 200 and "text/event-stream" in kind
