"""Guardrails on positive amounts: is the candidate's ratio to the control below a limit?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit


@dataclass(frozen=True, slots=True)
class RatioCheck:
    """Geometric mean ratio candidate over control; None where no number exists.

    Attributes:
        ratio: 1.1 is ten percent more.
        upper: one-sided upper bound of the ratio.
        p_value: one-sided, of "the ratio is at least the limit".
        proven: whether upper lies below the limit.
    """

    pairs: int
    ratio: float | None
    upper: float | None
    limit: float
    p_value: float | None
    proven: bool | None
    because: str = ""


def log_ratio_non_inferiority(
    control: ArrayLike, candidate: ArrayLike, limit: float, level: float = 0.05
) -> RatioCheck:
    """Prove that latency or cost grows by less than a factor, paired by case.

    Logarithms make heavy tails harmless: one slow call does not decide.

    Args:
        control: amounts > 0, shape (n,); NaN and pairs with a 0 are left out.
        candidate: amounts of the same cases, shape (n,).
        limit: ratio that must not be reached, for example 1.2.
        level: one-sided error rate.

    Returns:
        The ratio, its bound and whether it is proven; None with fewer than 2 usable pairs.

    References:
        Blackwelder (1982), Controlled Clinical Trials 3:345-353; log-ratio t test as in
        Schuirmann (1987), J. Pharmacokinet. Biopharm. 15:657-680.

    Examples:
        >>> c = log_ratio_non_inferiority([100, 120, 90, 110], [101, 118, 92, 111], limit=1.2)
        >>> round(c.ratio, 3), c.proven
        (1.006, True)
    """
    if not limit > 0:
        msg = f"limit is {limit!r}; need a ratio > 0"
        raise ValueError(msg)
    a = np.asarray(control, dtype=np.float64).ravel()
    b = np.asarray(candidate, dtype=np.float64).ravel()
    known = (a > 0) & (b > 0) & np.isfinite(a) & np.isfinite(b)
    logs = np.log(b[known] / a[known])
    n = int(logs.size)
    if n < 2:
        reason = f"{n} cases have the amount on both arms; 2 are needed"
        return RatioCheck(n, None, None, limit, None, None, reason)
    mean = float(logs.mean())
    error = float(logs.std(ddof=1)) / math.sqrt(n)
    if error <= 1e-15:
        return RatioCheck(n, math.exp(mean), math.exp(mean), limit, None, mean < math.log(limit))
    upper = mean + float(stdtrit(n - 1, 1 - level)) * error
    p = float(stdtr(n - 1, (mean - math.log(limit)) / error))
    return RatioCheck(n, math.exp(mean), math.exp(upper), limit, p, upper < math.log(limit))
