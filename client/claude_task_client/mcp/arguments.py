"""The arguments that tools take, each with what it means to a model."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BeforeValidator, Field

ID_MAX: Final = 2**63 - 1
# The longest wait of one call: many clients give up on a call after a minute.
WAIT_SECONDS_MAX: Final = 60
WAIT_SECONDS: Final = 50


def _number(value: object) -> object:
    """`12`, `"12"` and `"#12"` are numbers; `true` is none, and neither is one beyond all tasks."""
    number = _read(value) if isinstance(value, str) else value
    if number is None or isinstance(number, bool) or (isinstance(number, int) and number > ID_MAX):
        raise ValueError("a number is wanted, such as 12")
    return number


def _read(text: str) -> int | None:
    digits = text.strip().removeprefix("#")
    # Python refuses to read digits without end.
    known = digits.isascii() and digits.isdecimal() and len(digits) <= len(str(ID_MAX))
    return int(digits) if known else None


Number = Annotated[int, Field(ge=1), BeforeValidator(_number)]

TaskId = Annotated[Number, Field(description="The task's number: 12 for #12.")]
QuestionId = Annotated[
    Number | None, Field(description="A question asked before, to go on waiting for its answer.")
]
Full = Annotated[
    bool, Field(description="Give long texts whole; otherwise each is cut after 4,000 characters.")
]
Wait = Annotated[
    float,
    Field(ge=0, le=WAIT_SECONDS_MAX, description="Wait for it so many seconds, at most 60."),
]
Notes = Annotated[
    str, Field(description="What was done, for the person who reads it: short, with the facts.")
]
# Texts default to "", never to None: the SDK takes a text for an optional one apart where it
# happens to be JSON.
Project = Annotated[str, Field(description="Only this project's.")]
