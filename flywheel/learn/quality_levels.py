"""How sure it is that a pass rate lies below a level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, expit, logit

from flywheel.records.quality import QualityLevel, QualityLevels

Floats = NDArray[np.float64]

BAD = (QualityLevel.CRITICAL, QualityLevel.WARNING, QualityLevel.BELOW_TARGET)
"""Levels that are bad, in the order of the first three chances."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of k streams before their own executions.

    Attributes:
        mean: float64 in (0, 1), shape (k,).
        weight: executions it counts for.
    """

    mean: Floats
    weight: float

    def with_data(self, scored: Floats, total: Floats) -> tuple[Floats, Floats]:
        """Pseudo-counts (passed, failed) of the Beta posterior.

        For scores between 0 and 1 this is wider than need be: no score varies
        more than passes and failures do.

        Args:
            scored: executions with a score, shape (k, ...).
            total: sum of their scores, the same shape.

        References:
            Gelman et al. (2013), Bayesian Data Analysis, section 2.4.

        Examples:
            >>> Prior(np.array([0.9]), 20).with_data(np.array([10.0]), np.array([4.0]))
            (array([22.]), array([8.]))
        """
        mean = self.mean.reshape(self.mean.shape + (1,) * (scored.ndim - 1))
        return self.weight * mean + total, self.weight * (1 - mean) + scored - total


def flat_prior(count: int) -> Prior:
    """No opinion: Beta(1, 1)."""
    return Prior(np.full(count, 0.5), 2.0)


def row_and_column(whole: Floats, row: Floats, column: Floats) -> Floats:
    """The rate a cell would have if its row and its column acted each by itself.

    Args:
        whole: rates in (0, 1), shape (k,), of everything the cell is part of.
        row: of its row.
        column: of its column.

    References:
        Additive on the logit scale: Agresti (2013), Categorical Data Analysis, section 5.3.

    Examples:
        >>> row_and_column(np.array([0.9]), np.array([0.9]), np.array([0.8])).round(3)
        array([0.8])
    """
    return np.asarray(expit(logit(row) + logit(column) - logit(whole)))


def chances_below(passed: Floats, failed: Floats, levels: QualityLevels) -> Floats:
    """Chance that the rate is below critical, warning, target, excellent.

    Args:
        passed: pseudo-counts, shape (k,).
        failed: pseudo-counts, shape (k,).
        levels: what they are held against.

    Returns:
        float64, shape (k, 4), rising along each row.

    Examples:
        >>> chances_below(np.array([80.0]), np.array([20.0]), QualityLevels()).round(2).tolist()
        [[0.9, 1.0, 1.0, 1.0]]
    """
    edges = np.array([levels.critical, levels.warning, levels.target, levels.excellent])
    return np.asarray(betainc(passed[:, None], failed[:, None], np.minimum(edges, 1.0)[None, :]))


def level_of(chances: Floats, certainty: float) -> QualityLevel:
    """The worst level that is shown, else the best one.

    Args:
        chances: of being below critical, warning, target, excellent.
        certainty: chance from which something is shown.

    Examples:
        >>> level_of(np.array([0.2, 0.97, 0.99, 1.0]), 0.95).value
        'warning'
        >>> level_of(np.array([0.0, 0.0, 0.01, 0.4]), 0.95).value
        'on target'
    """
    for level, chance in zip(BAD, chances, strict=False):
        if chance >= certainty:
            return level
    if 1 - chances[3] >= certainty:
        return QualityLevel.EXCELLENT
    return QualityLevel.ON_TARGET if 1 - chances[2] >= certainty else QualityLevel.UNCLEAR


def days_below(scored: Floats, total: Floats, prior: Prior, edge: float, rules: tuple[int, float]) -> int:
    """Days that one stream has been shown to be below a level without a break; 0 where it just began.

    Args:
        scored: of each day back from now, shape (days,).
        total: sum of scores, the same shape.
        prior: of this stream, k = 1.
        edge: the level.
        rules: days of the window, certainty.

    Examples:
        >>> scored, total = np.full(5, 50.0), np.array([30.0, 30, 30, 50, 50])
        >>> days_below(scored, total, flat_prior(1), 0.9, (1, 0.95))
        2
    """
    window, certainty = rules
    sums = [np.convolve(values, np.ones(window), mode="valid") for values in (scored, total)]
    passed, failed = prior.with_data(sums[0][None, :], sums[1][None, :])
    # A window without executions has the prior alone, which shows nothing of this stream.
    shown = (betainc(passed[0], failed[0], edge) >= certainty) & (sums[0] > 0)
    broken = np.flatnonzero(~shown)
    return max(0, int(broken[0] if broken.size else shown.size) - 1)
