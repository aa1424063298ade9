"""The documentation of the API as one page, made from the OpenAPI document.

It has no script and loads nothing: it works offline, under the strictest policy there is. Swagger
UI was turned down: 61 MB of Node to fetch it wherever Athena is built, for a page that then wants
an API key typed into it.
"""

from __future__ import annotations

import base64
import hashlib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import fields
from html import escape
from typing import Any, Final

from athena.api.problem import NoSuchMethod, NoSuchPath, problem_of
from athena.model.event import Happening

_STYLE: Final = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--accent:#5865f2}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem}
code,pre{font:0.875em/1.5 ui-monospace,monospace}
pre{background:var(--soft);overflow-x:auto;padding:.5rem .75rem}
h2{border-bottom:1px solid var(--line);margin-top:3rem}
h3{margin:2rem 0 .25rem}
h3 code{font-size:1rem}
.method{color:var(--accent);font-weight:700}
table{border-collapse:collapse;width:100%}
th,td{border-bottom:1px solid var(--line);padding:.25rem .5rem .25rem 0;text-align:left;
vertical-align:top}
nav ul{columns:2;list-style:none;padding:0}
a{color:inherit}
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

PROBLEM: Final = "application/problem+json"

Json = Mapping[str, Any]


def docs_page(document: Json) -> str:
    """The page."""
    schemas = document["components"]["schemas"]
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    sections = [_noun(tag, operations, schemas) for tag in document["tags"]]
    info = document["info"]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Athena's API</title><style>{_STYLE}</style>"
        f"<h1>Athena's API <small>{escape(info['version'])}</small></h1>"
        f"{_text(info['description'])}"
        '<p>The same for programs: <a href="/openapi.json">openapi.json</a>.</p>'
        f"{_contents(operations)}{''.join(sections)}{_errors(document)}{_events()}</html>"
    )


def _contents(operations: Iterable[tuple[str, str, Json]]) -> str:
    items = "".join(
        f'<li><a href="#{operation["operationId"]}"><code>{method} {escape(path)}</code></a></li>'
        for method, path, operation in operations
    )
    return f"<nav><ul>{items}</ul></nav>"


def _noun(tag: Json, operations: Iterable[tuple[str, str, Json]], schemas: Json) -> str:
    parts = [
        _operation(method, path, operation, schemas)
        for method, path, operation in operations
        if tag["name"] in operation["tags"]
    ]
    return f"<h2>{escape(tag['description'])}</h2>{''.join(parts)}"


def _operation(method: str, path: str, operation: Json, schemas: Json) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return (
        f'<section id="{operation["operationId"]}"><h3><code><span class="method">{method}</span> '
        f"{escape(path)}</code></h3><p><strong>{_inline(operation['summary'])}.</strong></p>"
        f"{_text(operation['description'])}"
        f"{_table('Parameter', _parameter_rows(operation['parameters'], schemas))}"
        f"{_table('Field of the body', _field_rows(body.get('schema', {}), schemas))}"
        f"{_table('Answer', _answer_rows(operation['responses']))}</section>"
    )


def _table(first: str, rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td>{left}<td>{right}" for left, right in rows)
    return f"<table><tr><th>{first}<th>{cells}</table>" if cells else ""


def _parameter_rows(parameters: Iterable[Json], schemas: Json) -> Iterable[tuple[str, str]]:
    for parameter in parameters:
        needed = ", required" if parameter["required"] else ""
        text = parameter.get("description", "")
        about = f"{parameter['in']}{needed}: {_kind(parameter['schema'], schemas)} {text}"
        yield f"<code>{escape(parameter['name'])}</code>", _inline(about)


def _field_rows(schema: Json, schemas: Json, within: str = "") -> Iterable[tuple[str, str]]:
    """A row for each field, and for those of the objects in it."""
    schema = _resolved(schema, schemas)
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        needed = "required: " if name in required else ""
        yield f"<code>{escape(within + name)}</code>", escape(needed + _kind(field, schemas))
        for part in field.get("anyOf", [field]):
            if "items" in part:
                yield from _field_rows(part["items"], schemas, f"{within}{name}[].")
            else:
                yield from _field_rows(part, schemas, f"{within}{name}.")


def _answer_rows(responses: Json) -> Iterable[tuple[str, str]]:
    for status, response in responses.items():
        shapes = [
            media["schema"].get("$ref", "").rpartition("/")[2]
            for media in response.get("content", {}).values()
        ]
        shape = next((name for name in shapes if name and name != "Problem"), "")
        text = f"{response['description']} {shape}" if shape else response["description"]
        yield status, _inline(text)


def _resolved(schema: Json, schemas: Json) -> Json:
    name = schema.get("$ref", "").rpartition("/")[2]
    return schemas[name] if name else schema


def _kind(schema: Json, schemas: Json) -> str:
    """The kind of a value in a few words."""
    schema = _resolved(schema, schemas)
    if "anyOf" in schema:
        return " or ".join(_kind(part, schemas) for part in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(word) for word in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}), schemas)}{_bounds(schema)}"
    return f"{schema.get('type', 'anything')}{_bounds(schema)}"


def _bounds(schema: Json) -> str:
    named = ("format", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
    bounds = [f"{name} {schema[name]}" for name in named if name in schema]
    return f" ({', '.join(bounds)})" if bounds else ""


def _errors(document: Json) -> str:
    rows = [
        (f'<code id="{code}">{code}</code>', f"{problem['status']}. {escape(problem['detail'])}")
        for code, problem in sorted(problems(document).items())
    ]
    return f"<h2>Codes of errors</h2>{_table('Code', rows)}"


def problems(document: Json) -> dict[str, Json]:
    """An example of every problem that any path answers with, by its code."""
    found: dict[str, Json] = {
        error.code: problem_of(error) for error in (NoSuchPath(), NoSuchMethod("GET"))
    }
    for operation in (o for methods in document["paths"].values() for o in methods.values()):
        for response in operation["responses"].values():
            examples = response.get("content", {}).get(PROBLEM, {}).get("examples", {})
            found |= {code: example["value"] for code, example in examples.items()}
    return found


def _events() -> str:
    rows = [
        (f"<code>{kind.type}</code>", _event_text(kind))
        for kind in sorted(event_types(), key=lambda kind: kind.type)
    ]
    return f"<h2>Types of events</h2>{_table('Type', rows)}"


def _event_text(kind: type[Happening]) -> str:
    names = ", ".join(field.name for field in fields(kind))
    text = escape(inspect.cleandoc(kind.__doc__ or ""))
    return f"{text}<br><code>{names}</code>" if names else text


def event_types() -> list[type[Happening]]:
    """Every kind of event, in the order of their declaration."""
    found: dict[str, type[Happening]] = {}
    waiting = list(Happening.__subclasses__())
    while waiting:
        kind = waiting.pop(0)
        waiting[:0] = kind.__subclasses__()
        if "type" in vars(kind):
            # Slotted dataclasses are made twice; the later one is the one in use.
            found[kind.type] = kind
    return list(found.values())


def _text(markdown: str) -> str:
    return "".join(f"<p>{_inline(part)}</p>" for part in markdown.split("\n\n"))


def _inline(markdown: str) -> str:
    """Text in which backquotes mean code."""
    parts = escape(markdown).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
