"""Pass rates with intervals that do not collapse at 0 or 1."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import betaincinv, ndtri


@dataclass(frozen=True, slots=True)
class Counts:
    """Passes out of trials; two of them merge with `+`.

    Examples:
        >>> Counts(3, 4) + Counts(1, 4)
        Counts(passes=4, trials=8)
        >>> Counts().rate is None
        True
    """

    passes: int = 0
    trials: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.passes <= self.trials:
            msg = f"passes is {self.passes!r} of trials {self.trials!r}; need 0 <= passes <= trials"
            raise ValueError(msg)

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passes + other.passes, self.trials + other.trials)

    @property
    def rate(self) -> float | None:
        """Share of trials that passed; None without trials."""
        return self.passes / self.trials if self.trials else None


@dataclass(frozen=True, slots=True)
class Interval:
    """A range that holds the true value with the stated coverage; None where none exists.

    Attributes:
        estimate, low, high: in the unit of the quantity.
        coverage: two-sided, a fraction in (0, 1).
        because: why there is no number, else empty.
    """

    estimate: float | None
    low: float | None
    high: float | None
    coverage: float
    because: str = ""

    def rounded(self, digits: int) -> tuple[float | None, float | None]:
        """Low with high, rounded, for a reader."""
        return (
            None if self.low is None else round(self.low, digits),
            None if self.high is None else round(self.high, digits),
        )


def normal_quantile(coverage: float) -> float:
    """Two-sided normal critical value.

    Args:
        coverage: a fraction in (0, 1).

    Examples:
        >>> round(normal_quantile(0.95), 4)
        1.96
    """
    if not 0.0 < coverage < 1.0:
        msg = f"coverage is {coverage!r}; need a fraction between 0 and 1"
        raise ValueError(msg)
    return float(ndtri(0.5 + coverage / 2.0))


def wilson(counts: Counts, coverage: float = 0.95) -> Interval:
    """Score interval of one pass rate.

    Args:
        counts: passes and trials.
        coverage: two-sided, a fraction in (0, 1).

    Returns:
        Rate units; None with a reason when there are no trials.

    References:
        Wilson (1927), JASA 22:209-212; Brown, Cai, DasGupta (2001), Statistical Science 16:101-133.

    Examples:
        >>> i = wilson(Counts(8, 10))
        >>> round(i.low, 4), round(i.high, 4)
        (0.4902, 0.9433)
    """
    z = normal_quantile(coverage)
    n = counts.trials
    rate = counts.rate
    if rate is None:
        return Interval(None, None, None, coverage, "no scored executions")
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if counts.passes == 0 else max(0.0, min(rate, centre - half))
    high = 1.0 if counts.passes == n else min(1.0, max(rate, centre + half))
    return Interval(rate, low, high, coverage)


def clopper_pearson(counts: Counts, coverage: float = 0.95) -> Interval:
    """Exact interval of one pass rate: never narrower than promised, also far out in the tails.

    Args:
        counts: passes and trials.
        coverage: two-sided, a fraction in (0, 1).

    Returns:
        Rate units; None with a reason when there are no trials.

    References:
        Clopper and Pearson (1934), Biometrika 26:404-413.

    Examples:
        >>> i = clopper_pearson(Counts(8, 10))
        >>> round(i.low, 4), round(i.high, 4)
        (0.4439, 0.9748)
    """
    n, k, tail = counts.trials, counts.passes, (1.0 - coverage) / 2.0
    if counts.rate is None:
        return Interval(None, None, None, coverage, "no scored executions")
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1.0 - tail))
    return Interval(counts.rate, low, high, coverage)


def compare_proportions(candidate: Counts, control: Counts, coverage: float = 0.95) -> Interval:
    """Difference of two pass rates of unrelated cases, candidate minus control.

    The hybrid score interval keeps its coverage when a rate is 0 or 1, where
    the normal interval collapses to a point.

    Args:
        candidate: passes and trials of the proposed version.
        control: passes and trials of the live version.
        coverage: two-sided, a fraction in (0, 1).

    Returns:
        Rate units (0.03 is three points); None with a reason when an arm is empty.

    References:
        Newcombe (1998), Statistics in Medicine 17:873-890, method 10.

    Examples:
        >>> i = compare_proportions(Counts(56, 70), Counts(48, 80))
        >>> round(i.estimate, 4), round(i.low, 4), round(i.high, 4)
        (0.2, 0.0524, 0.3339)
    """
    a, b = wilson(candidate, coverage), wilson(control, coverage)
    parts = (a.estimate, a.low, a.high, b.estimate, b.low, b.high)
    if None in parts:
        return Interval(None, None, None, coverage, "an arm has no scored executions")
    pa, la, ua, pb, lb, ub = (float(v) for v in parts if v is not None)
    delta = pa - pb
    return Interval(
        delta,
        delta - math.hypot(pa - la, ub - pb),
        delta + math.hypot(ua - pa, pb - lb),
        coverage,
    )


def paired_proportions(wins: int, losses: int, both: int, neither: int, coverage: float = 0.95) -> Interval:
    """Difference of two pass rates measured on the same cases, candidate minus control.

    Args:
        wins: cases only the candidate passed.
        losses: cases only the control passed.
        both: cases both passed.
        neither: cases both failed.
        coverage: two-sided, a fraction in (0, 1).

    Returns:
        Rate units; swapping wins with losses swaps the sign; holds the estimate always.

    References:
        Newcombe (1998), Statistics in Medicine 17:2635-2650, method 10 (phi with its
        continuity correction).

    Examples:
        >>> i = paired_proportions(wins=12, losses=2, both=36, neither=50)
        >>> round(i.estimate, 4), round(i.low, 4), round(i.high, 4)
        (0.1, 0.0266, 0.1709)
    """
    if min(wins, losses, both, neither) < 0:
        msg = f"counts are {(wins, losses, both, neither)!r}; need four numbers of cases >= 0"
        raise ValueError(msg)
    n = wins + losses + both + neither
    if n == 0:
        return Interval(None, None, None, coverage, "no case was scored under both arms")
    a, b = wilson(Counts(both + wins, n), coverage), wilson(Counts(both + losses, n), coverage)
    pa, la, ua = float(a.estimate or 0), float(a.low or 0), float(a.high or 0)
    pb, lb, ub = float(b.estimate or 0), float(b.low or 0), float(b.high or 0)
    phi = _phi(wins, losses, both, neither)
    delta = (wins - losses) / n
    below = (pa - la) ** 2 - 2 * phi * (pa - la) * (ub - pb) + (ub - pb) ** 2
    above = (ua - pa) ** 2 - 2 * phi * (ua - pa) * (pb - lb) + (pb - lb) ** 2
    low = max(-1.0, delta - math.sqrt(max(0.0, below)))
    high = min(1.0, delta + math.sqrt(max(0.0, above)))
    return Interval(delta, low, high, coverage)


def _phi(wins: int, losses: int, both: int, neither: int) -> float:
    """Correlation of the two arms; a positive one is drawn towards 0 by n/2."""
    n = wins + losses + both + neither
    margins = (both + wins) * (neither + losses) * (both + losses) * (neither + wins)
    if margins == 0:
        return 0.0
    cross = float(both * neither - wins * losses)
    if cross > n / 2:
        cross -= n / 2
    elif cross >= 0:
        cross = 0.0
    return cross / math.sqrt(margins)
