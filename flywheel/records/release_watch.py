"""A release, held against the version before it."""

from __future__ import annotations

from enum import StrEnum

from flywheel.records.base import Count, Name, NonNegative, Record, Share, UtcDatetime


class ReleaseState(StrEnum):
    """What is shown of a live version beside the one before it."""

    AS_BEFORE = "no worse shown"
    REGRESSED = "regressed"
    BELOW_FLOOR = "below the floor"
    UNKNOWN = "unknown"


class ReleaseReading(Record):
    """The live version of a prompt beside the one it replaced.

    Attributes:
        version, previous: content hashes.
        revision: of the live pointer; a rollback is refused when it has moved since.
        cycle_id: of the cycle that released it, None for one released by hand.
        scored, scored_before: executions of both versions that count.
        rate, rate_before: their pass rates; None is unknown.
        pairs: of an execution of each, with the same model and slice.
        difference: mean of the pairs, live minus previous, rate units.
        e_value: evidence that the live version is worse, at its strongest; the bar is 20.
        below_floor: chance that the rate lies below the critical level.
        may_roll_back: whether the strategy that released it says so.
        because: of the state.
    """

    workspace: Name = "default"
    prompt: Name
    version: Name
    previous: Name
    revision: Count
    released_at: UtcDatetime
    cycle_id: Name | None = None
    scored: Count = 0
    scored_before: Count = 0
    rate: Share | None = None
    rate_before: Share | None = None
    pairs: Count = 0
    difference: float | None = None
    e_value: NonNegative = 1.0
    below_floor: Share | None = None
    may_roll_back: bool = False
    state: ReleaseState = ReleaseState.UNKNOWN
    because: str = ""

    @property
    def is_worse(self) -> bool:
        """Whether it should not stay live."""
        return self.state in (ReleaseState.REGRESSED, ReleaseState.BELOW_FLOOR)
