"""How a refinement strategy fared in one experiment."""

from __future__ import annotations

from flywheel.records.base import Name, Record
from flywheel.records.verdict import Ruling


class StrategyOutcome(Record):
    """One candidate of one cycle, as evidence about the strategy that made it.

    Attributes:
        kind: kind of failure pattern the candidate answered most of; None when unknown.
        model: that answered in the experiment; None when recorded executions decided.
        helped: True when the whole interval of the gain is above zero, False when the estimate is below
            the smallest gain worth a release, None when the experiment could not tell.
        estimate, low, high: gain in rate units.
    """

    cycle_id: Name
    prompt: Name
    version: Name
    strategy: Name
    kind: Name | None = None
    model: Name | None = None
    ruling: Ruling
    helped: bool | None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
