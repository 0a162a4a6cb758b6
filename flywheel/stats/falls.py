"""Falls of a whole recorded stream below its usual level, with what became of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

DROPS: tuple[float, ...] = (0.02, 0.03, 0.05, 0.08, 0.12, 0.20)
"""Falls in rate units for which a bet each is best; between them the mixture loses little."""

MOST_BET = 0.95
"""Share of the wealth on one score; a bet of all would be lost with the first pass."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fall:
    """One stay of a stream below its usual level; positions count scores from 0.

    Attributes:
        onset: where it most likely began.
        shown: where the evidence reached the bar.
        level: mean score since onset, up to the end of the fall.
        over: where it was shown to be over; None while it lasts.
    """

    onset: int
    shown: int
    level: float
    over: int | None = None


@dataclass(frozen=True, slots=True)
class FallHistory:
    """What a stream went through.

    Attributes:
        falls: in the order of time; only the last one can be without an end.
        evidence: average wealth after the last score, towards the next fall or the end of the last
            one; at most 1e300. The bar is the run length.
    """

    falls: tuple[Fall, ...]
    evidence: float

    @property
    def fallen(self) -> Fall | None:
        """The fall that lasts, None when there is none."""
        return self.falls[-1] if self.falls and self.falls[-1].over is None else None


def bets_for(level: float) -> tuple[float, ...]:
    """Shares of the wealth that grow fastest after each of `DROPS`.

    For pass rates that fall from p by d the best share is d / p (Kelly).

    References:
        Kelly (1956), Bell System Technical Journal 35:917-926.

    Examples:
        >>> [round(bet, 3) for bet in bets_for(0.8)]
        [0.025, 0.037, 0.062, 0.1, 0.15, 0.25]
    """
    return tuple(min(MOST_BET, drop / level) for drop in DROPS)


def fall_history(scores: ArrayLike, level: float, run_length: float, recovery_length: float) -> FallHistory:
    """Watch a recorded stream from its start: falls, ends of falls, falls again.

    The same arithmetic as `DropDetector.for_drops(level, run_length)` score by
    score, for all scores at once. A fall is over when the mirrored detector
    shows that the failures are rarer than half-way back.

    Args:
        scores: in [0, 1], in the order of time, shape (n,), no NaN.
        level: usual mean of the scores, in (0, 1).
        run_length: scores between false falls are at least this many on average, > 1.
        recovery_length: scores between false ends while the mean stays half-way or lower, > 1.

    References:
        Shin, Ramdas, Rinaldo (2023), E-detectors, New England J. Statist. Data Sci. 2:229-260.

    Examples:
        >>> history = fall_history([1, 1, 0] * 3 + [0] * 8, level=0.7, run_length=50, recovery_length=50)
        >>> history.falls[0].onset, history.falls[0].shown, history.fallen is not None
        (8, 13, True)
    """
    x = np.asarray(scores, dtype=np.float64).ravel()
    if not (0 < level < 1 and run_length > 1 and recovery_length > 1):
        msg = f"level {level!r}, run_length {run_length!r}; need a rate in (0, 1), lengths > 1"
        raise ValueError(msg)
    if x.size and not (float(x.min()) >= 0.0 and float(x.max()) <= 1.0):
        msg = "scores lie outside [0, 1] or are NaN. Nothing was watched."
        raise ValueError(msg)
    falls: list[Fall] = []
    start = 0
    while True:
        path = log_evidence(x[start:], level)
        found = _first(path, run_length)
        if found is None:
            return FallHistory(tuple(falls), _wealth(path))
        shown = start + found
        onset = start + _onset(x[start : shown + 1], level)
        fallen = float(x[onset : shown + 1].mean())
        half_way = _half_way(level, fallen, shown - onset + 1)
        path = log_evidence(1.0 - x[shown + 1 :], 1.0 - half_way)
        found = _first(path, recovery_length)
        if found is None:
            return FallHistory((*falls, Fall(onset, shown, float(x[onset:].mean()))), _wealth(path))
        start = shown + 1 + found + 1
        falls.append(Fall(onset, shown, float(x[onset:start].mean()), start - 1))


def log_evidence(scores: Floats, level: float) -> Floats:
    """Logarithm of the average wealth of the bets after each score, shape (n,).

    Args:
        scores: in [0, 1], shape (n,).
        level: usual mean of the scores, in (0, 1).

    References:
        Shin, Ramdas, Rinaldo (2023), as above: M <- (M + 1) (1 + b (level - score) / (1 - level)).

    Examples:
        >>> np.exp(log_evidence(np.array([0.0, 0.0]), 0.5)).round(3).tolist()
        [1.167, 2.543]
    """
    path = np.full(scores.size, -np.inf)
    if not scores.size:
        return path
    drop = (level - scores) / (1.0 - level)
    for bet in bets_for(level):
        total = np.cumsum(np.log1p(bet * drop))
        before = np.empty_like(total)
        before[0] = 0.0
        np.negative(total[:-1], out=before[1:])
        # A sum over all starts, in logarithms, because wealth leaves the range of floats.
        np.logaddexp.accumulate(before, out=before)
        total += before
        np.logaddexp(path, total, out=path)
    return path - math.log(len(DROPS))


def _first(path: Floats, run_length: float) -> int | None:
    reached = path >= math.log(run_length)
    return int(np.argmax(reached)) if reached.any() else None


def _wealth(path: Floats) -> float:
    return float(np.exp(min(path[-1], 690.0))) if path.size else 0.0


def _half_way(level: float, fallen: float, count: int) -> float:
    """The mean from which on a fall counts as over.

    What shows a fall looks worse than it is, so that the fallen mean is taken
    two standard errors higher, up to the middle between both.
    """
    higher = fallen + 2 * math.sqrt(fallen * (1 - fallen) / count)
    return (level + min(higher, (level + fallen) / 2)) / 2


def _onset(scores: Floats, level: float) -> int:
    """Start with the largest likelihood under the bet that won most by the end."""
    drop = (level - scores) / (1.0 - level)
    best, start = -np.inf, 0
    for bet in bets_for(level):
        total = np.concatenate(([0.0], np.cumsum(np.log1p(bet * drop))))
        gain = total[-1] - float(total[:-1].min())
        if gain > best:
            best, start = gain, int(np.argmin(total[:-1]))
    return start
