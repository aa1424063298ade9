"""What a repository tells about itself, for the first config: branch, remote, test command."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from claude_task_client.settings import slug_of_host

GIT_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A repository as it was found. None: it does not say."""

    name: str
    path: Path
    base_branch: str | None
    remote: str | None
    test_command: str | None
    has_commit: bool = True


def top_folder(folder: Path) -> Path | None:
    """The repository that a folder is in, if it is in one."""
    said = _git(folder, "rev-parse", "--show-toplevel")
    return Path(said) if said else None


def detect(folder: Path, name: str | None = None) -> Found:
    """Look at a repository, by its top folder. Without a name it is called like the folder."""
    remotes = (_git(folder, "remote") or "").split()
    remote = "origin" if "origin" in remotes else next(iter(remotes), None)
    return Found(
        name=name or project_name(folder.name),
        path=folder,
        base_branch=_base_branch(folder, remote),
        remote=remote,
        test_command=next(filter(None, (guess(folder) for guess in TEST_COMMANDS)), None),
        has_commit=bool(_git(folder, "rev-list", "--all", "--max-count=1")),
    )


def project_name(text: str) -> str:
    """A slug, with the letters as they are: `My App` → `My-App`."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:64]
    return slug or slug_of_host(text)


def _base_branch(folder: Path, remote: str | None) -> str | None:
    """The remote's own word first: the branch one happens to stand on may be a feature's."""
    if remote:
        head = _git(folder, "symbolic-ref", "--short", f"refs/remotes/{remote}/HEAD")
        if head:
            return head.removeprefix(f"{remote}/")
    for name in ("main", "master"):
        if _git(folder, "rev-parse", "--verify", "--quiet", f"refs/heads/{name}"):
            return name
    return _git(folder, "symbolic-ref", "--short", "HEAD")


def _git(folder: Path, *words: str) -> str | None:
    """What git says on one line; None where it says no, or is not there."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],  # noqa: S607  the git of PATH, as for people
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = done.stdout.decode("utf-8", "replace").strip()
    return said if done.returncode == 0 and said else None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _make(folder: Path) -> str | None:
    for name in ("GNUmakefile", "Makefile", "makefile"):
        text = _text(folder / name)
        for target in ("test", "check"):
            if re.search(rf"^{target}\s*:(?!=)", text, re.MULTILINE):
                return f"make {target}"
    return None


def _just(folder: Path) -> str | None:
    text = _text(folder / "justfile") or _text(folder / "Justfile")
    return "just test" if re.search(r"^test\b[^:=\n]*:(?!=)", text, re.MULTILINE) else None


def _npm(folder: Path) -> str | None:
    try:
        scripts = json.loads(_text(folder / "package.json")).get("scripts", {})
        script = scripts.get("test", "")
    except (ValueError, AttributeError):
        return None
    if not script or "no test specified" in script:  # what `npm init` writes
        return None
    for lock, program in (
        ("pnpm-lock.yaml", "pnpm"),
        ("yarn.lock", "yarn"),
        ("bun.lock", "bun run"),
    ):
        if (folder / lock).exists():
            return f"{program} test"
    return "npm test"


def _tox(folder: Path) -> str | None:
    return "tox" if (folder / "tox.ini").exists() else None


def _pytest(folder: Path) -> str | None:
    named = "[tool.pytest" in _text(folder / "pyproject.toml") or (folder / "pytest.ini").exists()
    if not named and "[tool:pytest]" not in _text(folder / "setup.cfg"):
        tests = [*folder.glob("tests/test_*.py"), *folder.glob("tests/**/test_*.py")]
        if not tests and not list(folder.glob("test_*.py")):
            return None
    return "uv run pytest" if (folder / "uv.lock").exists() else "python3 -m pytest"


def _when(command: str, *names: str) -> Callable[[Path], str | None]:
    def guess(folder: Path) -> str | None:
        return command if any(list(folder.glob(name)) for name in names) else None

    return guess


# What a person of the project has written down goes before what a tool would do by itself.
TEST_COMMANDS: Final[Sequence[Callable[[Path], str | None]]] = (
    _make,
    _just,
    _npm,
    _tox,
    _pytest,
    _when("cargo test", "Cargo.toml"),
    _when("go test ./...", "go.mod"),
    _when("./gradlew test", "gradlew"),
    _when("./mvnw test", "mvnw"),
    _when("mvn -q test", "pom.xml"),
    _when("dotnet test", "*.sln", "*.csproj"),
    _when("mix test", "mix.exs"),
    _when("bundle exec rake test", "Rakefile"),
    _when("composer test", "composer.json"),
    _when("swift test", "Package.swift"),
)
