"""What a task document says, and what is wrong with it."""

from __future__ import annotations

import pytest

from claude_task_client.sources import documents
from claude_task_client.sources.documents import DocumentError, Stem, decode, parse
from tests.client.sources.folders import text

WHOLE = """\
---
priority: high
project: house
target: pi
after: [task-20261121-080000-buy-oil, 12, "#13"]
not_before: 2026-12-24T18:00:00+01:00
---
# Task: Fix the *door*

It is the one to the garden.

## Task

It squeaks.

```markdown
## Expected Outcome
# Task: not this one
```

## Background

It is old.

## Expected outcome

Silence.
"""


def test_all_that_is_written_reaches_the_task():
    """Headings in code are text, sections of other names stay where they are."""
    document = parse(WHOLE)

    assert document.title == "Fix the *door*"
    assert (document.priority, document.project, document.target) == ("high", "house", "pi")
    assert document.after == ("task-20261121-080000-buy-oil", 12, 13)
    assert document.not_before == "2026-12-24T17:00:00.000Z"
    assert document.outcome == "Silence."
    assert document.description == (
        "Fix the *door*\n\nIt is the one to the garden.\n\nIt squeaks.\n\n"
        "```markdown\n## Expected Outcome\n# Task: not this one\n```\n\n"
        "## Background\n\nIt is old.\n\n## Expected Outcome\n\nSilence."
    )


def test_the_outcome_may_be_left_out():
    """Some tasks say it all."""
    assert parse("# Task: Paint\n\n## Task\n\nBlue.\n").description == "Paint\n\nBlue."


@pytest.mark.parametrize(
    "written", ["Task: Paint\n====\n\nTask\n----\nBlue.", "# task:  Paint #\n## TASK:\nBlue."]
)
def test_headings_may_be_written_in_any_of_markdowns_ways(written):
    """Underlined ones count as well, whatever the case of their letters."""
    assert parse(written).description == "Paint\n\nBlue."


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "'# Task: …'"),
        ("# Door\n\n## Task\n\nx", "'# Task: …'"),
        ("> # Task: quoted\n\n## Task\n\nx", "'# Task: …'"),
        ("# Task:\n\n## Task\n\nx", "line 1: the title after"),
        (f"# Task: {'x' * 201}\n\n## Task\n\nx", "line 1: the title is longer"),
        ("# Task: a\n\n## Task\n\nx\n\n# Task: b", "line 7: a second '# Task:'"),
        ("# Task: a\n\nDo it.", "'## Task' is missing or empty"),
        ("# Task: a\n\n## Task\n\n## Expected Outcome\n\nx", "line 3: the section '## Task'"),
        ("# Task: a\n\n## Task\n\nx\n\n## Task\n\ny", "line 7: a second '## Task'"),
        ("## Task\n\nx\n\n# Task: a", "line 1: '## Task' stands before"),
        (text(task="x" * 30_000), "characters; Athena takes 20000"),
        ("---\npriority: high\n# Task: a", "line 1: the front matter that begins here"),
        (text(head="colour: red"), "line 2: 'colour' is not known here"),
        (text(head="priority: high\npriority: low"), "line 3: a second 'priority'"),
        (text(head="priority: soon"), "line 2: priority: 'soon' is none of urgent"),
        (text(head="project: ../etc"), "line 2: project: '../etc' is no slug"),
        (text(head="not_before: soon"), "line 2: not_before: 'soon' is no time"),
        (text(head="not_before: 2026-13-01"), "line 2: not_before: month must be"),
        (text(head="after: [{a: b}]"), "line 2: after: this must be a plain value"),
        (text(head="after: 0"), "line 2: after: 0 is neither"),
        (text(head="after: [#12]"), "no YAML"),
        (text(head="a: b: c"), "line 2: the front matter is no YAML"),
        (text(head="- a"), "line 2: the front matter is no list of settings"),
        (text(head="? [a]\n: b"), "line 2: a setting begins with its name"),
        (text(head="target: !!python/object/apply:os.system [id]"), "line 2: target"),
        (text(head="[" * 3_000), "no YAML"),
        (text(head=f"# {'x' * 5_000}"), "line 1: the front matter has more than"),
    ],
)
def test_what_is_wrong_is_told_by_its_line(written, told):
    """Whoever wrote it finds the place."""
    with pytest.raises(DocumentError, match=None) as refused:
        parse(written)

    assert told in str(refused.value)


def test_an_empty_front_matter_says_nothing():
    """A template may have one."""
    assert parse(text(head="# nothing yet")).priority is None


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfa\nb", b"a\r\nb", b"a\rb"])
def test_marks_and_line_ends_of_other_systems_are_no_text(content):
    """Editors write what they like."""
    assert decode(content) == "a\nb"


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"a\nb\n\xff\xfe", "line 3: this is not UTF-8"), (b"a\n\0", "line 2: there is a NUL")],
)
def test_what_is_no_text_is_refused_by_its_line(content, told):
    """Athena would not take it either."""
    with pytest.raises(DocumentError, match=told):
        decode(content)


@pytest.mark.parametrize(
    "name",
    ["task-20261122-120000", "task-20261122-120000-a", "task-20261122-120000-Türe zum Garten"],
)
def test_names_have_a_moment_and_maybe_a_description(name):
    """Spaces and letters of any language are fine."""
    assert Stem.read(name).text == name


def test_one_name_has_one_spelling():
    """One file system writes a letter and its dots apart, another together."""
    assert Stem.read("task-20261122-120000-Tu\u0308re").text == "task-20261122-120000-Türe"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("door", "task-YYYYMMDD"),
        ("task-2026-11-22", "task-YYYYMMDD"),
        ("task-20261122-120000-", "task-YYYYMMDD"),
        ("task-20261122-120000_x", "task-YYYYMMDD"),
        ("task-٢٠٢٦١١٢٢-120000", "task-YYYYMMDD"),
        ("task-20261322-120000", "no date and time"),
        ("task-20261122-250000", "no date and time"),
        ("task-20261122-120000-a\tb", "cannot be printed"),
        ("task-20261122-120000-\udcff", "cannot be printed"),
        (f"task-20261122-120000-{'ü' * 100}", "more than 200 bytes"),
    ],
)
def test_other_names_are_refused(name, told):
    """The reason says what is expected."""
    with pytest.raises(DocumentError, match=told):
        Stem.read(name)


@pytest.mark.parametrize(
    ("name", "is_meant"),
    [
        ("task-20261122-120000-a", True),
        ("20261122-120000-a.md", True),
        ("20261122-120000", True),
        ("20261122-120000-b", False),
        ("20261122", False),
        ("", False),
    ],
)
def test_people_may_leave_out_parts_of_a_name(name, is_meant):
    """The moment is enough."""
    assert Stem.read("task-20261122-120000-a").answers_to(name) is is_meant


def test_a_document_of_ten_thousand_headings_is_read_in_no_time():
    """What is written in a document costs no more than reading it."""
    content = "# Task: a\n\n## Task\n\n" + "###### x\n" * 2_000

    assert parse(content).title == "a"
    assert len(content) < documents.DOCUMENT_BYTES_MAX
