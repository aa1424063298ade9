"""Opens the pull request of a branch at its forge: GitHub, or Gitea and Forgejo.

It is looked up by its branch first, so that a repeat, also after a kill between the opening and the
note of it, finds the one that is there. The token goes to the forge alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

from claude_task_client.worker.config import ProjectConfig
from claude_task_client.worker.git import Git
from claude_task_client.worker.job import WorkspaceTrouble
from claude_task_client.worker.pushing import address_of

REQUEST_SECONDS: Final = 30.0
PAGES_MAX: Final = 10
PAGE: Final = 50
TITLE_CHARACTERS_MAX: Final = 250
BODY_CHARACTERS_MAX: Final = 60_000
_SCP_LIKE: Final = re.compile(r"(?:[^@/]+@)?(?P<host>\[[^]]+\]|[^:/]+):(?P<path>.+)")
_GITHUB: Final = "https://api.github.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be merged: branch `head`, whose last commit is `commit`, into branch `base`."""

    head: str
    base: str
    commit: str
    title: str
    body: str


class Remote(NamedTuple):
    """A repository at a forge, read from an address of git's."""

    host: str
    owner: str
    name: str


class _Answer(NamedTuple):
    status: int
    body: Any


class Forge:
    """One repository at one forge."""

    def __init__(self, api: str, remote: Remote, token: str, *, kind: str) -> None:
        self._api = api
        self._remote = remote
        self._kind = kind
        self._pulls = f"/repos/{quote(remote.owner)}/{quote(remote.name)}/pulls"
        scheme = "Bearer" if kind == "github" else "token"
        accepted = "application/vnd.github+json" if kind == "github" else "application/json"
        self._headers = {"Authorization": f"{scheme} {token}", "Accept": accepted}

    async def ensure(self, request: Request) -> str:
        """The address of the branch's pull request, opened where there is none.

        Raises: WorkspaceTrouble.
        """
        if request.head == request.base:
            raise WorkspaceTrouble(
                f"The work is on {request.base} itself: a pull request needs a branch of its own."
            )
        return await self._find(request) or await self._open(request)

    async def _open(self, request: Request) -> str:
        content = {
            "title": request.title[:TITLE_CHARACTERS_MAX],
            "body": request.body[:BODY_CHARACTERS_MAX],
            "head": request.head,
            "base": request.base,
        }
        answer = await self._ask("POST", self._pulls, content=content)
        if answer.status == 201:
            return str(answer.body["html_url"])
        # GitHub 422, Gitea 409: opened a moment ago by whoever did this before.
        if answer.status in {409, 422} and (found := await self._find(request)) is not None:
            return found
        raise self._refused(answer, f"open a pull request for {request.head}")

    async def _find(self, request: Request) -> str | None:
        """The open one of the branch; else one of the very same commit, which somebody closed."""
        mine = [pull for pull in await self._all(request) if self._is_ours(pull, request)]
        opened = [pull for pull in mine if pull.get("state") == "open"]
        same = [pull for pull in mine if pull["head"].get("sha") == request.commit]
        return next((str(pull["html_url"]) for pull in [*opened, *same]), None)

    async def _all(self, request: Request) -> list[Mapping[str, Any]]:
        if self._kind == "github":
            head = f"{self._remote.owner}:{request.head}"
            return await self._page({"state": "all", "head": head, "per_page": str(PAGE)})
        # Gitea does not filter by branch. The newest first: what a repeat looks for is among them.
        found: list[Mapping[str, Any]] = []
        for number in range(1, PAGES_MAX + 1):
            query = {
                "state": "all",
                "sort": "recentupdate",
                "limit": str(PAGE),
                "page": str(number),
            }
            page = await self._page(query)
            found += page
            if len(page) < PAGE or any(self._is_ours(pull, request) for pull in page):
                break
        return found

    async def _page(self, query: Mapping[str, str]) -> list[Mapping[str, Any]]:
        answer = await self._ask("GET", self._pulls, query=query)
        if answer.status != 200 or not isinstance(answer.body, list):
            raise self._refused(answer, "look up pull requests")
        return [pull for pull in answer.body if isinstance(pull, Mapping)]

    def _is_ours(self, pull: Mapping[str, Any], request: Request) -> bool:
        head = pull.get("head") or {}
        where = (head.get("repo") or {}).get("full_name", self._full_name)
        return head.get("ref") == request.head and where.lower() == self._full_name.lower()

    @property
    def _full_name(self) -> str:
        return f"{self._remote.owner}/{self._remote.name}"

    async def _ask(
        self,
        method: str,
        target: str,
        *,
        query: Mapping[str, str] | None = None,
        content: Mapping[str, str] | None = None,
    ) -> _Answer:
        import httpx2

        from claude_task_client.http import trust

        verify = trust() if self._api.startswith("https:") else False
        try:
            async with httpx2.AsyncClient(verify=verify, timeout=REQUEST_SECONDS) as client:
                response = await client.request(
                    method, self._api + target, params=query, json=content, headers=self._headers
                )
        except httpx2.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise WorkspaceTrouble(f"{self._api} is away: {reason}", transient=True) from error
        try:
            return _Answer(response.status_code, response.json())
        except ValueError:
            return _Answer(response.status_code, None)

    def _refused(self, answer: _Answer, doing: str) -> WorkspaceTrouble:
        said = _said(answer.body)
        sentence = f"{self._api} refuses to {doing}: {answer.status}{said and f', {said}'}"
        is_transient = answer.status == 429 or answer.status >= 500
        return WorkspaceTrouble(
            f"{sentence}{_ADVICE.get(answer.status, '')}", transient=is_transient
        )


_ADVICE: Final = {
    401: "\nThe token in ATHENA_FORGE_TOKEN is not accepted: make a new one.",
    403: "\nThe token in ATHENA_FORGE_TOKEN may not do this: it must be able to write them.",
    404: "\nIs `forge_url` right, and may the token in ATHENA_FORGE_TOKEN see this repository?",
}


async def forge(git: Git, project: ProjectConfig, token: str | None) -> Forge:
    """The forge of a project's remote. Raises: WorkspaceTrouble."""
    if not token:
        raise WorkspaceTrouble(
            "There is no token for pull requests: put one into ATHENA_FORGE_TOKEN, or the name of"
            " its file into ATHENA_FORGE_TOKEN_FILE; or turn `pull_request` off."
        )
    address = await address_of(git, project.remote)
    remote = remote_of(address)
    if remote is None:
        raise WorkspaceTrouble(f"{project.remote} is at no forge: turn `pull_request` off.")
    api = api_of(project.forge, project.forge_url, remote.host)
    return Forge(api, remote, token, kind=project.forge)


def remote_of(address: str) -> Remote | None:
    """Host, owner and name in an address of git's; None for a folder."""
    if "://" in address:
        parts = urlsplit(address)
        host, path = parts.hostname or "", parts.path
    elif (match := _SCP_LIKE.fullmatch(address)) is not None:
        host, path = match["host"], match["path"]
    else:
        return None
    owner, _, name = path.strip("/").removesuffix(".git").rpartition("/")
    return Remote(host, owner, name) if owner and name else None


def api_of(kind: str, url: str | None, host: str) -> str:
    """Where the forge's REST API begins. `url` is the forge's own address, or the API's."""
    if kind == "github" and (url or host).removesuffix("/") in {"github.com", "https://github.com"}:
        return _GITHUB
    site = (url or f"https://{host}").rstrip("/")
    if "/api/" in f"{site}/" or site == _GITHUB:
        return site
    return f"{site}/api/v3" if kind == "github" else f"{site}/api/v1"


def _said(body: Any) -> str:
    if not isinstance(body, Mapping):
        return ""
    errors = body.get("errors")
    more = [
        str(error.get("message", "")) if isinstance(error, Mapping) else str(error)
        for error in (errors if isinstance(errors, list) else [])
    ]
    return "; ".join(part for part in (str(body.get("message", "")), *more) if part)[:500]
