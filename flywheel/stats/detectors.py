"""Detectors that watch one value after the other with a stated rate of false alarms."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from flywheel.stats.falls import bets_for

BETS = np.array([0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95])
"""Shares of the wealth put on each bet; small ones find slow declines, large ones sudden falls."""

_BETS = tuple(float(b) for b in BETS)

OVERFLOW = 1e250


@dataclass(frozen=True, slots=True)
class RegressionMonitor:
    """Bets that a released version is worse than the one before it, on shadowed cases.

    Attributes:
        alarm_at: wealth that raises the alarm; the chance of ever raising a false one is 1 / alarm_at.
        wealth: per bet; start with the default.
        seen: pairs so far.
        peak: largest average wealth so far.

    References:
        Ville (1939); Waudby-Smith, Ramdas (2024), JRSS B 86:1-27.

    Examples:
        >>> monitor = RegressionMonitor()
        >>> for _ in range(20):
        ...     monitor = monitor.update(-1.0)
        >>> monitor.alarm, monitor.seen
        (True, 20)
    """

    alarm_at: float = 20.0
    wealth: tuple[float, ...] = (1.0,) * len(BETS)
    seen: int = 0
    peak: float = 1.0

    def update(self, difference: float) -> RegressionMonitor:
        """Count one pair: new score minus old score, in [-1, 1]; NaN changes nothing."""
        if math.isnan(difference):
            return self
        if not -1.0 <= difference <= 1.0:
            msg = f"difference is {difference!r}; need a number in [-1, 1]. Nothing was counted."
            raise ValueError(msg)
        wealth = tuple(
            min(w * (1.0 - b * difference), OVERFLOW) for w, b in zip(self.wealth, _BETS, strict=True)
        )
        peak = max(self.peak, sum(wealth) / len(wealth))
        return replace(self, wealth=wealth, seen=self.seen + 1, peak=peak)

    def extend(self, differences: Iterable[float]) -> RegressionMonitor:
        """Count many pairs in order."""
        monitor = self
        for difference in differences:
            monitor = monitor.update(float(difference))
        return monitor

    @property
    def e_value(self) -> float:
        """Evidence of a regression at its strongest."""
        return self.peak

    @property
    def alarm(self) -> bool:
        """Whether the evidence reached the bar."""
        return self.peak >= self.alarm_at


@dataclass(frozen=True, slots=True)
class DropDetector:
    """Watches a stream of scores for a fall below its usual level, for as long as one likes.

    Attributes:
        level: usual mean of the scores, in (0, 1).
        run_length: scores between false alarms are at least this many on average.
        wealth: per bet; start with the default.
        seen: scores since the start.
        bets: shares of the wealth put on each score; `for_drops` has those for small falls.

    References:
        Shin, Ramdas, Rinaldo (2023), E-detectors, New England J. Statist. Data Sci. 2:229-260
        (Shiryaev-Roberts e-detector); Roberts (1966), Technometrics 8:411-430.

    Examples:
        >>> detector = DropDetector(level=0.95, run_length=1000)
        >>> for score in [1, 1, 0, 0, 0, 0, 0]:
        ...     detector = detector.update(score)
        >>> detector.alarm, detector.seen
        (True, 7)
    """

    level: float
    run_length: float = 1000.0
    wealth: tuple[float, ...] = (0.0,) * len(BETS)
    seen: int = 0
    bets: tuple[float, ...] = _BETS

    def __post_init__(self) -> None:
        if not (0 < self.level < 1 and self.run_length > 1):
            msg = f"level {self.level!r}, run_length {self.run_length!r}; need a rate in (0, 1), a length > 1"
            raise ValueError(msg)

    @classmethod
    def for_drops(cls, level: float, run_length: float = 1000.0) -> DropDetector:
        """A detector whose bets suit falls of 2 to 20 points; finds them about a seventh sooner."""
        bets = bets_for(level)
        return cls(level, run_length, (0.0,) * len(bets), bets=bets)

    def update(self, score: float) -> DropDetector:
        """Count one score in [0, 1]; NaN changes nothing."""
        if math.isnan(score):
            return self
        if not 0.0 <= score <= 1.0:
            msg = f"score is {score!r}; need a number in [0, 1]. Nothing was counted."
            raise ValueError(msg)
        # At the usual level the factor is 1 on average, whatever the distribution.
        drop = (self.level - score) / (1.0 - self.level)
        wealth = tuple(
            min((w + 1.0) * (1.0 + b * drop), OVERFLOW) for w, b in zip(self.wealth, self.bets, strict=True)
        )
        return replace(self, wealth=wealth, seen=self.seen + 1)

    def extend(self, scores: Iterable[float]) -> DropDetector:
        """Count many scores in order."""
        detector = self
        for score in scores:
            detector = detector.update(float(score))
        return detector

    @property
    def evidence(self) -> float:
        """Average wealth; the alarm compares it with run_length."""
        return sum(self.wealth) / len(self.wealth)

    @property
    def alarm(self) -> bool:
        """Whether the evidence reached the bar now."""
        return self.evidence >= self.run_length


@dataclass(frozen=True, slots=True)
class Cusum:
    """Page's cumulative sum for a fall of a pass rate from one level to another.

    Attributes:
        usual: pass rate when all is well, in (0, 1).
        fallen: pass rate worth an alarm, below usual.
        limit: of the log likelihood ratio; false alarms are at least exp(limit) scores apart on average.
        total: sum so far, never below 0.
        seen: scores so far.
        since: scores since the sum was last 0, an estimate of when the fall began.

    References:
        Page (1954), Biometrika 41:100-115; Lorden (1971), Ann. Math. Statist. 42:1897-1908.

    Examples:
        >>> cusum = Cusum(usual=0.95, fallen=0.85)
        >>> for passed in [1, 1, 0, 0, 0, 0, 0, 0, 0]:
        ...     cusum = cusum.update(passed)
        >>> cusum.alarm, cusum.since
        (True, 7)
    """

    usual: float
    fallen: float
    limit: float = math.log(1000.0)
    total: float = 0.0
    seen: int = 0
    since: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.fallen < self.usual < 1:
            msg = f"usual {self.usual!r}, fallen {self.fallen!r}; need 0 < fallen < usual < 1"
            raise ValueError(msg)

    def update(self, score: float) -> Cusum:
        """Count one score in [0, 1]; NaN changes nothing."""
        if math.isnan(score):
            return self
        good = math.log(self.fallen / self.usual)
        bad = math.log((1 - self.fallen) / (1 - self.usual))
        total = max(0.0, self.total + score * good + (1 - score) * bad)
        return replace(self, total=total, seen=self.seen + 1, since=self.since + 1 if total > 0 else 0)

    @property
    def alarm(self) -> bool:
        """Whether the sum reached the limit."""
        return self.total >= self.limit
