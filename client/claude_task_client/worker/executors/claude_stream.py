"""What the program says on its output, made into a transcript, figures and an end.

The facts are those of 2.1.330: several `result` messages may come in one run (the last counts,
their figures are added up); `is_error` tells failure, not `subtype`; costs of a conversation
are its whole life's, so that only what was used since the result before is counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from claude_task_client.worker.executor import Desk, End, LineKind, Usage

Message = Mapping[str, Any]

LINE_CHARACTERS_MAX: Final = 4_000
RESULT_CHARACTERS_MAX: Final = 2_000
PROGRESS_CHARACTERS_MAX: Final = 200
# Which field of a tool's input says what is done; of the others the whole input is shown.
TELLING: Final = {
    "Bash": "command",
    "Read": "file_path",
    "Write": "file_path",
    "Edit": "file_path",
    "NotebookEdit": "notebook_path",
    "Glob": "pattern",
    "Grep": "pattern",
    "WebFetch": "url",
    "WebSearch": "query",
    "Agent": "description",
    "Skill": "skill",
    "ToolSearch": "query",
}
SIGNED_OUT_STATUSES: Final = frozenset({401, 403})
# What the service says where nothing but a person's act at the account can help.
ACCOUNT_SIGNS: Final = ("not logged in", "credit balance is too low", "/login", "invalid api key")
# What a result says was used since the one before: by model, in these names.
SINCE_LAST: Final = "model_usage_since_last_result"
TOKENS: Final = {
    "input_tokens": "inputTokens",
    "cache_read_input_tokens": "cacheReadInputTokens",
    "cache_creation_input_tokens": "cacheCreationInputTokens",
    "output_tokens": "outputTokens",
}
NO_SESSION: Final = "No conversation found with session ID"


def parse(line: bytes) -> Message | None:
    """The message of one line; None where it is none."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) and "type" in message else None


class Story:
    """What has been heard of a run so far. `hear` every message; then ask."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.session_id: str | None = None
        self.result: Message | None = None
        self.usage = Usage()
        self.denied: list[str] = []
        self.background: Sequence[Message] = ()
        self.limited_until: datetime | None = None
        self.has_retried = False
        self.is_resuming_call = False
        self._api_ms = 0
        self._total_cost_usd = 0.0
        self._ears: Mapping[str, Callable[[Message], None]] = {
            "init": self._hear_init,
            "api_retry": self._hear_retry,
            "background_tasks_changed": self._hear_background,
            "command_lifecycle": self._hear_lifecycle,
            "assistant": self._hear_assistant,
            "user": self._hear_user,
            "rate_limit_event": self._hear_limit,
            "result": self._hear_result,
        }

    def hear(self, message: Message) -> None:
        """Take note, and tell the desk what a person may want to know."""
        kind = message["type"]
        if kind == "system":
            kind = str(message.get("subtype"))
        if (hear := self._ears.get(kind)) is not None:
            hear(message)

    @property
    def is_idle(self) -> bool:
        """Whether it has said its last word, and nothing of it works in the background."""
        return self.result is not None and not self.background

    @property
    def is_deferred(self) -> bool:
        """Whether it has ended with a call that waits for a person."""
        return self.result is not None and bool(self.result.get("deferred_tool_use"))

    @property
    def text(self) -> str:
        """Its last word."""
        return str((self.result or {}).get("result") or "")

    @property
    def error(self) -> str | None:
        """What went wrong, in its own words."""
        if self.result is None or not self.result.get("is_error"):
            return None
        errors = self.result.get("errors") or ()
        return "; ".join(map(str, errors)) or self.text or str(self.result.get("subtype"))

    @property
    def structured(self) -> Mapping[str, object] | None:
        """The structured answer, if one was given."""
        answer = (self.result or {}).get("structured_output")
        return answer if isinstance(answer, dict) else None

    def end(self) -> End:
        """How it ended, by its last result. There must be one."""
        if self.result is None:
            return End.CRASHED
        if not self.result.get("is_error"):
            return End.DEFERRED if self.is_deferred else End.FINISHED
        subtype, reason = self.result.get("subtype"), self.result.get("terminal_reason")
        if subtype == "error_max_turns":
            return End.MAX_TURNS
        if subtype == "error_max_budget_usd":
            return End.MAX_COST
        if NO_SESSION in (self.error or ""):
            return End.SESSION_LOST
        return self._api_end() if reason == "api_error" else End.FAILED

    def _api_end(self) -> End:
        """Of the kinds of trouble with the service: whose turn is it?"""
        status = self.result.get("api_error_status") if self.result else None
        said = (self.error or "").lower()
        if status in SIGNED_OUT_STATUSES or any(sign in said for sign in ACCOUNT_SIGNS):
            return End.SIGNED_OUT
        if status == 429 and (self.limited_until is not None or not self.has_retried):
            return End.USAGE_LIMIT  # given up at once: it was told to come back much later
        if status is None or status == 429 or status >= 500 or status == 408:
            return End.API_UNAVAILABLE
        return End.FAILED

    # --- one kind of message each ----------------------------------------------------------------

    def _hear_init(self, message: Message) -> None:
        """It begins to speak, for the first time or again; so its last word is still to come."""
        self.result = None
        session_id = message.get("session_id")
        if session_id and session_id != self.session_id:
            self.session_id = session_id
            self._desk.started(session_id)
            model, version = message.get("model"), message.get("claude_code_version")
            self._desk.log(LineKind.SYSTEM, f"Claude Code {version}, {model}, session {session_id}")

    def _hear_retry(self, message: Message) -> None:
        self.has_retried = True
        status = message.get("error_status") or "no answer"
        seconds = round(float(message.get("retry_delay_ms") or 0) / 1000)
        count = f"{message.get('attempt')} of {message.get('max_retries')}"
        told = f"The model's API: {status} ({message.get('error')}); again in {seconds} s ({count})"
        self._desk.log(LineKind.SYSTEM, told)
        self._desk.progress(told)

    def _hear_background(self, message: Message) -> None:
        self.background = message.get("tasks") or ()

    def _hear_lifecycle(self, _message: Message) -> None:
        self.is_resuming_call = True

    def _hear_assistant(self, message: Message) -> None:
        mark = "↳ " if message.get("parent_tool_use_id") else ""  # a subagent's
        for block in _blocks(message):
            self._tell(block, mark)

    def _tell(self, block: Message, mark: str) -> None:
        if block.get("type") == "text" and (text := str(block.get("text", "")).strip()):
            self._desk.log(LineKind.TEXT, _cut(mark + text, LINE_CHARACTERS_MAX))
            self._desk.progress(_cut(mark + one_line(text), PROGRESS_CHARACTERS_MAX))
        elif block.get("type") == "tool_use":
            line = mark + call_line(str(block.get("name")), block.get("input") or {})
            self._desk.log(LineKind.TOOL, _cut(line, LINE_CHARACTERS_MAX))
            self._desk.progress(_cut(line, PROGRESS_CHARACTERS_MAX))

    def _hear_user(self, message: Message) -> None:
        for block in _blocks(message):
            text = "\n".join(_texts(block.get("content"))).strip()
            if block.get("type") == "tool_result" and text:
                kind = LineKind.ERROR if block.get("is_error") else LineKind.RESULT
                self._desk.log(kind, _cut(text, RESULT_CHARACTERS_MAX))

    def _hear_limit(self, message: Message) -> None:
        limit = message.get("rate_limit_info") or {}
        if limit.get("status") == "rejected" and (at := limit.get("resetsAt")):
            self.limited_until = datetime.fromtimestamp(float(at), UTC)

    def _hear_result(self, message: Message) -> None:
        self.result = message
        self.usage += self._used(message)
        self.denied += [
            str(each.get("tool_name")) for each in message.get("permission_denials") or ()
        ]

    def _used(self, message: Message) -> Usage:
        """What was used since the result before; the time with the API is the run's so far."""
        api_ms = int(message.get("duration_api_ms") or 0)
        before, self._api_ms = self._api_ms, api_ms
        tokens = self._tokens(message)
        return Usage(
            total_cost_usd=self._cost(message),
            num_turns=int(message.get("num_turns") or 0),
            duration_ms=int(message.get("duration_ms") or 0),
            duration_api_ms=max(0, api_ms - before),
            **tokens,
        )

    def _cost(self, message: Message) -> float:
        """Versions that do not tell the run's own cost apart tell no conversation's, either."""
        total = float(message.get("total_cost_usd") or 0)
        before, self._total_cost_usd = self._total_cost_usd, total
        models = message.get(SINCE_LAST)
        if models is None:
            return max(0.0, total - before)
        return sum(float(model.get("costUSD") or 0) for model in models.values())

    @staticmethod
    def _tokens(message: Message) -> dict[str, int]:
        models = message.get(SINCE_LAST)
        if models is None:
            usage = message.get("usage") or {}
            return {name: int(usage.get(name) or 0) for name in TOKENS}
        return {
            name: sum(int(model.get(theirs) or 0) for model in models.values())
            for name, theirs in TOKENS.items()
        }


def call_line(tool: str, tool_input: Mapping[str, object]) -> str:
    """A tool call as one readable line, with the exact command or path."""
    telling = tool_input.get(TELLING.get(tool, ""))
    if isinstance(telling, str):
        return f"{tool}: {one_line(telling)}"
    return f"{tool}: {json.dumps(tool_input, ensure_ascii=False)}" if tool_input else tool


def one_line(text: str) -> str:
    """The text with its line ends shown as signs."""
    return " ⏎ ".join(text.strip().splitlines())


def _blocks(message: Message) -> Iterator[Message]:
    content = (message.get("message") or {}).get("content")
    if isinstance(content, list):
        yield from (block for block in content if isinstance(block, dict))


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        yield from (str(b.get("text", "")) for b in content if isinstance(b, dict))


def _cut(text: str, characters_max: int) -> str:
    return text if len(text) <= characters_max else f"{text[: characters_max - 1]}…"
