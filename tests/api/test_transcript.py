"""The transcript over HTTP: appending, paging, and who may."""

from __future__ import annotations

from typing import Any

from tests.api.driver import ApiDriver

TIME = "2026-11-22T08:00:00.250Z"


def lines(*texts: str, kind: str = "text") -> list[dict[str, Any]]:
    return [{"kind": kind, "text": text} for text in texts]


async def append(
    api: ApiDriver, task: dict[str, Any], *texts: str, first: int = 0, by: str = "pi", **said: Any
) -> Any:
    body = {"instance": by, "attempt": task["attempt"], "first": first, "lines": lines(*texts)}
    return await api.ask("POST", f"/api/tasks/{task['id']}/log", body | said)


async def log(api: ApiDriver, task: dict[str, Any], query: str = "") -> Any:
    answer = await api.ask("GET", f"/api/tasks/{task['id']}/log{query}")
    assert answer.status == 200, answer
    return answer.body


async def test_lines_come_back_as_they_were_sent(api: ApiDriver):
    """Each with its place in the task and in the attempt, its time and its kind."""
    task = await api.claimed()
    said = [{"at": TIME, "kind": "tool", "text": "Bash: make test"}]

    answer = await append(api, task, lines=said)

    assert (answer.status, answer.body) == (200, {"next": 1})
    assert await log(api, task) == {
        "lines": [
            {
                "id": 1,
                "attempt": 1,
                "number": 0,
                "at": TIME,
                "kind": "tool",
                "text": "Bash: make test",
            }
        ],
        "next_after": 1,
        "dropped": 0,
    }


async def test_tail_is_the_end_of_the_log(api: ApiDriver):
    """The last so many lines, and where to go on from there."""
    task = await api.claimed()
    await append(api, task, "one", "two", "three")

    page = await log(api, task, "?tail=2")

    assert [line["text"] for line in page["lines"]] == ["two", "three"]
    assert page["next_after"] == 3
    assert await log(api, task, "?after=3") == {"lines": [], "next_after": 3, "dropped": 0}
