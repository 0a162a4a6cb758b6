"""Chances of failure by several experts, mixed by how well each has done so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

DECAY = 0.8
"""Weight of a run against the next one of the same test."""

PRIOR_RUNS = 2.0
"""Runs at the rate of its surroundings that every test starts with."""

PRIOR_GROUP, PRIOR_CELL = 5.0, 3.0
"""The same for a slice or a version, then for one slice under one version."""

MEMORY = 0.998
"""Weight of a loss against the next one: an expert that was good 500 runs ago counts little more."""

RATE = 2.0
"""Learning rate at which the mixture loses at most ln(experts)/2 against the best one on squared loss."""

EXPERTS = ("base", "slice", "version x slice", "test", "test in its version", "last outcome", "fitted")
MIN_FIT = 100
RIDGE = 1.0
ROUNDS = 15
GROWTH = 1.25
"""The fitted expert learns again when the history has grown by a quarter."""

INSIDE = 0.98


@dataclass(slots=True)
class _Rate:
    """Failures of so many runs, both perhaps decayed."""

    failed: float = 0.0
    runs: float = 0.0

    def drawn(self, prior: float, weight: float) -> float:
        return (self.failed + weight * prior) / (self.runs + weight)

    def add(self, failed: bool, decay: float = 1.0) -> None:
        self.failed = decay * self.failed + failed
        self.runs = decay * self.runs + 1.0


@dataclass(slots=True)
class History:
    """All that is over, as rates; grows run by run.

    Attributes:
        base: of all runs; starts at one failure in two.
        last: of runs after a pass (0), after a failure (1), of first runs (-1).
    """

    base: _Rate = field(default_factory=lambda: _Rate(1.0, 2.0))
    slices: dict[int, _Rate] = field(default_factory=dict)
    arms: dict[int, _Rate] = field(default_factory=dict)
    cells: dict[tuple[int, int], _Rate] = field(default_factory=dict)
    tests: dict[int, _Rate] = field(default_factory=dict)
    last: dict[int, _Rate] = field(default_factory=lambda: {k: _Rate(1.0, 2.0) for k in (-1, 0, 1)})
    before: dict[int, int] = field(default_factory=dict)

    def expect(self, test: int, place: int, arm: int) -> tuple[float, ...]:
        """Chances by all experts but the fitted one, for a run of a test in a slice under a version."""
        base = self.base.drawn(0.5, 0.0)
        near = self.slices.get(place, _Rate()).drawn(base, PRIOR_GROUP)
        under = self.arms.get(arm, _Rate()).drawn(base, PRIOR_GROUP)
        both = min(INSIDE, max(1 - INSIDE, near + under - base))
        here = self.cells.get((arm, place), _Rate()).drawn(both, PRIOR_CELL)
        own = self.tests.get(test, _Rate())
        last = self.last[self.before.get(test, -1)].drawn(0.5, 0.0)
        return base, near, here, own.drawn(near, PRIOR_RUNS), own.drawn(here, PRIOR_RUNS), last

    def add(self, test: int, place: int, arm: int, failed: bool) -> None:
        """Learn how one run ended."""
        self.base.add(failed)
        self.slices.setdefault(place, _Rate()).add(failed)
        self.arms.setdefault(arm, _Rate()).add(failed)
        self.cells.setdefault((arm, place), _Rate()).add(failed)
        self.last[self.before.get(test, -1)].add(failed)
        self.tests.setdefault(test, _Rate()).add(failed, DECAY)
        self.before[test] = int(failed)


def features(chances: NDArray[np.float64], last: NDArray[np.int64]) -> NDArray[np.float64]:
    """What the fitted expert reads: log odds of slice, version x slice, test in its version; last outcome.

    Args:
        chances: of the experts, shape (n, 6).
        last: outcome before, 1 failed, 0 passed, -1 none; shape (n,).
    """
    odds = logit(chances[:, (1, 2, 4)].clip(0.001, 0.999))
    return np.column_stack([np.ones(last.size), odds, np.where(last < 0, 0, 2 * last - 1)])


def fitted(
    read: NDArray[np.float64], failed: NDArray[np.bool_], known: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Chances by a logistic regression that at each run has learned from earlier ones only.

    Args:
        read: features, shape (n, 5), in order of storing.
        failed: how each run ended, shape (n,).
        known: whether the test had run before, shape (n,); first runs teach nothing about histories.

    Returns:
        Chances, shape (n,); the last weights, shape (5,).

    References:
        Le Cessie, van Houwelingen (1992), Applied Statistics 41:191-201 (ridge logistic regression).
    """
    weights = np.array([0.0, 0.0, 0.0, 1.0, 0.0])
    chances = np.empty(failed.size)
    begin, until = 0, MIN_FIT
    while begin < failed.size:
        end = min(until, failed.size)
        chances[begin:end] = expit(read[begin:end] @ weights)
        if int(known[:end].sum()) >= MIN_FIT:
            weights = _fit(read[:end][known[:end]], failed[:end][known[:end]])
        begin, until = end, int(GROWTH * until) + 1
    return chances, weights


def _fit(read: NDArray[np.float64], failed: NDArray[np.bool_]) -> NDArray[np.float64]:
    start = np.array([0.0, 0.0, 0.0, 1.0, 0.0])
    weights = start.copy()
    for _ in range(ROUNDS):
        p = expit(read @ weights)
        gradient = read.T @ (failed - p) - RIDGE * (weights - start)
        curvature = (read * (p * (1 - p))[:, None]).T @ read + RIDGE * np.eye(weights.size)
        step = np.linalg.solve(curvature, gradient)
        weights = weights + step
        if float(np.abs(step).max()) < 1e-8:
            break
    return np.asarray(weights, dtype=np.float64)


def mixed(
    chances: NDArray[np.float64], failed: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Chances of the experts averaged, each weighed by its squared losses on earlier runs.

    Args:
        chances: shape (n, experts), in order of storing; row i knows nothing of run i.
        failed: how each run ended, shape (n,).

    Returns:
        Mixed chances, shape (n,); the weights for the next run, summing to 1.

    References:
        Vovk (1998), A game of prediction with expert advice, JCSS 56:153-173; losses are discounted.

    Examples:
        >>> right, wrong = np.full(50, 0.9), np.full(50, 0.2)
        >>> chance, weights = mixed(np.column_stack([right, wrong]), np.ones(50, dtype=bool))
        >>> round(float(chance[0]), 2), round(float(chance[-1]), 2), weights.round(2).tolist()
        (0.55, 0.9, [1.0, 0.0])
    """
    losses = np.zeros(chances.shape[1])
    found = np.empty(failed.size)
    errors = (chances - failed[:, None]) ** 2
    for i in range(failed.size):
        found[i] = _weights(losses) @ chances[i]
        losses = MEMORY * losses + errors[i]
    return found, _weights(losses)


def _weights(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    raw = np.exp(-RATE * (losses - losses.min()))
    return np.asarray(raw / raw.sum(), dtype=np.float64)
