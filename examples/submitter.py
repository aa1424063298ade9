"""Submit a task, wait for its end, and print what came of it.

    ATHENA_API_URL=… ATHENA_API_KEY=… python submitter.py "Deploy new service"

The key needs the scopes `submit` and `read`.
"""

import sys

from claude_task_client import Athena


def main(description: str) -> int:
    """The exit code: 0 where the task succeeded."""
    with Athena() as athena:
        task = athena.submit(description, priority="high", created_by="examples/submitter.py")
        print(f"Submitted #{task.id}.")
        result = athena.result(task.id, wait=True, timeout=600)
    if result is None:
        print(f"#{task.id} has not ended yet.")
        return 1
    print(f"#{task.id} {'succeeded' if result.success else 'did not succeed'}: {result.output}")
    return 0 if result.success else 1


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:]) or "Say hello"))
