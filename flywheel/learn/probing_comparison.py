"""Models head to head on the same cases: quality, cost, response time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.baseline import model_rows
from flywheel.learn.evidence import column
from flywheel.learn.probing_findings import finding_as_it_is, row_of
from flywheel.learn.rulings import GateRules
from flywheel.learn.tables import score_table_of
from flywheel.records.baseline import ModelBaseline
from flywheel.records.case import Case
from flywheel.records.columns import ScoreTable
from flywheel.records.execution import Execution, Outcome
from flywheel.records.probe import ModelPair, ProbedModel
from flywheel.stats.multiplicity import optional_holm
from flywheel.stats.paired import PairedComparison, compare_paired, paired_t_test
from flywheel.stats.proportions import Interval

KIND = "wrong where another is right"


def ranking_of(arms: Mapping[str, Sequence[Execution]], rules: GateRules) -> tuple[ModelBaseline, ...]:
    """Models in order on common cases, ties marked; as a baseline ranks them.

    Args:
        arms: executions by model, one per case.
        rules: how sure to be.
    """
    slices = sorted({one.slice for done in arms.values() for one in done if one.slice is not None})
    return model_rows(arms, slices, {}, rules)


def pairs_of(arms: Mapping[str, Sequence[Execution]], rules: GateRules) -> tuple[ModelPair, ...]:
    """Every two models on the cases both were scored on, corrected over the pairs.

    Args:
        arms: executions by model, one per case.
        rules: how sure to be, with the least number of cases.

    Returns:
        Differences are the first model minus the second; `better` is None for a tie.

    References:
        Holm (1979), Scandinavian Journal of Statistics 6:65-70.
    """
    named = list(combinations(arms, 2))
    tables = [score_table_of({name: arms[name] for name in pair}) for pair in named]
    compared = [
        compare_paired(column(table, second), column(table, first), rules.coverage, rules.flips, rules.seed)
        for table, (first, second) in zip(tables, named, strict=True)
    ]
    raw = [one.p_value if one.pairs >= rules.min_pairs else None for one in compared]
    adjusted = optional_holm(raw)
    return tuple(
        _pair(names, table, one, p, rules)
        for names, table, one, p in zip(named, tables, compared, adjusted, strict=True)
    )


def compared_model(model: str, cases: Sequence[Case], arms: Mapping[str, Sequence[Execution]]) -> ProbedModel:
    """One model of a comparison; findings are the cases it fails while another passes.

    Args:
        model: whose row it is.
        cases: that were asked.
        arms: executions by model.
    """
    mine = {one.case_id: one for one in arms[model] if one.outcome in (Outcome.PASSED, Outcome.FAILED)}
    rivals: dict[str, list[str]] = {}
    for name, done in arms.items():
        for one in done:
            if name != model and one.outcome is Outcome.PASSED:
                rivals.setdefault(str(one.case_id), []).append(name)
    measured = [case for case in cases if case.case_id in mine]
    passed = sum(mine[case.case_id].outcome is Outcome.PASSED for case in measured)
    lost = [
        case for case in measured if mine[case.case_id].outcome is Outcome.FAILED and rivals.get(case.case_id)
    ]
    return ProbedModel(
        model=model,
        overall=row_of("all", len(measured), passed),
        findings=tuple(
            finding_as_it_is(model, case, one, KIND, f"{', '.join(rivals[case.case_id])} passed")
            for case in lost
            for one in [mine[case.case_id]]
        ),
        unmeasured=len(arms[model]) - len(mine),
    )


def _pair(
    names: tuple[str, str], table: ScoreTable, one: PairedComparison, p: float | None, rules: GateRules
) -> ModelPair:
    first, second = names
    enough = one.pairs >= rules.min_pairs
    shown = p is not None and p <= rules.significance_level and one.estimate is not None
    cost = _difference(table, table.cost_usd, names)
    latency = _difference(table, table.latency_ms, names)
    return ModelPair(
        first=first,
        second=second,
        pairs=one.pairs,
        wins=one.wins,
        losses=one.losses,
        ties=one.ties,
        difference=one.estimate if enough else None,
        low=one.low if enough else None,
        high=one.high if enough else None,
        adjusted_p=p,
        better=(first if (one.estimate or 0.0) > 0 else second) if shown else None,
        cost_usd=cost.estimate,
        cost_low_usd=cost.low,
        cost_high_usd=cost.high,
        latency_ms=latency.estimate,
        latency_low_ms=latency.low,
        latency_high_ms=latency.high,
    )


def _difference(table: ScoreTable, values: NDArray[np.float64], names: tuple[str, str]) -> Interval:
    first, second = (table.arms.index(name) for name in names)
    interval, _ = paired_t_test(values[:, first] - values[:, second])
    return interval
