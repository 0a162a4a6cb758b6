"""Two arms scored on the same cases."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, stdtr, stdtrit

from flywheel.stats.gate import max_t_gate
from flywheel.stats.proportions import Interval, paired_proportions

TIE = 1e-12
"""Differences below it are rounding of equal means."""


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """Candidate minus control over the cases both were scored on; None where no number exists.

    Attributes:
        pairs: cases with both scores; wins + losses + ties.
        estimate, low, high: mean difference with its interval, score units.
        p_value: two-sided.
        method: mcnemar_exact or sign_flip, or none.
        because: what is missing, else empty.
    """

    pairs: int
    wins: int
    losses: int
    ties: int
    control_mean: float | None
    candidate_mean: float | None
    estimate: float | None
    low: float | None
    high: float | None
    coverage: float
    p_value: float | None
    method: str
    because: str = ""


def mcnemar_exact(wins: int, losses: int) -> float | None:
    """Two-sided exact p-value of wins against losses; ties carry no information.

    Args:
        wins: cases only the candidate passed.
        losses: cases only the control passed.

    Returns:
        In (0, 1]; None when every case is a tie.

    References:
        McNemar (1947), Psychometrika 12:153-157; exact binomial form in
        Agresti (2013), Categorical Data Analysis, section 11.1.

    Examples:
        >>> round(mcnemar_exact(12, 2), 6), mcnemar_exact(0, 0)
        (0.012939, None)
    """
    if wins < 0 or losses < 0:
        msg = f"wins is {wins!r}, losses is {losses!r}; need numbers of cases >= 0"
        raise ValueError(msg)
    discordant = wins + losses
    if discordant == 0:
        return None
    tail = 2.0 * float(bdtr(min(wins, losses), discordant, 0.5))
    return min(1.0, max(tail, float(np.nextafter(0.0, 1.0))))


def paired_t_test(differences: ArrayLike, coverage: float = 0.95) -> tuple[Interval, float | None]:
    """Mean difference with its t interval plus the two-sided p-value.

    Args:
        differences: shape (n,); NaN is dropped.
        coverage: two-sided, a fraction in (0, 1).

    Returns:
        The interval and p; the interval has no range and p is None when
        fewer than 2 differences exist or none differs from another.

    References:
        Student (1908), Biometrika 6:1-25.

    Examples:
        >>> interval, p = paired_t_test([0.1, 0.3, 0.2, 0.0, 0.4])
        >>> round(interval.estimate, 2), round(interval.low, 3), round(p, 4)
        (0.2, 0.004, 0.0474)
    """
    d = np.asarray(differences, dtype=np.float64).ravel()
    d = d[~np.isnan(d)]
    if d.size == 0:
        return Interval(None, None, None, coverage, "no case was scored under both arms"), None
    mean = float(d.mean())
    if d.size == 1:
        return Interval(mean, None, None, coverage, "one pair has no spread"), None
    error = float(d.std(ddof=1)) / math.sqrt(d.size)
    if error <= TIE:
        return Interval(mean, None, None, coverage, "every difference is the same"), None
    df = d.size - 1
    half = float(stdtrit(df, 0.5 + coverage / 2)) * error
    p = min(1.0, max(2.0 * float(stdtr(df, -abs(mean / error))), float(np.nextafter(0.0, 1.0))))
    return Interval(mean, mean - half, mean + half, coverage), p


def compare_paired(
    control: ArrayLike, candidate: ArrayLike, coverage: float = 0.95, flips: int = 10_000, seed: int = 0
) -> PairedComparison:
    """Compare two arms on the cases both were scored on.

    Pass or fail on both arms gives the exact McNemar test with Newcombe's
    paired score interval. Other scores give a sign-flip test with a t
    interval, cut to the range of possible differences.

    Args:
        control: scores in [0, 1], shape (n,); NaN is unscored.
        candidate: scores of the same cases in the same order, shape (n,).
        coverage: two-sided, a fraction in (0, 1).
        flips: sign vectors of the sign-flip test.
        seed: of the sign-flip test.

    Returns:
        Counts and means always; interval and p where they exist, else a reason.

    Raises:
        ValueError: shapes differ, or a score lies outside [0, 1].

    Examples:
        >>> c = compare_paired([1, 0, 0, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1, 1])
        >>> c.wins, c.losses, c.ties, c.p_value, c.method
        (5, 0, 2, 0.0625, 'mcnemar_exact')
        >>> compare_paired([0.5, 0.5], [0.5, 0.5]).because
        'every case is a tie'
    """
    a, b = _pairs(control, candidate)
    d = b - a
    d[np.abs(d) < TIE] = 0.0
    wins, losses = int((d > 0).sum()), int((d < 0).sum())
    if d.size == 0:
        return _no_pairs(coverage)
    binary = is_binary(a) and is_binary(b)
    if binary:
        both = int(((a == 1) & (b == 1)).sum())
        interval = paired_proportions(wins, losses, both, d.size - wins - losses - both, coverage)
        p, method = mcnemar_exact(wins, losses), "mcnemar_exact"
        because = "" if p is not None else "every case is a tie"
    else:
        interval, p, because = _scores_test(d, coverage, flips, seed)
        method = "sign_flip"
    return PairedComparison(
        pairs=d.size,
        wins=wins,
        losses=losses,
        ties=d.size - wins - losses,
        control_mean=float(a.mean()),
        candidate_mean=float(b.mean()),
        estimate=interval.estimate,
        low=interval.low,
        high=interval.high,
        coverage=coverage,
        p_value=p,
        method=method,
        because=because,
    )


def is_binary(scores: NDArray[np.float64]) -> bool:
    """Whether every score is 0 or 1.

    Examples:
        >>> is_binary(np.array([0.0, 1.0])), is_binary(np.array([0.5]))
        (True, False)
    """
    return bool(((scores == 0.0) | (scores == 1.0)).all())


def _no_pairs(coverage: float) -> PairedComparison:
    return PairedComparison(
        pairs=0,
        wins=0,
        losses=0,
        ties=0,
        control_mean=None,
        candidate_mean=None,
        estimate=None,
        low=None,
        high=None,
        coverage=coverage,
        p_value=None,
        method="none",
        because="no case was scored under both arms",
    )


def _scores_test(
    d: NDArray[np.float64], coverage: float, flips: int, seed: int
) -> tuple[Interval, float | None, str]:
    interval, _ = paired_t_test(d, coverage)
    if interval.low is None or interval.high is None or interval.estimate is None:
        reason = "every case is a tie" if not d.any() else interval.because
        return interval, None, reason
    cut = Interval(interval.estimate, max(-1.0, interval.low), min(1.0, interval.high), coverage)
    gate = max_t_gate(d[:, None], flips, seed)
    return cut, gate.p_value[0], gate.because[0]


def _pairs(control: ArrayLike, candidate: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a = np.asarray(control, dtype=np.float64).ravel()
    b = np.asarray(candidate, dtype=np.float64).ravel()
    if a.shape != b.shape:
        msg = f"control has {a.size} scores, candidate {b.size}; need one pair per case"
        raise ValueError(msg)
    known = ~(np.isnan(a) | np.isnan(b))
    a, b = a[known], b[known]
    if bool(((a < 0) | (a > 1) | (b < 0) | (b > 1)).any()):
        msg = "a score lies outside [0, 1]; rescale the scores first"
        raise ValueError(msg)
    return a, b
