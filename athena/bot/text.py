"""How other people's words go into a message: redacted, kept in their place, cut where it is safe.

Descriptions, notes, results and names are hostile input. Whatever of them is shown passes through
here, so that none can mention anyone, break out of its place, or carry a secret.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from typing import Final

REDACTED: Final = "[redacted]"
ELLIPSIS: Final = "…"
_ZERO_WIDTH_SPACE: Final = "\u200b"
_ZERO_WIDTH_JOINER: Final = "\u200d"
# A literal secret shorter than this would blot out ordinary words.
_SECRET_CHARACTERS_MIN: Final = 8

# What looks like a key of Athena, Anthropic, GitHub, Slack, AWS or Discord, or is a private key.
_SECRETS: Final = re.compile(
    r"""ath_[0-9A-Za-z_-]{8,}
      | sk-ant-[0-9A-Za-z_-]{8,}
      | gh[pousr]_[0-9A-Za-z]{16,} | github_pat_[0-9A-Za-z_]{16,}
      | xox[abprs]-[0-9A-Za-z-]{10,}
      | AKIA[0-9A-Z]{16}
      | \b[MNO][0-9A-Za-z_-]{22,28}\.[0-9A-Za-z_-]{6}\.[0-9A-Za-z_-]{27,}
      | -----BEGIN[ A-Z]*PRIVATE\ KEY-----.*?(?:-----END[ A-Z]*PRIVATE\ KEY-----|\Z)""",
    re.VERBOSE | re.DOTALL,
)
# Characters that turn the direction of what follows them, or that no message can show. Words in
# Hebrew or Arabic need none of them: their letters carry their direction.
_UNSHOWN: Final = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_LINE_ENDS: Final = re.compile("\r\n?|[\u0085\u2028\u2029]")
_URL: Final = re.compile(r"https?://[^\s<>()\[\]`*|\\\"']+")
_MARKDOWN: Final = re.compile(r"([\\*_~`|<>\[\]])")
_LINE_START: Final = re.compile(r"(?m)^(\s*)([#+-]|\d+(?=[.)]))")
_EVERYBODY: Final = re.compile(r"@(?=everyone|here)")
_FENCE: Final = re.compile(r"``(?=`)")


def units(text: str) -> int:
    """The length as Discord's clients count it: in UTF-16 units, never less than characters."""
    return len(text) + sum(character > "\uffff" for character in text)


def cut(text: str, units_max: int) -> str:
    """The beginning of the text that fits, with an ellipsis where something is missing.

    Never within a character that people see as one, and between words where that costs little.
    """
    if units(text) <= units_max:
        return text
    end, used = 0, units(ELLIPSIS)
    for character in text:
        used += 2 if character > "\uffff" else 1
        if used > units_max:
            break
        end += 1
    end = _before_the_cluster(text, end)
    space = max(text.rfind(" ", 0, end), text.rfind("\n", 0, end))
    if space > end * 4 // 5:
        end = space
    return text[:end].rstrip() + ELLIPSIS


def _before_the_cluster(text: str, end: int) -> int:
    """The last place at or before `end` that does not part a character from its marks."""
    while 0 < end < len(text) and (_joins(text[end]) or text[end - 1] == _ZERO_WIDTH_JOINER):
        end -= 1
    flags = 0
    while flags < end and "\U0001f1e6" <= text[end - 1 - flags] <= "\U0001f1ff":
        flags += 1
    is_second_half = flags % 2 == 1 and "\U0001f1e6" <= text[end : end + 1] <= "\U0001f1ff"
    return end - 1 if is_second_half else end


def _joins(character: str) -> bool:
    return (
        unicodedata.combining(character) > 0
        or character == _ZERO_WIDTH_JOINER
        or "\ufe00" <= character <= "\ufe0f"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


def _escape_markdown(text: str) -> str:
    """The text so that Discord shows it as it is; addresses stay, they can still be opened."""
    parts, end = [], 0
    for url in _URL.finditer(text):
        parts += [_escape_words(text[end : url.start()]), url[0]]
        end = url.end()
    parts.append(_escape_words(text[end:]))
    return _LINE_START.sub(_escape_line_start, "".join(parts))


def _escape_words(text: str) -> str:
    escaped = _MARKDOWN.sub(r"\\\1", text)
    return _EVERYBODY.sub(f"@{_ZERO_WIDTH_SPACE}", escaped)


def _escape_line_start(match: re.Match[str]) -> str:
    blank, sign = match.groups()
    return f"{blank}{sign}\\" if sign.isdigit() else f"{blank}\\{sign}"


def span(length: timedelta) -> str:
    """A length of time for people: `42 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`."""
    seconds = max(0, int(length.total_seconds()))
    for big, small, size in (("d", "h", 86_400), ("h", "min", 3_600), ("min", "s", 60)):
        if seconds >= size:
            rest = seconds % size // {"h": 3_600, "min": 60, "s": 1}[small]
            return f"{seconds // size} {big}" + (f" {rest} {small}" if rest else "")
    return f"{seconds} s"


def cost(usd: float) -> str:
    """An amount of money for people."""
    return f"${usd:,.2f}" if usd >= 0.01 or usd == 0 else "<$0.01"


def ago(at: datetime) -> str:
    """A time that every reader's client words by itself, such as "2 minutes ago"."""
    return f"<t:{int(at.timestamp())}:R>"


def moment(at: datetime) -> str:
    """A time that every reader's client shows in the reader's own time zone."""
    return f"<t:{int(at.timestamp())}:f>"


class Words:
    """Puts other people's words into messages."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        self._secrets = tuple(
            sorted((s for s in secrets if len(s) >= _SECRET_CHARACTERS_MIN), key=len, reverse=True)
        )

    def redact(self, text: str) -> str:
        """The text without the known secrets and without what looks like one."""
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return _SECRETS.sub(REDACTED, text)

    def _shown(self, text: str) -> str:
        return _UNSHOWN.sub("", _LINE_ENDS.sub("\n", self.redact(text))).strip()

    def plain(self, text: str, units_max: int) -> str:
        """One line for a place without markdown: a suggestion, a thread's name, a form."""
        return cut(" ".join(self._shown(text).split()), units_max)

    def line(self, text: str, units_max: int) -> str:
        """One line within a message."""
        return _fitting(" ".join(self._shown(text).split()), units_max)

    def paragraph(self, text: str, units_max: int) -> str:
        """Several lines within an embed; the lines stay, empty ones are joined."""
        return _fitting(re.sub(r"\n{3,}", "\n\n", self._shown(text)), units_max)

    def quote(self, text: str, units_max: int) -> str:
        """Several lines of a message, each marked as somebody else's words."""
        room = units_max
        while True:
            quoted = "> " + self.paragraph(text, room).replace("\n", "\n> ")
            excess = units(quoted) - units_max
            if excess <= 0:
                return quoted
            room -= max(1, excess // 2)

    def hides(self, text: str) -> bool:
        """Whether the text has something that is left out wherever it is shown."""
        return self._shown(text) != _LINE_ENDS.sub("\n", text).strip()

    def block(self, text: str, units_max: int) -> str:
        """A code block that the text cannot close."""
        frame = "```\n\n```"
        shown = self._shown(text)
        room = units_max - units(frame)
        broken = _FENCE.sub(f"`{_ZERO_WIDTH_SPACE}`{_ZERO_WIDTH_SPACE}", shown)
        return f"```\n{cut(broken, room)}\n```"

    def code(self, text: str, units_max: int) -> str:
        """A few words in typewriter letters, such as a commit or a branch."""
        return f"`{cut(' '.join(self._shown(text).replace('`', '´').split()), units_max - 2)}`"

    def link(self, text: str) -> str | None:
        """The address without a preview, if it is one that can be shown whole."""
        url = self._shown(text)
        return f"<{url}>" if len(url) <= 500 and _URL.fullmatch(url) else None


def _fitting(text: str, units_max: int) -> str:
    """The escaped text, cut before it is escaped so that no sign is parted from its backslash."""
    room = units_max
    while True:
        escaped = _escape_markdown(cut(text, room))
        excess = units(escaped) - units_max
        if excess <= 0:
            return escaped
        room -= max(1, excess // 2)
