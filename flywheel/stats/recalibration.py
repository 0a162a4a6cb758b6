"""Correcting stated confidence, fitted on some rows, scored on others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from flywheel.stats.calibration import BrierScore, CalibrationError, brier_score, calibration_error
from flywheel.stats.paired import paired_t_test
from flywheel.stats.proportions import Interval

Floats = NDArray[np.float64]

EDGE = 1e-6
"""Confidence of 0 or 1 has no logit; it is drawn in by this much."""


@dataclass(frozen=True, slots=True)
class Isotonic:
    """Rising step function from confidence to pass rate.

    Attributes:
        knots: confidence, float64, shape (m,), rising.
        rates: pass rate at each knot, float64, shape (m,), not falling.
    """

    knots: NDArray[np.float64]
    rates: NDArray[np.float64]

    def __call__(self, confidence: ArrayLike) -> NDArray[np.float64]:
        """Corrected confidence; linear between knots, flat outside."""
        return np.interp(np.asarray(confidence, dtype=np.float64), self.knots, self.rates)


@dataclass(frozen=True, slots=True)
class Temperature:
    """Confidence drawn towards (above 1) or away from (below 1) one half.

    Attributes:
        value: divisor of the log odds, > 0.
    """

    value: float

    def __call__(self, confidence: ArrayLike) -> NDArray[np.float64]:
        """Corrected confidence."""
        c = np.clip(np.asarray(confidence, dtype=np.float64), EDGE, 1 - EDGE)
        return np.asarray(expit(logit(c) / self.value), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Logistic:
    """Log odds moved by an offset and stretched by a slope; (0, 1) leaves confidence as it is.

    Attributes:
        offset: added to the log odds.
        slope: factor of the log odds.
    """

    offset: float
    slope: float

    def __call__(self, confidence: ArrayLike) -> NDArray[np.float64]:
        """Corrected confidence."""
        c = np.clip(np.asarray(confidence, dtype=np.float64), EDGE, 1 - EDGE)
        return np.asarray(expit(self.offset + self.slope * logit(c)), dtype=np.float64)


Correction = Isotonic | Temperature | Logistic


@dataclass(frozen=True, slots=True)
class Recalibration:
    """A correction with its worth on rows it was not fitted on.

    Attributes:
        correction: maps stated to corrected confidence.
        before, after: Brier score on the held-out rows.
        gain: mean fall of the squared error on these rows, with its 95 % range.
        error_before, error_after: calibration error on the same rows.
        fitted_on, scored_on: rows of each kind.
    """

    correction: Correction
    before: BrierScore
    after: BrierScore
    gain: Interval
    error_before: CalibrationError
    error_after: CalibrationError
    fitted_on: int
    scored_on: int


def fit_isotonic(confidence: ArrayLike, passed: ArrayLike) -> Isotonic:
    """Best rising function by least squares, pooling adjacent violators.

    Args:
        confidence: in [0, 1], shape (n,), n >= 1.
        passed: 0 or 1, shape (n,).

    References:
        Ayer et al. (1955), Ann. Math. Statist. 26:641-647; Zadrozny, Elkan (2002), KDD, 694-699.

    Examples:
        >>> fit_isotonic([0.1, 0.4, 0.6, 0.9], [0, 1, 0, 1]).rates.tolist()
        [0.0, 0.5, 0.5, 1.0]
    """
    c, y = np.asarray(confidence, dtype=np.float64), np.asarray(passed, dtype=np.float64)
    if not c.size or c.shape != y.shape:
        msg = f"{c.size} confidences, {y.size} outcomes; need at least one pair"
        raise ValueError(msg)
    knots, codes = np.unique(c, return_inverse=True)
    weights = np.bincount(codes).astype(np.float64)
    means = np.bincount(codes, weights=y) / weights
    blocks: list[tuple[float, float, int]] = []
    for mean, weight in zip(means.tolist(), weights.tolist(), strict=True):
        block = (mean, weight, 1)
        while blocks and blocks[-1][0] >= block[0]:
            left = blocks.pop()
            total = left[1] + block[1]
            block = ((left[0] * left[1] + block[0] * block[1]) / total, total, left[2] + block[2])
        blocks.append(block)
    rates = np.repeat([b[0] for b in blocks], [b[2] for b in blocks])
    return Isotonic(knots, rates)


def fit_temperature(confidence: ArrayLike, passed: ArrayLike) -> Temperature:
    """Divisor of the log odds with the highest likelihood.

    Args:
        confidence: in [0, 1], shape (n,), n >= 1.
        passed: 0 or 1, shape (n,).

    References:
        Guo, Pleiss, Sun, Weinberger (2017), ICML 70:1321-1330.

    Examples:
        >>> round(fit_temperature([0.9] * 10 + [0.1] * 10, [1] * 7 + [0] * 3 + [0] * 7 + [1] * 3).value, 2)
        2.59
    """
    c, y = np.asarray(confidence, dtype=np.float64), np.asarray(passed, dtype=np.float64)
    if not c.size or c.shape != y.shape:
        msg = f"{c.size} confidences, {y.size} outcomes; need at least one pair"
        raise ValueError(msg)
    odds = logit(np.clip(c, EDGE, 1 - EDGE))
    # The likelihood is concave in the inverse temperature, so its slope has one root.
    low, high = 1e-2, 1e2
    for _ in range(80):
        middle = np.sqrt(low * high)
        slope = float((odds * (y - expit(middle * odds))).sum())
        low, high = (middle, high) if slope > 0 else (low, middle)
    return Temperature(float(1 / np.sqrt(low * high)))


def fit_logistic(confidence: ArrayLike, passed: ArrayLike, ridge: float = 1.0) -> Logistic:
    """Offset with slope of the log odds, drawn towards leaving confidence as it is.

    A few executions hardly move it; many decide alone. The penalty is
    ridge / 2 times offset squared plus (slope - 1) squared.

    Args:
        confidence: in [0, 1], shape (n,), n >= 1.
        passed: 0 or 1, shape (n,).
        ridge: weight of leaving it as it is, > 0.

    References:
        Platt (1999), Advances in Large Margin Classifiers, 61-74; le Cessie, van Houwelingen (1992),
        Applied Statistics 41:191-201 (ridge).

    Examples:
        >>> found = fit_logistic([0.9] * 100 + [0.6] * 100, [1] * 70 + [0] * 30 + [1] * 40 + [0] * 60)
        >>> round(found.offset, 2), round(found.slope, 2), found([0.9, 0.6]).round(2).tolist()
        (-0.66, 0.69, [0.7, 0.41])
    """
    c, y = np.asarray(confidence, dtype=np.float64).ravel(), np.asarray(passed, dtype=np.float64).ravel()
    if not c.size or c.shape != y.shape:
        msg = f"{c.size} confidences, {y.size} outcomes; need at least one pair"
        raise ValueError(msg)
    odds = logit(np.clip(c, EDGE, 1 - EDGE))
    design = np.stack((np.ones_like(odds), odds))
    at, start = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    for _ in range(100):
        rate = expit(at @ design)
        slope = design @ (rate - y) + ridge * (at - start)
        curve = (design * np.maximum(rate * (1 - rate), 1e-12)) @ design.T + ridge * np.eye(2)
        # The loss is strictly convex; half steps keep Newton from overshooting far from its foot.
        step = np.linalg.solve(curve, slope)
        while _ridge_loss(at - step, design, y, ridge) > _ridge_loss(at, design, y, ridge) + 1e-9:
            step = step / 2
        at = at - step
        if float(np.abs(step).max()) < 1e-10:
            break
    return Logistic(float(at[0]), float(at[1]))


def _ridge_loss(at: Floats, design: Floats, y: Floats, ridge: float) -> float:
    odds = at @ design
    penalty = ridge / 2 * (float(at[0]) ** 2 + (float(at[1]) - 1) ** 2)
    return float((np.logaddexp(0.0, odds) - y * odds).sum()) + penalty


def recalibrate(
    confidence: ArrayLike, passed: ArrayLike, method: str = "temperature", bins: int = 10, seed: int = 0
) -> Recalibration | None:
    """Fit a correction on a random half, score it on the other half.

    Args:
        confidence: in [0, 1], shape (n,); NaN is dropped.
        passed: 0 or 1, shape (n,); NaN is dropped.
        method: isotonic, temperature or logistic.
        bins: of the calibration error.
        seed: of the split.

    Returns:
        None below 20 executions: half of them say too little.

    Raises:
        ValueError: another method.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> stated = rng.uniform(0.5, 1.0, 2000)
        >>> r = recalibrate(stated, rng.random(2000) < stated - 0.2, "isotonic")
        >>> r.after.score < r.before.score, r.fitted_on, r.scored_on
        (True, 1000, 1000)
    """
    fitters: dict[str, Callable[[ArrayLike, ArrayLike], Correction]] = {
        "isotonic": fit_isotonic,
        "logistic": fit_logistic,
        "temperature": fit_temperature,
    }
    if method not in fitters:
        msg = f"method is {method!r}; there are {', '.join(fitters)}. Nothing was fitted."
        raise ValueError(msg)
    c = np.asarray(confidence, dtype=np.float64).ravel()
    y = np.asarray(passed, dtype=np.float64).ravel()
    known = ~(np.isnan(c) | np.isnan(y))
    c, y = c[known], y[known]
    if c.size < 20:
        return None
    order = np.random.default_rng(seed).permutation(c.size)
    fit, held = order[: c.size // 2], order[c.size // 2 :]
    correction = fitters[method](c[fit], y[fit])
    corrected = np.clip(correction(c[held]), 0.0, 1.0)
    gain, _ = paired_t_test((c[held] - y[held]) ** 2 - (corrected - y[held]) ** 2)
    return Recalibration(
        correction=correction,
        before=brier_score(c[held], y[held], bins),
        after=brier_score(corrected, y[held], bins),
        gain=gain,
        error_before=calibration_error(c[held], y[held], bins),
        error_after=calibration_error(corrected, y[held], bins),
        fitted_on=int(fit.size),
        scored_on=int(held.size),
    )
