"""Pass rates of many arms in many contexts, each drawn towards what is known of its arm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincinv, betaln

NEWCOMER = 2.0
"""Outcomes that the mean of all arms counts for, for one of which nothing is known."""

CONCENTRATION = 16.0
"""Outcomes that an arm's other contexts count for in one of its contexts, until the data say."""

GRID = 2.0 ** np.arange(0, 11)
"""Concentrations tried: 1 is contexts that have nothing in common, 1024 contexts that are all alike."""

GRID_SPREAD = 1.5
"""Standard deviation, in logarithms, of the belief that the concentration is near CONCENTRATION."""


@dataclass(frozen=True, slots=True)
class CellCounts:
    """Outcomes of k arms in c contexts; two of them merge with `+`.

    Attributes:
        passed, failed: float64, shape (k, c); faded, so not whole numbers.
        outcomes: int64, shape (k, c); how many there were, none faded.

    Examples:
        >>> one = counted([0, 0], [0, 1], [1, 0], (1, 2))
        >>> (one + one).passed.tolist()
        [[2.0, 0.0]]
    """

    passed: NDArray[np.float64]
    failed: NDArray[np.float64]
    outcomes: NDArray[np.int64]

    def __add__(self, other: CellCounts) -> CellCounts:
        return CellCounts(
            self.passed + other.passed, self.failed + other.failed, self.outcomes + other.outcomes
        )


@dataclass(frozen=True, slots=True)
class PooledBeliefs:
    """Beta beliefs in the pass rates of k arms, alone and in c contexts.

    Attributes:
        arm_passed, arm_failed: float64, shape (k,), pseudo-counts over all contexts.
        passed, failed: float64, shape (k, c), pseudo-counts in each context.
        outcomes: int64, shape (k, c), what each context rests on.
        concentration: outcomes that an arm's other contexts may count for.
    """

    arm_passed: NDArray[np.float64]
    arm_failed: NDArray[np.float64]
    passed: NDArray[np.float64]
    failed: NDArray[np.float64]
    outcomes: NDArray[np.int64]
    concentration: float

    @property
    def arm_mean(self) -> NDArray[np.float64]:
        """Expected pass rate of each arm, shape (k,)."""
        return self.arm_passed / (self.arm_passed + self.arm_failed)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Expected pass rate of each arm in each context, shape (k, c)."""
        return self.passed / (self.passed + self.failed)


def counted(
    arm: ArrayLike, context: ArrayLike, passed: ArrayLike, shape: tuple[int, int], keep: float = 1.0
) -> CellCounts:
    """Outcomes by arm with context, older ones faded.

    Args:
        arm: codes from 0 on, shape (n,), in the order of time; -1 does not count.
        context: codes from 0 on, shape (n,); -1 does not count.
        passed: 0 or 1, or a share of a pass, shape (n,); NaN does not count.
        shape: numbers of arms with contexts.
        keep: what an outcome keeps of its weight with every further one of the same arm in the same
            context, in (0, 1].

    Returns:
        With keep 0.995 an arm rests on about its last 200 outcomes in each context.

    Raises:
        ValueError: keep is not in (0, 1].

    Examples:
        >>> counted([0, 0, 1], [0, 0, 0], [0, 1, 1], (2, 1), keep=0.5).passed.tolist()
        [[1.0], [1.0]]
        >>> counted([0, 0, 1], [0, 0, 0], [0, 1, 1], (2, 1), keep=0.5).failed.tolist()
        [[0.5], [0.0]]
    """
    if not 0.0 < keep <= 1.0:
        msg = f"keep is {keep!r}; need a share above 0, at most 1"
        raise ValueError(msg)
    a, c = np.asarray(arm, dtype=np.int64).ravel(), np.asarray(context, dtype=np.int64).ravel()
    y = np.asarray(passed, dtype=np.float64).ravel()
    known = (a >= 0) & (c >= 0) & ~np.isnan(y)
    a, c, y = a[known], c[known], y[known]
    cell = a * shape[1] + c
    weight = np.ones(a.size) if keep == 1.0 else keep ** later_of_same(cell)
    return CellCounts(
        _summed(cell, weight * y, shape),
        _summed(cell, weight * (1.0 - y), shape),
        _summed(cell, np.ones(a.size), shape).astype(np.int64),
    )


def later_of_same(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many later rows have the code of each row, shape (n,).

    Examples:
        >>> later_of_same(np.array([0, 1, 0, 0])).tolist()
        [2, 0, 1, 0]
    """
    order = np.argsort(codes, kind="stable")
    ranked = codes[order]
    ends = np.searchsorted(ranked, ranked, side="right")
    later = np.empty(codes.size, dtype=np.int64)
    later[order] = ends - 1 - np.arange(codes.size)
    return later


def pooled(counts: CellCounts, concentration: float | None = CONCENTRATION) -> PooledBeliefs:
    """What to believe of each arm, and of it in each context.

    A newcomer is expected to do as the arms do on average. An arm in a context
    is expected to do as the same arm does in its other contexts, and this counts
    for `concentration` outcomes at most: less where little is known of them.

    Args:
        counts: of k arms in c contexts.
        concentration: None fits it to how much the contexts of an arm differ.

    References:
        Gelman et al. (2013), Bayesian Data Analysis, section 5.3; the spread of an expectation
        that is itself unsure is added to that of the contexts by matching moments.

    Examples:
        >>> beliefs = pooled(counted([0] * 40, [0] * 40, [1] * 30 + [0] * 10, (1, 2)))
        >>> beliefs.arm_mean.round(2).tolist(), beliefs.mean.round(2).tolist()
        ([0.75], [[0.75, 0.75]])
        >>> bool(beliefs.passed[0, 1] < 13)
        True
    """
    arm_s, arm_f = counts.passed.sum(axis=1), counts.failed.sum(axis=1)
    seen = arm_s + arm_f > 0
    smoothed = (arm_s + 1.0) / (arm_s + arm_f + 2.0)
    everyone = float(smoothed[seen].mean()) if bool(seen.any()) else 0.5
    strength = fit_concentration(counts) if concentration is None else concentration
    expected, weight = _from_other_contexts(counts, everyone, strength)
    return PooledBeliefs(
        arm_passed=arm_s + NEWCOMER * everyone,
        arm_failed=arm_f + NEWCOMER * (1.0 - everyone),
        passed=counts.passed + weight * expected,
        failed=counts.failed + weight * (1.0 - expected),
        outcomes=counts.outcomes,
        concentration=strength,
    )


def fit_concentration(counts: CellCounts) -> float:
    """How many outcomes an arm's other contexts are worth, by how alike its contexts were.

    Args:
        counts: of k arms in c contexts.

    Returns:
        In [1, 1024]; CONCENTRATION where nothing speaks for another value.

    References:
        Beta-binomial marginal likelihood on a grid: Gelman et al. (2013), section 5.3.

    Examples:
        >>> seen = np.full((1, 3), 100)
        >>> unlike = CellCounts(np.array([[95.0, 5.0, 90.0]]), np.array([[5.0, 95.0, 10.0]]), seen)
        >>> alike = CellCounts(np.full((1, 8), 70.0), np.full((1, 8), 30.0), np.full((1, 8), 100))
        >>> fit_concentration(unlike) < CONCENTRATION < fit_concentration(alike)
        True
    """
    rows = (counts.outcomes > 0).sum(axis=1) >= 2
    s, f = counts.passed[rows], counts.failed[rows]
    total_s, total_f = s.sum(axis=1, keepdims=True), f.sum(axis=1, keepdims=True)
    mean = (total_s + 0.5) / (total_s + total_f + 1.0)
    likelihood = [_likelihood(g, s, f, mean) for g in GRID]
    belief = -0.5 * (np.log(GRID / CONCENTRATION) / GRID_SPREAD) ** 2
    return float(GRID[int(np.argmax(np.array(likelihood) + belief))])


def _likelihood(
    strength: float, s: NDArray[np.float64], f: NDArray[np.float64], mean: NDArray[np.float64]
) -> float:
    """Marginal log-likelihood of a concentration, the arms' own means integrated out."""
    a, b = strength * mean, strength * (1.0 - mean)
    told = (s + f) / (1.0 + np.maximum(s + f - 1.0, 0.0) / (strength + 1.0))
    # Laplace: a mean that was fitted to the same cells makes them look more alike than they are.
    information = told.sum(axis=1) / (mean * (1.0 - mean)).ravel()
    fit = (betaln(s + a, f + b) - betaln(a, b)).sum()
    return float(fit - 0.5 * np.log(np.maximum(information, 1e-12)).sum())


def chance_above(passed: ArrayLike, failed: ArrayLike, rate: ArrayLike) -> NDArray[np.float64]:
    """Chance that a rate believed to be Beta lies above a number.

    Args:
        passed: pseudo-counts of passes, > 0.
        failed: of failures, > 0.
        rate: in [0, 1]; all three are broadcast.

    Examples:
        >>> chance_above(1.0, 1.0, [0.5, 0.8]).round(2).tolist()
        [0.5, 0.2]
    """
    chance = 1.0 - betainc(np.asarray(passed, float), np.asarray(failed, float), np.asarray(rate, float))
    return np.asarray(chance, dtype=np.float64)


def credible_range(
    passed: ArrayLike, failed: ArrayLike, coverage: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Equal-tailed limits of rates believed to be Beta.

    Args:
        passed: pseudo-counts of passes, > 0.
        failed: of failures, > 0, of equal shape.
        coverage: a fraction in (0, 1).

    Examples:
        >>> low, high = credible_range([9.0], [3.0])
        >>> low.round(3).tolist(), high.round(3).tolist()
        ([0.482], [0.94])
    """
    a, b = np.asarray(passed, dtype=np.float64), np.asarray(failed, dtype=np.float64)
    tail = (1.0 - coverage) / 2.0
    low, high = betaincinv(a, b, tail), betaincinv(a, b, 1.0 - tail)
    return np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)


def _summed(
    cell: NDArray[np.int64], values: NDArray[np.float64], shape: tuple[int, int]
) -> NDArray[np.float64]:
    total = np.bincount(cell, weights=values, minlength=shape[0] * shape[1]).reshape(shape)
    return np.asarray(total, dtype=np.float64)


def _from_other_contexts(
    counts: CellCounts, everyone: float, strength: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Expected rate of each cell by the arm's other contexts, with the outcomes this counts for."""
    other_s = counts.passed.sum(axis=1, keepdims=True) - counts.passed + NEWCOMER * everyone
    other_f = counts.failed.sum(axis=1, keepdims=True) - counts.failed + NEWCOMER * (1.0 - everyone)
    others = other_s + other_f
    own = counts.passed + counts.failed
    total = own.sum(axis=1, keepdims=True)
    # A mean over few contexts, or over one that has most of the outcomes, is itself one draw of a context.
    squares = (own**2).sum(axis=1, keepdims=True) - own**2
    uneven = squares / np.maximum(total - own, 1.0) ** 2
    weight = 1.0 / ((1.0 + uneven) / (strength + 1.0) + 1.0 / (others + 1.0)) - 1.0
    return other_s / others, np.maximum(weight, 1.0)
