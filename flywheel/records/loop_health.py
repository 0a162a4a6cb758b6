"""Whether the loop keeps what it promises, over all its releases."""

from __future__ import annotations

from flywheel.records.base import Count, NonNegative, Record, Share


class KnownShare(Record):
    """A share with its 95 % interval.

    Attributes:
        count, of: so many of so many; nothing is known where `of` is 0.
        share, low, high: rate units; None where nothing is known.
    """

    count: Count
    of: Count
    share: Share | None
    low: Share | None
    high: Share | None


class LoopHealth(Record):
    """What became of the improvements that were applied.

    Attributes:
        applied: releases by a cycle, or by a person who approved one.
        real: of those with an answer, the ones shown to be better on cases that decided nothing, and still
            standing; should be above 0.9.
        false: of those with an answer, the ones rolled back since, or shown to be worse; should be below
            0.05.
        unanswered: applied, not rolled back, and neither shown better nor worse.
        mean_gain: mean gain on such cases, rate units; None where none was measured.
        measured: improvements with such a measurement.
        hours_between: median time between two applied improvements, in hours; None below two.
        refused: of all candidates that got a verdict, those that were rejected.
    """

    applied: Count
    real: KnownShare
    false: KnownShare
    unanswered: Count
    mean_gain: float | None
    measured: Count
    hours_between: NonNegative | None
    refused: KnownShare
