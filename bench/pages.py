"""Puts what was measured into the documents: each benchmark's section between its two marks."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench.processes import REPOSITORY
from bench.report import Plot, Report

PAGE: Final = REPOSITORY / "docs" / "performance-peers.md"
# The benchmarks that have a place on the page.
SECTIONS: Final = ("peers", "depth", "clients")
_IMAGES: Final = "img"
_PYTHON: Final = REPOSITORY / ".venv-bench" / "bin" / "python"


def write(
    name: str,
    report: Report,
    machine: Mapping[str, str],
    *,
    page: Path = PAGE,
    python: Path = _PYTHON,
) -> None:
    """Replace the benchmark's section of the page, and its plots beside it."""
    images = [_draw(file, plot, page.parent, python) for file, plot in report.plots.items()]
    measured_on = f"Measured on {', '.join(f'{k} {v}' for k, v in machine.items())}."
    # Below the page's own headings.
    body = re.sub(r"^## ", "### ", str(report).strip(), flags=re.MULTILINE)
    parts = [_begin(name), measured_on, *images, body, _end(name)]
    text = page.read_text(encoding="utf-8")
    between = re.compile(f"{re.escape(_begin(name))}.*?{re.escape(_end(name))}", re.DOTALL)
    if not between.search(text):
        raise SystemExit(f"{page.name} has no place for {name}: {_begin(name)} … {_end(name)}")
    page.write_text(between.sub(lambda _: "\n\n".join(parts), text), encoding="utf-8")


def _draw(file: str, plot: Plot, folder: Path, python: Path) -> str:
    if not python.exists():
        raise SystemExit("plots are drawn by what is installed with: make .venv-bench/.ready")
    target = folder / _IMAGES / file
    target.parent.mkdir(exist_ok=True)
    given = {"kind": plot.kind, "title": plot.title, "data": plot.data}
    done = subprocess.run(
        [python, "-m", "bench.plots", target],
        cwd=REPOSITORY,
        input=json.dumps(given).encode(),
        check=False,
        stderr=subprocess.PIPE,
    )
    if done.returncode:
        raise SystemExit(f"{file} could not be drawn:\n{done.stderr.decode()[-2000:]}")
    return f"![{plot.title}]({_IMAGES}/{file})"


def _begin(name: str) -> str:
    return f"<!-- {name}: written by `python -m bench {name} --docs` -->"


def _end(name: str) -> str:
    return f"<!-- /{name} -->"
