"""One member out of somebody else's JSON, and nothing else of its text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_task_client.plugin import json_text


@pytest.mark.parametrize(
    ("text", "path", "left"),
    [
        ('{"a": 1}', ["a"], "{}"),
        ('{\n  "a": 1\n}\n', ["a"], "{}\n"),
        ('{ "a": 1,\n\t"b": 2 }', ["a"], '{ "b": 2 }'),
        ('{ "a": 1,\n\t"b": 2 }', ["b"], '{ "a": 1 }'),
        ('{"a":{"b":1,"c":"}"}, "d":[{"b":1}]}', ["a", "b"], '{"a":{"c":"}"}, "d":[{"b":1}]}'),
        ('{"a": 1}', ["b"], '{"a": 1}'),
        ('{"a": 1}', ["a", "b"], '{"a": 1}'),
        ("[1]", ["a"], "[1]"),
        ('{"a": 1, "b": 0, "a": 2}', ["a"], '{"b": 0}'),
        ('{"\\u0061": 1, "b": "\\"a\\": 1"}', ["a"], '{"b": "\\"a\\": 1"}'),
    ],
)
def test_it_goes_and_the_rest_stays(text, path, left):
    assert json_text.remove(text, path) == left


@pytest.mark.parametrize("text", ["", "{", '{"a": 1,}', "{} {}"])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(json.JSONDecodeError):
        json_text.remove(text, ["a"])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from("abc") | st.text(max_size=3), inner, max_size=4)
    ),
)


@given(
    st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=5),
    st.lists(st.sampled_from("abc"), min_size=1, max_size=2),
    st.sampled_from([None, 0, 1, "\t"]),
)
def test_what_is_left_means_the_same_as_without_it(value, path, indent):
    text = json.dumps(value, indent=indent)

    left = json.loads(json_text.remove(text, path))

    inside = value
    for name in path[:-1]:
        inside = inside.get(name) if isinstance(inside, dict) else None
    if isinstance(inside, dict):
        inside.pop(path[-1], None)
    assert left == value
