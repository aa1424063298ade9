"""`Athena`: the bodies of `AsyncAthena`, run over a transport that blocks.

Such a transport never suspends, so a coroutine runs to its end in one step: no event loop is made,
and it works inside one as well.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from claude_task_client.client import AsyncAthena
from claude_task_client.transport import Transport

P = ParamSpec("P")
R = TypeVar("R")


def finish(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: R = stop.value
        return value
    coroutine.close()
    raise RuntimeError("a blocking transport must not suspend")


def _blocking(
    method: Callable[Concatenate[AsyncAthena, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[Athena, P], R]:
    @functools.wraps(method)
    def call(self: Athena, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return finish(method(self.behind, *args, **kwargs))

    return call


def _iterating(
    method: Callable[Concatenate[AsyncAthena, P], AsyncGenerator[R, None]],
) -> Callable[Concatenate[Athena, P], Generator[R, None, None]]:
    @functools.wraps(method)
    def call(self: Athena, /, *args: P.args, **kwargs: P.kwargs) -> Generator[R, None, None]:
        generator = method(self.behind, *args, **kwargs)
        try:
            while True:
                try:
                    value = finish(generator.__anext__())
                except StopAsyncIteration:
                    return
                yield value
        finally:
            finish(generator.aclose())

    return call


class _Blocking(AsyncAthena):
    @staticmethod
    def _own_transport(
        url: str, key: str | None, *, timeout_seconds: float, retry_seconds: float
    ) -> Transport:
        from claude_task_client.transports import BlockingTransport

        return BlockingTransport(
            url, key, timeout_seconds=timeout_seconds, retry_seconds=retry_seconds
        )


class Athena:
    """Athena, for programs without an event loop; arguments and errors as in `AsyncAthena`."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        instance: str | None = None,
        timeout_seconds: float = 10.0,
        retry_seconds: float = 45.0,
        transport: Transport | None = None,
    ) -> None:
        self.behind: AsyncAthena = _Blocking(
            url,
            key,
            instance=instance,
            timeout_seconds=timeout_seconds,
            retry_seconds=retry_seconds,
            transport=transport,
        )

    @property
    def url(self) -> str:
        """Where Athena is."""
        return self.behind.url

    @property
    def instance(self) -> str:
        """Who this is."""
        return self.behind.instance

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    close = _blocking(AsyncAthena.close)
    submit = _blocking(AsyncAthena.submit)
    change = _blocking(AsyncAthena.change)
    cancel = _blocking(AsyncAthena.cancel)
    retry = _blocking(AsyncAthena.retry)
    delete = _blocking(AsyncAthena.delete)
    get = _blocking(AsyncAthena.get)
    list = _blocking(AsyncAthena.list)
    next = _blocking(AsyncAthena.next)
    why = _blocking(AsyncAthena.why)
    history = _blocking(AsyncAthena.history)
    result = _blocking(AsyncAthena.result)
    stats = _blocking(AsyncAthena.stats)
    instances = _blocking(AsyncAthena.instances)
    sessions = _blocking(AsyncAthena.sessions)
    session = _blocking(AsyncAthena.session)
    session_tasks = _blocking(AsyncAthena.session_tasks)
    health = _blocking(AsyncAthena.health)
    events = _iterating(AsyncAthena.events)
    event_page = _blocking(AsyncAthena.event_page)
    claim = _blocking(AsyncAthena.claim)
    claim_next = _blocking(AsyncAthena.claim_next)
    progress = _blocking(AsyncAthena.progress)
    renew = _blocking(AsyncAthena.renew)
    heartbeat = _blocking(AsyncAthena.heartbeat)
    complete = _blocking(AsyncAthena.complete)
    fail = _blocking(AsyncAthena.fail)
    release = _blocking(AsyncAthena.release)
    park = _blocking(AsyncAthena.park)
    ask = _blocking(AsyncAthena.ask)
    question = _blocking(AsyncAthena.question)
    questions = _blocking(AsyncAthena.questions)
    answer = _blocking(AsyncAthena.answer)
    withdraw = _blocking(AsyncAthena.withdraw)
    send_message = _blocking(AsyncAthena.send_message)
    messages = _blocking(AsyncAthena.messages)
    append_log = _blocking(AsyncAthena.append_log)
    log = _blocking(AsyncAthena.log)
    follow_log = _iterating(AsyncAthena.follow_log)
    pause = _blocking(AsyncAthena.pause)
    resume = _blocking(AsyncAthena.resume)
    purge = _blocking(AsyncAthena.purge)
