"""Runs of the optimizer benchmark as a table: means with standard errors, shares with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import mean, stdev

from benchmarks.optimizers_arms import ARMS, Found
from flywheel.stats.proportions import Counts, wilson

POINT = 0.01
"""A change on the test cases that counts as better or worse."""

HEADS = (
    "arm",
    "seeds",
    "test before",
    "gain",
    "gain minus ours",
    "claimed minus true",
    "released",
    "of those better",
    "of those worse",
    "calls",
    "tokens",
    "prompt tokens",
)


def table(runs: Sequence[Found], world: str) -> str:
    """Rows of one world, an arm each; gains in points.

    `gain minus ours` is paired by seed. What was claimed is held against the
    test cases over the runs that released something.
    """
    here = [run for run in runs if run.world == world]
    ours = {run.seed: gain(run) for run in here if run.arm == "flywheel"}
    lines = [f"| {' | '.join(HEADS)} |", "|---|" + "---:|" * (len(HEADS) - 1)]
    for arm in ARMS:
        rows = sorted((run for run in here if run.arm == arm), key=lambda run: run.seed)
        if rows:
            lines.append(f"| {arm} | {' | '.join(_cells(rows, ours))} |")
    return "\n".join(lines)


def gain(run: Found) -> float:
    """What the release changed on the test cases, rate units."""
    return run.after - run.before


def _cells(rows: Sequence[Found], ours: dict[int, float]) -> list[str]:
    released = [run for run in rows if run.changed]
    beside = [gain(run) - ours[run.seed] for run in rows if run.seed in ours and run.arm != "flywheel"]
    return [
        str(len(rows)),
        f"{mean(run.before for run in rows):.1%}",
        _points([gain(run) for run in rows]),
        _points(beside),
        _points([run.claimed - gain(run) for run in released]),
        _share(len(released), len(rows)),
        _share(sum(gain(run) >= POINT for run in released), len(released)),
        _share(sum(gain(run) <= -POINT for run in released), len(released)),
        f"{mean(run.calls for run in rows):,.0f}",
        f"{mean(run.tokens for run in rows) / 1000:,.0f} k",
        f"{mean(run.prompt_tokens for run in rows):,.0f}",
    ]


def _points(values: Sequence[float]) -> str:
    if not values:
        return "-"
    shown = f"{100 * mean(values):+.1f}"
    if len(values) < 2:
        return shown
    return f"{shown} ± {100 * stdev(values) / math.sqrt(len(values)):.1f}"


def _share(count: int, of: int) -> str:
    if not of:
        return "-"
    range_ = wilson(Counts(count, of))
    return f"{count} of {of} ({range_.low:.0%} to {range_.high:.0%})"
