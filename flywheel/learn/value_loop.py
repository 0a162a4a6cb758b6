"""What the loop earned: verified points, improvements, money."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flywheel.learn.loop_health import APPLIED, in_force, rolled_back
from flywheel.records.cycle import FeedbackLoopOutput
from flywheel.records.release import ReleaseEvent
from flywheel.records.value import ValueMetric, ValuePart
from flywheel.records.value_evidence import PastCycle, ValueColumns, ValueEvidence
from flywheel.stats.proportions import normal_quantile

BENEFIT_COVERAGE = 0.90
"""Two-sided range of a gain whose lower end is the benefit that counts."""


@dataclass(frozen=True, slots=True)
class Improvement:
    """A release of a cycle, or of a person who approved one.

    Attributes:
        output: of its cycle, None where it is not kept.
        stands: it was not rolled back.
    """

    event: ReleaseEvent
    output: FeedbackLoopOutput | None
    stands: bool

    @property
    def is_real(self) -> bool:
        """Whether it stands, and its gain on fresh cases has its whole interval above 0."""
        return self.stands and self.output is not None and (self.output.report_low or 0.0) > 0


@dataclass(frozen=True, slots=True)
class LoopWindow:
    """What happened in a window.

    Attributes:
        begin, end: of the window.
        improvements: released in it, oldest first.
        cycles: opened in it.
        outputs: of those that are finished.
    """

    begin: datetime
    end: datetime
    improvements: tuple[Improvement, ...]
    cycles: tuple[PastCycle, ...]
    outputs: tuple[FeedbackLoopOutput, ...]

    @property
    def days(self) -> float:
        """Length of the window."""
        return (self.end - self.begin).total_seconds() / 86_400

    @property
    def because(self) -> str:
        """Why nothing can be said of the loop, empty where something can."""
        return "" if self.cycles or self.improvements else "no cycle ran in the window"


def loop_window(evidence: ValueEvidence, begin: datetime, end: datetime) -> LoopWindow:
    """Releases, cycles and outputs of a window.

    Args:
        evidence: of a workspace.
        begin: of the window.
        end: exclusive.
    """
    standing = in_force(evidence.releases)
    gone = rolled_back(standing)
    outputs = {one.cycle_id: one for one in evidence.outputs}
    improvements = tuple(
        Improvement(e, outputs.get(e.cycle_id or ""), e.release_id not in gone)
        for e in standing
        if e.kind in APPLIED and begin <= e.created_at < end
    )
    finished = tuple(outputs[one.cycle_id] for one in evidence.cycles if one.cycle_id in outputs)
    return LoopWindow(begin, end, improvements, evidence.cycles, finished)


def learning_velocity(window: LoopWindow, slopes: Sequence[ValuePart]) -> ValueMetric:
    """Verified points in 30 days: shrunken gains that fresh cases confirmed and that still stand.

    Args:
        window: of the loop.
        slopes: of the pass rates, shown beside it.
    """
    real = [one.output for one in window.improvements if one.is_real and one.output is not None]
    gained = 100 * math.fsum(one.shrunken_gain or 0.0 for one in real)
    return ValueMetric(
        name="learning_velocity",
        title="learning velocity",
        unit="points in 30 days",
        value=None if window.because else gained * 30 / window.days,
        of=len(real),
        over=f"improvements proved on fresh cases and standing, of {len(window.cycles):,} cycles",
        formula="sum of their shrunken gains in points x 30 / days of the window",
        because=window.because,
        parts=tuple(slopes),
    )


def improvement_count(window: LoopWindow) -> ValueMetric:
    """Improvements that were applied, with those that proved real.

    Args:
        window: of the loop.
    """
    real = sum(one.is_real for one in window.improvements)
    return ValueMetric(
        name="model_improvement_count",
        title="improvements applied",
        unit="improvements",
        value=None if window.because else float(len(window.improvements)),
        of=len(window.cycles),
        over="cycles",
        formula="releases by a cycle, or by a person who approved one",
        because=window.because,
        parts=(ValuePart(name="proved real on fresh cases, still live", value=float(real)),),
    )


def roi_ratio(window: LoopWindow, columns: ValueColumns, value_usd: float | None) -> ValueMetric:
    """Money earned for money spent; refused while nobody said what one more passed execution is worth.

    Args:
        window: of the loop.
        columns: executions, to count those of each improvement since its release.
        value_usd: worth of one more passed execution.
    """
    costs = [_cost(one) for one in window.outputs]
    known = [cost for cost in costs if cost is not None]
    spent = math.fsum(known)
    earned = [gain for gain in (_earned(one, columns) for one in window.improvements) if gain is not None]
    because = _no_roi(value_usd, len(costs), len(known), spent)

    def ratio(position: int) -> float | None:
        if because or value_usd is None:
            return None
        return (value_usd * math.fsum(one[position] for one in earned) - spent) / spent

    benefit = None if value_usd is None else value_usd * math.fsum(one[0] for one in earned)
    return ValueMetric(
        name="test_roi_ratio",
        title="test ROI",
        unit="USD per USD",
        value=ratio(0),
        low=ratio(0),
        high=ratio(1),
        of=len(earned),
        over="standing improvements with a gain measured on fresh cases",
        formula="(lower 90 % bound of the gain x executions since x value of one - cost) / cost of cycles",
        because=because,
        parts=(
            ValuePart(
                name="cost of cycles, USD", value=spent if costs and len(known) == len(costs) else None
            ),
            ValuePart(name="benefit, USD", value=benefit),
            ValuePart(name="time of people", because="not recorded, not counted"),
        ),
    )


def _no_roi(value_usd: float | None, cycles: int, known: int, spent: float) -> str:
    if value_usd is None:
        return "what one more passed execution is worth was not said: --value-per-outcome"
    if known < cycles:
        return f"the cost of {cycles - known} of {cycles} cycles is not recorded"
    return "" if spent > 0 else "no money was spent in the window, so that there is no ratio"


def _cost(output: FeedbackLoopOutput) -> float | None:
    """What a cycle cost; one that asked nothing cost nothing."""
    return 0.0 if not output.calls and output.cost_usd is None else output.cost_usd


def _earned(one: Improvement, columns: ValueColumns) -> tuple[float, float] | None:
    """More passed executions since a release, at the lower and the upper end of its gain."""
    output = one.output
    if not one.stands or output is None:
        return None
    gain, low, high = output.report_gain, output.report_low, output.report_high
    if gain is None or low is None or high is None:
        return None
    half = (high - low) / 2 * normal_quantile(BENEFIT_COVERAGE) / normal_quantile(0.95)
    names = columns.version.names
    code = names.index(one.event.version) if one.event.version in names else -2
    since = one.event.created_at.timestamp()
    prompts = columns.prompt.names
    prompt = prompts.index(one.event.prompt) if one.event.prompt in prompts else -2
    mine = (columns.version.codes == code) & (columns.prompt.codes == prompt) & (columns.moment >= since)
    count = int(mine.sum())
    return (gain - half) * count, (gain + half) * count
