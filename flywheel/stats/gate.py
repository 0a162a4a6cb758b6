"""The joint gate: several candidates against one control on the same cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLOCK_CELLS = 4_000_000
"""Signs drawn at a time: 16 MB as float32, whatever the number of cases."""

ROUNDING = 1e-4
"""Width within which two statistics in float32 count as equal; equal counts against the candidate."""


@dataclass(frozen=True, slots=True)
class GateResult:
    """Sign-flip test of k candidates; None where a candidate has no test.

    Attributes:
        p_value: two-sided, of each candidate alone, add-one corrected.
        adjusted_p: corrected over all candidates together; never below p_value.
        statistic: sum of differences over the root of the sum of their squares.
        pairs: cases with a difference.
        units: cases or clusters that were flipped.
        flips: random sign vectors drawn.
        because: why there is no test, else empty.
    """

    p_value: tuple[float | None, ...]
    adjusted_p: tuple[float | None, ...]
    statistic: tuple[float | None, ...]
    pairs: tuple[int, ...]
    units: int
    flips: int
    because: tuple[str, ...]


def max_t_gate(
    differences: NDArray[np.float64],
    flips: int = 10_000,
    seed: int = 0,
    clusters: ArrayLike | None = None,
) -> GateResult:
    """Studentised max-T test: each case keeps or flips the sign of all its differences at once.

    Flipping whole cases keeps the correlation between candidates that share a
    control, so the correction costs less than Bonferroni. With the sum of
    squares fixed under flips, t is an increasing function of the statistic
    used here, which exists for constant differences too.

    Args:
        differences: float64, shape (n, k), candidate minus control per case; NaN where an arm is missing.
        flips: random sign vectors, at least 100.
        seed: of the draw.
        clusters: group of each case, shape (n,); whole groups flip together.

    Returns:
        Per-candidate two-sided p with step-down adjusted p.

    Assumptions:
        Without a difference, the differences of a case are as likely with the
        opposite sign. Exact for one candidate under exchangeable arms; for
        several candidates, and for skewed differences of mean zero, asymptotic.

    References:
        Westfall, Young (1993), Resampling-Based Multiple Testing, algorithm 2.8;
        Phipson, Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9:39 (the added one).

    Examples:
        >>> d = np.array([[1.0, 0.0]] * 20 + [[0.0, 1.0], [0.0, -1.0]] * 10)
        >>> gate = max_t_gate(d, flips=999)
        >>> gate.adjusted_p
        (0.001, 1.0)
    """
    d = _matrix(differences)
    if flips < 100:
        msg = f"flips is {flips!r}; need at least 100 for a p-value below 0.01"
        raise ValueError(msg)
    pairs = tuple(int(c) for c in (~np.isnan(d)).sum(axis=0))
    units = _units(np.nan_to_num(d, nan=0.0), clusters)
    scale = np.sqrt((units**2).sum(axis=0))
    tested = np.flatnonzero(scale > 0)
    because = tuple(_reason(n, s > 0) for n, s in zip(pairs, scale, strict=True))
    k = d.shape[1]
    statistic, p, adjusted = (np.full(k, np.nan) for _ in range(3))
    if tested.size:
        unit = units[:, tested] / scale[tested]
        observed = unit.sum(axis=0)
        statistic[tested] = observed
        p[tested], adjusted[tested] = _step_down(unit, observed, flips, seed)
    return GateResult(
        p_value=_optional(p),
        adjusted_p=_optional(adjusted),
        statistic=_optional(statistic),
        pairs=pairs,
        units=len(units),
        flips=flips,
        because=because,
    )


def flipped_sums(units: NDArray[np.float64], flips: int, seed: int) -> NDArray[np.float32]:
    """Column sums under random signs, the same signs for all columns.

    Args:
        units: float64, shape (n, k), finite.
        flips: sign vectors to draw.
        seed: of the draw.

    Returns:
        float32, shape (flips, k).

    Examples:
        >>> flipped_sums(np.ones((3, 1)), 4, seed=1).ravel().tolist()
        [3.0, 3.0, -1.0, 1.0]
    """
    n, k = units.shape
    columns = np.ascontiguousarray(units, dtype=np.float32)
    totals = units.sum(axis=0).astype(np.float32)
    rng = np.random.default_rng(seed)
    sums = np.empty((flips, k), dtype=np.float32)
    block = max(1, BLOCK_CELLS // max(1, n))
    for start in range(0, flips, block):
        rows = min(block, flips - start)
        bits = rng.integers(0, 256, size=(rows, (n + 7) // 8), dtype=np.uint8)
        kept = np.unpackbits(bits, axis=1, count=n).astype(np.float32)
        sums[start : start + rows] = 2.0 * (kept @ columns) - totals
    return sums


def _step_down(
    unit: NDArray[np.float64], observed: NDArray[np.float64], flips: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    sums = np.abs(flipped_sums(unit, flips, seed))
    bar = np.abs(observed) - ROUNDING
    p = (1 + (sums >= bar).sum(axis=0)) / (flips + 1)
    order = np.argsort(-np.abs(observed), kind="stable")
    # The largest statistic is held against the maximum over all, the next against
    # the maximum over those not larger, and so on.
    maxima = np.maximum.accumulate(sums[:, order[::-1]], axis=1)[:, ::-1]
    stepped = (1 + (maxima >= bar[order]).sum(axis=0)) / (flips + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(stepped)
    return p, np.maximum(adjusted, p)


def _units(d: NDArray[np.float64], clusters: ArrayLike | None) -> NDArray[np.float64]:
    if clusters is None:
        return d
    groups = np.asarray(clusters)
    if groups.shape != (len(d),):
        msg = f"clusters has shape {groups.shape}; need one group per case: ({len(d)},)"
        raise ValueError(msg)
    _, codes = np.unique(groups, return_inverse=True)
    sums = np.zeros((int(codes.max(initial=-1)) + 1, d.shape[1]))
    np.add.at(sums, codes, d)
    return sums


def _matrix(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 2 or bool(np.isinf(d).any()):
        msg = f"differences has shape {d.shape}; need (cases, candidates) with finite numbers or NaN"
        raise ValueError(msg)
    return d


def _reason(pairs: int, varies: bool) -> str:
    if pairs == 0:
        return "no case was scored under both arms"
    return "" if varies else "every case is a tie"


def _optional(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(v) else float(v) for v in values)
