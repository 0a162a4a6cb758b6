"""Which executions are read with their texts when there are more than anybody reads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ENDS = 0.1
"""Share of the rows read that is kept for the oldest, the same for the newest."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: multiples of it lie evenly (Fibonacci hashing)."""


def spread(seqs: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """At most `limit` rows spread over all of them, the oldest with the newest always among them.

    The rows between are those with the smallest hash of their number, so that
    a row that was chosen once stays chosen until enough others push it out:
    the same store gives the same rows, and new data changes few.

    Args:
        seqs: sequence numbers, ascending, shape (n,).
        limit: rows to choose, at least 1.

    Returns:
        Chosen sequence numbers, ascending.

    References:
        Knuth (1998), The Art of Computer Programming 3, section 6.4 (multiplicative hashing).

    Examples:
        >>> chosen = spread(np.arange(1, 1001), 20)
        >>> chosen.size, chosen[:2].tolist(), chosen[-2:].tolist()
        (20, [1, 2], [999, 1000])
    """
    if seqs.size <= limit:
        return seqs
    newest = max(1, int(ENDS * limit))
    oldest = min(newest, limit - newest)
    room = limit - newest - oldest
    between = seqs[oldest : seqs.size - newest]
    order = np.argsort(between.astype(np.uint64) * _GOLDEN, kind="stable")[:room]
    return np.sort(np.concatenate([seqs[:oldest], between[order], seqs[seqs.size - newest :]]))
