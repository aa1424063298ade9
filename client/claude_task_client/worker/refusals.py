"""What a remote's refusal means, in a sentence that says what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from claude_task_client.worker.job import WorkspaceTrouble

_SIGNED_OUT: Final = re.compile(
    r"Permission denied|Authentication failed|could not read (Username|Password)|terminal prompts"
    r"|access denied|Access denied|returned error: 40[13]|HTTP Basic"
)
_STRANGE_HOST: Final = re.compile(r"Host key verification failed|REMOTE HOST IDENTIFICATION")
_MISSING: Final = re.compile(r"not found|does not (exist|appear to be a git repository)")
_AWAY: Final = re.compile(
    r"Could not resolve|[Cc]onnection (timed out|refused|reset|closed)|unreachable"
    r"|returned error: (429|5\d\d)|early EOF|hung up|Failed to connect|not done after|timed out"
)
_REJECTED: Final = re.compile(r"\[(remote )?rejected\]|protected branch|pre-receive hook declined")
_SSH: Final = re.compile(r"^(ssh://|[^/:]+:(?!//))")
_LINES_MAX: Final = 4


def trouble(doing: str, address: str, said: str, *, home: Path) -> WorkspaceTrouble:
    """What `git` said while `doing`, with advice. `home` is where the SSH keys are."""
    reason = " ".join(_telling_lines(said)) or "git said nothing"
    advice, transient = _advice(address, said, home)
    return WorkspaceTrouble(f"{doing}: {reason}{advice}", transient=transient)


def public_keys(home: Path) -> list[str]:
    """The SSH public keys of this account, a line each."""
    keys = []
    for path in sorted(home.joinpath(".ssh").glob("*.pub")):
        try:
            keys.append(path.read_text(encoding="utf-8", errors="replace").strip())
        except OSError:
            continue
    return keys


def is_ssh(address: str) -> bool:
    """Whether git reaches the address by SSH: `ssh://…` or `git@host:path`."""
    return _SSH.match(address) is not None


def _advice(address: str, said: str, home: Path) -> tuple[str, bool]:
    if _STRANGE_HOST.search(said):
        first = f"run `ssh -T {_host(address)}` once as this user, and compare the fingerprint"
        return f"\nThe host is not known here: {first}.", False
    if _REJECTED.search(said):
        return "\nThe remote's own rules refuse it: allow it there, or turn `push` off.", False
    if _SIGNED_OUT.search(said):
        return (_add_a_key(home) if is_ssh(address) else _SIGN_IN), False
    if _AWAY.search(said):
        return "", True
    if _MISSING.search(said):
        # Forges say "not found" of what one may not see.
        hint = _add_a_key(home) if is_ssh(address) else _SIGN_IN
        return f"\nIs the address right?{hint}", False
    return "", False


_SIGN_IN: Final = (
    "\nSign in for git as this user, for example with `gh auth setup-git` or a credential helper"
    " (`git config credential.helper`)."
)


def _add_a_key(home: Path) -> str:
    keys = public_keys(home)
    if not keys:
        return (
            "\nThis account has no SSH key: make one with `ssh-keygen -t ed25519`, and add"
            f" {home / '.ssh' / 'id_ed25519.pub'} where the repository is."
        )
    where = "Add this public key where the repository is (as a deploy key that may write):"
    return "\n".join(["", where, *keys])


def _host(address: str) -> str:
    if address.startswith("ssh://"):
        return address.removeprefix("ssh://").split("/", maxsplit=1)[0]
    return address.split(":", maxsplit=1)[0]


def _telling_lines(said: str) -> Sequence[str]:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    dull = ("hint:", "Cloning into", "Please make sure", "and the repository exists", "To ")
    told = [line for line in lines if not line.startswith(dull)]
    return told[:_LINES_MAX]
