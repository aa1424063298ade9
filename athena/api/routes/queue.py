"""The queue as a whole: its pauses and its figures."""

from __future__ import annotations

from athena.api.call import Call
from athena.api.endpoint import endpoint
from athena.api.fields import Body, Slug
from athena.api.wire.queue import PauseList, StatsJson, pauses_json, stats_json
from athena.model.key import Scope
from athena.model.pause import Pause


class PauseBody(Body):
    """A project, an instance, both together, or (neither) everything."""

    project: Slug | None = None
    instance: Slug | None = None


@endpoint("POST", "/api/pause", scope=Scope.ADMIN)
async def pause_queue(call: Call, body: PauseBody) -> PauseList:
    """Stop giving out tasks: of a project, to an instance, or at all. What runs goes on."""
    queue = call.services.queue
    await queue.pause(Pause(project=body.project, instance=body.instance), by=call.actor)
    return pauses_json(await queue.pauses())


@endpoint("POST", "/api/resume", scope=Scope.ADMIN)
async def resume_queue(call: Call, body: PauseBody) -> PauseList:
    """End a pause. It is named as it was made."""
    queue = call.services.queue
    await queue.resume(Pause(project=body.project, instance=body.instance), by=call.actor)
    return pauses_json(await queue.pauses())


@endpoint("GET", "/api/stats", scope=Scope.READ)
async def show_stats(call: Call) -> StatsJson:
    """Show counts, ages, throughput and cost."""
    return stats_json(await call.services.stats.read())
