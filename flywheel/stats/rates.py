"""Counts over an exposure: rates with intervals, ratios of two rates."""

from __future__ import annotations

from scipy import stats

from flywheel.stats.proportions import Counts, Interval, clopper_pearson


def poisson_rate(count: int, exposure: float, coverage: float = 0.95) -> Interval:
    """Events per unit of exposure with the exact interval.

    Args:
        count: events, >= 0.
        exposure: in any unit, > 0; 0 gives no rate.
        coverage: two-sided, a fraction in (0, 1).

    References:
        Garwood (1936), Biometrika 28:437-442.

    Examples:
        >>> found = poisson_rate(5, 10.0)
        >>> found.estimate, found.rounded(3)
        (0.5, (0.162, 1.167))
    """
    if exposure <= 0:
        return Interval(None, None, None, coverage, "nothing was observed")
    tail = (1 - coverage) / 2
    low = float(stats.chi2.ppf(tail, 2 * count)) / 2 if count else 0.0
    high = float(stats.chi2.isf(tail, 2 * count + 2)) / 2
    return Interval(count / exposure, low / exposure, high / exposure, coverage)


def poisson_rate_ratio(
    after: int, exposure_after: float, before: int, exposure_before: float, coverage: float = 0.95
) -> Interval:
    """How many times as often events come after as before.

    Given their sum, the events after are binomial; its exact interval becomes
    that of the ratio.

    Args:
        after: events, >= 0.
        exposure_after: in any unit, > 0.
        before: events, >= 0.
        exposure_before: in the same unit, > 0.
        coverage: two-sided, a fraction in (0, 1).

    Returns:
        No ratio where there were no events before; no upper end where none would be finite.

    References:
        Przyborowski, Wilenski (1940), Biometrika 31:313-323.

    Examples:
        >>> found = poisson_rate_ratio(2, 1000, 20, 1000)
        >>> round(found.estimate, 3), found.rounded(3)
        (0.1, (0.011, 0.412))
    """
    if before <= 0 or exposure_after <= 0 or exposure_before <= 0:
        return Interval(None, None, None, coverage, "no events before, or nothing was observed")
    share = clopper_pearson(Counts(after, after + before), coverage)
    scale = exposure_before / exposure_after
    ends = [None if end is None or end >= 1 else scale * end / (1 - end) for end in (share.low, share.high)]
    return Interval(scale * after / before, ends[0], ends[1], coverage)
