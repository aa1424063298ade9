"""How the claims of one sitting are renewed: how often, and what becomes of a lost one."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from claude_task_client import clock, settings, state
from claude_task_client.errors import AthenaError, BadSettings, NotSignedIn, Refused
from claude_task_client.http import HttpTransport
from claude_task_client.plugin.sitting import Sitting
from claude_task_client.state import Claim, Claims
from claude_task_client.transport import Answer, Call

# A lease is two hours unless somebody asked for less: then it is renewed three times in its length.
BEAT_SECONDS_MAX: Final = 60.0
BEAT_SECONDS_MIN: Final = 0.3
BEATS_A_LEASE: Final = 3
# How soon the end of the session or of its last claim is noticed.
LOOK_SECONDS: Final = 2.0
# Where Athena was away at the first beat, or the settings could not be read.
TRY_AGAIN_SECONDS: Final = 20.0
LOST: Final = frozenset({"not_holder", "task_cancelled", "task_not_found", "invalid_transition"})


class Pulse:
    """Renews what one sitting holds at the Athena that this machine is signed in to.

    Raises: BadSettings, NotSignedIn.
    """

    def __init__(self, sitting: Sitting, *, now: Callable[[], datetime] = clock.now) -> None:
        self._sitting = sitting
        self._now = now
        self._seconds: dict[Claim, float] = {}  # between two beats of it
        self._refused: set[Claim] = set()
        self._due = [0.0, 0.0]  # by each of the clocks
        self._sign_in()

    def claims(self) -> Sequence[Claim]:
        """What there is to renew: the key is for no other Athena."""
        if not self._sitting.is_there():
            return []
        return [claim for claim in self._sitting.claims() if claim.holder.url == self._url]

    def run(self) -> None:
        """Until Claude Code has gone, or holds nothing any more.

        Athena being away changes nothing: it is asked again at the next beat.
        """
        noted = None
        while self._has_claims():
            before, noted = noted, self._noted()
            # A task that was claimed again may have a shorter lease now. By the clock on the wall
            # as well: the other stands still while a laptop sleeps.
            if noted != before or any(map(operator.ge, self._clocks(), self._due)):
                seconds = self._beat_all()
                self._due = [each + seconds for each in self._clocks()]
            time.sleep(max(0.0, min(LOOK_SECONDS, self._due[0] - time.monotonic())))

    def _clocks(self) -> Sequence[float]:
        return time.monotonic(), self._now().timestamp()

    def _has_claims(self) -> bool:
        try:
            return bool(self.claims())
        except BadSettings:  # it cannot be read now: that is not the end of it
            return self._sitting.is_there()

    def _beat_all(self) -> float:
        """Renew all; gives the seconds until it is to be done again."""
        try:
            self._sign_in()
            claims = self.claims()
            for claim in claims:
                self._beat(claim)
        except (BadSettings, NotSignedIn):  # somebody is just at these files, or will mend them
            return TRY_AGAIN_SECONDS
        return min((self._seconds[claim] for claim in claims), default=0.0)

    def _sign_in(self) -> None:
        told = settings.load()  # again and again: a key is replaced while a session lasts for days
        self._url, self._key = told.url, told.signed_in()

    def _noted(self) -> int:
        """When a claim was last noted on this machine."""
        try:
            return (self._sitting.folder / state.FILE).stat().st_mtime_ns
        except OSError:
            return 0

    def _beat(self, claim: Claim) -> None:
        try:
            self._seconds[claim] = _seconds_between(self._renew(claim))
            self._refused.discard(claim)
        except AthenaError as error:
            self._seconds.setdefault(claim, TRY_AGAIN_SECONDS)
            if isinstance(error, Refused) and error.code in LOST:
                self._refuse(claim, error.code)

    def _refuse(self, claim: Claim, code: str) -> None:
        """Lose it, unless whoever ends it just now has told Athena, and not yet this machine."""
        if claim in self._refused:
            self._lose(claim, code)
        self._refused.add(claim)
        self._seconds[claim] = LOOK_SECONDS

    def _renew(self, claim: Claim) -> Answer:
        body = {"instance": claim.holder.instance, "attempt": claim.attempt}
        call = Call("POST", f"/api/tasks/{claim.task_id}/heartbeat", body=body, repeatable=True)
        transport = HttpTransport(self._url, self._key)
        try:
            return transport.send_once(call)
        finally:
            transport.drop()

    def _lose(self, claim: Claim, code: str) -> None:
        """Stop renewing it, and have Claude told when it next stops."""
        claims = Claims(self._sitting.folder, claim.holder)
        claims.forget(claim.task_id, attempt=claim.attempt)
        self._sitting.change(lambda told: told._replace(lost=[*told.lost, (claim.task_id, code)]))


def _seconds_between(answer: Answer) -> float:
    """How often to renew a lease, which is as long now as it ever is, by Athena's own clock."""
    expires, date = (answer.body or {}).get("lease_expires_at"), answer.headers.get("date")
    try:
        lease = datetime.fromisoformat(str(expires)) - parsedate_to_datetime(str(date))
    except (ValueError, TypeError):
        return BEAT_SECONDS_MAX
    wanted = lease.total_seconds() / BEATS_A_LEASE
    return min(BEAT_SECONDS_MAX, max(BEAT_SECONDS_MIN, wanted))
