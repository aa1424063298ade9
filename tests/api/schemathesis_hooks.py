"""What Schemathesis is kept from: sitting out long polls, and following what does not end."""

from __future__ import annotations

import contextlib
from collections.abc import MutableMapping

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    """A wait that would be granted is cut to nothing; one that is refused stays as it is.

    So does a stream: that of a task which has not ended stays open.
    """
    for place in (case.query, case.body):
        if isinstance(place, MutableMapping) and not isinstance(place.get("wait"), bool | None):
            with contextlib.suppress(TypeError, ValueError):
                if 0 <= float(place["wait"]) <= 60:
                    place["wait"] = 0
    if isinstance(case.query, MutableMapping) and case.query.get("follow") in (True, "true"):
        case.query["follow"] = "false"
