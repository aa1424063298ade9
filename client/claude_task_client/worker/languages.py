"""How tests look in the languages that projects are written in.

Read by expressions, not by parsers: a worker sees code of any version, half-finished as well, and
what it finds is looked at by an auditor. Each is made to miss something rather than to cry wolf.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Expressions for one language, each matched on text without its comment lines.

    - `test`: where a test begins; the group that matched is its name
    - `skip`: keeps a test from running, or from counting; `only` keeps the others from running
    - `comment`: a line that is none of the code
    """

    test: re.Pattern[str]
    skip: re.Pattern[str]
    only: re.Pattern[str] = field(default=re.compile(r"(?!)"))
    comment: re.Pattern[str] = field(default=re.compile(r"^[ \t]*(//|\*|/\*).*$", re.MULTILINE))


def _lines(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.MULTILINE | re.VERBOSE)


_HASH: Final = re.compile(r"^[ \t]*#.*$", re.MULTILINE)

_PYTHON: Final = Language(
    test=_lines(r"^[ \t]*(?:async[ \t]+)?def[ \t]+(test\w*)[ \t]*\("),
    skip=_lines(
        r"""@(?:\w+\.)*(?:skip\w*|xfail|expectedFailure)\b
        | \bpytest\.(?:skip|xfail|importorskip)\( | \bself\.skipTest\( | \bSkipTest\b
        | ^[ \t]*pytestmark\b.*(?:skip|xfail) | \b__test__[ \t]*=[ \t]*False"""
    ),
    comment=_HASH,
)

_SCRIPT: Final = Language(
    test=_lines(
        r"""^[ \t]*[xf]?(?:it|test|specify)(?:\.\w+)*(?:\([^()\n]*\))?[ \t]*
        \(\s*(?:'((?:[^'\\\n]|\\.)+)'|"((?:[^"\\\n]|\\.)+)"|`((?:[^`\\]|\\.)+)`)"""
    ),
    skip=_lines(
        r"""\b(?:it|test|describe|context|suite)(?:\.\w+)*\.(?:skip\w*|todo|fixme|failing|fails)\b
        | \bx(?:it|test|describe|context|specify)[ \t]*\( | \bthis\.skip\( | ^[ \t]*pending\("""
    ),
    only=_lines(
        r"\b(?:it|test|describe|context|suite)(?:\.\w+)*\.only\b | \bf(?:it|describe)[ \t]*\("
    ),
)

_GO: Final = Language(
    test=_lines(
        r"""^func[ \t]+((?:Test|Fuzz|Benchmark|Example)\w*)[ \t]*\(
        | ^[ \t]+\w+\.Run\([ \t]*"((?:[^"\\\n]|\\.)+)" """
    ),
    skip=_lines(r"\b[tbf]\.Skip(?:f|Now)?\( | ^//go:build[ \t]+ignore"),
    comment=re.compile(r"^[ \t]*//(?!go:build).*$", re.MULTILINE),
)

_RUST: Final = Language(
    test=_lines(
        r"""^[ \t]*\#\[(?:\w+::)*(?:test|rstest|test_case|test_log|quickcheck)\b[^\n]*\n
        (?:[ \t]*\#\[[^\n]*\n)*[ \t]*(?:pub[ \t]+)?(?:async[ \t]+)?fn[ \t]+(\w+)"""
    ),
    skip=_lines(r"\#\[ignore\b | \#\[cfg_attr\([^\n]*\bignore\b | \#\[cfg\(any\(\)\)\]"),
)

_JVM: Final = Language(
    test=_lines(
        r"""@(?:\w+\.)*(?:Test|ParameterizedTest|RepeatedTest|TestFactory|Property)\b
        (?:(?!@(?:Test|ParameterizedTest)\b)[^{};]){0,400}?
        \b(?:void|fun|def)[ \t]+(`[^`\n]+`|\w+)[ \t]*\("""
    ),
    skip=_lines(
        r"""@(?:\w+\.)*(?:Ignore|Disabled\w*)\b | \benabled[ \t]*=[ \t]*false
        | \bassume(?:True|False|That)\( | \bthrow[ ]new[ ]SkipException"""
    ),
)

_RUBY: Final = Language(
    test=_lines(
        r"""^[ \t]*[xf]?(?:it|test|specify|scenario|example)[ (]+(?:'([^'\n]+)'|"([^"\n]+)")
        | ^[ \t]*def[ \t]+(test_\w+[?!]?)"""
    ),
    skip=_lines(
        r"""^[ \t]*(?:skip|pending|omit)\b | ^[ \t]*x(?:it|describe|context|specify|scenario)\b
        | ,[ \t]*(?:skip|pending):[ \t]*(?:true|['"]) | ,[ \t]*:(?:skip|pending)\b"""
    ),
    only=_lines(r"^[ \t]*f(?:it|describe|context)\b | ,[ \t]*focus:[ \t]*true | ,[ \t]*:focus\b"),
    comment=_HASH,
)

# C#, PHP, Swift, Elixir, shell and what else has a word for a test.
_OTHERS: Final = Language(
    test=_lines(
        r"""^[ \t]*(?:(?:public|private|static|final|async|override|export)[ \t]+)*
        (?:def|func|fn|function|sub|proc|void)[ \t]+([Tt]est\w*)
        | ^[ \t]*(?:it|test|@test|TEST)[ \t(]+["']([^"'\n]+)["']
        | ^[ \t]*TEST(?:_F|_P)?\(([\w ,]+)\)
        | \[(?:Test|Fact|Theory|TestMethod|TestCase)\b[^{};]{0,400}?
          \b(?:void|Task)[ \t]+(\w+)[ \t]*\("""
    ),
    skip=_lines(
        r"""\bmarkTest(?:Skipped|Incomplete)\b | \bSkip[ \t]*=[ \t]*" | \[Ignore\b | \bXCTSkip
        | @(?:module)?tag[ \t]+:?skip | ^[ \t]*skip\b | \bGTEST_SKIP\b | \bDISABLED_\w+"""
    ),
    comment=re.compile(r"^[ \t]*(//|\#(?!\[)|\*|/\*).*$", re.MULTILINE),
)

_BY_SUFFIX: Final = {
    suffix: language
    for language, suffixes in (
        (_PYTHON, ".py .pyi"),
        (_SCRIPT, ".js .jsx .ts .tsx .mjs .cjs .mts .cts .vue .svelte .coffee"),
        (_GO, ".go"),
        (_RUST, ".rs"),
        (_JVM, ".java .kt .kts .groovy .scala"),
        (_RUBY, ".rb"),
        (_OTHERS, ".cs .php .swift .ex .exs .bats .sh .c .cc .cpp .cxx .h .hpp .lua .dart .pl .t"),
        (_OTHERS, ".r .jl .hs .ml .clj .erl .fs .m .mm .zig .nim .cr"),
    )
    for suffix in suffixes.split()
}

# Inside a test, and nowhere else in it: what makes it a test.
ASSERTION: Final = re.compile(
    r"\b(?:assert\w*|expect\w*|should\w*|must\w*|verify\w*|check\w*|ensure\w*|refute\w*|require[.(]"
    r"|require[A-Z]\w*|XCT\w+|raises|EXPECT_\w+|ASSERT_\w+)\b(?![ \t]*:(?!:))"
    r"|\b[tb]\.(?:Error|Fatal|Fail)\w*"
)

_SAME: Final = r"(?P<{0}>[^\s,()=]+(?:\([^()]*\))?)"
TRIVIAL: Final = re.compile(
    r"\bassert\s+(?:True|true|1|not\s+(?:False|None))\s*(?:[,#;].*)?$"
    rf"|\bassert\s+{_SAME.format('a')}\s*===?\s*(?P=a)\s*(?:[,#;].*)?$"
    r"|\bassert(?:True|That|_true|Truthy|\.ok|\.True|\.isTrue|\.isOk|!)?"
    r"\(\s*(?:\w,\s*)?(?:True|true|1)\s*(?:,\s*[\"'].*)?\)"
    rf"|\b(?:assert|require)\w*[.!]?\w*!?\(\s*(?:t,\s*)?{_SAME.format('b')}\s*,\s*(?P=b)\s*[,)]"
    rf"|\bexpect\(\s*{_SAME.format('c')}\s*\)\.to\W?\w*[ (.]+(?:\w+[ (]+)?(?P=c)\s*(?:\)|;?$)"
    r"|\bexpect\(\s*(?:true|1)\s*\)\.(?:toBeTruthy|toBeDefined|to\.be\.ok|to be_truthy)"
    r"|\b(?:assert|expect)\b.*(?:\bor\s+True\b|\|\|\s*true\b)"
)

# One test for many cases: where it is new, others may have gone into it.
TABLE: Final = re.compile(
    r"\bparametrize\b|\bsubTest\b|\.each\b|\brstest\b|#\[case|test_case|ParameterizedTest|DataRow"
    r"|InlineData|range\s+\w*(?:tests|cases|tt)\b"
)

_TEST_NAME: Final = re.compile(
    r"(?:^|[._-])(?:tests?|specs?|e2e|it)(?:[._-]|$)|(?:Tests?|Spec|IT|TestCase)\.\w+$|^Test[A-Z]"
)
_TEST_FOLDERS: Final = frozenset(
    "test tests spec specs __tests__ e2e cypress testing t unittests".split()
)


def language_of(path: str) -> Language | None:
    """How the tests of a file look; None where it is no code."""
    return _BY_SUFFIX.get(PurePosixPath(path).suffix.lower())


def is_test_file(path: str) -> bool:
    """Whether a file holds tests, by the customs of all languages. Those of Rust are anywhere."""
    parts = PurePosixPath(path)
    if language_of(path) is None:
        return False
    inside = any(part.lower() in _TEST_FOLDERS for part in parts.parts[:-1])
    return inside or parts.suffix == ".rs" or _TEST_NAME.search(parts.name) is not None
