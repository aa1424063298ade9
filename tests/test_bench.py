"""The benchmark beside other queues counts right; how quick anything is, no test asks."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from bench import pages
from bench.peers import job, rounds
from bench.peers.contenders import NAMES, Absent, find
from bench.peers.measured import Measured
from bench.peers.tables import report
from bench.processes import REPOSITORY
from bench.report import Report, Table

AMOUNT = rounds.Amount(alone=4, together=8, wakeups=3, seconds=30)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_FOLDER", str(tmp_path))
    return tmp_path


def test_every_queue_is_measured():
    """A queue is one file; one that nobody starts would be forgotten."""
    files = (REPOSITORY / "bench" / "peers" / "queues").glob("*.py")

    assert sorted(file.stem for file in files) == sorted(NAMES)


def test_runs_are_noted_in_order(folder: Path):
    """What was run is read from the folder, with times that do not go back."""
    for number in (3, 1, 2):
        job.run(number)

    numbers, times = zip(*job.records(folder, job.RUNS), strict=True)
    assert numbers == (3, 1, 2)
    assert list(times) == sorted(times)
    assert job.count(folder, job.RUNS) == 3
    assert job.count(folder, job.ACCEPTED) == 0


def test_gate_holds_a_worker_until_it_is_opened(folder: Path):
    """No worker begins before all have come."""
    worker = threading.Thread(target=job.run, args=[job.GATE])
    worker.start()
    held = not job.may_end(job.GATE)

    job.open_gate(folder)

    worker.join(timeout=30)
    assert held
    assert not worker.is_alive()


def test_queue_that_is_not_installed_says_what_to_do():
    """A missing package is a line in the report and never an end of the run."""
    with pytest.raises(Absent, match=r"celery.*make \.venv-bench"):
        find("celery", peers_python=Path(sys.executable))
    with pytest.raises(Absent, match=r"make \.venv-bench"):
        find("celery", peers_python=Path("/nowhere/python"))

    told = report([Measured("celery", failed="is not installed")], AMOUNT)

    assert "celery: is not installed" in str(told)


def test_page_keeps_what_was_not_measured(tmp_path: Path):
    """A benchmark writes its own section, and nothing beside it."""
    page = tmp_path / "page.md"
    marks = [
        (f"<!-- {n}: written by `python -m bench {n} --docs` -->", f"<!-- /{n} -->") for n in "ab"
    ]
    page.write_text("\n".join(["# Words", *(line for pair in marks for line in pair), "The end."]))

    for name, figure in (("a", "1"), ("b", "2"), ("a", "3")):
        found = Report([Table("Figures", ("what", "how much"), [(name, figure)])])
        pages.write(name, found, {"cores": "2"}, page=page)

    text = page.read_text()
    assert "| a    |        3 |" in text
    assert "| b    |        2 |" in text
    assert "| a    |        1 |" not in text
    assert text.startswith("# Words\n")
    assert text.endswith("The end.")


@pytest.mark.slow
def test_athena_is_measured_to_the_end(tmp_path: Path):
    """Every task that is put in is run once, and idle workers are met."""
    contender = find("athena_sqlite")

    found = rounds.measure(contender, AMOUNT, tmp_path / "round")

    assert (found.unfinished, found.twice) == (0, 0)
    assert len(found.wakeup_ms) == AMOUNT.wakeups
    measured = Measured(contender.name, contender)
    measured.fast.rounds.append(found)
    assert "Athena, SQLite" in str(report([measured], AMOUNT))
