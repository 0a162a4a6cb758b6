"""Whether an experiment showed that a candidate helps.

The store asks this too, which must not load scipy for it: every process pays for that.
"""

from __future__ import annotations


def helped(estimate: float | None, low: float | None, smallest_gain: float) -> bool | None:
    """Whether an experiment showed that a candidate helps.

    Args:
        estimate: gain, rate units; None when nothing was compared.
        low: lower end of its interval.
        smallest_gain: least gain worth a release.

    Returns:
        True where the whole interval lies above zero, False where the estimate
        is below what is worth a release, None where a gain that large was seen
        and not proved: too small an experiment is no failure of the strategy.

    Examples:
        >>> helped(0.1, 0.01, 0.05), helped(0.01, -0.02, 0.05), helped(0.1, -0.1, 0.05)
        (True, False, None)
    """
    if estimate is None or low is None:
        return None
    if low > 0:
        return True
    return False if estimate < smallest_gain else None
