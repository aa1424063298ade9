"""What the message of a question says, and what can be pressed under it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from athena.bot.buttons import Button, Menu, QuestionPress, Reply, parse
from athena.bot.notices import CONTENT_UNITS, Notice, Wording
from athena.bot.questions import controls_of, notice_of
from athena.bot.text import Words, units
from athena.model.question import (
    ProposedAction,
    Question,
    QuestionId,
    QuestionKind,
    QuestionStatus,
    Verdict,
)
from athena.model.task import TaskId

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORDS = Words()
WORDING = Wording(WORDS, lambda slug: {"macbook-pro": "MacBook Pro"}.get(slug, slug))

TEXT = Question(
    id=QuestionId(7),
    task_id=TaskId(12),
    attempt=1,
    instance="macbook-pro",
    kind=QuestionKind.TEXT,
    text="Which database?",
    asked_at=NOW,
)
CHOICE = replace(TEXT, kind=QuestionKind.CHOICE, choices=("PostgreSQL", "SQLite"))
APPROVAL = replace(
    TEXT,
    kind=QuestionKind.APPROVAL,
    text="Clean the build",
    action=ProposedAction(tool="Bash", input={"command": "rm -rf build", "timeout": 5}),
)


def answered(question: Question, answer: str, note: str | None = None) -> Question:
    return replace(
        question,
        status=QuestionStatus.ANSWERED,
        answer=answer,
        note=note,
        answered_by="alice",
        answered_via="discord",
        answered_at=NOW,
    )


def shown(question: Question, mention: int | None = 42) -> Notice:
    return notice_of(question, mention=mention, wording=WORDING)


def labels(question: Question) -> list[str]:
    return [control.label for control in controls_of(question, WORDS)]


def test_open_question_says_who_asks_what_and_mentions_the_submitter() -> None:
    """The task, the instance by its name, the question, and a button that opens a form."""
    notice = shown(TEXT)
    assert notice.content.startswith("❓ **Question 7** · task #12 · MacBook Pro asks <@42>\n")
    assert "> Which database?" in notice.content
    assert notice.mention == 42
    assert labels(TEXT) == ["Answer…"]


def test_choices_are_buttons_and_another_answer_is_possible() -> None:
    """One press answers; what is not offered can be typed."""
    assert labels(CHOICE) == ["PostgreSQL", "SQLite", "Other…"]
    first = controls_of(CHOICE, WORDS)[0]
    assert parse(first.custom_id) == QuestionPress(Reply.PICK, QuestionId(7), 0)


@pytest.mark.parametrize("choices", [tuple(f"c{n}" for n in range(25)), ("short", "l" * 100)])
def test_choices_that_no_buttons_can_show_are_a_menu(choices: tuple[str, ...]) -> None:
    """All 25, and each of its 100 characters, can be chosen."""
    menu, other = controls_of(replace(CHOICE, choices=choices), WORDS)
    assert isinstance(menu, Menu)
    assert menu.options == choices
    assert isinstance(other, Button)


def test_most_choices_that_are_buttons_fit_with_the_other_one() -> None:
    """A message takes 25 buttons."""
    assert len(labels(replace(CHOICE, choices=tuple(f"c{n}" for n in range(24))))) == 25


def test_choice_that_cannot_be_shown_has_a_name_all_the_same() -> None:
    """A button without a label would be refused, and the question with it."""
    unseen = replace(CHOICE, choices=("\u202e", "b", "\u200b"))
    assert labels(unseen) == ["Choice 1", "b", "Choice 3", "Other…"]


def test_approval_shows_the_exact_action() -> None:
    """Tool, command, and whatever else would be given to it."""
    notice = shown(APPROVAL)
    assert notice.content.startswith("🔐 **Approval 7** · task #12 · MacBook Pro asks <@42>\n")
    assert "Tool `Bash`" in notice.content
    assert "```\nrm -rf build\n```" in notice.content
    assert '"timeout": 5' in notice.content
    assert labels(APPROVAL) == [
        "Allow once",
        "Allow for this project",
        "Deny",
        "Deny, and say why…",
    ]
    assert notice.file_text is None


@pytest.mark.parametrize("name", ["file_path", "notebook_path", "path", "url"])
def test_approval_shows_the_path(name: str) -> None:
    """Where it would act stands before what it would do there."""
    action = ProposedAction(tool="Edit", input={name: "/etc/hosts", "new_string": "x"})
    content = shown(replace(APPROVAL, action=action)).content
    assert content.index(f"{name} `/etc/hosts`") < content.index('"new_string": "x"')


@pytest.mark.parametrize(
    "given",
    [
        {"command": "echo " + "x" * 600},
        {"command": "echo a\u202eb"},
        {"command": "echo ```"},
        {"file_path": "/tmp/" + "x" * 200},
        {"file_path": "/srv/a  b"},
        {"content": "x" * 700},
        {"command": "ls", "content": "x" * 300},
    ],
)
def test_what_an_approval_cannot_show_is_pointed_out(given: dict[str, object]) -> None:
    """Nobody allows what was cut off or hidden without being told: a file has all of it."""
    action = ProposedAction(tool="Tool", input=given)
    notice = shown(replace(APPROVAL, action=action))
    assert "read the file" in notice.content
    assert notice.file_name == "question-7.txt"
    assert str(next(iter(given.values()))) in str(notice.file_text)


def test_hidden_signs_are_visible_in_the_file() -> None:
    """A sign that turns the direction of what follows it is written out."""
    action = ProposedAction(tool="Bash", input={"command": "echo a\u202eb"})
    assert "\\u202e" in str(shown(replace(APPROVAL, action=action)).file_text)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (answered(TEXT, "PostgreSQL"), ["✅ **Question 7**", "**alice** answered", "> PostgreSQL"]),
        (answered(CHOICE, "SQLite"), ["✅ **Question 7**", "> SQLite"]),
        (answered(APPROVAL, Verdict.ALLOW), ["✅ **Approval 7**", "**alice** allowed it once"]),
        (answered(APPROVAL, Verdict.ALLOW_PROJECT), ["allowed it for this project"]),
        (answered(APPROVAL, Verdict.DENY, "not now"), ["⛔", "denied it", "> not now"]),
        (replace(TEXT, status=QuestionStatus.WITHDRAWN), ["⚪ **Question 7**", "Withdrawn"]),
    ],
)
def test_settled_question_says_what_became_of_it(question: Question, said: list[str]) -> None:
    """Who answered what, or that nobody needs to; no buttons, and nobody is mentioned."""
    notice = shown(question)
    for part in said:
        assert part in notice.content
    assert notice.controls == ()
    assert notice.mention is None
    assert "<@" not in notice.content


def test_every_state_has_a_digest_of_its_own() -> None:
    """What changes is edited, what does not is left alone."""
    states = [TEXT, answered(TEXT, "a"), answered(TEXT, "b"), APPROVAL, CHOICE]
    assert len({shown(question).digest for question in states}) == len(states)
    assert shown(TEXT).digest == shown(TEXT).digest


@pytest.mark.parametrize("sign", ["x", "*", "\n", "`", "👨‍👩‍👧", "\u202e", "> ", "a\n"])
@pytest.mark.parametrize("status", QuestionStatus)
@pytest.mark.parametrize("kind", QuestionKind)
def test_largest_question_fits_into_a_message(
    sign: str, status: QuestionStatus, kind: QuestionKind
) -> None:
    """Texts of any length and kind make a message that Discord takes."""
    much = (sign * 4_000)[:4_000]
    given = {"command": much, "path": much, "more": [much], "n": 1}
    if sign == "x":
        del given["command"]
    action = ProposedAction(tool=much[:100] or "t", input=given)
    question = replace(
        answered(TEXT, Verdict.DENY if kind is QuestionKind.APPROVAL else much, much),
        kind=kind,
        status=status,
        text=much,
        instance=much[:64],
        answered_by=much[:128],
        answered_via=much[:40],
        choices=(much[:100],) * 25 if kind is QuestionKind.CHOICE else None,
        action=action if kind is QuestionKind.APPROVAL else None,
    )
    notice = shown(question, mention=10**18)
    assert units(notice.content) <= CONTENT_UNITS


def test_text_cannot_break_out_of_its_place() -> None:
    """Whatever Claude asks: no mention, no heading, no fence, no link with another name."""
    nasty = "@everyone <@1> <@&2> # h\n```\n> x\n[a](http://evil.example)"
    action = ProposedAction(tool="`@here`", input={"command": nasty, "x": nasty})
    content = shown(replace(APPROVAL, text=nasty, action=action), mention=None).content
    quoted = [line for line in content.splitlines() if line.startswith("> ")]
    assert all("@\u200beveryone" in line for line in quoted if "everyone" in line)
    assert "> \\`\\`\\`" in quoted
    assert content.count("```") == 4


def test_secrets_stand_neither_in_the_message_nor_in_the_file() -> None:
    """A command may carry a key; it is taken out everywhere."""
    key = "sk-ant-" + "abcdefgh" * 4
    action = ProposedAction(tool="Bash", input={"command": f"curl -H {key}"})
    notice = shown(replace(APPROVAL, action=action, text=key))
    assert key not in notice.content + str(notice.file_text)


@pytest.mark.parametrize(
    ("custom_id", "meaning"),
    [
        ("athena:question:7:answer", QuestionPress(Reply.ANSWER, QuestionId(7))),
        ("athena:question:7:pick:24", QuestionPress(Reply.PICK, QuestionId(7), 24)),
        ("athena:question:7:allow-project", QuestionPress(Reply.ALLOW_PROJECT, QuestionId(7))),
        ("athena:question:0:answer", None),
        ("athena:question:7:explode", None),
        ("athena:question:7", None),
        (f"athena:question:{'9' * 30}:answer", None),
    ],
)
def test_ids_of_answers_are_understood_or_not_ours(custom_id: str, meaning: object) -> None:
    """A press means what its button said, for ever; anything else means nothing."""
    assert parse(custom_id) == meaning


@pytest.mark.parametrize("given", [{}, {"command": 7, "path": None}, {"a": {"b": [1, None, True]}}])
def test_odd_actions_are_shown_as_they_are(given: dict[str, Any]) -> None:
    """A tool may take anything."""
    content = shown(replace(APPROVAL, action=ProposedAction(tool="T", input=given))).content
    for name, value in given.items():
        assert json.dumps(name) in content
        assert value is None or json.dumps(value, indent=1).split("\n", 1)[0] in content
