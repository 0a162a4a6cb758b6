"""Where a request could be cheaper, with what that would save."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.reporting import ERROR, FAILED, PASSED
from flywheel.records.advice import CostSaving
from flywheel.records.columns import ExecutionColumns
from flywheel.stats.means import Moments
from flywheel.stats.proportions import Counts, Interval, compare_proportions, normal_quantile

LEAST_REQUESTS = 30
"""Requests with a cost before a mean says anything."""

MOST_LOSS = 0.05
"""Pass rate another model may lose at most; the whole interval must lie above it."""

SHORTER = 0.10
"""Share of the input tokens that a shorter prompt is taken to leave out."""


def cost_savings(columns: ExecutionColumns) -> tuple[CostSaving, ...]:
    """Ways to make a request cheaper, the largest saving first.

    Another model counts where it is shown to cost less, and not to lose 5
    points of the pass rate. Cases are not paired: where models got different
    cases, compare them with `flywheel rank` first.

    Args:
        columns: n executions.
    """
    counts = {
        code: int((~np.isnan(columns.cost_usd) & (columns.model.codes == code)).sum())
        for code in range(len(columns.model.names))
    }
    here = max(counts, key=lambda code: counts[code], default=-1)
    mine = np.ones(len(columns), dtype=bool) if here < 0 else columns.model.codes == here
    cost = Moments.of(columns.cost_usd[mine])
    if cost.n < LEAST_REQUESTS:
        return ()
    found = [_shorter(columns, mine, cost)]
    found += [
        _other(columns, code, here, cost)
        for code, count in counts.items()
        if code != here and count >= LEAST_REQUESTS
    ]
    return tuple(sorted((one for one in found if one is not None), key=lambda one: -one.saving_usd))


def mean_difference(now: Moments, before: Moments) -> Interval:
    """Difference of two means with a normal interval.

    Args:
        now: of the one.
        before: of the other.

    Examples:
        >>> mean_difference(Moments.of([1, 2, 3]), Moments.of([1, 1, 1])).estimate
        1.0
    """
    ends = (now.standard_error, before.standard_error)
    if ends[0] is None or ends[1] is None:
        return Interval(None, None, None, 0.95, "too few on one side")
    gap = now.mean - before.mean
    half = normal_quantile(0.95) * math.hypot(ends[0], ends[1])
    return Interval(gap, gap - half, gap + half, 0.95)


def _shorter(columns: ExecutionColumns, mine: NDArray[np.bool_], cost: Moments) -> CostSaving | None:
    """What an input token costs by what was paid, times the tokens that would go."""
    tokens = np.stack((columns.input_tokens[mine], columns.output_tokens[mine]), axis=1)
    paid = columns.cost_usd[mine]
    known = ~np.isnan(paid) & ~np.isnan(tokens).any(axis=1)
    if known.sum() < LEAST_REQUESTS:
        return None
    prices, _, rank, _ = np.linalg.lstsq(tokens[known], paid[known], rcond=None)
    price, mean_tokens = float(prices[0]), float(tokens[known, 0].mean())
    if rank < 2 or price <= 0:
        return None
    return CostSaving(
        way="shorten",
        now_usd=cost.mean,
        saving_usd=min(cost.mean, SHORTER * price * mean_tokens),
        requests=int(known.sum()),
        because=f"for {SHORTER:.0%} of {mean_tokens:,.0f} input tokens, {1e6 * price:.2f} USD a million",
    )


def _other(columns: ExecutionColumns, code: int, here: int, cost: Moments) -> CostSaving | None:
    theirs = columns.model.codes == code
    other = Moments.of(columns.cost_usd[theirs])
    saving = mean_difference(cost, other)
    passes = compare_proportions(_counts(columns, theirs), _counts(columns, columns.model.codes == here))
    if saving.estimate is None or saving.low is None or saving.low <= 0:
        return None
    if passes.low is None or passes.low <= -MOST_LOSS or passes.estimate is None:
        return None
    return CostSaving(
        way="model",
        name=columns.model.names[code],
        now_usd=cost.mean,
        saving_usd=saving.estimate,
        low_usd=saving.low,
        high_usd=saving.high,
        requests=other.n,
        because=f"its pass rate is {100 * passes.estimate:+.1f} points off that of "
        f"{columns.model.names[here]}, at the worst {100 * passes.low:+.1f}",
    )


def _counts(columns: ExecutionColumns, mine: NDArray[np.bool_]) -> Counts:
    outcome = columns.outcome[mine]
    scored = int(np.isin(outcome, (PASSED, FAILED, ERROR)).sum())
    return Counts(int((outcome == PASSED).sum()), scored)
