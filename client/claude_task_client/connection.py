"""Where a command gets its Athena: the settings and the transport that starts fast."""

from __future__ import annotations

from typing import Final

from claude_task_client import output, settings
from claude_task_client.http import HttpTransport
from claude_task_client.sync import Athena

# How long a command tries again where that is safe: through a blink of the network, no longer.
RETRY_SECONDS: Final = 0.5
# Commands that wait for something anyway also wait through a restart of Athena.
PATIENT_RETRY_SECONDS: Final = 120.0


def connect(*, retry_seconds: float = RETRY_SECONDS) -> Athena:
    """Athena, as this machine is signed in. Raises: NotSignedIn, BadSettings."""
    told = settings.load()
    key = told.signed_in()
    tell = _tell_of_retry if retry_seconds > RETRY_SECONDS else _keep_quiet
    transport = HttpTransport(told.url, key, retry_seconds=retry_seconds, on_retry=tell)
    return Athena(told.url, key, instance=told.instance, transport=transport)


def _tell_of_retry(error: Exception) -> None:
    output.warn(f"{output.line(str(error), None)} Trying again.")


def _keep_quiet(_: Exception) -> None:
    """A short try again is nobody's business."""
