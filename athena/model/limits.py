"""Every bound of Athena, with its unit and its reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

# Texts and shapes of a task (specification, section 4).
DESCRIPTION_CHARACTERS_MAX: Final = 20_000
METADATA_BYTES_MAX: Final = 16 * 1024
NOTES_CHARACTERS_MAX: Final = 20_000
LABEL_CHARACTERS_MAX: Final = 128  # created_by, names of keys and instances, session ids
MESSAGE_CHARACTERS_MAX: Final = 2_000  # one line of progress
SLUG_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

# Questions and messages (docs/api.md). Whoever answers has to be able to read it all; more open
# questions than this at once are a loop, and so are more of them over a task's whole life.
QUESTION_CHARACTERS_MAX: Final = 4_000
CHOICES_MAX: Final = 25  # Discord shows 25 buttons
CHOICE_CHARACTERS_MAX: Final = 100
TOOL_CHARACTERS_MAX: Final = 256
ACTION_BYTES_MAX: Final = 16 * 1024
QUESTION_KEY_CHARACTERS_MAX: Final = 100
ANSWER_CHARACTERS_MAX: Final = 4_000
QUESTIONS_OPEN_MAX: Final = 50
QUESTIONS_OF_A_TASK_MAX: Final = 1_000
MESSAGES_OF_A_TASK_MAX: Final = 1_000
# What an event or a reason repeats of a longer text.
EXCERPT_CHARACTERS_MAX: Final = 200

# A dependency list is shown and counted whole; completing a task visits all that wait for it.
DEPENDENCIES_MAX: Final = 100
DEPENDENTS_MAX: Final = 1_000

MAX_ATTEMPTS_MAX: Final = 1_000

# Beyond this a reported cost is a mistake, and would spoil every sum that it goes into.
COST_USD_MAX: Final = 1_000_000

# Beyond this a reported number of turns is one, too.
TURNS_MAX: Final = 1_000_000

# The transcript of a task. What is beyond the caps is dropped from its beginning: the end of a run
# tells more than its start. A batch is at most what fits a body; a sender sends one every second.
LINE_CHARACTERS_MAX: Final = 4_000
LINES_AT_ONCE_MAX: Final = 200
LINES_OF_A_TASK_MAX: Final = 10_000
TEXT_BYTES_OF_A_TASK_MAX: Final = 4 * 1024 * 1024
LINE_NUMBER_MAX: Final = 1_000_000_000
# Another replica's lines are looked for so often, where somebody follows.
LINES_LOOKED_FOR_EVERY: Final = timedelta(milliseconds=250)

LEASE_MIN: Final = timedelta(seconds=1)
LEASE_MAX: Final = timedelta(hours=24)
LEASE_DEFAULT: Final = timedelta(hours=2)

# Spacing of automatic retries (specification, section 3).
RETRY_DELAY_FIRST: Final = timedelta(seconds=30)
RETRY_DELAY_MAX: Final = timedelta(hours=1)

# The instance that parked a task has it to itself for so long once it is ready again.
AFFINITY: Final = timedelta(minutes=10)

# An instance is online while it was seen within this span.
ONLINE_WITHIN: Final = timedelta(minutes=3)
# Sightings closer together than this are not written: claims would pay for them.
SIGHTING_EVERY: Final = timedelta(seconds=15)

# Of several replicas one leads. It says so every so often; another takes over when it has not for
# a lease, and whoever leads after an outage gives every held task a fresh lease.
LEADER_RENEWS_EVERY: Final = timedelta(seconds=2)
LEADER_LEASE: Final = timedelta(seconds=6)
LEADER_OUTAGE: Final = timedelta(seconds=15)

LABELS_MAX: Final = 50
PROJECTS_MAX: Final = 100
HEARTBEAT_TASKS_MAX: Final = 500
HEALTH_BYTES_MAX: Final = 4 * 1024

WAIT_MAX: Final = timedelta(seconds=60)

PAGE_DEFAULT: Final = 50
PAGE_MAX: Final = 500
BODY_BYTES_MAX: Final = 256 * 1024

# A key of an HTTP client that says "this is the same request again"; kept for a day.
IDEMPOTENCY_KEY_CHARACTERS_MAX: Final = 255
IDEMPOTENCY_KEPT: Final = timedelta(hours=24)

# Due tasks and expired leases are handled in slices, so that no transaction grows long.
SWEEP_BATCH: Final = 100
PURGE_BATCH: Final = 200
# So many lines of transcripts go with one batch of tasks, and those of one task at least.
PURGE_LINES: Final = 5_000
REASONS_MAX: Final = 100
