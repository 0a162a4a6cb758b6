"""Pass rates as beliefs: Beta posteriors, their losses, which arm is best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv

from flywheel.stats.proportions import Counts, Interval

NODES, WEIGHTS = np.polynomial.legendre.leggauss(512)
QUANTILES = (NODES + 1) / 2
QUANTILE_WEIGHTS = WEIGHTS / 2
"""Quantiles at which an expectation over one belief is taken; agrees with direct integrals to 1e-5."""


@dataclass(frozen=True, slots=True)
class Beta:
    """Belief about a pass rate; evidence is added with `+`.

    Attributes:
        passed, failed: pseudo-counts, > 0; (1, 1) is no opinion.

    References:
        Gelman et al. (2013), Bayesian Data Analysis, section 2.4.

    Examples:
        >>> belief = Beta() + Counts(8, 10)
        >>> belief.mean, belief.interval().rounded(3)
        (0.75, (0.482, 0.94))
    """

    passed: float = 1.0
    failed: float = 1.0

    def __post_init__(self) -> None:
        if not (self.passed > 0 and self.failed > 0):
            msg = f"pseudo-counts are {(self.passed, self.failed)!r}; need numbers > 0"
            raise ValueError(msg)

    def __add__(self, counts: Counts) -> Beta:
        return Beta(self.passed + counts.passes, self.failed + counts.trials - counts.passes)

    @property
    def mean(self) -> float:
        """Expected pass rate."""
        return self.passed / (self.passed + self.failed)

    def interval(self, coverage: float = 0.95) -> Interval:
        """Equal-tailed credible interval."""
        tails = np.array([(1 - coverage) / 2, (1 + coverage) / 2])
        low, high = betaincinv(self.passed, self.failed, tails)
        return Interval(self.mean, float(low), float(high), coverage)


def prob_better(candidate: Beta, control: Beta) -> float:
    """Chance that the candidate's rate is higher.

    Not a rule for shipping: under repeated looks it is wrong far too often.

    References:
        Scott (2010), Applied Stochastic Models in Business and Industry 26:639-658.

    Examples:
        >>> round(prob_better(Beta(9, 3), Beta(5, 7)), 4), prob_better(Beta(), Beta())
        (0.9598, 0.5)
    """
    if candidate == control:
        return 0.5
    rates = betaincinv(candidate.passed, candidate.failed, QUANTILES)
    chance = float((QUANTILE_WEIGHTS * betainc(control.passed, control.failed, rates)).sum())
    return min(1.0, max(0.0, chance))


def expected_loss(candidate: Beta, control: Beta) -> float:
    """Pass rate given up on average by choosing the candidate where the control is better.

    Returns:
        Rate units, >= 0.

    References:
        Stucchio (2015), Bayesian A/B testing at VWO, section 4.

    Examples:
        >>> round(expected_loss(Beta(9, 3), Beta(5, 7)), 4)
        0.0032
    """
    rates = betaincinv(control.passed, control.failed, QUANTILES)
    # E[(control - candidate)+] with the inner expectation in closed form.
    below = betainc(candidate.passed, candidate.failed, rates)
    share = candidate.mean * betainc(candidate.passed + 1, candidate.failed, rates)
    return max(0.0, float((QUANTILE_WEIGHTS * (rates * below - share)).sum()))


def prob_best(beliefs: Sequence[Beta]) -> NDArray[np.float64]:
    """Chance of each arm to have the highest rate.

    Args:
        beliefs: k arms.

    Returns:
        float64, shape (k,), sums to 1.

    References:
        Scott (2010), Applied Stochastic Models in Business and Industry 26:639-658.

    Examples:
        >>> prob_best([Beta(9, 3), Beta(5, 7), Beta(5, 7)]).round(2).tolist()
        [0.93, 0.04, 0.04]
    """
    chances = np.empty(len(beliefs))
    for i, one in enumerate(beliefs):
        rates = betaincinv(one.passed, one.failed, QUANTILES)
        others = np.ones_like(rates)
        for j, other in enumerate(beliefs):
            if j != i:
                others *= betainc(other.passed, other.failed, rates)
        chances[i] = float((QUANTILE_WEIGHTS * others).sum())
    return np.asarray(chances / chances.sum(), dtype=np.float64)
