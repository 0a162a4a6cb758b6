"""What to try first: from what fails, from what helped before, from what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flywheel.learn.cost import cost_savings, mean_difference
from flywheel.learn.reporting import test_execution_report
from flywheel.learn.scoring import ScoringRules
from flywheel.learn.strategy_learning import strategy_records
from flywheel.records.advice import Advice, CostSaving, LearnedStrategy, PastChange
from flywheel.records.analysis import FailurePattern, TestExecutionReport
from flywheel.records.columns import ExecutionColumns
from flywheel.records.findings import PromptAnalysis
from flywheel.records.strategy_outcome import StrategyOutcome
from flywheel.stats.means import Moments
from flywheel.stats.proportions import Counts, Interval, compare_proportions
from flywheel.stats.quantiles import quantile_interval

MOST_LEARNED = 5


@dataclass(frozen=True, slots=True)
class Grounds:
    """What advice rests on.

    Attributes:
        columns: executions.
        patterns: failure patterns, most damaging first.
        outcomes: of refinement strategies tried in this workspace.
        prompt: static analysis of the text, None without one.
    """

    columns: ExecutionColumns
    patterns: tuple[FailurePattern, ...] = ()
    outcomes: tuple[StrategyOutcome, ...] = ()
    prompt: PromptAnalysis | None = None


def advice(grounds: Grounds, rules: ScoringRules | None = None) -> Advice:
    """The refinement strategy to try first with its reason, what was learned of it, what could be saved.

    Args:
        grounds: executions, patterns, what was tried.
        rules: limits of a healthy prompt; the defaults when None.
    """
    savings = cost_savings(grounds.columns)
    strategy, because = (rules or ScoringRules()).select_strategy(
        test_execution_report(grounds.columns),
        grounds.patterns,
        grounds.prompt,
        history_of(grounds.outcomes),
        savings,
    )
    kinds = {one.kind for one in grounds.patterns}
    learned = [
        LearnedStrategy(
            strategy=one.strategy,
            kind=one.kind,
            helped=one.helped,
            tried=one.tried,
            low=one.belief.low,
            high=one.belief.high,
        )
        for one in strategy_records(grounds.outcomes)
        if one.tried and (one.kind in kinds or one.strategy == strategy)
    ]
    return Advice(strategy=strategy, because=because, learned=tuple(learned[:MOST_LEARNED]), savings=savings)


def history_of(outcomes: Sequence[StrategyOutcome]) -> dict[str, Counts]:
    """How often each strategy helped, of the experiments that could tell.

    Args:
        outcomes: of a workspace.
    """
    found: dict[str, Counts] = {}
    for one in outcomes:
        if one.helped is not None:
            found[one.strategy] = found.get(one.strategy, Counts(0, 0)) + Counts(int(one.helped), 1)
    return found


def changes_since(now: ExecutionColumns, before: ExecutionColumns) -> tuple[PastChange, ...]:
    """Pass rate, response time and cost beside themselves in an earlier time.

    A change is shown when its whole interval lies on one side of 0; of the 95th
    percentile when the intervals of both do not touch. Cases are not paired.

    Args:
        now: executions of the newer time.
        before: of the older one.
    """
    one, other = test_execution_report(now), test_execution_report(before)
    rate = compare_proportions(_counts(one), _counts(other))
    cost = mean_difference(Moments.of(now.cost_usd), Moments.of(before.cost_usd))
    return (
        _change("pass rate", (one.success_rate, other.success_rate), rate, 1),
        _quantiles(now, before),
        _change("cost per request", (one.cost_per_request_usd, other.cost_per_request_usd), cost, -1),
    )


def _quantiles(now: ExecutionColumns, before: ExecutionColumns) -> PastChange:
    ends = [
        quantile_interval(columns.latency_ms[~np.isnan(columns.latency_ms)], 0.95)
        for columns in (now, before)
    ]
    new, old = ends
    gap = None if new.estimate is None or old.estimate is None else new.estimate - old.estimate
    low = None if new.low is None or old.high is None else new.low - old.high
    high = None if new.high is None or old.low is None else new.high - old.low
    return _change("p95 response time", (new.estimate, old.estimate), Interval(gap, low, high, 0.95), -1)


def _change(measure: str, values: tuple[float | None, float | None], gap: Interval, good: int) -> PastChange:
    verdict = "unknown" if gap.low is None and gap.high is None else "no difference shown"
    if gap.low is not None and gap.low > 0:
        verdict = "better" if good > 0 else "worse"
    elif gap.high is not None and gap.high < 0:
        verdict = "worse" if good > 0 else "better"
    return PastChange(
        measure=measure,
        now=values[0],
        before=values[1],
        difference=gap.estimate,
        low=gap.low,
        high=gap.high,
        verdict=verdict,
    )


def _counts(report: TestExecutionReport) -> Counts:
    return Counts(report.successful_tests, report.successful_tests + report.failed_tests + report.error_tests)


def saving_in_words(one: CostSaving) -> str:
    """A saving in a line.

    Examples:
        >>> saving_in_words(CostSaving(way="model", name="small", now_usd=0.02, saving_usd=0.015,
        ...     low_usd=0.014, high_usd=0.016, requests=200, because="as good"))
        'model small: 0.0150 USD of 0.0200 less a request (0.0140 to 0.0160); as good'
    """
    what = "a shorter prompt" if one.way == "shorten" else f"model {one.name}"
    ends = (
        "" if one.low_usd is None or one.high_usd is None else f" ({one.low_usd:.4f} to {one.high_usd:.4f})"
    )
    return f"{what}: {one.saving_usd:.4f} USD of {one.now_usd:.4f} less a request{ends}; {one.because}"
