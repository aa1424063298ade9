"""How an endpoint is declared: once, as a function with what cannot be read from its signature.

From the declaration come the route, the checks, the OpenAPI document and the page at /docs. The
signature says the rest: `body: X` and `query: Y` are the models that a request is read into, an
argument of `PATH_IDS` stands for `{id}` in the path, and what is returned is the answer, of the
shape that the annotation names (None: 204).
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import UnionType
from typing import Any, Final, get_args, get_type_hints

from aiohttp import web
from pydantic import BaseModel

from athena.api import routes
from athena.api.fields import NoFields
from athena.api.reply import Reply
from athena.model.errors import (
    AthenaError,
    KeyNotFound,
    NotFound,
    QuestionNotFound,
    SessionNotFound,
    TaskNotFound,
)
from athena.model.key import Scope

Handler = Callable[..., Awaitable[Any]]

_WITHOUT_BODY: Final = frozenset({"GET", "DELETE"})


@dataclass(frozen=True, slots=True)
class PathId:
    """What stands for `{id}` in a path: a positive integer, or `is_text`.

    `unknown`: what is answered where it names nothing.
    """

    unknown: type[NotFound]
    is_text: bool = False


PATH_IDS: Final[Mapping[str, PathId]] = {
    "task_id": PathId(TaskNotFound),
    "key_id": PathId(KeyNotFound),
    "question_id": PathId(QuestionNotFound),
    "session_id": PathId(SessionNotFound, is_text=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A header of a request that means something to an endpoint."""

    name: str
    summary: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One thing that can be asked over HTTP.

    `scope` None: no key is needed. `wants_body`: the function takes it; else it must be empty of
    fields. `answer`: the annotation of what is returned, without None.
    `may_be_empty`: 204 is a possible answer. `location`: where the new thing is, with the answer's
    fields in braces. `media_types`: of the successful answer.
    """

    method: str
    path: str
    scope: Scope | None
    summary: str
    description: str
    handle: Handler
    body: type[BaseModel] | None
    wants_body: bool
    query: type[BaseModel] | None
    path_id: PathId | None
    answer: Any
    may_be_empty: bool
    status: int
    location: str | None
    errors: tuple[type[AthenaError], ...]
    headers: tuple[Header, ...]
    media_types: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name in code and in the OpenAPI document."""
        return self.handle.__name__

    @property
    def noun(self) -> str:
        """What it is about: the name of its route file."""
        return self.handle.__module__.rpartition(".")[2]


def endpoint(
    method: str,
    path: str,
    *,
    scope: Scope | None,
    status: int = 200,
    errors: tuple[type[AthenaError], ...] = (),
    location: str | None = None,
    headers: tuple[Header, ...] = (),
    media_types: tuple[str, ...] = ("application/json",),
) -> Callable[[Handler], Endpoint]:
    """Declare the function below as an endpoint; its docstring is the documentation."""

    def declare(handle: Handler) -> Endpoint:
        hints = get_type_hints(handle)
        summary, _, description = inspect.cleandoc(handle.__doc__ or "").partition("\n\n")
        answer, may_be_empty = _without_none(hints.get("return"))
        return Endpoint(
            method=method,
            path=path,
            scope=scope,
            summary=" ".join(summary.split()).rstrip("."),
            description=description,
            handle=handle,
            body=hints.get("body") or (None if method in _WITHOUT_BODY else NoFields),
            wants_body="body" in hints,
            query=hints.get("query"),
            path_id=next((PATH_IDS[name] for name in hints if name in PATH_IDS), None),
            answer=answer,
            may_be_empty=may_be_empty,
            status=status,
            location=location,
            errors=errors,
            headers=headers,
            media_types=media_types,
        )

    return declare


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """What is answered as JSON, if anything, and whether it may be nothing."""
    parts = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    shapes = [part for part in parts if part not in {type(None), Reply, web.StreamResponse}]
    return shapes[0] if shapes else None, type(None) in parts


def load_endpoints() -> tuple[Endpoint, ...]:
    """Every endpoint of every module in `routes`, in the order of the modules' names."""
    return tuple(_in_modules(module.name for module in iter_modules(routes.__path__)))


def _in_modules(names: Iterable[str]) -> Iterable[Endpoint]:
    for name in sorted(names):
        module = import_module(f"{routes.__name__}.{name}")
        yield from (value for value in vars(module).values() if isinstance(value, Endpoint))
