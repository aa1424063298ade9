"""What Discord accepts as components: of messages (old rows and Components V2) and of modals.

Source: Discord's documentation, "Component Reference".
"""

from __future__ import annotations

from typing import Final

from tests.fakes.discord.findings import Findings
from tests.fakes.discord.jsontypes import Json, Path
from tests.fakes.discord.message import walk

ROW, BUTTON, STRING_SELECT, TEXT_INPUT, TEXT_DISPLAY, LABEL = 1, 2, 3, 4, 10, 18
FILE_UPLOAD, RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX = 19, 21, 22, 23
SELECTS: Final = frozenset({3, 5, 6, 7, 8})
V2_TOP: Final = frozenset({1, 9, 10, 12, 13, 14, 17})
LINK_STYLE: Final = 5

ROWS_MAX: Final = 5
V2_COMPONENTS_MAX: Final = 40
V2_CHARACTERS_MAX: Final = 4000
CUSTOM_ID_MAX: Final = 100
MODAL_PARTS_MAX: Final = 5


def check_message_components(components: list[Json], findings: Findings, *, v2: bool) -> None:
    at: Path = ("components",)
    if v2:
        _check_v2_totals(components, findings)
    else:
        findings.count(at, components, ROWS_MAX)
    for index, component in enumerate(components):
        kind = component.get("type")
        if kind not in (V2_TOP if v2 else {ROW}):
            message = f"Component type {kind} may not stand here."
            findings.add((*at, index, "type"), "UNION_TYPE_CHOICES", message)
        _check_tree((*at, index), component, findings)
    _check_unique_ids(components, findings)


def check_modal(data: Json) -> Findings:
    """All that is wrong with a form."""
    findings = Findings()
    findings.length(("title",), data.get("title"), 45, 1)
    findings.length(("custom_id",), data.get("custom_id"), CUSTOM_ID_MAX, 1)
    parts = findings.count(("components",), data.get("components"), MODAL_PARTS_MAX, 1)
    for index, part in enumerate(parts):
        _check_modal_part(("components", index), part, findings)
    _check_unique_ids(parts, findings)
    return findings


def _check_v2_totals(components: list[Json], findings: Findings) -> None:
    everything = list(walk(components))
    if len(everything) > V2_COMPONENTS_MAX:
        message = f"The total number of components cannot exceed {V2_COMPONENTS_MAX}"
        findings.add(("components",), "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", message)
    said = sum(
        len(str(c.get("content") or "")) for c in everything if c.get("type") == TEXT_DISPLAY
    )
    if said > V2_CHARACTERS_MAX:
        message = f"The total text of components cannot exceed {V2_CHARACTERS_MAX} characters"
        findings.add(("components",), "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", message)


def _check_unique_ids(components: list[Json], findings: Findings) -> None:
    ids = [component.get("custom_id") for component in walk(components)]
    code = "COMPONENT_CUSTOM_ID_DUPLICATED"
    findings.unique(("components",), ids, code, "Component custom id cannot be duplicated")


def _check_tree(at: Path, component: Json, findings: Findings) -> None:
    kind = component.get("type")
    if kind == ROW:
        _check_row(at, component, findings)
    elif kind == BUTTON:
        _check_button(at, component, findings)
    elif kind in SELECTS:
        _check_select(at, component, findings)
    elif kind == TEXT_DISPLAY:
        findings.length((*at, "content"), component.get("content"), V2_CHARACTERS_MAX, 1)
    for index, child in enumerate(component.get("components") or []):
        _check_tree((*at, "components", index), child, findings)
    if isinstance(component.get("accessory"), dict):
        _check_tree((*at, "accessory"), component["accessory"], findings)


def _check_row(at: Path, row: Json, findings: Findings) -> None:
    children = findings.count((*at, "components"), row.get("components"), 5, 1)
    kinds = [child.get("type") for child in children]
    if any(kind in SELECTS for kind in kinds) and len(kinds) > 1:
        message = "A select menu fills its row alone."
        findings.add((*at, "components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message)
    for index, kind in enumerate(kinds):
        if kind != BUTTON and kind not in SELECTS:
            message = f"Component type {kind} may not stand in a row."
            findings.add((*at, "components", index, "type"), "UNION_TYPE_CHOICES", message)


def _check_button(at: Path, button: Json, findings: Findings) -> None:
    style = button.get("style")
    findings.length((*at, "label"), button.get("label"), 80)
    if style not in (1, 2, 3, 4, LINK_STYLE, 6):
        findings.add((*at, "style"), "BASE_TYPE_CHOICES", "Must be one of 1, 2, 3, 4, 5, 6.")
    if not button.get("label") and not button.get("emoji") and style != 6:
        message = "A button needs a label or an emoji."
        findings.add(at, "BUTTON_COMPONENT_INVALID", message)
    if style == LINK_STYLE:
        findings.length((*at, "url"), button.get("url"), 512, 1)
    elif style != 6:
        findings.length((*at, "custom_id"), button.get("custom_id"), CUSTOM_ID_MAX, 1)
    if button.get("url") and button.get("custom_id"):
        message = "A custom id and url cannot both be specified"
        findings.add((*at, "custom_id"), "BUTTON_COMPONENT_CUSTOM_ID_AND_URL", message)


def _check_select(at: Path, select: Json, findings: Findings) -> None:
    findings.length((*at, "custom_id"), select.get("custom_id"), CUSTOM_ID_MAX, 1)
    findings.length((*at, "placeholder"), select.get("placeholder"), 150)
    if select.get("type") == STRING_SELECT:
        _check_options(at, select, findings)
    least, most = select.get("min_values"), select.get("max_values")
    for key, value, lowest in (("min_values", least, 0), ("max_values", most, 1)):
        if value is not None and not lowest <= value <= 25:
            message = f"Must be between {lowest} and 25."
            findings.add((*at, key), "NUMBER_TYPE_MAX", message)


def _check_options(at: Path, select: Json, findings: Findings) -> None:
    options = findings.count((*at, "options"), select.get("options"), 25, 1)
    for index, option in enumerate(options):
        here = (*at, "options", index)
        findings.length((*here, "label"), option.get("label"), 100, 1)
        findings.length((*here, "value"), option.get("value"), 100, 1)
        findings.length((*here, "description"), option.get("description"), 100)
    values = [option.get("value") for option in options]
    code = "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED"
    findings.unique((*at, "options"), values, code, "The specified option value is already used")
    most = select.get("max_values")
    if most is not None and most > len(options):
        message = "Must not be more than there are options."
        findings.add((*at, "max_values"), "SELECT_COMPONENT_MAX_VALUES", message)


def _check_modal_part(at: Path, part: Json, findings: Findings) -> None:
    kind = part.get("type")
    if kind == ROW:
        fields = findings.count((*at, "components"), part.get("components"), 1, 1)
        for index, field in enumerate(fields):
            _check_field((*at, "components", index), field, findings, labelled=False)
    elif kind == LABEL:
        findings.length((*at, "label"), part.get("label"), 45, 1)
        findings.length((*at, "description"), part.get("description"), 100)
        _check_field((*at, "component"), part.get("component") or {}, findings, labelled=True)
    elif kind == TEXT_DISPLAY:
        findings.length((*at, "content"), part.get("content"), V2_CHARACTERS_MAX, 1)
    else:
        message = f"Component type {kind} may not stand in a modal."
        findings.add((*at, "type"), "UNION_TYPE_CHOICES", message)


def _check_field(at: Path, field: Json, findings: Findings, *, labelled: bool) -> None:
    kind = field.get("type")
    if kind == TEXT_INPUT:
        _check_text_input(at, field, findings, labelled=labelled)
    elif kind in SELECTS and labelled:
        _check_select(at, field, findings)
    elif kind in (FILE_UPLOAD, RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX) and labelled:
        findings.length((*at, "custom_id"), field.get("custom_id"), CUSTOM_ID_MAX, 1)
    else:
        message = f"Component type {kind} may not stand here in a modal."
        findings.add((*at, "type"), "UNION_TYPE_CHOICES", message)


def _check_text_input(at: Path, field: Json, findings: Findings, *, labelled: bool) -> None:
    findings.length((*at, "custom_id"), field.get("custom_id"), CUSTOM_ID_MAX, 1)
    findings.length((*at, "placeholder"), field.get("placeholder"), 100)
    findings.length((*at, "value"), field.get("value"), 4000)
    if not labelled:
        findings.length((*at, "label"), field.get("label"), 45, 1)
    elif field.get("label"):
        message = "A text input inside a Label has no label of its own."
        findings.add((*at, "label"), "COMPONENT_LABEL_NOT_ALLOWED", message)
    if field.get("style") not in (1, 2):
        findings.add((*at, "style"), "BASE_TYPE_CHOICES", "Must be one of 1, 2.")
    for key, lowest in (("min_length", 0), ("max_length", 1)):
        value = field.get(key)
        if value is not None and not lowest <= value <= 4000:
            message = f"Must be between {lowest} and 4000."
            findings.add((*at, key), "NUMBER_TYPE_MAX", message)
