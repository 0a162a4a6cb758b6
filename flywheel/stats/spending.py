"""Exact sequential tests of wins against losses that may be looked at after every pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

SPENDING_POWER = 2.0
"""Error spent by a share t of the planned pairs is level x t^2: between O'Brien-Fleming with Pocock."""

LEVELS: NDArray[np.float64] = np.unique(
    np.concatenate(
        [
            np.logspace(-5, np.log10(0.5), 56),
            [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.0125, 0.02, 0.025, 0.03, 0.04, 0.05, 0.1, 0.15, 0.2, 0.5],
        ]
    )
)
"""One-sided levels the sequential p-value is read from, ascending; the usual ones are hit exactly."""


@dataclass(frozen=True, slots=True)
class SequentialP:
    """P-values of a sequential test at its last look, valid whenever one stops.

    Attributes:
        up, down: one-sided, of a gain and of a loss; 1.0 while no level is reached.
        two_sided: twice the smaller, at most 1.
    """

    up: float
    down: float

    @property
    def two_sided(self) -> float:
        """Twice the smaller one-sided p-value, at most 1."""
        return min(1.0, 2.0 * min(self.up, self.down))


def exact_spending_boundary(
    discordant: ArrayLike, shares: ArrayLike, level: float, power: float = SPENDING_POWER
) -> NDArray[np.int64]:
    """Wins needed at each look to reject at a one-sided level.

    Args:
        discordant: wins + losses so far at each look, shape (looks,), not decreasing.
        shares: pairs seen over pairs planned at each look, shape (looks,), in (0, 1].
        level: one-sided error over all looks together.
        power: of the spending function level x share^power.

    Returns:
        int64, shape (looks,); one more than the discordant pairs where no count rejects.

    References:
        Lan, DeMets (1983), Biometrika 70:659-663; Kim, DeMets (1987), Biometrika
        74:149-154; exact binomial form in Jennison, Turnbull (2000), chapter 12.

    Examples:
        >>> exact_spending_boundary([5, 10, 20], [0.25, 0.5, 1.0], 0.025).tolist()
        [6, 10, 15]
    """
    m, t = np.asarray(discordant, dtype=np.int64), np.asarray(shares, dtype=np.float64)
    if m.shape != t.shape or bool((np.diff(m, prepend=0) < 0).any()) or bool(((t <= 0) | (t > 1)).any()):
        msg = "need one share in (0, 1] per look, with discordant counts that never fall"
        raise ValueError(msg)
    engine = _Ladder(np.array([level]), power)
    bounds = np.empty(m.size, dtype=np.int64)
    for i in range(m.size):
        engine.advance(int(m[i]) - engine.discordant)
        bounds[i] = engine.spend(float(t[i]))[0]
    return bounds


class SequentialMcNemar:
    """Wins against losses on the same cases, watched while they come in.

    Exact in finite samples: given which pairs are discordant, each is a fair
    coin when the arms are equal, and a worse one when the candidate is worse.

    Args:
        n_max: pairs planned, fixed before the first look.
        power: of the spending function.

    References:
        Lan, DeMets (1983), Biometrika 70:659-663, with exact binomial boundaries at
        nested levels, so that p is the smallest level reached so far.

    Examples:
        >>> test = SequentialMcNemar(n_max=40)
        >>> for _ in range(2):
        ...     test.add(wins=8, losses=0, ties=2)
        ...     print(round(test.look().two_sided, 5))
        0.13984
        0.00014
    """

    __slots__ = ("_ladder", "_reached", "losses", "n_max", "pairs", "wins")

    def __init__(self, n_max: int, power: float = SPENDING_POWER) -> None:
        if n_max < 1:
            msg = f"n_max is {n_max!r}; need at least one planned pair"
            raise ValueError(msg)
        self.n_max = n_max
        self.pairs = self.wins = self.losses = 0
        self._ladder = _Ladder(LEVELS, power)
        self._reached = [len(LEVELS), len(LEVELS)]

    def add(self, wins: int, losses: int, ties: int) -> None:
        """Count pairs that came in.

        Raises:
            ValueError: more pairs than planned; the test refuses them because
                its error was promised for n_max pairs.
        """
        new = wins + losses + ties
        if min(wins, losses, ties) < 0 or self.pairs + new > self.n_max:
            msg = (
                f"{new!r} more pairs after {self.pairs}; the test was planned for {self.n_max}. "
                "Nothing was counted. Plan a larger experiment with fresh cases."
            )
            raise ValueError(msg)
        self.pairs += new
        self.wins += wins
        self.losses += losses
        self._ladder.advance(wins + losses)

    def look(self) -> SequentialP:
        """Spend the error due by now; gives the p-values so far, which never rise."""
        if self.pairs:
            bounds = self._ladder.spend(self.pairs / self.n_max)
            for side, count in enumerate((self.wins, self.losses)):
                passed = np.flatnonzero(count >= bounds)
                if passed.size:
                    self._reached[side] = min(self._reached[side], int(passed[0]))
        return SequentialP(_level(self._reached[0]), _level(self._reached[1]))


def sequential_p_value(differences: ArrayLike, n_max: int, every: int = 1) -> SequentialP:
    """P-values of a sequence of pass-or-fail differences, looked at again and again.

    Args:
        differences: 1 win, 0 tie, -1 loss, in the order they came, shape (n,), n <= n_max.
        n_max: pairs planned.
        every: pairs between looks; the last pair is always looked at.

    Returns:
        Valid at the last look as at every other.

    Examples:
        >>> round(sequential_p_value([1] * 20 + [0] * 20, n_max=80, every=10).two_sided, 5)
        2e-05
    """
    d = np.asarray(differences, dtype=np.float64).ravel()
    if not bool(np.isin(d, (-1.0, 0.0, 1.0)).all()):
        msg = "differences must be 1, 0 or -1; use SequentialGate for other scores"
        raise ValueError(msg)
    test = SequentialMcNemar(n_max)
    latest = SequentialP(1.0, 1.0)
    for start in range(0, d.size, every):
        part = d[start : start + every]
        test.add(int((part > 0).sum()), int((part < 0).sum()), int((part == 0).sum()))
        latest = test.look()
    return latest


def _level(index: int) -> float:
    return float(LEVELS[index]) if index < len(LEVELS) else 1.0


class _Ladder:
    """Distribution of wins among fair coins, at many levels at once, each with its own absorbed part."""

    __slots__ = ("_alive", "_levels", "_power", "_spent", "discordant")

    def __init__(self, levels: NDArray[np.float64], power: float) -> None:
        self.discordant = 0
        self._levels = levels
        self._power = power
        self._spent = np.zeros(levels.size)
        self._alive = np.ones((levels.size, 1))

    def advance(self, pairs: int) -> None:
        for _ in range(pairs):
            grown = np.zeros((self._levels.size, self._alive.shape[1] + 1))
            grown[:, :-1] = self._alive
            grown[:, 1:] += self._alive
            grown *= 0.5
            self._alive = grown
        self.discordant += pairs

    def spend(self, share: float) -> NDArray[np.int64]:
        """Boundaries at this look, laxer levels never above stricter ones; absorbs what lies beyond."""
        due = self._levels * share**self._power - self._spent
        tails = np.cumsum(self._alive[:, ::-1], axis=1)[:, ::-1]
        within = tails <= due[:, None] + 1e-15
        # The first count whose tail fits; one beyond the end when none does.
        bounds = np.where(within.any(axis=1), within.argmax(axis=1), self.discordant + 1)
        # A level never rejects on a minority of wins, nor below what a laxer one asks.
        bounds = np.maximum(bounds, self.discordant // 2 + 1)
        bounds = np.maximum.accumulate(bounds[::-1])[::-1].astype(np.int64)
        columns = np.arange(self._alive.shape[1])
        absorbed = columns[None, :] >= bounds[:, None]
        self._spent += np.where(absorbed, self._alive, 0.0).sum(axis=1)
        self._alive = np.where(absorbed, 0.0, self._alive)
        return bounds
