"""Claude Code's settings, put back."""

import shutil

from claude_task_client.plugin import config_folder


def test_nobody_else_reads_settings_while_they_are_put_back(tmp_path, monkeypatch):
    """They may hold keys: what is written aside is never wider open than what it replaces."""
    path = tmp_path / config_folder.SETTINGS
    path.write_bytes(b"{}")
    path.chmod(0o640)
    modes = []

    def copymode(source, target):
        modes.append(target.stat().st_mode & 0o777)
        target.chmod(source.stat().st_mode)

    monkeypatch.setattr(shutil, "copymode", copymode)

    config_folder.put_back(tmp_path, {config_folder.SETTINGS: b'{"env": {"KEY": "x"}}'})

    assert modes == [0o600]
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_bytes() == b'{"env": {"KEY": "x"}}'
