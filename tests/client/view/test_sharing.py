"""How the lines of a terminal are shared."""

import pytest

from claude_task_client.view.sharing import Wish, share


@pytest.mark.parametrize("lines", range(60))
def test_all_lines_are_given_where_somebody_takes_the_rest(lines):
    wishes = [Wish(3, 5), Wish(4, 20, takes_rest=True), Wish(2, 3)]

    given = share(lines, wishes)

    assert sum(given) == lines
    assert all(each >= 0 for each in given)


def test_each_gets_its_least_before_any_gets_more():
    assert share(9, [Wish(2, 50), Wish(3, 50), Wish(2, 50)]) == [3, 4, 2]


def test_the_last_ones_go_without_where_there_is_too_little():
    assert share(4, [Wish(3, 5), Wish(3, 5), Wish(3, 5)]) == [3, 1, 0]


def test_nobody_gets_more_than_it_can_use():
    assert share(100, [Wish(1, 4), Wish(1, 2)]) == [4, 2]
