"""docs/api.md, held against the declarations."""

from __future__ import annotations

from pathlib import Path

import pytest

from athena.api.endpoint import Endpoint, load_endpoints
from athena.api.openapi import openapi_document
from athena.api.page import event_types, problems

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("endpoint", load_endpoints(), ids=lambda endpoint: endpoint.name)
def test_each_endpoint_is_named_with_its_scope(endpoint: Endpoint):
    """A row of a table."""
    scope = endpoint.scope.value if endpoint.scope else "–"

    assert f"| {endpoint.method} `{endpoint.path}` | {scope} |" in TEXT


def test_each_code_is_named_with_its_status():
    """Whoever meets one finds it there."""
    known = problems(openapi_document(load_endpoints(), version="1"))

    missing = [
        code for code, problem in known.items() if f"| {problem['status']} | `{code}` |" not in TEXT
    ]
    assert missing == []


def test_each_type_of_event_is_named():
    """So that nobody has to read the code to follow the log."""
    assert [kind.type for kind in event_types() if f"| `{kind.type}` |" not in TEXT] == []
