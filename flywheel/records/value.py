"""What testing is worth: metrics with their formulas, or why they are unknown."""

from __future__ import annotations

from flywheel.records.base import Count, Name, NonNegative, Record, Share, UtcDatetime


class ValuePart(Record):
    """One part of a metric.

    Attributes:
        value: None is unknown.
        weight: share of the metric, None where the part stands beside it.
        because: why it is unknown, or what it is made of.
    """

    name: Name
    value: float | None = None
    low: float | None = None
    high: float | None = None
    weight: Share | None = None
    because: str = ""


class ValueMetric(Record):
    """One metric.

    Attributes:
        title: for people.
        unit: `share`, `points`, `hours`, `USD per USD`, or what is counted per what.
        value, low, high: with a 95 % interval where it is an estimate; None is unknown.
        of: what it is counted over, in number; `over` says in words.
        formula: in words.
        because: why the value is None, or what bounds it; else empty.
        parts: what it is made of, or what stands beside it.
    """

    name: Name
    title: str
    unit: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    of: Count = 0
    over: str = ""
    formula: str
    because: str = ""
    parts: tuple[ValuePart, ...] = ()


class TestedCase(Record):
    """One test with its value.

    Attributes:
        arms: versions and models it ran on.
        value: how well it tells them apart.
    """

    __test__ = False

    prompt: str | None = None
    case_id: Name
    arms: Count
    runs: Count
    value: Share


class ValueReport(Record):
    """All metrics of a workspace at one moment.

    Attributes:
        window_days: how far back executions, cycles and releases count.
        executions: that count, scored.
        value_per_outcome_usd: what one more passed execution is worth; None is not said.
        tests: the most valuable ones.
    """

    workspace: Name = "default"
    read_at: UtcDatetime
    window_days: NonNegative
    executions: Count = 0
    value_per_outcome_usd: NonNegative | None = None
    metrics: tuple[ValueMetric, ...] = ()
    tests: tuple[TestedCase, ...] = ()

    def metric(self, name: str) -> ValueMetric:
        """The metric of a name.

        Raises:
            KeyError: there is none of this name.
        """
        return {one.name: one for one in self.metrics}[name]
