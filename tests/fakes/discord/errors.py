"""Discord's refusals: HTTP status, JSON error code and sentence, as its API documents them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from tests.fakes.discord.jsontypes import Json, Path


class Refused(Enum):
    """The refusals the stand-in knows: (HTTP status, JSON code, message)."""

    UNAUTHORIZED = (401, 0, "401: Unauthorized")
    NOT_FOUND = (404, 0, "404: Not Found")
    METHOD_NOT_ALLOWED = (405, 0, "405: Method Not Allowed")
    UNKNOWN_CHANNEL = (404, 10003, "Unknown Channel")
    UNKNOWN_GUILD = (404, 10004, "Unknown Guild")
    UNKNOWN_MEMBER = (404, 10007, "Unknown Member")
    UNKNOWN_MESSAGE = (404, 10008, "Unknown Message")
    UNKNOWN_ROLE = (404, 10011, "Unknown Role")
    UNKNOWN_USER = (404, 10013, "Unknown User")
    UNKNOWN_WEBHOOK = (404, 10015, "Unknown Webhook")
    UNKNOWN_INTERACTION = (404, 10062, "Unknown interaction")
    UNKNOWN_COMMAND = (404, 10063, "Unknown application command")
    TOO_MANY_COMMANDS_TODAY = (
        429,
        30034,
        "Max number of daily application command creates reached",
    )
    MAX_PINS = (400, 30003, "Maximum number of pins reached (50)")
    TOO_LARGE = (413, 40005, "Request entity too large")
    ALREADY_ACKNOWLEDGED = (400, 40060, "Interaction has already been acknowledged.")
    MISSING_ACCESS = (403, 50001, "Missing Access")
    NOT_YOUR_MESSAGE = (403, 50005, "Cannot edit a message authored by another user")
    EMPTY_MESSAGE = (400, 50006, "Cannot send an empty message")
    CANNOT_SEND_TO_USER = (403, 50007, "Cannot send messages to this user")
    NOT_A_TEXT_CHANNEL = (400, 50008, "Cannot send messages in a non-text channel")
    MISSING_PERMISSIONS = (403, 50013, "Missing Permissions")
    WRONG_CHANNEL_TYPE = (400, 50024, "Cannot execute action on this channel type")
    INVALID_WEBHOOK_TOKEN = (401, 50027, "Invalid Webhook Token")
    INVALID_FORM_BODY = (400, 50035, "Invalid Form Body")
    THREAD_ARCHIVED = (400, 50083, "Thread is archived")
    INVALID_JSON = (400, 50109, "The request body contains invalid JSON.")
    CANNOT_REPLY_WITHOUT_HISTORY = (
        400,
        160002,
        "Cannot reply without permission to read message history",
    )
    THREAD_EXISTS = (400, 160004, "A thread has already been created for this message")
    THREAD_LOCKED = (400, 160005, "Thread is locked")
    TOO_MANY_THREADS = (400, 160006, "Maximum number of active threads reached")

    @property
    def status(self) -> int:
        return self.value[0]

    @property
    def code(self) -> int:
        return self.value[1]

    @property
    def message(self) -> str:
        return self.value[2]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a body: where (keys and indices), Discord's word for it, a sentence."""

    path: Path
    code: str
    message: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path)) or '(body)'}: {self.message} [{self.code}]"


class DiscordError(Exception):
    """A request that Discord would refuse."""

    def __init__(self, refused: Refused, problems: Iterable[Problem] = ()) -> None:
        self.refused = refused
        self.problems = tuple(problems)
        super().__init__(f"{refused.code} {refused.message}")

    def body(self) -> Json:
        answer: Json = {"message": self.refused.message, "code": self.refused.code}
        if self.problems:
            answer["errors"] = nested(self.problems)
        return answer


def nested(problems: Iterable[Problem]) -> Json:
    """Problems in the tree that discord.py and people know: errors.embeds.0.title._errors."""
    tree: Json = {}
    for problem in problems:
        node = tree
        for step in problem.path:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": problem.code, "message": problem.message})
    return tree
