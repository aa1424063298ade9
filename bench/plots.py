"""Draws what was measured, as SVG: in the peers' environment, which has matplotlib.

    python -m bench.plots FILE    reads what to draw as JSON from stdin

Text stays text, in a grey that can be read on white and on black; the ground is left out.
"""

from __future__ import annotations

import io
import json
import re
import statistics
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib import pyplot as plt

_INK: Final = "#7d8590"
_OWN: Final = "#2f81f7"
_OTHER: Final = "#9a8c7a"
_WEAKER: Final = "#c9b8a3"
_COLOURS: Final = ("#2f81f7", "#e0702e", "#3fa34d", "#a371f7")
_MS_TICKS: Final = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
_LINE_MARKS: Final = "osD^"

mpl.use("svg")
mpl.rcParams.update(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "athena",  # the same figures give the same file
        "font.family": "sans-serif",
        "font.size": 9,
        "text.color": _INK,
        "axes.labelcolor": _INK,
        "axes.edgecolor": _INK,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": _INK,
        "ytick.color": _INK,
        "grid.color": _INK,
        "grid.alpha": 0.25,
        "legend.frameon": False,
        "savefig.transparent": True,
    }
)


def bars(rows: list[dict[str, Any]]) -> Any:
    """Two panels: rates with their range, on either disk, and wake-up from p50 to p99."""
    rows.reverse()  # the first stands on top
    size = (8.2, 0.6 + 0.36 * len(rows))
    figure, (left, right) = plt.subplots(1, 2, figsize=size, sharey=True, width_ratios=(3, 2))
    for place, row in enumerate(rows):
        colour = _OWN if row["own"] else _WEAKER if row["weaker"] else _OTHER
        _bar(left, place + 0.19, row["rates"], colour, 1.0)
        _bar(left, place - 0.19, row["slow_rates"], colour, 0.5)
        if row["wakeup"][0] is not None:
            right.plot(row["wakeup"], [place, place], color=colour, linewidth=2, marker="|")
            right.plot(row["wakeup"][0], place, color=colour, marker="o")
    left.set_yticks(range(len(rows)), [row["title"] for row in rows])
    left.set_xlabel("tasks/s, median and range; pale: on the slow disk")
    left.margins(x=0.12, y=0.02)
    right.set_xscale("log")
    low, high = right.get_xlim()
    ticks = [tick for tick in _MS_TICKS if low <= tick <= high]
    right.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    right.minorticks_off()
    right.set_xlabel("wake-up ms, p50 (dot) to p99")
    right.grid(axis="x")
    return figure


def _bar(axes: Any, place: float, rates: list[float], colour: str, alpha: float) -> None:
    if rates:
        rate = statistics.median(rates)
        axes.barh(place, rate, color=colour, alpha=alpha, height=0.36)
        axes.plot([min(rates), max(rates)], [place, place], color=_INK, linewidth=1)
        axes.text(max(rates), place, f" {rate:,.0f}", va="center", fontsize=7)


def lines(
    *, series: list[dict[str, Any]], x_label: str, y_label: str, x_ticks: list[int], log_y: bool
) -> Any:
    """One line for each series; a second value of a point is shown as a thin line above it."""
    figure, axes = plt.subplots(figsize=(6.4, 3.0))
    for place, one in enumerate(series):
        colour = _COLOURS[place % len(_COLOURS)]
        mark = _LINE_MARKS[place % len(_LINE_MARKS)]
        axes.plot(one["x"], one["y"], color=colour, marker=mark, label=one["title"], markersize=5)
        for low, high, x in zip(one.get("low", ()), one.get("high", ()), one["x"], strict=False):
            axes.plot([x, x], [low, high], color=colour, linewidth=1, alpha=0.7)
    axes.set_xscale("log")
    if log_y:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_xticks(x_ticks, [f"{tick:,}" for tick in x_ticks])
    axes.minorticks_off()
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(axis="y")
    axes.legend(fontsize=8)
    return figure


KINDS: Final[Mapping[str, Callable[..., Any]]] = {"bars": bars, "lines": lines}


def main(path: str) -> None:
    wanted = json.load(sys.stdin)
    figure = KINDS[wanted["kind"]](**wanted["data"])
    figure.tight_layout()
    drawn = io.StringIO()
    # No date: what has not changed stays the same file.
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Title": wanted["title"]})
    # Comments and indents would be a third of it.
    text = re.sub(r"<!--.*?-->|^\s+", "", drawn.getvalue(), flags=re.DOTALL | re.MULTILINE)
    Path(path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
