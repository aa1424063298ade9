"""Bodies held against Discord's own OpenAPI document, where the file is at hand.

The document is not part of this project: it is looked for at `../shared/discord/openapi.json`
beside the repository, or where DISCORD_OPENAPI says. Without it nothing is checked here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path as File
from typing import Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from tests.fakes.discord.errors import Problem
from tests.fakes.discord.jsontypes import Body, Json

ENV: Final = "DISCORD_OPENAPI"
_BESIDE: Final = File(__file__).resolve().parents[4] / "shared" / "discord" / "openapi.json"
_FIRST_ERRORS: Final = 5


def document_path(environment: Mapping[str, str] | None = None) -> File | None:
    """Where the document is, or None."""
    named = (os.environ if environment is None else environment).get(ENV)
    path = File(named) if named else _BESIDE
    return path if path.is_file() else None


class OpenApi:
    """Validators by method and path template, made when first needed."""

    def __init__(self, document: Json) -> None:
        self._paths: Json = document["paths"]
        self._schemas: Json = _lenient(document["components"])
        self._validators: dict[tuple[str, str], Validator | None] = {}

    def check(self, method: str, template: str, body: Body) -> list[Problem]:
        """What the document says against a body; a route that it lacks has no rules."""
        key = (method.lower(), template)
        if key not in self._validators:
            self._validators[key] = self._validator(*key)
        return _problems(self._validators[key], body)

    def check_answer(self, method: str, template: str, status: int, answer: Body) -> list[Problem]:
        """What the document says against an answer of our own."""
        responses = self._operation(method, template).get("responses", {})
        told = responses.get(str(status)) or responses.get("4XX") or {}
        return _problems(self._compiled(told.get("content", {})), answer)

    def _validator(self, method: str, template: str) -> Validator | None:
        operation = self._operation(method, template)
        return self._compiled(operation.get("requestBody", {}).get("content", {}))

    def _operation(self, method: str, template: str) -> Json:
        found: Json = self._paths.get(template, {}).get(method.lower(), {})
        return found

    def _compiled(self, content: Json) -> Validator | None:
        if "application/json" not in content:
            return None
        schema = _lenient(content["application/json"]["schema"])
        return Draft202012Validator({**schema, "components": self._schemas})


@cache
def shared_openapi(path: File) -> OpenApi:
    """The document of a path, read once a process: it is large and nobody changes it."""
    return OpenApi(json.loads(path.read_text(encoding="utf-8")))


def _problems(validator: Validator | None, body: Body) -> list[Problem]:
    if validator is None:
        return []
    errors = [_deepest(error) for error in validator.iter_errors(body)]
    return [_problem(error) for error in errors[:_FIRST_ERRORS]]


def _lenient(node: Body) -> Body:
    """The schema as its publisher means it: oneOf is "pick one", numbers may come as strings and
    snowflakes as numbers.
    """
    if isinstance(node, list):
        return [_lenient(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("format") == "snowflake":
        return {"anyOf": [node, {"type": "integer"}]}
    changed = {key: _lenient(value) for key, value in node.items()}
    if "oneOf" in changed and isinstance(changed["oneOf"], list):
        changed["anyOf"] = [*changed.get("anyOf", []), *changed.pop("oneOf")]
    if _is_integer(changed) and "enum" not in changed and "const" not in changed:
        return {"anyOf": [changed, {"type": "string", "pattern": "^-?[0-9]+$"}]}
    return changed


def _is_integer(schema: Json) -> bool:
    kind = schema.get("type")
    return kind == "integer" or (isinstance(kind, list) and "integer" in kind)


def _deepest(error: ValidationError) -> ValidationError:
    """The error of the union branch that was meant: the one whose `type` constant fits."""
    while error.context:
        branches: dict[int, list[ValidationError]] = {}
        for inner in error.context:
            branches.setdefault(int(inner.schema_path[0]), []).append(inner)
        meant = [errors for errors in branches.values() if not any(map(_wrong_type, errors))]
        error = min(meant or list(branches.values()), key=len)[0]
    return error


def _wrong_type(error: ValidationError) -> bool:
    """Whether a branch was not meant: another `type` constant, or not even this kind of value."""
    names = list(error.absolute_path)
    constant = error.validator in ("const", "enum") and names[-1:] == ["type"]
    return constant or (error.validator == "type" and not error.path and error.parent is not None)


def _problem(error: ValidationError) -> Problem:
    words = error.message if len(error.message) < 300 else error.message[:300] + "…"
    return Problem(tuple(_steps(error)), f"OPENAPI_{str(error.validator).upper()}", words)


def _steps(error: ValidationError) -> Iterator[str | int]:
    for step in error.absolute_path:
        yield step if isinstance(step, int) else str(step)
