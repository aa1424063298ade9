"""Every refusal has a sentence and a code."""

from __future__ import annotations

import inspect

import pytest

from athena.model import errors
from athena.model.errors import AthenaError, FieldError, Invalid, TooMany, Unavailable

MODEL_ERRORS: list[type[AthenaError]] = [
    kind
    for kind in vars(errors).values()
    if inspect.isclass(kind) and issubclass(kind, AthenaError)
]


@pytest.mark.parametrize("kind", MODEL_ERRORS)
def test_every_error_has_a_sentence_and_a_code(kind: type[AthenaError]):
    """The docstring is what a person reads when nothing better is said."""
    error = kind()

    assert error.detail == inspect.cleandoc(kind.__doc__ or "")
    assert error.detail.endswith((".", "X-API-Key."))
    assert kind.code == kind.code.lower()
    assert kind("in other words").detail == "in other words"


def test_codes_tell_the_refusals_apart():
    """No two leaves share one."""
    codes = [kind.code for kind in MODEL_ERRORS]

    assert len(set(codes)) == len(codes)


def test_invalid_says_all_faults():
    """Each by its field; the sentence has all of them."""
    refusal = Invalid(errors=[FieldError("a", "is odd"), FieldError("b", "is even")])

    assert refusal.detail == "a: is odd; b: is even"
    assert len(refusal.errors) == 2


def test_some_refusals_say_when_to_come_again():
    """In seconds."""
    assert TooMany(retry_after_seconds=7).retry_after_seconds == 7
    assert Unavailable().retry_after_seconds == 2
