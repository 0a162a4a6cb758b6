"""Corrections for looking at several comparisons at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p-values that bound the chance of any false finding.

    Args:
        p_values: shape (m,), in [0, 1]; NaN is a comparison that was not made and stays NaN.

    Returns:
        float64, shape (m,); never below the raw p-value.

    References:
        Holm (1979), Scandinavian Journal of Statistics 6:65-70.

    Examples:
        >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
        [0.03, 0.06, 0.06]
    """
    p = _checked(p_values)
    adjusted = np.full(p.shape, np.nan)
    made = np.flatnonzero(~np.isnan(p))
    order = made[np.argsort(p[made], kind="stable")]
    factors = np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * p[order]))
    return adjusted


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p-values that bound the expected share of false findings.

    Args:
        p_values: shape (m,), in [0, 1]; NaN stays NaN.

    Returns:
        float64, shape (m,); valid under independence or positive dependence.

    References:
        Benjamini, Hochberg (1995), JRSS B 57:289-300.

    Examples:
        >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
        [0.03, 0.04, 0.04]
    """
    p = _checked(p_values)
    adjusted = np.full(p.shape, np.nan)
    made = np.flatnonzero(~np.isnan(p))
    order = made[np.argsort(p[made], kind="stable")]
    scaled = p[order] * order.size / np.arange(1, order.size + 1)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return adjusted


def e_bh(e_values: ArrayLike, level: float = 0.05) -> NDArray[np.bool_]:
    """Findings whose expected false share is at most level, under any dependence.

    Args:
        e_values: shape (m,), >= 0; NaN is a comparison that was not made.
        level: bound of the false discovery rate.

    Returns:
        bool, shape (m,).

    References:
        Wang, Ramdas (2022), JRSS B 84:822-852.

    Examples:
        >>> e_bh([100.0, 1.0, 45.0, 0.2], 0.05).tolist()
        [True, False, True, False]
    """
    e = np.nan_to_num(np.asarray(e_values, dtype=np.float64), nan=0.0, posinf=np.inf)
    if e.ndim != 1 or bool((e < 0).any()):
        msg = "e_values must be one row of numbers >= 0"
        raise ValueError(msg)
    order = np.argsort(-e, kind="stable")
    ranks = np.arange(1, e.size + 1)
    passing = np.flatnonzero(ranks * e[order] >= e.size / level)
    found = np.zeros(e.size, dtype=bool)
    if passing.size:
        found[order[: passing[-1] + 1]] = True
    return found


def optional_holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Holm over the comparisons that exist; None stays None and is not counted.

    Examples:
        >>> optional_holm([0.01, None, 0.04])
        (0.02, None, 0.04)
    """
    adjusted = holm(np.array([np.nan if p is None else p for p in p_values], dtype=np.float64))
    return tuple(None if np.isnan(p) else float(p) for p in adjusted)


def _checked(p_values: ArrayLike) -> NDArray[np.float64]:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or bool(((p < 0) | (p > 1)).any()):
        msg = f"p_values must be one row of numbers in [0, 1]; got shape {p.shape}"
        raise ValueError(msg)
    return p
