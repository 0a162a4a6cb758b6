"""A joint sequential test of several candidates on any bounded scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flywheel.stats.spending import LEVELS, SPENDING_POWER, SequentialP

ROUNDING = 1e-9
"""Two sums closer than this are the same sum."""


class SequentialGate:
    """Max-T sign-flip test with error spending: watch k candidates while cases come in.

    Random sign paths play the part of the null. At each look, the largest
    standardised sum over all candidates is held against the paths that have
    not been stopped before, so that repeated looks and several candidates
    are paid for together. A candidate may be dropped at any look (hand in NaN
    from then on); its sum up to then stays in the comparison.

    Args:
        arms: candidates, k.
        n_max: units planned, fixed before the first look.
        flips: random sign paths.
        seed: of the draw.
        power: of the spending function level x share^power.

    Assumptions:
        A unit is a case, or a cluster handed in as its sum. Exact up to the
        number of paths for one candidate with exchangeable arms, else
        asymptotic; add the e-value as a second lock.

    References:
        Lan, DeMets (1983), Biometrika 70:659-663; Westfall, Young (1993),
        Resampling-Based Multiple Testing, chapter 2.

    Examples:
        >>> gate = SequentialGate(arms=2, n_max=60, flips=2000, seed=1)
        >>> gate.add(np.column_stack([np.full(30, 0.2), np.tile([0.1, -0.1], 15)]))
        >>> good, idle = gate.look()
        >>> good.two_sided < 0.05, idle.two_sided
        (True, 1.0)
    """

    __slots__ = (
        "_paths",
        "_power",
        "_reached",
        "_rng",
        "_squares",
        "_stopped",
        "_sums",
        "arms",
        "n_max",
        "units",
    )

    def __init__(
        self, arms: int, n_max: int, flips: int = 10_000, seed: int = 0, power: float = SPENDING_POWER
    ) -> None:
        if arms < 1 or n_max < 1 or flips < 100:
            msg = f"arms {arms!r}, n_max {n_max!r}, flips {flips!r}; need at least 1, 1 and 100"
            raise ValueError(msg)
        self.arms, self.n_max, self.units = arms, n_max, 0
        self._power = power
        self._rng = np.random.default_rng(seed)
        self._paths = np.zeros((flips, arms), dtype=np.float64)
        self._sums = np.zeros(arms)
        self._squares = np.zeros(arms)
        self._stopped = np.full(flips, LEVELS.size, dtype=np.int64)
        self._reached = np.full((2, arms), LEVELS.size, dtype=np.int64)

    def add(self, differences: NDArray[np.float64]) -> None:
        """Count units that came in.

        Args:
            differences: candidate minus control, float64, shape (b, k); NaN where an arm did not run.

        Raises:
            ValueError: wrong shape, or more units than planned.
        """
        d = np.atleast_2d(np.asarray(differences, dtype=np.float64))
        if d.shape[1] != self.arms or self.units + len(d) > self.n_max:
            msg = (
                f"got shape {d.shape} after {self.units} units; the test was planned for {self.n_max} units "
                f"of {self.arms} candidates. Nothing was counted."
            )
            raise ValueError(msg)
        d = np.nan_to_num(d, nan=0.0)
        kept = self._rng.integers(0, 2, size=(len(self._paths), len(d)), dtype=np.int8)
        self._paths += 2.0 * (kept.astype(np.float64) @ d) - d.sum(axis=0)
        self._sums += d.sum(axis=0)
        self._squares += (d**2).sum(axis=0)
        self.units += len(d)

    def look(self) -> tuple[SequentialP, ...]:
        """Spend the error due by now; one pair of p-values per candidate, corrected over all."""
        scale = np.sqrt(self._squares)
        live = scale > 0
        if self.units and live.any():
            observed = np.zeros(self.arms)
            observed[live] = self._sums[live] / scale[live]
            largest = (self._paths[:, live] / scale[live]).max(axis=1)
            bars = self._bars(largest)
            self._stopped = np.minimum(self._stopped, _first_passed(largest, bars))
            for side, sign in enumerate((1.0, -1.0)):
                passed = _first_passed(sign * observed, bars)
                self._reached[side] = np.minimum(self._reached[side], passed)
        levels = np.append(LEVELS, 1.0)
        up, down = levels[self._reached[0]], levels[self._reached[1]]
        return tuple(SequentialP(float(u), float(d)) for u, d in zip(up, down, strict=True))

    def _bars(self, largest: NDArray[np.float64]) -> NDArray[np.float64]:
        """What a statistic must exceed at this look, per level; falls with the level."""
        share = self.units / self.n_max
        order = np.argsort(-largest, kind="stable")
        ranked, stopped = largest[order], self._stopped[order]
        alive = stopped[None, :] > np.arange(LEVELS.size)[:, None]
        before = (~alive).sum(axis=1)
        # One is added for the observed path itself.
        allowed = (
            np.floor((len(largest) + 1) * LEVELS * share**self._power + 1e-9).astype(np.int64) - 1 - before
        )
        counted = np.cumsum(alive, axis=1)
        first_beyond = (counted > np.maximum(allowed, 0)[:, None]).argmax(axis=1)
        bars = np.where(allowed < 0, np.inf, ranked[first_beyond] + ROUNDING)
        bars = np.maximum(bars, ROUNDING)
        return np.maximum.accumulate(bars[::-1])[::-1]


def _first_passed(statistics: NDArray[np.float64], bars: NDArray[np.float64]) -> NDArray[np.int64]:
    """Smallest level whose bar a statistic exceeds; the number of levels when none is."""
    # Bars fall with the level, so that their negatives rise.
    return np.searchsorted(-bars, -statistics, side="right").astype(np.int64)
