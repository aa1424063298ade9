"""Keeps one program and everything it starts: nothing of it outlives the program, or the worker.

A script of its own, run by `processes.py` as `python -I -S keeper.py CHANNEL[,FILE…] -- PROGRAM
ARGUMENT…`; only the standard library, and little of it, for it stands before every start (10 ms).

`CHANNEL` is the number of a socket to the worker; the `FILE`s are open for the program. The worker
says `end SECONDS`: TERM, and KILL after so long. A channel that closes says the same: the worker
has died. The keeper says `started PID`, `failed REASON`, `ended CODE` (as `subprocess` has it:
minus the signal), `left PIDS` where some would not end, and exits once nothing is left.

On Linux the keeper is the reaper of all descendants: whoever is orphaned, in whatever session,
becomes its child, so "no children" means that none is left. Elsewhere it looks at `ps`, and finds
the orphans by the process groups that it has seen in the tree.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

TYPE_CHECKING = False  # `typing` itself is not worth its milliseconds here
if TYPE_CHECKING:
    from collections.abc import Callable

LINUX = sys.platform == "linux"
ORPHANED_GRACE_SECONDS = 5.0  # between TERM and KILL where the worker has died
LEFT_BEHIND_GRACE_SECONDS = 1.0  # for what the program leaves behind when it ends by itself
LOOK_SECONDS = 0.05
SURVIVORS_SECONDS = 10.0  # from KILL on: who is still there is beyond us (another user, the kernel)
GROUPS_LOOK_SECONDS = 2.0  # where `ps` has to be asked
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


class Keeper:
    """Two facts: what the program's end was, and since when everything is to end."""

    def __init__(self, channel: int, files: list[int]) -> None:
        self.channel: int | None = channel
        self.files = files
        self.program = 0
        self.ending_at: float | None = None  # when KILL follows
        self.groups: set[int] = set()
        self.wakeup, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.end(ORPHANED_GRACE_SECONDS))
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def run(self, argv: list[str]) -> None:
        """Start the program and stay until nothing is left."""
        try:
            self.program = start(argv)
        except OSError as error:
            self.say(f"failed {argv[0]}: {error.strerror}")
            return
        self.groups.add(self.program)
        self.say(f"started {self.program}")
        release_files(self.files)
        while self.reap() and not self.is_hopeless():
            self.listen()
            if self.ending_at is not None and time.monotonic() >= self.ending_at:
                self.signal_all(signal.SIGKILL)

    def is_hopeless(self) -> bool:
        """Whether some live on in spite of KILL; the worker is told who."""
        if self.ending_at is None or time.monotonic() < self.ending_at + SURVIVORS_SECONDS:
            return False
        self.say("left " + ",".join(map(str, tree(os.getpid()))))
        return True

    def reap(self) -> bool:
        """Take note of who has ended; whether anybody is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return not LINUX and bool(self.strays())
            if pid == 0:
                return True
            if pid == self.program:
                self.say(f"ended {os.waitstatus_to_exitcode(status)}")
                self.end(LEFT_BEHIND_GRACE_SECONDS)

    def listen(self) -> None:
        """Wait for the worker, for a child's end, or for the time to look again."""
        files = [self.wakeup] if self.channel is None else [self.wakeup, self.channel]
        timeout = LOOK_SECONDS if self.ending_at is not None else None
        if not LINUX and timeout is None:
            self.groups |= set(tree(os.getpid()).values())
            timeout = GROUPS_LOOK_SECONDS
        ready = select.select(files, [], [], timeout)[0]
        if self.wakeup in ready:
            os.read(self.wakeup, 4096)
        if self.channel in ready and self.channel is not None:
            self.obey(self.channel)

    def obey(self, channel: int) -> None:
        """Do what the worker says; it says `end` alone, or has gone."""
        try:
            words = os.read(channel, 4096).decode().split()
        except OSError:
            words = []
        if not words:
            self.channel = None
        self.end(float(words[-1]) if words else ORPHANED_GRACE_SECONDS)

    def end(self, grace_seconds: float) -> None:
        """TERM to all, now; KILL after the grace, which later calls may only shorten."""
        kill_at = time.monotonic() + grace_seconds
        if self.ending_at is None:
            self.signal_all(signal.SIGTERM)
        self.ending_at = kill_at if self.ending_at is None else min(kill_at, self.ending_at)

    def signal_all(self, number: int) -> None:
        """To each descendant. Those orphaned meanwhile have become ours, and are met next time."""
        found = set(tree(os.getpid()))
        if not LINUX:
            found |= set(self.strays())
        for pid in found:
            try:
                os.kill(pid, number)
                if number == signal.SIGTERM:
                    os.kill(pid, signal.SIGCONT)  # who is stopped would not hear of it
            except (ProcessLookupError, PermissionError):
                pass

    def strays(self) -> list[int]:
        """Where there is no reaper: who still is in a process group that was seen in the tree."""
        own = self.groups - {os.getpgrp()}
        return [pid for pid, (_, group) in everybody().items() if group in own]

    def say(self, words: str) -> None:
        """Tell the worker, if it is there."""
        if self.channel is not None:
            try:
                os.write(self.channel, f"{words}\n".encode())
            except OSError:
                self.channel = None


def start(argv: list[str]) -> int:
    """The program, as a child in a session of its own, which dies when the keeper is killed.

    Raises: OSError, where it cannot be executed.
    """
    in_keeper, in_child = death_pacts()
    in_keeper()
    own = os.getpid()
    executed, failed = os.pipe()  # closed by a successful exec
    pid = os.fork()
    if pid == 0:
        try:
            become(argv, own, in_child)
        except OSError as error:
            os.write(failed, str(error.errno).encode())
        os._exit(127)
    os.close(failed)
    if number := os.read(executed, 16):
        raise OSError(int(number), os.strerror(int(number)))
    os.close(executed)
    return pid


def become(argv: list[str], keeper: int, in_child: Callable[[], None]) -> None:
    """Turn the forked child into the program."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    in_child()
    if os.getppid() != keeper:
        os._exit(127)
    os.execvp(argv[0], argv)  # noqa: S606 - an argv, no shell


def death_pacts() -> tuple[Callable[[], None], Callable[[], None]]:
    """What to do in the keeper before the fork, and in the child after it."""
    if not LINUX:
        return (lambda: None), (lambda: None)
    import ctypes

    prctl = ctypes.CDLL(None).prctl

    def in_keeper() -> None:
        if prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            raise OSError("this kernel has no PR_SET_CHILD_SUBREAPER")

    def in_child() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)

    return in_keeper, in_child


def release_files(more: list[int]) -> None:
    """The program's pipes are the program's: an end of file must mean that it has gone."""
    for number in more:
        os.close(number)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)


def tree(root: int) -> dict[int, int]:
    """The descendants of `root`, with the process group of each; zombies are left out."""
    parents = everybody()
    found: dict[int, int] = {}
    level = {root}
    while level:
        level = {pid for pid, (parent, _) in parents.items() if parent in level}
        found |= {pid: parents[pid][1] for pid in level}
    return found


def everybody() -> dict[int, tuple[int, int]]:
    """Each living process: its parent and its process group."""
    return from_proc() if LINUX else from_ps()


def from_proc() -> dict[int, tuple[int, int]]:
    """By /proc/*/stat, where the second field may hold anything, in brackets."""
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs a start its milliseconds
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 - likewise
                    state, parent, group = file.read().rpartition(b")")[2].split()[:3]
            except (OSError, ValueError):
                continue
            if state not in b"ZX":
                found[int(name)] = (int(parent), int(group))
    return found


def from_ps() -> dict[int, tuple[int, int]]:
    """By `ps`, where there is no /proc."""
    import subprocess

    listing = subprocess.check_output(["/bin/ps", "-axo", "pid=,ppid=,pgid=,stat="])
    rows = [line.split() for line in listing.decode().splitlines()]
    return {
        int(pid): (int(parent), int(group))
        for pid, parent, group, state in rows
        if "Z" not in state
    }


if __name__ == "__main__":
    channel, *files = (int(number) for number in sys.argv[1].split(","))
    os.set_inheritable(channel, False)
    Keeper(channel, files).run(sys.argv[3:])
