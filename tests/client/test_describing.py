"""A task in words."""

import pytest

from claude_task_client import describing


@pytest.mark.parametrize(
    ("usd", "words"),
    [
        (0, "$0.00"),
        (0.00004, "<$0.0001"),
        (0.0001, "$0.0001"),
        (0.004, "$0.0040"),
        (0.01, "$0.01"),
        (0.254, "$0.25"),
        (1234.5, "$1234.50"),
    ],
)
def test_a_small_sum_is_no_zero(usd, words):
    """The same words wherever the client shows what something cost."""
    assert describing.dollars(usd) == words
