"""What a person's client makes of a form: it refuses what the form refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tests.fakes.discord.component_rules import (
    CHECKBOX,
    CHECKBOX_GROUP,
    FILE_UPLOAD,
    LABEL,
    RADIO_GROUP,
    ROW,
    STRING_SELECT,
    TEXT_INPUT,
)
from tests.fakes.discord.interactions import Field, Modal
from tests.fakes.discord.jsontypes import Json
from tests.fakes.discord.message import Attachment
from tests.fakes.discord.offers import Impossible, resolve

FieldValue = str | bool | Sequence[str] | Attachment | Sequence[Attachment]
_PICKED: Final = frozenset({STRING_SELECT, RADIO_GROUP, CHECKBOX_GROUP})


def submission(modal: Modal, values: Mapping[str, FieldValue]) -> Json:
    """The data of a MODAL_SUBMIT; fields are named by label or custom_id, the others keep what
    stands in them.

    Raises Impossible where the form would not let itself be sent.
    """
    given = {modal.field(name).custom_id: value for name, value in values.items()}
    resolved: Json = {}
    filled = {f.custom_id: _filled(f, given.get(f.custom_id), resolved) for f in modal.fields}
    data: Json = {
        "custom_id": modal.custom_id,
        "components": [_shape(part, filled) for part in modal.components],
    }
    return {**data, "resolved": resolved} if resolved else data


def _shape(part: Json, filled: dict[str, Json]) -> Json:
    numbered = {"type": part["type"], "id": part.get("id", 0)}
    if part["type"] == LABEL:
        return {**numbered, "component": filled[part["component"]["custom_id"]]}
    if part["type"] == ROW:
        children = [filled[child["custom_id"]] for child in part["components"]]
        return {**numbered, "components": children}
    return numbered


def _filled(field: Field, value: FieldValue | None, resolved: Json) -> Json:
    answer: Json = {"type": field.type, "id": field.raw.get("id", 0), "custom_id": field.custom_id}
    if field.type == TEXT_INPUT:
        return {**answer, "value": _text(field, field.value if value is None else value)}
    if field.type == CHECKBOX:
        ticked = field.raw.get("default") if value is None else value
        return {**answer, "value": bool(ticked)}
    if field.type == FILE_UPLOAD:
        files = [each for each in _several(value) if isinstance(each, Attachment)]
        _enough(field, len(files))
        for file in files:
            resolve(resolved, file)
        return {**answer, "values": [str(file.id) for file in files]}
    if field.type in _PICKED:
        chosen = _several(value) if value is not None else _preselected(field)
        picked = [_option(field, each) for each in chosen]
        _enough(field, len(picked))
        if field.type == RADIO_GROUP:
            return {**answer, "value": next(iter(picked), None)}
        return {**answer, "values": picked}
    raise Impossible(f"the stand-in cannot fill in a field of type {field.type}")


def _text(field: Field, value: FieldValue) -> str:
    least = int(field.raw.get("min_length") or 0)
    most = int(field.raw.get("max_length") or 4000)
    required = field.raw.get("required", True)
    if not isinstance(value, str):
        raise Impossible(f"field {field.label!r} takes text, not {value!r}")
    if required and not value:
        raise Impossible(f"field {field.label!r} is required")
    if value and not least <= len(value) <= most:
        raise Impossible(f"field {field.label!r} takes {least} to {most}, not {len(value)}")
    return value


def _preselected(field: Field) -> list[str | Attachment]:
    """What stands in the field when the form opens."""
    return [str(o["value"]) for o in field.raw.get("options") or [] if o.get("default")]


def _option(field: Field, wanted: str | Attachment) -> str:
    """The value of an option, named by its label or value."""
    for option in field.raw["options"]:
        if wanted in (option["label"], option["value"]):
            return str(option["value"])
    there = [option["label"] for option in field.raw["options"]]
    raise Impossible(f"field {field.label!r} offers {there}, not {wanted!r}")


def _enough(field: Field, number: int) -> None:
    required = field.raw.get("required", True)
    least = field.raw.get("min_values")
    most = field.raw.get("max_values") or 1
    lowest = (1 if least is None else int(least)) if required or number else 0
    if not lowest <= number <= most:
        raise Impossible(f"field {field.label!r} takes {lowest} to {most}, not {number}")


def _several(value: FieldValue | None) -> list[str | Attachment]:
    if value is None or isinstance(value, bool):
        return []
    return [value] if isinstance(value, str | Attachment) else list(value)
