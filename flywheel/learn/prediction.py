"""Which tests fail next: a chance for each from its shrunken history, with an order to run them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from flywheel.learn.flaky import ERROR, FAILED, PASSED
from flywheel.records.columns import ExecutionColumns
from flywheel.records.findings import FailureForecast

DECAY = 0.8
"""Weight of a run against the next one."""

PRIOR_RUNS = 2.0
"""Runs at the rate of the slice that every test starts with."""

MIN_FIT = 100
RIDGE = 1.0
ROUNDS = 25


@dataclass(frozen=True, slots=True)
class _Steps:
    """What was known before each run, in order of storing.

    Attributes:
        case: int32, shape (n,).
        features: float64, shape (n, 4): intercept, log odds of the slice, of the test, last outcome.
        failed: bool, shape (n,).
        runs: int64, shape (n,), earlier runs of the test.
        now: the features after the last run of each test, shape (m, 4).
    """

    case: NDArray[np.int32]
    features: NDArray[np.float64]
    failed: NDArray[np.bool_]
    runs: NDArray[np.int64]
    now: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FailureModel:
    """Weights of what was known before a run; fitted on the runs that are over.

    Attributes:
        weights: float64, shape (4,).
        fitted: runs they were fitted on; 0 means the start weights.
    """

    weights: NDArray[np.float64]
    fitted: int

    def chances(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Chance of failure for rows of features."""
        return np.asarray(expit(features @ self.weights), dtype=np.float64)


def forecast_failures(columns: ExecutionColumns) -> tuple[FailureForecast, ...]:
    """Chance of every known test to fail in its next run, the likeliest first.

    A test's decayed failure rate is drawn towards the rate of its slice, as
    if it had run twice at that rate before; how far the rate, the slice and
    the last outcome count is fitted on all runs that are over (ridge logistic
    regression), so that no weight has to be guessed.

    Args:
        columns: executions in the order they were stored.

    Returns:
        One forecast per test with at least one scored run.

    References:
        Le Cessie, van Houwelingen (1992), Applied Statistics 41:191-201.
    """
    steps = _steps(columns)
    if not steps.case.size:
        return ()
    model = fit_failures(steps.features[steps.runs > 0], steps.failed[steps.runs > 0])
    chance = model.chances(steps.now)
    runs = np.bincount(steps.case, minlength=len(columns.case.names))
    found = [
        FailureForecast(
            case_id=columns.case.names[i],
            probability=float(chance[i]),
            runs=int(runs[i]),
            last_failed=bool(steps.now[i, 3] > 0),
        )
        for i in np.flatnonzero(runs)
    ]
    return tuple(sorted(found, key=lambda f: (-f.probability, f.case_id)))


def fit_failures(features: NDArray[np.float64], failed: NDArray[np.bool_]) -> FailureModel:
    """Weights by penalised likelihood; the start weights when fewer than 100 runs are over.

    The start weights believe the test's own shrunken rate, nothing else, and
    the penalty pulls towards them.
    """
    start = np.array([0.0, 0.0, 1.0, 0.0])
    if failed.size < MIN_FIT:
        return FailureModel(start, 0)
    weights = start.copy()
    for _ in range(ROUNDS):
        p = expit(features @ weights)
        gradient = features.T @ (failed - p) - RIDGE * (weights - start)
        curvature = (features * (p * (1 - p))[:, None]).T @ features + RIDGE * np.eye(4)
        step = np.linalg.solve(curvature, gradient)
        weights = weights + step
        if float(np.abs(step).max()) < 1e-8:
            break
    return FailureModel(np.asarray(weights, dtype=np.float64), int(failed.size))


def held_out_scores(columns: ExecutionColumns) -> dict[str, float]:
    """Brier scores on the last run of each test, predicted from all that was stored before it.

    Args:
        columns: executions in the order they were stored.

    Returns:
        Mean squared error of the `forecast`, of the `base rate` of the earlier runs, of the `last
        outcome` of the test, with the number of `runs` scored; empty when no test ran twice.

    References:
        Brier (1950), Monthly Weather Review 78:1-3.
    """
    steps = _steps(columns)
    count = np.bincount(steps.case, minlength=len(columns.case.names))
    final = (steps.runs > 0) & (steps.runs == count[steps.case] - 1)
    if not final.any():
        return {}
    earlier = (steps.runs > 0) & ~final
    model = fit_failures(steps.features[earlier], steps.failed[earlier])
    came = steps.failed[final].astype(np.float64)
    base = float(steps.failed[~final].mean())
    last = steps.features[final, 3] > 0
    return {
        "forecast": float(np.mean((model.chances(steps.features[final]) - came) ** 2)),
        "base rate": float(np.mean((base - came) ** 2)),
        "last outcome": float(np.mean((last - came) ** 2)),
        "runs": float(came.size),
    }


def order_tests(
    cases: Sequence[str], forecasts: Sequence[FailureForecast], seconds: Mapping[str, float] | None = None
) -> tuple[str, ...]:
    """Tests in the order that finds failures soonest; new ones first.

    Args:
        cases: what will run.
        forecasts: of the known ones.
        seconds: how long each takes, or what it costs; then failures per unit decide.

    Returns:
        Every case once.

    Examples:
        >>> known = [FailureForecast(case_id=c, probability=p, runs=9, last_failed=False)
        ...     for c, p in (("a", 0.1), ("b", 0.6))]
        >>> order_tests(["a", "b", "new"], known), order_tests(["a", "b"], known, {"a": 1, "b": 60})
        (('new', 'b', 'a'), ('a', 'b'))
    """
    chance = {f.case_id: f.probability for f in forecasts}
    price = seconds or {}

    def key(case: str) -> tuple[bool, float, str]:
        return case in chance, -chance.get(case, 1.0) / max(1e-9, price.get(case, 1.0)), case

    return tuple(sorted(dict.fromkeys(cases), key=key))


def _steps(columns: ExecutionColumns) -> _Steps:
    scored = np.isin(columns.outcome, (PASSED, FAILED, ERROR)) & (columns.case.codes >= 0)
    case = columns.case.codes[scored]
    failed = columns.outcome[scored] != PASSED
    place = columns.slice.codes[scored] + 1
    m = len(columns.case.names)
    total = [PRIOR_RUNS / 2, PRIOR_RUNS]
    by_slice = [[0.0, 0.0] for _ in range(len(columns.slice.names) + 1)]
    own = [[0.0, 0.0] for _ in range(m)]
    last, slice_of, runs = [0.0] * m, [0] * m, [0] * m
    features: list[_Known] = []
    before: list[int] = []
    for c, s, f in zip(case.tolist(), place.tolist(), failed.tolist(), strict=True):
        near, mine = by_slice[s], own[c]
        features.append(_known(total, near, mine, last[c]))
        before.append(runs[c])
        for counts in (total, near):
            counts[0] += f
            counts[1] += 1.0
        mine[0], mine[1] = DECAY * mine[0] + f, DECAY * mine[1] + 1.0
        last[c], slice_of[c] = (1.0 if f else -1.0), s
        runs[c] += 1
    now = [_known(total, by_slice[slice_of[c]], own[c], last[c]) for c in range(m)]
    return _Steps(
        case,
        np.array(features, dtype=np.float64).reshape(-1, 4),
        failed,
        np.array(before, dtype=np.int64),
        np.array(now, dtype=np.float64).reshape(-1, 4),
    )


_Known = tuple[float, float, float, float]


def _known(total: list[float], by_slice: list[float], own: list[float], last: float) -> _Known:
    base = total[0] / total[1]
    near = (by_slice[0] + 5 * base) / (by_slice[1] + 5)
    rate = (own[0] + PRIOR_RUNS * near) / (own[1] + PRIOR_RUNS)
    return 1.0, _log_odds(near), _log_odds(rate), last


def _log_odds(rate: float) -> float:
    inside = min(0.999, max(0.001, rate))
    return math.log(inside / (1.0 - inside))
