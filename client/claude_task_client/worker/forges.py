"""How each forge calls what the others call a pull request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

TITLE_CHARACTERS_MAX = 250
BODY_CHARACTERS_MAX = 60_000
PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be merged: branch `head`, whose last commit is `commit`, into branch `base`."""

    head: str
    base: str
    commit: str
    title: str
    body: str

    @property
    def short_title(self) -> str:
        """As long as a forge takes it."""
        return self.title[:TITLE_CHARACTERS_MAX]

    @property
    def short_body(self) -> str:
        """As long as a forge takes it."""
        return self.body[:BODY_CHARACTERS_MAX]


class Remote(NamedTuple):
    """A repository at a forge. `owner` may have several parts at GitLab."""

    host: str
    owner: str
    name: str

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"


class Pull(NamedTuple):
    """A pull request as a forge tells of it."""

    url: str
    is_open: bool
    branch: str
    commit: str
    repository: str


class Dialect(Protocol):
    """What differs between forges.

    - `api`: where the API of one on a host of its own begins
    - `knows_branches`: its list can be asked for one branch; else it is read, the newest first
    """

    api: str
    knows_branches: bool

    def headers(self, token: str) -> dict[str, str]:
        """Who asks."""

    def path(self, remote: Remote) -> str:
        """Where the pull requests of a repository are."""

    def query(self, remote: Remote, request: Request, page: int) -> dict[str, str]:
        """Those of a branch, open or not."""

    def content(self, request: Request) -> dict[str, str]:
        """What opens one."""

    def read(self, told: Mapping[str, Any]) -> Pull:
        """One of the list."""


class GitHub:
    """GitHub, and GitHub Enterprise."""

    api = "/api/v3"
    knows_branches = True

    def headers(self, token: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }

    def path(self, remote: Remote) -> str:
        return f"/repos/{quote(remote.owner)}/{quote(remote.name)}/pulls"

    def query(self, remote: Remote, request: Request, page: int) -> dict[str, str]:
        head = f"{remote.owner}:{request.head}"
        return {"state": "all", "head": head, "per_page": str(PAGE), "page": str(page)}

    def content(self, request: Request) -> dict[str, str]:
        return {
            "title": request.short_title,
            "body": request.short_body,
            "head": request.head,
            "base": request.base,
        }

    def read(self, told: Mapping[str, Any]) -> Pull:
        head = told.get("head") or {}
        return Pull(
            url=str(told.get("html_url", "")),
            is_open=told.get("state") == "open",
            branch=str(head.get("ref", "")),
            commit=str(head.get("sha", "")),
            repository=str((head.get("repo") or {}).get("full_name", "")),
        )


class Gitea(GitHub):
    """Gitea and Forgejo: as GitHub, save that the list cannot be asked for a branch."""

    api = "/api/v1"
    knows_branches = False

    def headers(self, token: str) -> dict[str, str]:
        return {"Authorization": f"token {token}", "Accept": "application/json"}

    def query(self, remote: Remote, request: Request, page: int) -> dict[str, str]:  # noqa: ARG002
        # What a repeat looks for was opened lately.
        return {"state": "all", "sort": "recentupdate", "limit": str(PAGE), "page": str(page)}


class GitLab:
    """GitLab, where it is a merge request."""

    api = "/api/v4"
    knows_branches = True

    def headers(self, token: str) -> dict[str, str]:
        return {"PRIVATE-TOKEN": token, "Accept": "application/json"}

    def path(self, remote: Remote) -> str:
        return f"/projects/{quote(remote.full_name, safe='')}/merge_requests"

    def query(self, remote: Remote, request: Request, page: int) -> dict[str, str]:  # noqa: ARG002
        return {
            "state": "all",
            "source_branch": request.head,
            "per_page": str(PAGE),
            "page": str(page),
        }

    def content(self, request: Request) -> dict[str, str]:
        return {
            "title": request.short_title,
            "description": request.short_body,
            "source_branch": request.head,
            "target_branch": request.base,
        }

    def read(self, told: Mapping[str, Any]) -> Pull:
        is_own = told.get("source_project_id") == told.get("target_project_id")
        return Pull(
            url=str(told.get("web_url", "")),
            is_open=told.get("state") == "opened",
            branch=str(told.get("source_branch", "")),
            commit=str(told.get("sha", "")),
            repository="" if is_own else "another project",
        )
