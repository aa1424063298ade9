"""Network mounts tell nobody of the changes of others: they are looked into regularly."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from claude_task_client.sources import mounts
from claude_task_client.sources.mounts import needs_polling
from tests.client.sources.folders import AT_ONCE, NEVER

TABLE = """\
22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/sda rw
23 22 0:21 / /mnt rw - tmpfs none rw
24 23 0:22 / /mnt/team\\040share rw,relatime - nfs4 server:/share rw
25 24 0:23 / /mnt/team\\040share/local rw - ext4 /dev/sdb rw
26 22 0:24 / /home/ada/remote rw shared:9 master:2 - fuse.sshfs ada@pi: rw
27 22 0:25 / /srv rw - ext4 /dev/sdc rw
28 22 0:26 / /srv rw - cifs //server/srv rw
broken
"""


@pytest.mark.parametrize(
    ("path", "polls"),
    [
        ("/home/ada/tasks", False),
        ("/mnt/team share", True),
        ("/mnt/team share/tasks", True),
        ("/mnt/team share/local/tasks", False),
        ("/mnt/team shareholders", False),
        ("/home/ada/remote/tasks", True),
        ("/srv/tasks", True),
    ],
)
def test_the_innermost_mount_counts(tmp_path, path, polls):
    """Its kind is in the system's own table."""
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)

    assert needs_polling(Path(path), table=table) is polls


def test_where_there_is_no_such_table_events_are_trusted(tmp_path):
    """Such as on macOS; polling can be set."""
    assert not needs_polling(tmp_path, table=tmp_path / "none")


async def test_a_source_on_such_a_mount_is_polled_without_being_told(watch_folder, monkeypatch):
    """Nor are the times that it gives believed: what was renamed into place has to be still."""
    monkeypatch.setattr(mounts, "needs_polling", lambda path: path.name == "pending")
    inbox = watch_folder(timing=replace(AT_ONCE, still=NEVER))
    path = inbox.drop()
    os.utime(path, ns=(0, 0))

    await inbox.look_here()

    assert inbox.desk.is_polled
    assert await inbox.tasks() == []
