"""Times until something happens, where for some it has not happened yet."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from flywheel.stats.proportions import Interval, normal_quantile


def median_time(times: ArrayLike, happened: ArrayLike, coverage: float = 0.95) -> Interval:
    """Median time by Kaplan and Meier: what still waits counts for as long as it waited.

    Args:
        times: >= 0, shape (n,).
        happened: False where it had not happened by then, shape (n,).
        coverage: two-sided, a fraction in (0, 1).

    Returns:
        No estimate where over half still waits; an end that is not reached is None.

    References:
        Kaplan, Meier (1958), J. American Statistical Association 53:457-481; Brookmeyer, Crowley (1982),
        Biometrics 38:29-41, with the log(-log) interval of the survival curve.

    Examples:
        >>> median_time([1, 2, 3, 4, 5], [True] * 5).estimate
        3.0
        >>> median_time([1, 9, 9], [True, False, False]).because
        'over half of 3 still wait'
    """
    t = np.asarray(times, dtype=np.float64).ravel()
    d = np.asarray(happened, dtype=bool).ravel()
    if t.shape != d.shape:
        msg = f"{t.size} times, {d.size} marks; need one of each"
        raise ValueError(msg)
    if not t.size:
        return Interval(None, None, None, coverage, "nothing was waited for")
    moments, events = np.unique(t[d], return_counts=True)
    at_risk = np.array([(t >= moment).sum() for moment in moments], dtype=np.float64)
    survival = np.cumprod(1 - events / np.maximum(at_risk, 1))
    left = np.maximum(at_risk - events, 1e-12)
    greenwood = np.cumsum(events / (np.maximum(at_risk, 1) * left))
    z = normal_quantile(coverage)
    inner = np.clip(survival, 1e-12, 1 - 1e-12)
    # The last step to 0 has no variance of its own; its curve ends there, and the exponent is bounded.
    width = np.minimum(z * np.sqrt(greenwood) / np.abs(np.log(inner)), 50.0)
    lower, upper = inner ** np.exp(width), inner ** np.exp(-width)
    lower, upper = np.where(survival <= 0, 0.0, lower), np.where(survival <= 0, 0.0, upper)

    def reached(curve: np.ndarray) -> float | None:
        below = np.flatnonzero(curve <= 0.5)
        return float(moments[below[0]]) if below.size else None

    estimate = reached(survival)
    because = "" if estimate is not None else f"over half of {t.size} still wait"
    return Interval(
        estimate, reached(lower), reached(upper) if estimate is not None else None, coverage, because
    )
