"""Tests that were deleted or weakened are seen, in each language; honest work is not."""

from __future__ import annotations

import pytest

from claude_task_client.worker.languages import is_test_file
from claude_task_client.worker.weakening import Source, findings


def found(path: str, old: str, new: str, *others: Source) -> list[str]:
    """What is found in a file that was changed."""
    return list(findings([Source(path=path, old_path=path, old=old, new=new), *others]))


PYTHON = '''import pytest
from app import add


def test_adds():
    total = add(1, 2)
    assert total == 3
    assert isinstance(total, int)


@pytest.mark.parametrize("n", [1, 2])
async def test_adds_nothing(n):
    """Zero."""
    assert add(n, 0) == n


class TestMore:
    def test_refuses_text(self):
        with pytest.raises(TypeError):
            add("a", 1)
'''

SCRIPT = """import { add } from './add';

describe('add', () => {
  it('adds numbers', () => {
    const total = add(1, 2);
    expect(total).toBe(3);
    expect(total).not.toBeNaN();
  });

  test("takes nothing", async () => {
    expect(add()).toBe(0);
  });
});
"""

GO = """package app

import "testing"

func TestAdd(t *testing.T) {
	if got := Add(1, 2); got != 3 {
		t.Errorf("got %d", got)
	}
}

func TestNothing(t *testing.T) {
	t.Run("zero", func(t *testing.T) {
		if Add() != 0 {
			t.Fatal("not zero")
		}
	})
}
"""

RUST = """#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds() {
        assert_eq!(add(1, 2), 3);
        assert!(add(0, 0) == 0);
    }

    #[tokio::test]
    async fn adds_later() {
        assert_eq!(add_later(1, 2).await, 3);
    }
}
"""

JAVA = """class AddTest {
    @Test
    void addsNumbers() {
        assertEquals(3, add(1, 2));
        assertNotNull(add(0, 0));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    public void addsNothing(int n) {
        assertThat(add(n, 0)).isEqualTo(n);
    }
}
"""

RUBY = """RSpec.describe Adder do
  it 'adds numbers' do
    expect(add(1, 2)).to eq(3)
    expect(add(1, 2)).to be_an(Integer)
  end

  it "takes nothing" do
    expect(add).to eq 0
  end
end
"""

OTHER = """<?php
final class AddTest extends TestCase
{
    public function testAdds(): void
    {
        $this->assertSame(3, add(1, 2));
        $this->assertIsInt(add(1, 2));
    }
}
"""

FILES = {
    "tests/test_add.py": PYTHON,
    "src/add.test.ts": SCRIPT,
    "add_test.go": GO,
    "src/add.rs": RUST,
    "src/test/java/AddTest.java": JAVA,
    "spec/add_spec.rb": RUBY,
    "tests/AddTest.php": OTHER,
}


PATHS = dict(zip(("py", "ts", "go", "rs", "jv", "rb", "php"), FILES, strict=True))


@pytest.mark.parametrize("path", FILES)
def test_a_deleted_file_of_tests_is_seen(path):
    """In each language; Rust keeps its tests beside the code."""
    assert is_test_file(path)

    (sentence,) = found(path, FILES[path], "")

    assert sentence.startswith(f"{path}: this file of tests was deleted")


@pytest.mark.parametrize("path", FILES)
def test_a_file_that_has_no_test_any_more_is_seen(path):
    """Emptied is as good as deleted."""
    (sentence,) = found(path, FILES[path], "\n// nothing here\n")

    assert "no test is left in this file" in sentence


WEAKER = [
    ("py", "def test_adds_nothing(n)", "def check_adds_nothing(n)", "`test_adds_nothing`"),
    ("py", "    assert isinstance(total, int)\n", "", "lost what it checked: `assert isinst"),
    ("py", "    assert add(n, 0) == n\n", "    add(n, 0)\n", "checks nothing any more"),
    ("py", "assert total == 3", "assert True", "`assert True`, which always holds"),
    ("py", "assert total == 3", "assert total == total", "which always holds"),
    ("py", "assert total == 3", "assert total == 3 or True", "which always holds"),
    ("py", "def test_adds():", "@pytest.mark.skip\ndef test_adds():", "is skipped"),
    ("py", "@pytest.mark.param", "@pytest.mark.xfail\n@pytest.mark.param", "is skipped"),
    (
        "py",
        "    total = add(1, 2)",
        "    pytest.skip('later')\n    total = add(1, 2)",
        "is skipped",
    ),
    ("py", "    total = add(1, 2)", "    return\n    total = add(1, 2)", "ends before it checks"),
    (
        "py",
        "from app import add",
        "pytestmark = pytest.mark.skip",
        "tests of this file are skipped",
    ),
    ("py", "    def test_refuses_text", "    # def test_refuses_text", "`test_refuses_text`"),
    ("ts", "it('adds", "it.skip('adds", "is skipped"),
    ("ts", "it('adds", "xit('adds", "is skipped"),
    ("ts", 'test("takes', 'test.only("takes', "only this test runs"),
    ("ts", "describe('add'", "describe.skip('add'", "tests of this file are skipped"),
    ("ts", "expect(total).toBe(3)", "expect(true).toBe(true)", "which always holds"),
    ("ts", "    expect(total).not.toBeNaN();\n", "", "lost what it checked"),
    ("ts", "  it('adds", "  // it('adds", "`adds numbers`"),
    (
        "go",
        "func TestAdd(t *testing.T) {",
        "func TestAdd(t *testing.T) {\n\tt.Skip()",
        "is skipped",
    ),
    ("go", '\t\tt.Errorf("got %d", got)\n', "", "checks nothing any more"),
    ("go", "func TestAdd(", "func testAdd(", "`TestAdd`"),
    ("go", 't.Run("zero"', '_ = func(_ string, _ any) {}; ignore("zero"', "`zero`"),
    ("rs", "#[test]", "#[test]\n    #[ignore]", "is skipped"),
    ("rs", "    #[test]\n", "", "`adds`"),
    ("rs", "assert_eq!(add(1, 2), 3)", "assert!(true)", "which always holds"),
    ("jv", "    @Test\n", '    @Test\n    @Disabled("later")\n', "is skipped"),
    ("jv", "    @Test\n", "", "`addsNumbers`"),
    ("jv", "assertEquals(3, add(1, 2))", "assertTrue(true)", "which always holds"),
    ("jv", "        assertNotNull(add(0, 0));\n", "", "lost what it checked"),
    ("rb", "  it 'adds", "  xit 'adds", "is skipped"),
    ("rb", "  it 'adds numbers' do", "  it 'adds numbers' do\n    skip", "is skipped"),
    ("rb", "    expect(add(1, 2)).to eq(3)", "    expect(true).to be true", "which always holds"),
    ("rb", '  it "takes', '  fit "takes', "only this test runs"),
    ("php", "$this->assertSame", "$this->markTestSkipped(); $this->assertSame", "is skipped"),
    ("php", "        $this->assertIsInt(add(1, 2));\n", "", "lost what it checked"),
]


@pytest.mark.parametrize(("language", "old", "new", "expected"), WEAKER)
def test_a_weakened_test_is_seen(language, old, new, expected):
    """One sentence, with the file and what is wrong."""
    path = PATHS[language]
    before = FILES[path]
    after = before.replace(old, new, 1)
    assert after != before

    told = found(path, before, after)

    assert len(told) == 1, told
    assert told[0].startswith(path)
    assert expected in told[0]


NEW_TEST = "@pytest.mark.skipif(WINDOWS)\ndef test_new():\n    assert 1\n\n\nclass TestMore:"
BOTH_ASSERTIONS = "    assert total == 3\n    assert isinstance(total, int)\n"

HONEST = [
    ("py", "assert total == 3", "assert total == 4"),
    ("py", "def test_adds():", "def test_adds_two_numbers():"),
    ("py", "class TestMore:", "def helper():\n    assert add(1, 1)\n\n\nclass TestMore:"),
    ("py", "class TestMore:", NEW_TEST),
    ("py", BOTH_ASSERTIONS, "    check_total(total)\n"),
    ("py", BOTH_ASSERTIONS, "    assert (total, type(total)) == (3, int)\n"),
    ("ts", "'adds numbers'", "'adds two numbers'"),
    ("ts", "toBe(3)", "toEqual(3)"),
    ("ts", "expect(total).toBe(3)", "expect(total).toEqual(total.value)"),
    ("go", "TestAdd(", "TestAddTwo("),
    ("go", "got != 3", "got != 4"),
    ("rs", "fn adds()", "fn adds_numbers()"),
    ("rs", "mod tests {", "fn helper() {}\n\nmod tests {"),
    ("jv", "addsNumbers", "addsTwoNumbers"),
    ("jv", "assertEquals(3, add(1, 2))", "assertEquals(4, add(2, 2))"),
    ("rb", "adds numbers", "adds two numbers"),
    ("php", "testAdds", "testAddsNumbers"),
]


@pytest.mark.parametrize(("language", "old", "new"), HONEST)
def test_honest_work_on_tests_is_no_finding(language, old, new):
    """Renamed, corrected, extended: that is what tests are for."""
    path = PATHS[language]
    before = FILES[path]
    after = before.replace(old, new, 1)
    assert after != before

    assert found(path, before, after) == []


def test_assertions_that_went_into_a_function_of_the_file_still_count():
    """What many tests check is written once."""
    helper = "\n\ndef adds_up(total):\n    assert total == 3\n    assert isinstance(total, int)\n"
    after = PYTHON.replace(BOTH_ASSERTIONS, "    adds_up(total)\n") + helper
    in_go = GO.replace(
        'if got := Add(1, 2); got != 3 {\n\t\tt.Errorf("got %d", got)\n\t}', "isThree(t, Add(1, 2))"
    )
    helper_in_go = "\nfunc isThree(t *testing.T, n int) {\n\tif n != 3 {\n\t\tt.Fatal(n)\n\t}\n}\n"

    assert found("tests/test_add.py", PYTHON, after) == []
    assert found("add_test.go", GO, in_go + helper_in_go) == []
    assert found("add_test.go", GO, in_go) != []


def test_a_name_that_says_assert_is_no_assertion():
    """Texts are not code."""
    before = PYTHON.replace("[1, 2]", '["expect", "assert"]')

    assert found("tests/test_add.py", before, PYTHON) == []


@pytest.mark.parametrize("path", FILES)
def test_new_tests_are_fine(path):
    """Whatever they look like: the auditor reads them."""
    assert found(path, "", FILES[path]) == []


@pytest.mark.parametrize("path", FILES)
def test_a_file_that_was_moved_is_no_deletion(path):
    """Git saw that it was renamed, or did not."""
    moved = f"moved/{path}"
    as_rename = Source(path=moved, old_path=path, old=FILES[path], new=FILES[path])
    as_two = Source(path=moved, old_path=moved, old="", new=FILES[path])

    assert list(findings([as_rename])) == []
    assert found(path, FILES[path], "", as_two) == []


def test_several_tests_that_became_a_table_are_left_to_the_auditor():
    """Merging tests is good work as often as not."""
    old = "".join(
        f"def test_adds_{n}():\n    assert add({n}, 1) == {n + 1}\n\n\n" for n in range(4)
    )
    new = (
        '@pytest.mark.parametrize("n", range(4))\n'
        "def test_adds(n):\n    assert add(n, 1) == n + 1\n"
    )

    assert found("tests/test_add.py", old, new) == []


def test_a_test_that_was_replaced_by_an_empty_one_is_seen():
    """A new name does not make a test of it."""
    new = PYTHON.replace(
        "def test_adds():\n    total = add(1, 2)\n    assert total == 3\n"
        "    assert isinstance(total, int)\n",
        "def test_something():\n    pass\n",
    )

    (sentence,) = found("tests/test_add.py", PYTHON, new)

    assert "removed tests: `test_adds`" in sentence


def test_a_file_that_is_no_test_file_any_more_has_lost_its_tests():
    """`test_app.py` renamed to `old.py` is never run again."""
    source = Source(path="old.py", old_path="tests/test_add.py", old=PYTHON, new="")

    (sentence,) = findings([source])

    assert "`test_adds`" in sentence


def test_many_tests_are_compared_within_bounds():
    """A rewritten suite does not hold up the worker."""
    old = "".join(f"def test_{n}():\n    assert f({n}) == {n}\n\n" for n in range(3_000))
    new = "".join(f"def test_new_{n}():\n    assert g({n}) == {n}\n\n" for n in range(3_000))

    assert len(found("tests/test_add.py", old, new)) == 1


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("test_app.py", True),
        ("src/app_test.py", True),
        ("src/app.spec.tsx", True),
        ("src/__tests__/app.js", True),
        ("src/AppTests.swift", True),
        ("src/latest.py", False),
        ("src/contest.js", False),
        ("src/protest/app.go", False),
        ("tests/data.json", False),
        ("README.md", False),
    ],
)
def test_files_with_tests_are_known_by_the_customs_of_their_languages(path, expected):
    """By name or folder."""
    assert is_test_file(path) is expected
