"""Scores of agents by moving averages, as systems before this one kept them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flywheel.stats.hierarchy import Groups, Stream

Floats = NDArray[np.float64]

RATE = 0.1
"""How far one outcome moves a score."""

START = 0.5
"""Score of an agent without an outcome."""


def ema_update(current: float, success: float, rate: float = RATE) -> float:
    """A score one outcome later, as an exponential moving average.

    Args:
        current: score before, in [0, 1].
        success: of the outcome, in [0, 1].
        rate: share of the way to the outcome; at 0.1 a score rests on about 19 outcomes.

    References:
        Roberts (1959), Technometrics 1:239-250.

    Examples:
        >>> round(ema_update(0.5, 1.0), 4)
        0.55
    """
    return current + rate * (success - current)


def seed_update(current: float, quality_factor: float, impact: float = 0.0, rate: float = RATE) -> float:
    """A score one outcome later by the literal rule: current + rate x (quality factor + impact).

    The score is never pulled back, so that an agent right more often than not
    drifts to 1; `ema_update` is what the rule is usually taken to mean.

    Args:
        current: score before, in [0, 1].
        quality_factor: of the outcome, in [-0.5, 0.5]: success less one half.
        impact: of the marks by name, in the same units.
        rate: of learning.

    Returns:
        In [0, 1]; what is beyond is cut.

    References:
        The update of row R2 of the mission; docs/trust.md says what it does.

    Examples:
        >>> round(seed_update(0.5, 0.5), 4), seed_update(0.99, 0.5, 0.5)
        (0.55, 1.0)
    """
    return min(1.0, max(0.0, current + rate * (quality_factor + impact)))


def ema_scores(stream: Stream, rate: float = RATE) -> tuple[Floats, Floats]:
    """Moving averages of all agents at once.

    Returns:
        Score of its agent before each row, shape (n,); of each agent after its last, shape (agents,).

    References:
        Roberts (1959), Technometrics 1:239-250.

    Examples:
        >>> before, after = ema_scores(Stream.of([1, 1, 0], [0, 0, 1], [0, 0, 0]))
        >>> before.round(3).tolist(), after.round(3).tolist()
        ([0.5, 0.55, 0.5], [0.595, 0.45])
    """
    groups, keep = Groups(stream.agent), 1.0 - rate
    before, final = groups.running(stream.success, keep)
    seen = np.empty(len(stream))
    seen[groups.order] = groups.position
    sizes = np.bincount(stream.agent, minlength=groups.count)
    return rate * before + keep**seen * START, rate * final + keep**sizes * START


def seed_scores(stream: Stream, rate: float = RATE) -> tuple[Floats, Floats]:
    """The literal rule for all agents, one outcome after the other.

    Returns:
        Score of its agent before each row, shape (n,); of each agent after its last, shape (agents,).

    References:
        The update of row R2 of the mission.

    Examples:
        >>> before, after = seed_scores(Stream.of([1, 1, 0], [0, 0, 1], [0, 0, 0]))
        >>> before.round(3).tolist(), after.round(3).tolist()
        ([0.5, 0.55, 0.5], [0.6, 0.45])
    """
    scores = [START] * (int(stream.agent.max()) + 1 if len(stream) else 0)
    before = []
    # A walk that is cut at 0 and 1 has no sum that would do for all rows at once.
    for agent, success in zip(stream.agent.tolist(), stream.success.tolist(), strict=True):
        current = scores[agent]
        before.append(current)
        scores[agent] = min(1.0, max(0.0, current + rate * (success - 0.5)))
    return np.array(before), np.array(scores)


def count_scores(stream: Stream, prior: tuple[float, float] = (1.0, 1.0)) -> Floats:
    """Rate of its agent before each row, with pseudo-counts in place of a record.

    Args:
        stream: outcomes in the order of time.
        prior: passed and failed; (0, k) is the factor n / (n + k) that starts everybody at 0.

    References:
        Laplace's rule of succession; Gelman et al. (2013), Bayesian Data Analysis, section 2.4.

    Examples:
        >>> count_scores(Stream.of([1, 1, 0], [0, 0, 1], [0, 0, 0])).round(3).tolist()
        [0.5, 0.667, 0.5]
    """
    groups = Groups(stream.agent)
    passed, _ = groups.running(stream.success * stream.weight, 1.0)
    trials, _ = groups.running(stream.weight, 1.0)
    return np.asarray((passed + prior[0]) / (trials + prior[0] + prior[1]))
