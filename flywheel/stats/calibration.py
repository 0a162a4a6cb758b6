"""Whether stated confidence means what it says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from flywheel.stats.proportions import Counts, Interval, wilson

CELLS_PER_BIN = 50
"""Resampling draws cells of nearly equal confidence: a draw costs the same for any number of executions."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Executions of similar confidence.

    Attributes:
        confidence: mean stated confidence in the bin.
        rate: share that passed, with its range.
        count: executions.
    """

    confidence: float
    rate: Interval
    count: int


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """Expected calibration error; None without executions.

    Attributes:
        plug_in: mean distance of confidence from pass rate over the bins; biased upwards.
        debiased: the same less what chance alone adds; never below 0.
        by_chance: what a perfectly calibrated agent would show on these numbers.
        count: executions.
    """

    plug_in: float | None
    debiased: float | None
    by_chance: float | None
    count: int


@dataclass(frozen=True, slots=True)
class BrierScore:
    """Mean squared error of confidence with its parts; None without executions.

    score = reliability - resolution + uncertainty + within.

    Attributes:
        reliability: cost of stating the wrong confidence; 0 is best.
        resolution: gain of telling easy cases from hard ones.
        uncertainty: of the outcomes themselves.
        within: what the bins hide; 0 when confidences in a bin are equal.
    """

    score: float | None
    reliability: float | None
    resolution: float | None
    uncertainty: float | None
    within: float | None


def reliability_bins(
    confidence: ArrayLike, passed: ArrayLike, bins: int = 10, coverage: float = 0.95
) -> tuple[ReliabilityBin, ...]:
    """Confidence against pass rate in bins of equal width.

    Args:
        confidence: in [0, 1], shape (n,); NaN is dropped.
        passed: 0 or 1, shape (n,); NaN is dropped.
        bins: number of bins over [0, 1].
        coverage: of the range of each rate.

    Returns:
        The bins that hold executions, lowest confidence first.

    References:
        Murphy, Winkler (1977), Applied Statistics 26:41-47.

    Examples:
        >>> rows = reliability_bins([0.9, 0.95, 0.2], [1, 0, 0])
        >>> [(round(r.confidence, 3), r.rate.estimate, r.count) for r in rows]
        [(0.2, 0.0, 1), (0.925, 0.5, 2)]
    """
    c, y = _pairs(confidence, passed)
    count, mean, hits = _binned(c, y, bins)
    return tuple(
        ReliabilityBin(float(m), wilson(Counts(round(float(h)), int(n)), coverage), int(n))
        for n, m, h in zip(count, mean, hits, strict=True)
    )


def calibration_error(confidence: ArrayLike, passed: ArrayLike, bins: int = 10) -> CalibrationError:
    """Expected calibration error, with what chance adds taken off.

    Args:
        confidence: in [0, 1], shape (n,); NaN is dropped.
        passed: 0 or 1, shape (n,); NaN is dropped.
        bins: of equal width.

    Returns:
        Rate units; 0.05 is five points between word and deed.

    References:
        Naeini, Cooper, Hauskrecht (2015), AAAI 29; debiasing as in Kumar, Liang, Ma (2019),
        NeurIPS 32, section 5, with the mean of a folded normal in place of draws.

    Examples:
        >>> e = calibration_error([0.8] * 10, [1] * 6 + [0] * 4)
        >>> round(e.plug_in, 3), round(e.debiased, 3)
        (0.2, 0.183)
    """
    c, y = _pairs(confidence, passed)
    if not c.size:
        return CalibrationError(None, None, None, 0)
    count, mean, hits = _binned(c, y, bins)
    share = count / c.size
    rate = hits / count
    gap = np.abs(mean - rate)
    spread = np.sqrt(np.maximum(rate * (1 - rate), 0.0) / np.maximum(count - 1, 1))
    excess = _folded(gap, spread) - gap
    honest = np.sqrt(np.maximum(mean * (1 - mean), 0.0) / count)
    plug_in = float((share * gap).sum())
    return CalibrationError(
        plug_in=plug_in,
        debiased=max(0.0, plug_in - float((share * excess).sum())),
        by_chance=float((share * _folded(np.zeros_like(gap), honest)).sum()),
        count=int(c.size),
    )


def calibration_error_interval(
    confidence: ArrayLike,
    passed: ArrayLike,
    bins: int = 10,
    coverage: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Range of the debiased calibration error.

    Resampling adds the noise of the executions once more, which pushes every
    redrawn error up; so the redrawn errors are moved to the estimate first.
    The range begins at 0 unless perfect calibration, drawn as often, shows so
    large an error too seldom.

    Args:
        confidence: in [0, 1], shape (n,); NaN is dropped.
        passed: 0 or 1, shape (n,); NaN is dropped.
        bins: of equal width.
        coverage: two-sided, a fraction in (0, 1).
        resamples: draws of executions with replacement.
        seed: of the draws.

    Returns:
        Rate units, cut to [0, 1]; no range below 10 executions.

    References:
        Davison, Hinkley (1997), Bootstrap Methods, section 5.2, on a bias that resampling repeats;
        Broecker, Smith (2007), Weather and Forecasting 22:651-661, on drawing from perfect calibration.

    Examples:
        >>> i = calibration_error_interval([0.9] * 60, [1, 0, 0] * 20)
        >>> round(i.estimate, 2), 0.4 < i.low < i.estimate < i.high < 0.75
        (0.57, True)
    """
    c, y = _pairs(confidence, passed)
    found = calibration_error(c, y, bins)
    estimate, plug_in = found.debiased, found.plug_in
    if estimate is None or plug_in is None or c.size < 10:
        return Interval(estimate, None, None, coverage, f"{c.size} executions; 10 are needed")
    rng = np.random.default_rng(seed)
    honest, drawn = _redrawn(c, y, bins, resamples, rng)
    by_chance = plug_in <= float(np.quantile(honest, (1 + coverage) / 2))
    low, high = np.quantile(drawn, [(1 - coverage) / 2, (1 + coverage) / 2]) - drawn.mean() + estimate
    least = 0.0 if by_chance else min(estimate, max(0.0, float(low)))
    return Interval(estimate, least, max(estimate, min(1.0, float(high))), coverage)


def brier_score(confidence: ArrayLike, passed: ArrayLike, bins: int = 10) -> BrierScore:
    """Brier score with its decomposition.

    Args:
        confidence: in [0, 1], shape (n,); NaN is dropped.
        passed: 0 or 1, shape (n,); NaN is dropped.
        bins: of equal width.

    References:
        Brier (1950), Monthly Weather Review 78:1-3; Murphy (1973), J. Applied Meteorology
        12:595-600; Stephenson, Coelho, Jolliffe (2008), Weather and Forecasting 23:752-757.

    Examples:
        >>> b = brier_score([0.9, 0.9, 0.3, 0.3], [1, 0, 0, 0])
        >>> round(b.score, 3), round(b.reliability - b.resolution + b.uncertainty + b.within, 3)
        (0.25, 0.25)
    """
    c, y = _pairs(confidence, passed)
    if not c.size:
        return BrierScore(None, None, None, None, None)
    count, mean, hits = _binned(c, y, bins)
    share, rate, base = count / c.size, hits / count, float(y.mean())
    score = float(((c - y) ** 2).mean())
    reliability = float((share * (mean - rate) ** 2).sum())
    resolution = float((share * (rate - base) ** 2).sum())
    uncertainty = base * (1 - base)
    return BrierScore(
        score, reliability, resolution, uncertainty, score - (reliability - resolution + uncertainty)
    )


def _redrawn(
    c: NDArray[np.float64], y: NDArray[np.float64], bins: int, resamples: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Plug-in errors of perfect calibration, debiased errors of executions drawn again.

    What lies in one cell is drawn together, at its mean confidence.
    """
    code = np.minimum((c * bins * CELLS_PER_BIN).astype(np.int64), bins * CELLS_PER_BIN - 1)
    cells, code = np.unique(code, return_inverse=True)
    count = np.bincount(code)
    mean = np.bincount(code, weights=c) / count
    hits = np.bincount(code, weights=y).astype(np.int64)
    of_bin = (cells[:, None] // CELLS_PER_BIN == np.arange(bins)).astype(np.float64)
    honest, _ = _errors(
        np.broadcast_to(count @ of_bin, (resamples, bins)),
        np.broadcast_to((count * mean) @ of_bin, (resamples, bins)),
        rng.binomial(count, mean, size=(resamples, cells.size)) @ of_bin,
    )
    shares = np.concatenate((hits, count - hits)) / c.size
    drawn = rng.multinomial(c.size, shares, size=resamples).astype(np.float64)
    passed = drawn[:, : cells.size]
    both = passed + drawn[:, cells.size :]
    _, debiased = _errors(both @ of_bin, (both * mean) @ of_bin, passed @ of_bin)
    return honest, debiased


def _errors(
    count: NDArray[np.float64], total: NDArray[np.float64], hits: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Plug-in with debiased error of each row of bins, shape (m, bins); an empty bin has no share."""
    safe = np.maximum(count, 1.0)
    rate = hits / safe
    gap = np.abs(total / safe - rate)
    spread = np.sqrt(np.maximum(rate * (1 - rate), 0.0) / np.maximum(count - 1, 1))
    share = count / count.sum(axis=1, keepdims=True)
    plug_in = (share * gap).sum(axis=1)
    return plug_in, np.maximum(0.0, plug_in - (share * (_folded(gap, spread) - gap)).sum(axis=1))


def _pairs(confidence: ArrayLike, passed: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    c = np.asarray(confidence, dtype=np.float64).ravel()
    y = np.asarray(passed, dtype=np.float64).ravel()
    if c.shape != y.shape:
        msg = f"{c.size} confidences, {y.size} outcomes; need one of each per execution"
        raise ValueError(msg)
    known = ~(np.isnan(c) | np.isnan(y))
    c, y = c[known], y[known]
    if bool(((c < 0) | (c > 1)).any()) or not bool(np.isin(y, (0.0, 1.0)).all()):
        msg = "confidence must lie in [0, 1], outcomes must be 0 or 1"
        raise ValueError(msg)
    return c, y


def _binned(
    c: NDArray[np.float64], y: NDArray[np.float64], bins: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Count, mean confidence and passes of the bins that hold executions."""
    if bins < 1:
        msg = f"bins is {bins!r}; need at least 1"
        raise ValueError(msg)
    code = np.minimum((c * bins).astype(np.int64), bins - 1)
    count = np.bincount(code, minlength=bins).astype(np.float64)
    used = count > 0
    mean = np.bincount(code, weights=c, minlength=bins)[used] / count[used]
    hits = np.bincount(code, weights=y, minlength=bins)[used]
    return count[used], mean, hits.astype(np.float64)


def _folded(centre: NDArray[np.float64], spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of |N(centre, spread^2)|."""
    safe = np.maximum(spread, 1e-300)
    ratio = centre / safe
    density = np.exp(-(np.minimum(ratio, 40.0) ** 2) / 2)
    folded = spread * np.sqrt(2 / np.pi) * density + centre * (1 - 2 * ndtr(-ratio))
    return np.where(spread > 0, folded, centre)
