"""The checks of `doctor`, in the order in which one builds on another."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final, NamedTuple

from claude_task_client import clock, files, output, settings
from claude_task_client.errors import AthenaError, Denied, Refused
from claude_task_client.http import HttpTransport
from claude_task_client.transport import Answer, Call

# Beyond it, `--not-before 30m` and ages are visibly wrong. HTTP dates have whole seconds.
CLOCK_SECONDS_MAX: Final = 30.0

# A request of each scope that changes nothing. The two with a body carry a field that no request
# has: whoever may send it is told so (422), whoever may not is refused before that (403).
PROBES: Final = {
    "read": Call("GET", "/api/tasks", {"limit": "1"}),
    "submit": Call("POST", "/api/tasks", body={"scope_probe": True}),
    "work": Call("POST", "/api/claim", body={"scope_probe": True}),
    "admin": Call("GET", "/api/keys"),
}
WORKER_NEEDS: Final = ("read", "work")


class Finding(NamedTuple):
    """One thing that was looked at. `advice` says what to do."""

    name: str
    ok: bool
    detail: str
    advice: str | None = None


def examine() -> Iterator[Finding]:
    """Look at everything; what depends on a failed check is left out."""
    yield from _files()
    yield from _settings()
    yield from _worker()
    yield from _sources()


def _settings() -> Iterator[Finding]:
    try:
        told = settings.load()
    except AthenaError as error:
        yield Finding("settings", False, str(error), "Correct it, or: claude-task-client login")
        return
    yield Finding("settings", True, f"{told.url}, from {settings.origin()}")
    yield Finding("instance", True, told.instance + (f" ({told.name})" if told.name else ""))
    yield from _server(told)


def _worker() -> Iterator[Finding]:
    """Only where there is one: it has a config file. It does not run on Windows."""
    if _has_worker():
        from claude_task_client.worker.diagnosis import diagnose

        for ok, detail, advice in diagnose():
            yield Finding("worker", ok, detail, advice)


def _has_worker() -> bool:
    return sys.platform != "win32" and settings.config_path().with_name("worker.toml").exists()


def _sources() -> Iterator[Finding]:
    """Only where there are some. That nobody watches is no fault before something waits."""
    from claude_task_client.sources import registry, surveying

    try:
        sources = registry.load()
    except AthenaError as error:
        yield Finding("sources", False, str(error))
        return
    for source in sources:
        seen = surveying.survey(source)
        problems = [each for each in seen.problems if each.code != "unwatched" or seen.waiting]
        for each in problems:
            yield Finding(f"source {source.id}", False, each.detail, each.advice)
        if not problems:
            yield Finding(f"source {source.id}", True, str(source.path))


def _files() -> Iterator[Finding]:
    config = settings.config_path()
    if config.exists():
        yield _private(config)
    folder = settings.state_folder()
    probe = folder / "doctor"
    try:
        with files.lock(folder / "claims.json"):
            files.replace_file(probe, "")
            probe.unlink()
        yield Finding("state folder", True, f"{folder} can be written")
    except (AthenaError, OSError) as error:
        yield Finding(
            "state folder", False, str(error), f"Give yourself the right to write {folder}"
        )


def _private(config: Path) -> Finding:
    if sys.platform != "win32" and config.stat().st_mode & 0o077:
        return Finding(
            "config file", False, f"others can read the key in {config}", f"Run: chmod 600 {config}"
        )
    return Finding("config file", True, str(config))


def _server(told: settings.Settings) -> Iterator[Finding]:
    transport = HttpTransport(told.url, told.key)
    try:
        answer = transport.send_once(Call("GET", "/health"))
    except AthenaError as error:
        yield Finding("Athena", False, str(error), _ADVICE_ADDRESS)
        return
    yield _health(answer)
    yield _clock(answer)
    scopes = yield from _key(told, transport.send_once)
    if _has_worker():
        yield from _worker_key(told, scopes)


_ADVICE_ADDRESS: Final = (
    "See that Athena runs there (athena serve) and that the address is right:"
    " claude-task-client login"
)


def _health(answer: Answer) -> Finding:
    body = answer.body or {}
    detail = f"{body.get('status')}, version {body.get('version')}, database {body.get('database')}"
    well = body.get("status") == "ok"
    return Finding("Athena", well, detail, None if well else "See the log of athena serve")


def _clock(answer: Answer) -> Finding:
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return Finding("clock", True, "Athena does not tell its time")
    seconds = (clock.now() - theirs).total_seconds()
    if abs(seconds) <= CLOCK_SECONDS_MAX:
        return Finding("clock", True, "agrees with Athena's")
    which = "ahead of" if seconds > 0 else "behind"
    return Finding(
        "clock",
        False,
        f"{output.span(abs(seconds))} {which} Athena's",
        "Set the clock of the machine that is wrong, best by NTP",
    )


def _key(
    told: settings.Settings, send: Callable[[Call], Answer]
) -> Generator[Finding, None, Sequence[str]]:
    """Gives the key's scopes back; none where that was not to be found out."""
    if told.key is None:
        yield Finding("key", False, "not signed in", "Run: claude-task-client login")
        return ()
    try:
        scopes = _scopes(send)
    except AthenaError as error:
        yield Finding(
            "key", False, str(error), "Sign in with a valid key: claude-task-client login"
        )
        return ()
    if scopes:
        missing = [scope for scope in ("read", "submit", "work") if scope not in scopes]
        lacks = f" (not {', '.join(missing)})" if missing else ""
        yield Finding("key", True, f"valid, may {', '.join(scopes)}{lacks}")
    else:
        yield Finding(
            "key", False, "valid, but may do nothing", "Ask for one with scopes: athena keys create"
        )
    return scopes


def _worker_key(told: settings.Settings, scopes: Sequence[str]) -> Iterator[Finding]:
    """What the worker may not do; the services may have a key that no terminal reads."""
    from claude_task_client.worker.diagnosis import service_key

    own, which = service_key(), "its key"
    if own is not None and own != told.key:
        which = "the services' key, in worker.env,"
        try:
            scopes = _scopes(HttpTransport(told.url, own).send_once)
        except AthenaError as error:
            yield Finding("worker", False, f"{which.rstrip(',')}: {error}", "Put a valid one there")
            return
    lacking = [scope for scope in WORKER_NEEDS if scope not in scopes]
    if lacking and scopes:
        yield Finding(
            "worker",
            False,
            f"{which} may {', '.join(scopes)}: not {', '.join(lacking)}",
            "Give it one that may both: athena keys create NAME --scope read --scope work",
        )


def _scopes(send: Callable[[Call], Answer]) -> Sequence[str]:
    return [scope for scope, probe in PROBES.items() if _may(send, probe)]


def _may(send: Callable[[Call], Answer], probe: Call) -> bool:
    try:
        send(probe)
    except Denied as error:
        if error.status == 401:
            raise
        return False
    except Refused as error:
        if error.status >= 500:
            raise
    return True
