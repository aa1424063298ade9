"""The documentation of the API, made from its declarations."""

from __future__ import annotations

from athena.api.call import Visit
from athena.api.endpoint import endpoint
from athena.api.page import CONTENT_SECURITY_POLICY
from athena.api.reply import Reply


@endpoint("GET", "/openapi.json", scope=None)
async def show_openapi(visit: Visit) -> Reply:
    """Give the OpenAPI 3.1 document of this API."""
    return Reply(200, visit.around.openapi)


@endpoint("GET", "/docs", scope=None, media_types=("text/html",))
async def show_docs(visit: Visit) -> Reply:
    """Show the documentation as a page."""
    return Reply(
        200,
        visit.around.docs,
        media_type="text/html; charset=utf-8",
        headers=(("Content-Security-Policy", CONTENT_SECURITY_POLICY),),
    )
