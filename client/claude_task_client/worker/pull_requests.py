"""Opens the pull request of a branch at its forge: GitHub, GitLab, or Gitea and Forgejo.

It is looked up by its branch first, so that a repeat, also after a kill between the opening and the
note of it, finds the one that is there. The token goes to the forge alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from claude_task_client.worker.config import ProjectConfig
from claude_task_client.worker.forges import (
    PAGE,
    Dialect,
    Gitea,
    GitHub,
    GitLab,
    Pull,
    Remote,
    Request,
)
from claude_task_client.worker.git import Git
from claude_task_client.worker.job import WorkspaceTrouble
from claude_task_client.worker.pushing import address_of

REQUEST_SECONDS: Final = 30.0
PAGES_MAX: Final = 10

DIALECTS: Final[Mapping[str, Dialect]] = {
    "github": GitHub(),
    "gitea": Gitea(),
    "forgejo": Gitea(),
    "gitlab": GitLab(),
}
_GITHUB: Final = "https://api.github.com"
_SCP_LIKE: Final = re.compile(r"(?:[^@/]+@)?(?P<host>\[[^]]+\]|[^:/]+):(?P<path>.+)")
_MOVED: Final = (
    "\nThe repository has moved: correct the address of the remote (`git remote set-url`)."
)
_ADVICE: Final = {
    301: _MOVED,
    307: _MOVED,
    308: _MOVED,
    401: "\nThe token in ATHENA_FORGE_TOKEN is not accepted: make a new one.",
    403: "\nThe token in ATHENA_FORGE_TOKEN may not do this: it must be able to write them.",
    404: "\nIs `forge_url` right, and may the token in ATHENA_FORGE_TOKEN see this repository?",
}


class _Answer(NamedTuple):
    status: int
    body: Any


class Forge:
    """One repository at one forge."""

    def __init__(self, api: str, remote: Remote, token: str, dialect: Dialect) -> None:
        self._remote = remote
        self._dialect = dialect
        self._address = api + dialect.path(remote)
        self._headers = dialect.headers(token)

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
        answer = await self._ask("POST", content=self._dialect.content(request))
        if answer.status == 201 and isinstance(answer.body, Mapping):
            return self._dialect.read(answer.body).url
        # 422 at GitHub, 409 elsewhere: it was opened a moment ago.
        if answer.status in {409, 422} and (found := await self._find(request)) is not None:
            return found
        raise self._refused(answer, f"open a pull request for {request.head}")

    async def _find(self, request: Request) -> str | None:
        """The open one of the branch; else one of the very same commit, which somebody closed."""
        pulls = await self._all(request)
        opened = [pull.url for pull in pulls if pull.is_open]
        same = [pull.url for pull in pulls if pull.commit == request.commit]
        return next(iter([*opened, *same]), None)

    async def _all(self, request: Request) -> list[Pull]:
        """The branch's own, as far as they have to be read."""
        found: list[Pull] = []
        for number in range(1, 2 if self._dialect.knows_branches else PAGES_MAX + 1):
            page = await self._page(self._dialect.query(self._remote, request, number))
            found += [pull for pull in page if self._is_ours(pull, request)]
            if len(page) < PAGE or found:
                break
        return found

    async def _page(self, query: Mapping[str, str]) -> list[Pull]:
        answer = await self._ask("GET", query=query)
        if answer.status != 200 or not isinstance(answer.body, list):
            raise self._refused(answer, "look up pull requests")
        return [self._dialect.read(told) for told in answer.body if isinstance(told, Mapping)]

    def _is_ours(self, pull: Pull, request: Request) -> bool:
        """Whether it is of our branch; forks have branches of the same name."""
        where = (pull.repository or self._remote.full_name).lower()
        return pull.branch == request.head and where == self._remote.full_name.lower()

    async def _ask(
        self,
        method: str,
        *,
        query: Mapping[str, str] | None = None,
        content: Mapping[str, str] | None = None,
    ) -> _Answer:
        import httpx2

        from claude_task_client.http import trust

        verify = trust() if self._address.startswith("https:") else False
        try:
            async with httpx2.AsyncClient(
                verify=verify, timeout=REQUEST_SECONDS, headers=self._headers
            ) as client:
                response = await client.request(method, self._address, params=query, json=content)
        except httpx2.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise WorkspaceTrouble(f"{self._address} is away: {reason}", transient=True) from error
        try:
            return _Answer(response.status_code, response.json())
        except ValueError:
            return _Answer(response.status_code, None)

    def _refused(self, answer: _Answer, doing: str) -> WorkspaceTrouble:
        said = _said(answer.body)
        told = f"{self._address} refuses to {doing}: {answer.status}{said and f', {said}'}"
        is_transient = answer.status == 429 or answer.status >= 500
        return WorkspaceTrouble(told + _ADVICE.get(answer.status, ""), transient=is_transient)


async def forge(git: Git, project: ProjectConfig, token: str | None) -> Forge:
    """The forge of a project's remote. Raises: WorkspaceTrouble."""
    if not token:
        raise WorkspaceTrouble(
            "There is no token for pull requests: put one into ATHENA_FORGE_TOKEN, or the name of"
            " its file into ATHENA_FORGE_TOKEN_FILE; or turn `pull_request` off."
        )
    remote = remote_of(await address_of(git, project.remote))
    if remote is None:
        raise WorkspaceTrouble(f"{project.remote} is at no forge: turn `pull_request` off.")
    dialect = DIALECTS[project.forge]
    return Forge(api_of(dialect, project.forge_url, remote.host), remote, token, dialect)


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
    return Remote(host, owner, name) if host and owner and name else None


def api_of(dialect: Dialect, url: str | None, host: str) -> str:
    """Where the forge's REST API begins. `url` is the forge's own address, or the API's."""
    site = (url or f"https://{host}").rstrip("/")
    if isinstance(dialect, GitHub) and site in {"https://github.com", "https://ssh.github.com"}:
        return _GITHUB
    return site if "/api/" in f"{site}/" or site == _GITHUB else site + dialect.api


def _said(body: Any) -> str:
    """A forge's own words."""
    if not isinstance(body, Mapping):
        return ""
    errors = body.get("errors")
    more = [
        error.get("message", "") if isinstance(error, Mapping) else error
        for error in (errors if isinstance(errors, list) else [])
    ]
    return "; ".join(str(part) for part in (body.get("message", ""), *more) if part)[:500]
