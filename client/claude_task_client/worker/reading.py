"""Shell commands that only read, and only below some folders: as harmless as the tool Read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from claude_task_client.worker.shell_words import plain_words

# Programs that cannot write or start anything, whatever their options.
_READERS: Final = frozenset("cat grep head ls nl pwd tail wc".split())
# Wildcards may meet a link that leads out of the folder; a tilde does so by itself.
_OPEN: Final = frozenset("*?[")
# Of git, what shows the work; with options that neither write a file nor start a program.
_GIT: Final = frozenset("diff log show status".split())
_GIT_OPTIONS: Final = frozenset(
    "--cached --graph --name-only --name-status --oneline --porcelain --short --staged --stat"
    " --summary -1 -2 -3 -5 -10 -20 -b -n -p -s -sb -u".split()
)


def only_reads(command: str, is_inside: Callable[[str], bool]) -> bool:
    """Whether it is one plain reading command, and all that it may name lies inside."""
    words = plain_words(command)
    if not words or any(_OPEN & set(word) or word.startswith("~") for word in words):
        return False
    program, *arguments = words
    if program == "git":
        return _git_only_reads(arguments)
    if program not in _READERS or (program == "grep" and _follows_links(arguments)):
        return False
    return all(
        "/" not in argument if argument.startswith("-") else is_inside(argument)
        for argument in arguments
    )


def _git_only_reads(arguments: Sequence[str]) -> bool:
    """What is no option names a commit or a path of the repository, which git sees to itself."""
    if not arguments or arguments[0] not in _GIT:
        return False
    rest = arguments[1:]
    options = [each for each in rest if each.startswith("-") and each != "--"]
    paths = [each for each in rest if not each.startswith("-")]
    # `git diff` compares any two files on the machine.
    outside = any(path.startswith("/") or ".." in path.split("/") for path in paths)
    return set(options) <= _GIT_OPTIONS and not outside


def _follows_links(arguments: Sequence[str]) -> bool:
    short = (each for each in arguments if each.startswith("-") and not each.startswith("--"))
    return "--dereference-recursive" in arguments or any("R" in each for each in short)
