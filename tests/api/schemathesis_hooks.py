"""What Schemathesis is kept from: sitting out long polls."""

from __future__ import annotations

import contextlib
from collections.abc import MutableMapping

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    """A wait that would be granted is cut to nothing; one that is refused stays as it is."""
    for place in (case.query, case.body):
        if isinstance(place, MutableMapping) and not isinstance(place.get("wait"), bool | None):
            with contextlib.suppress(TypeError, ValueError):
                if 0 <= float(place["wait"]) <= 60:
                    place["wait"] = 0
