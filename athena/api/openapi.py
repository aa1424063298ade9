"""The OpenAPI 3.1 document, made from the declarations and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from athena.api.endpoint import Endpoint, Header
from athena.api.problem import (
    BadRequest,
    ExpectationFailed,
    Problem,
    TooLarge,
    TooSlow,
    WrongMediaType,
    problem_of,
    status_of,
)
from athena.model import limits
from athena.model.errors import (
    AthenaError,
    Forbidden,
    Invalid,
    TooMany,
    Unauthorized,
    Unavailable,
)
from athena.model.key import Scope

_REFERENCE: Final = "#/components/schemas/{model}"
_PROBLEM_TYPE: Final = "application/problem+json"
_ABOUT: Final = """A task queue for a fleet of Claude Code instances.

Send a key as `X-API-Key`, or as `Authorization: Bearer`. Times are ISO 8601 in UTC. Unknown fields
are refused. Errors are problem documents (RFC 9457) with a stable `code`."""
_SCOPE_TEXT: Final[Mapping[Scope | None, str]] = {
    None: "Needs no key.",
    Scope.READ: "Needs a key with the scope `read`.",
    Scope.SUBMIT: "Needs a key with the scope `submit`.",
    Scope.WORK: "Needs a key with the scope `work`; one bound to an instance acts for it only.",
    Scope.ADMIN: "Needs a key with the scope `admin`.",
}
_NUMBER_ID: Final = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
_TEXT_ID: Final = {"type": "string", "minLength": 1, "maxLength": limits.LABEL_CHARACTERS_MAX}
_NOUNS: Final[Mapping[str, str]] = {
    "tasks": "Tasks, as people and programs submit, find, change and end them",
    "claims": "What instances do with tasks",
    "questions": "Questions that instances ask people, and the answers",
    "messages": "What people write to tasks",
    "transcript": "What was said and done while a task was worked on",
    "sessions": "Claude's conversations",
    "instances": "Who is there",
    "queue": "The queue as a whole",
    "events": "The event log",
    "keys": "API keys",
    "health": "Whether Athena is well",
    "documents": "This documentation",
}

Json = dict[str, Any]


def openapi_document(endpoints: Sequence[Endpoint], *, version: str) -> Json:
    """The whole document."""
    shapes = _Shapes(endpoints)
    paths: Json = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, shapes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Athena",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": noun, "description": text} for noun, text in _NOUNS.items()],
        "paths": paths,
        "components": {
            "schemas": shapes.definitions,
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


class _Shapes:
    """The schemas of all bodies, queries and answers, each defined once."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        bodies = {e.body for e in endpoints if e.body is not None}
        answers = {e.answer for e in endpoints if e.answer is not None}
        adapters: list[tuple[Any, JsonSchemaMode, TypeAdapter[Any]]] = [
            *((model, "validation", TypeAdapter(model)) for model in _sorted(bodies)),
            *((shape, "serialization", TypeAdapter(shape)) for shape in _sorted(answers)),
            (Problem, "serialization", TypeAdapter(Problem)),
        ]
        self._schemas, definitions = TypeAdapter.json_schemas(adapters, ref_template=_REFERENCE)
        self.definitions: Json = definitions.get("$defs", {})

    def of_body(self, model: type[BaseModel]) -> Json:
        """The schema of a body."""
        return self._schemas[model, "validation"]

    def of_answer(self, shape: Any) -> Json:
        """The schema of an answer."""
        return self._schemas[shape, "serialization"]


def _sorted(shapes: Iterable[Any]) -> list[Any]:
    return sorted(shapes, key=lambda shape: shape.__name__)


def _operation(endpoint: Endpoint, shapes: _Shapes) -> Json:
    text = f"{endpoint.description}\n\n{_SCOPE_TEXT[endpoint.scope]}".strip()
    operation: Json = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "description": text,
        "tags": [endpoint.noun],
        "security": [{"apiKey": []}, {"bearer": []}] if endpoint.scope else [],
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint, shapes),
    }
    if endpoint.body is not None:
        required = any(field.is_required() for field in endpoint.body.model_fields.values())
        content = {"application/json": {"schema": shapes.of_body(endpoint.body)}}
        operation["requestBody"] = {"required": required, "content": content}
    return operation


def _parameters(endpoint: Endpoint) -> list[Json]:
    parameters: list[Json] = []
    if endpoint.path_id is not None:
        schema = _TEXT_ID if endpoint.path_id.is_text else _NUMBER_ID
        parameters.append({"name": "id", "in": "path", "required": True, "schema": schema})
    if endpoint.query is not None:
        parameters += _query_parameters(endpoint.query)
    return parameters + [_header_parameter(header) for header in endpoint.headers]


def _query_parameters(model: type[BaseModel]) -> list[Json]:
    schema = model.model_json_schema()
    required = set(schema.get("required", ()))
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _without_null(shape),
            "style": "form",
            "explode": False,
        }
        for name, shape in schema["properties"].items()
    ]


def _without_null(shape: Json) -> Json:
    """A parameter is left out or has a value; there is no null in a query."""
    kept = {name: value for name, value in shape.items() if name not in {"title", "default"}}
    choices = [part for part in kept.pop("anyOf", ()) if part != {"type": "null"}]
    if shape.get("default") is not None:
        kept["default"] = shape["default"]
    return {**kept, **choices[0]} if choices else kept


def _header_parameter(header: Header) -> Json:
    return {
        "name": header.name,
        "in": "header",
        "required": False,
        "description": header.summary,
        "schema": {"type": "string"},
        "example": header.example,
    }


def _responses(endpoint: Endpoint, shapes: _Shapes) -> Json:
    responses: Json = {}
    if endpoint.answer is not None or not endpoint.may_be_empty:
        responses[str(endpoint.status)] = _success(endpoint, shapes)
    if endpoint.may_be_empty:
        responses["204"] = {"description": "Done, or nothing to tell."}
    for error in _errors_of(endpoint):
        status = str(status_of(error))
        responses.setdefault(status, _refusal()).update(_with_code(responses[status], error))
    return dict(sorted(responses.items()))


def _success(endpoint: Endpoint, shapes: _Shapes) -> Json:
    content: Json = {}
    for media_type in endpoint.media_types:
        is_json = media_type == "application/json" and endpoint.answer is not None
        schema = shapes.of_answer(endpoint.answer) if is_json else _plain(media_type)
        content[media_type] = {"schema": schema}
    response: Json = {"description": endpoint.summary, "content": content}
    if endpoint.location is not None:
        response["headers"] = {"Location": {"schema": {"type": "string"}}}
    return response


def _plain(media_type: str) -> Json:
    return {"type": "object"} if media_type == "application/json" else {"type": "string"}


def _errors_of(endpoint: Endpoint) -> list[type[AthenaError]]:
    """What it declares, and what follows from what it is."""
    found: list[type[AthenaError]] = [BadRequest]
    if endpoint.scope is not None:
        found += [Unauthorized, Forbidden, TooMany, Unavailable]
    if endpoint.path_id is not None:
        found.append(endpoint.path_id.unknown)
    if endpoint.query is not None or endpoint.body is not None or endpoint.headers:
        found.append(Invalid)
    if endpoint.body is not None:
        found += [TooSlow, TooLarge, WrongMediaType, ExpectationFailed]
    return list(dict.fromkeys([*found, *endpoint.errors]))


def _refusal() -> Json:
    return {
        "description": "",
        "content": {
            _PROBLEM_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {},
            }
        },
    }


def _with_code(response: Json, error: type[AthenaError]) -> Json:
    """The response with one code more."""
    response["content"][_PROBLEM_TYPE]["examples"][error.code] = {"value": problem_of(error())}
    listed = ", ".join(f"`{code}`" for code in response["content"][_PROBLEM_TYPE]["examples"])
    return {"description": f"Refused: {listed}."}
