"""A forge on loopback: the part of GitHub's, Gitea's and GitLab's REST API that pull requests need.

It knows the branches of a bare repository, refuses what the forges refuse, in their words, and can
die after it has opened a pull request and before it has said so.
"""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

from aiohttp import web

TOKEN = "forge-token-of-the-worker"
OWNER, NAME = "ada", "app"


@dataclass
class Opened:
    """A pull request."""

    head: str
    base: str
    title: str
    body: str
    commit: str
    state: str = "open"
    owner: str = OWNER


@dataclass
class Forge:
    """Serve with `async with`; `url` is where it is."""

    repository: Path
    pulls: list[Opened] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    refuse_with: int | None = None
    dies_after_opening: bool = False
    hides_once: bool = False
    url: str = ""

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._guard])
        for prefix in ("/api/v3", "/api/v1"):
            app.router.add_get(f"{prefix}/repos/{OWNER}/{NAME}/pulls", self._list)
            app.router.add_post(f"{prefix}/repos/{OWNER}/{NAME}/pulls", self._open)
        app.router.add_get("/api/v4/projects/{project}/merge_requests", self._list_gitlab)
        app.router.add_post("/api/v4/projects/{project}/merge_requests", self._open_gitlab)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def add(self, head: str, **more: Any) -> Opened:
        """One that is there already."""
        values = {"base": "main", "title": "", "body": "", "commit": "0" * 40, **more}
        self.pulls.append(Opened(head=head, **values))
        return self.pulls[-1]

    @web.middleware
    async def _guard(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs}")
        if self.refuse_with is not None:
            return web.json_response({"message": "As you wish"}, status=self.refuse_with)
        expected = {"/api/v3": f"Bearer {TOKEN}", "/api/v1": f"token {TOKEN}"}.get(request.path[:7])
        told = request.headers.get("Authorization")
        if expected is None:
            expected, told = TOKEN, request.headers.get("PRIVATE-TOKEN")
        if told != expected:
            return web.json_response({"message": "Bad credentials"}, status=401)
        if self.hides_once and request.method == "GET":
            self.hides_once = False
            return web.json_response([])
        return await handler(request)

    async def _list(self, request: web.Request) -> web.Response:
        is_github = request.path.startswith("/api/v3")
        asked = request.query.get("head") if is_github else None
        size = int(request.query["per_page" if is_github else "limit"])
        shown = [
            (number, pull)
            for number, pull in enumerate(self.pulls, start=1)
            if asked in {None, f"{pull.owner}:{pull.head}"}
            and request.query.get("state", "open") in {"all", pull.state}
        ]
        start = size * (int(request.query.get("page", "1")) - 1)
        page = list(reversed(shown))[start : start + size]
        return web.json_response([self._told(number, pull) for number, pull in page])

    async def _open(self, request: web.Request) -> web.Response:
        content = await request.json()
        if set(content) != {"title", "body", "head", "base"} or not content["title"]:
            return web.json_response({"message": "Problems parsing JSON"}, status=400)
        commit = self._commit(content["head"])
        if commit is None or self._commit(content["base"]) is None:
            errors = [{"resource": "PullRequest", "field": "head", "code": "invalid"}]
            return web.json_response({"message": "Validation Failed", "errors": errors}, status=422)
        if self._is_open(content["head"], content["base"]):
            return self._exists(request.path.startswith("/api/v3"), content["head"])
        pull = self.add(commit=commit, **content)
        if self.dies_after_opening and request.transport is not None:
            request.transport.abort()
        return web.json_response(self._told(len(self.pulls), pull), status=201)

    def _exists(self, is_github: bool, head: str) -> web.Response:
        if not is_github:
            message = "pull request already exists for these targets [id: 1]"
            return web.json_response({"message": message}, status=409)
        error = {
            "resource": "PullRequest",
            "code": "custom",
            "message": f"A pull request already exists for {OWNER}:{head}.",
        }
        return web.json_response({"message": "Validation Failed", "errors": [error]}, status=422)

    async def _list_gitlab(self, request: web.Request) -> web.Response:
        if unquote(request.match_info["project"]) != f"{OWNER}/{NAME}":
            return web.json_response({"message": "404 Project Not Found"}, status=404)
        shown = [
            self._told_gitlab(number, pull)
            for number, pull in enumerate(self.pulls, start=1)
            if pull.head == request.query["source_branch"]
        ]
        return web.json_response(shown)

    async def _open_gitlab(self, request: web.Request) -> web.Response:
        content = await request.json()
        head = content["source_branch"]
        if self._is_open(head, content["target_branch"]):
            message = ["Another open merge request already exists for this source branch: !1"]
            return web.json_response({"message": message}, status=409)
        commit = self._commit(head) or ""
        pull = self.add(
            head,
            base=content["target_branch"],
            title=content["title"],
            body=content["description"],
            commit=commit,
        )
        return web.json_response(self._told_gitlab(len(self.pulls), pull), status=201)

    def _is_open(self, head: str, base: str) -> bool:
        return any(
            (pull.head, pull.base, pull.state, pull.owner) == (head, base, "open", OWNER)
            for pull in self.pulls
        )

    def _told(self, number: int, pull: Opened) -> dict[str, Any]:
        return {
            "number": number,
            "html_url": f"{self.url}/{OWNER}/{NAME}/pull/{number}",
            "state": pull.state,
            "title": pull.title,
            "head": {
                "ref": pull.head,
                "sha": pull.commit,
                "repo": {"full_name": f"{pull.owner}/{NAME}"},
            },
            "base": {"ref": pull.base},
        }

    def _told_gitlab(self, number: int, pull: Opened) -> dict[str, Any]:
        return {
            "iid": number,
            "web_url": f"{self.url}/{OWNER}/{NAME}/-/merge_requests/{number}",
            "state": "opened" if pull.state == "open" else pull.state,
            "source_branch": pull.head,
            "target_branch": pull.base,
            "sha": pull.commit,
            "source_project_id": 1 if pull.owner == OWNER else 2,
            "target_project_id": 1,
        }

    def _commit(self, branch: str) -> str | None:
        done = subprocess.run(
            ["git", "rev-parse", "--quiet", "--verify", f"refs/heads/{branch}"],
            cwd=self.repository,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip() or None
