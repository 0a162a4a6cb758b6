"""Whether a change may go live, by the older rule beside the verdict."""

from __future__ import annotations

from flywheel.records.base import Record, Share


class Readiness(Record):
    """What is said to a person who has to let a change through.

    Attributes:
        is_ready: gain and confidence reach their limits; None where one of them is unknown.
        gain: mean paired difference, rate units.
        confidence: 1 - corrected p, at most 0.99; not the chance that the gain is real.
        recommendation: what to do, in one sentence; it follows the verdict, not `is_ready`.
    """

    is_ready: bool | None
    gain: float | None
    confidence: Share | None
    recommendation: str
