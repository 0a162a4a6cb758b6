"""Which models reach their targets, on which slices, better or worse than before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.evidence import column
from flywheel.learn.execution_table import columns_of
from flywheel.learn.ranking import rank
from flywheel.learn.reporting import test_execution_report
from flywheel.learn.rulings import GateRules
from flywheel.learn.tables import score_table_of
from flywheel.records.baseline import BaselineCell, BaselineChange, BaselineMatrix, ModelBaseline, Target
from flywheel.records.columns import ExecutionColumns
from flywheel.records.execution import Execution
from flywheel.stats.multiplicity import optional_holm
from flywheel.stats.paired import compare_paired
from flywheel.stats.proportions import Counts, Interval, clopper_pearson, wilson
from flywheel.stats.quantiles import quantile_interval


@dataclass(frozen=True, slots=True)
class Targets:
    """What a model should reach; None is no target.

    Attributes:
        pass_rate: at least, a share.
        response_ms: median response time at most.
    """

    pass_rate: float | None = None
    response_ms: float | None = None


def baseline_matrix(
    named: BaselineMatrix,
    arms: Mapping[str, Sequence[Execution]],
    targets: Mapping[str, Targets],
    rules: GateRules,
    earlier: Mapping[str, Sequence[Execution]] | None = None,
) -> BaselineMatrix:
    """The matrix of what was measured.

    Args:
        named: suite, prompt, version, session; `against` where there is an earlier baseline.
        arms: executions by model, one per case.
        targets: by model; a model that is not named has none.
        rules: how sure ranking and changes are to be.
        earlier: executions of the earlier baseline by model.
    """
    everything = [execution for done in arms.values() for execution in done]
    slices = tuple(sorted({e.slice for e in everything if e.slice is not None}))
    begun = [e.started_at for e in everything if e.started_at is not None]
    return named.model_copy(
        update={
            "slices": slices,
            "measured_at": max(begun) if begun else None,
            "models": model_rows(arms, slices, targets, rules),
            "changes": changes_since(arms, earlier or {}, rules),
        }
    )


def model_rows(
    arms: Mapping[str, Sequence[Execution]],
    slices: Sequence[str],
    targets: Mapping[str, Targets],
    rules: GateRules,
) -> tuple[ModelBaseline, ...]:
    """One row per model, best first.

    A target is met, or missed, when the whole interval is on one side of it. These intervals are
    exact, and widened for the number of models (Bonferroni): of twenty baselines of models that sit
    exactly on their pass rates at most one names any of them.

    Args:
        arms: executions by model, one per case.
        slices: names of the columns.
        targets: by model; a model that is not named has none.
        rules: how sure the ranking is to be.

    Returns:
        Rows with cells in the order of `slices`.
    """
    coverage = 1.0 - (1.0 - rules.coverage) / max(1, len(arms))
    rows = {
        name: _row(name, done, slices, targets.get(name, Targets()), coverage) for name, done in arms.items()
    }
    ranked = rank(score_table_of(arms), rules) if arms else ()
    return tuple(
        rows[one.arm].model_copy(update={"place": one.rank, "tied_with": one.tied_with}) for one in ranked
    )


def changes_since(
    now: Mapping[str, Sequence[Execution]], then: Mapping[str, Sequence[Execution]], rules: GateRules
) -> tuple[BaselineChange, ...]:
    """Each model beside itself in an earlier baseline, paired by case, corrected over the models.

    Args:
        now: executions by model.
        then: executions of the earlier baseline by model.
        rules: how sure to be, with the least number of cases.

    References:
        Holm (1979), Scandinavian Journal of Statistics 6:65-70.
    """
    names = [name for name in now if name in then]
    compared = []
    for name in names:
        table = score_table_of({"then": then[name], "now": now[name]})
        compared.append(compare_paired(column(table, "then"), column(table, "now"), coverage=rules.coverage))
    enough = [one.pairs >= rules.min_pairs for one in compared]
    p_values = optional_holm([c.p_value if ok else None for c, ok in zip(compared, enough, strict=True)])
    found = []
    for name, one, ok, p in zip(names, compared, enough, p_values, strict=True):
        shown = p is not None and p <= rules.significance_level
        gain = one.estimate
        word = "better" if gain is not None and gain > 0 else "worse"
        found.append(
            BaselineChange(
                model=name,
                pairs=one.pairs,
                difference=gain if ok else None,
                low=one.low if ok else None,
                high=one.high if ok else None,
                adjusted_p=p,
                verdict=word if shown else "no difference shown" if ok else "unknown",
            )
        )
    return tuple(found)


def _row(
    name: str, executions: Sequence[Execution], slices: Sequence[str], targets: Targets, coverage: float
) -> ModelBaseline:
    columns = columns_of(executions)
    where = np.array([e.slice or "" for e in executions], dtype=object)
    overall = _cell(columns, np.ones(len(executions), dtype=bool), None)
    rate = clopper_pearson(Counts(overall.passed, overall.scored), coverage)
    median = quantile_interval(columns.latency_ms[~np.isnan(columns.latency_ms)], 0.5, coverage)
    return ModelBaseline(
        model=name,
        overall=overall,
        slices=tuple(_cell(columns, where == one, one) for one in slices),
        quality_target=targets.pass_rate,
        response_ms_target=targets.response_ms,
        quality=stands(rate, targets.pass_rate),
        response=stands(_negative(median), None if targets.response_ms is None else -targets.response_ms),
    )


def _cell(columns: ExecutionColumns, chosen: NDArray[np.bool_], name: str | None) -> BaselineCell:
    report = test_execution_report(columns, chosen)
    scored = report.successful_tests + report.failed_tests + report.error_tests
    rate = wilson(Counts(report.successful_tests, scored))
    latency = columns.latency_ms[chosen]
    median = quantile_interval(latency[~np.isnan(latency)])
    return BaselineCell(
        slice=name,
        cases=int(chosen.sum()),
        scored=scored,
        passed=report.successful_tests,
        pass_rate=rate.estimate if scored else None,
        low=rate.low if scored else None,
        high=rate.high if scored else None,
        median_ms=median.estimate,
        median_low_ms=median.low,
        median_high_ms=median.high,
        p95_ms=report.p95_response_time_ms,
        cost_per_request_usd=report.cost_per_request_usd,
    )


def stands(measured: Interval, target: float | None) -> Target:
    """Where a measure of which more is better stands to its target.

    Examples:
        >>> measured = clopper_pearson(Counts(90, 100))
        >>> stands(measured, 0.7).value, stands(measured, 0.9).value
        ('met', 'unclear')
    """
    if target is None:
        return Target.NONE
    if measured.low is not None and measured.low >= target:
        return Target.MET
    if measured.high is not None and measured.high < target:
        return Target.MISSED
    return Target.UNCLEAR


def _negative(interval: Interval) -> Interval:
    low, high = interval.low, interval.high
    return replace(interval, low=None if high is None else -high, high=None if low is None else -low)
