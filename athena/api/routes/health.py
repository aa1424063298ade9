"""Whether Athena is well, and its figures."""

from __future__ import annotations

from athena.api.call import Call, Visit
from athena.api.endpoint import endpoint
from athena.api.metrics import MEDIA_TYPE
from athena.api.reply import Reply
from athena.api.wire.health import HealthJson, ReadyJson, health_json
from athena.model.errors import Unavailable
from athena.model.key import Scope


@endpoint("GET", "/health", scope=None)
async def show_health(visit: Visit) -> HealthJson:
    """Tell that Athena is alive, and how its parts are. Always 200."""
    return health_json(await visit.services.health.report())


@endpoint("GET", "/ready", scope=None, errors=(Unavailable,))
async def show_readiness(visit: Visit) -> ReadyJson:
    """Tell whether the store can be written; 503 where it cannot."""
    if not await visit.services.health.is_ready():
        raise Unavailable("The store cannot be written at the moment.")
    return {"status": "ready"}


@endpoint("GET", "/metrics", scope=Scope.READ, media_types=("text/plain",))
async def show_metrics(call: Call) -> Reply:
    """Give all figures in the format of Prometheus."""
    return Reply(200, await call.around.metrics.text(), media_type=MEDIA_TYPE)
