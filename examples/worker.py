"""A worker in its smallest form: take a task, do it, tell what came of it.

    ATHENA_API_URL=… ATHENA_API_KEY=… CLAUDE_INSTANCE=example python worker.py [HOW_MANY]

The key needs the scope `work`. Put your own work in `work_on`.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from claude_task_client import Athena, Conflict, Task

LEASE_SECONDS = 60


def work_on(task: Task) -> str:
    """Do the task, and tell in a few words what was done."""
    return f"read {len(task.description.split())} words"


@contextmanager
def kept_alive(task: Task) -> Iterator[None]:
    """Renew the hold on the task while the block runs, however long that takes."""
    done = threading.Event()

    def beat() -> None:
        with Athena() as athena:
            while not done.wait(LEASE_SECONDS / 3):
                athena.heartbeat([task])

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def main(how_many: int | None) -> None:
    """Take tasks one after another; without a number, for ever."""
    done = 0
    with Athena() as athena:
        while how_many is None or done < how_many:
            # Waits at the server: a new task arrives here within milliseconds.
            task = athena.claim_next(wait=None, lease_seconds=LEASE_SECONDS)
            if task is None:
                continue
            print(f"Working on #{task.id}.", flush=True)
            try:
                with kept_alive(task):
                    notes = work_on(task)
                # `task` carries its attempt: overtaken by a newer claim, this is refused.
                athena.complete(task, notes=notes, result={"success": True, "output": notes})
            except Conflict as refusal:
                print(f"#{task.id} is no longer ours ({refusal.code}).", flush=True)
            except Exception as error:
                athena.fail(task, f"{type(error).__name__}: {error}")
                raise
            done += 1


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else None)
