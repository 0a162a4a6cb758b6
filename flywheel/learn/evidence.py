"""Evidence records from a table of scores."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.counting import count_of
from flywheel.learn.rulings import GateRules
from flywheel.records.columns import ScoreTable
from flywheel.records.verdict import Evidence, Guardrail
from flywheel.stats.evalues import mixture_e_value
from flywheel.stats.group_sequential import sequential_non_inferiority
from flywheel.stats.paired import PairedComparison, compare_paired
from flywheel.stats.ratios import log_ratio_non_inferiority
from flywheel.stats.shrinkage import GainPrior, paired_standard_error, shrink_gain


@dataclass(frozen=True, slots=True)
class Arms:
    """Two arms of a table on chosen cases.

    Attributes:
        control, candidate: names.
        source: recorded or live.
        slice: name of the slice the cases were cut to, None for all.
    """

    control: str
    candidate: str
    source: str
    slice: str | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """How a running experiment was looked at.

    Attributes:
        looks: numbers of cases at each look so far, rising.
        planned: cases at the planned end.
        final: no more cases follow, so what is not proven by now is not kept.
    """

    looks: tuple[int, ...]
    planned: int
    final: bool

    def until_end(self) -> tuple[int, ...]:
        """The looks with the planned end.

        Examples:
            >>> Watch((30, 60), 100, final=False).until_end()
            (30, 60, 100)
        """
        return tuple(sorted({*self.looks, self.planned}))


@dataclass(frozen=True, slots=True)
class Measured:
    """Evidence without its correction, with what the gate needs.

    Attributes:
        evidence: adjusted_p is still None.
        differences: float64, shape (n,), NaN where a case lacks an arm.
        missing: why no test exists, else empty.
    """

    evidence: Evidence
    differences: NDArray[np.float64]
    missing: str


def measure(
    table: ScoreTable,
    arms: Arms,
    rules: GateRules,
    rows: NDArray[np.bool_] | None = None,
    prior: GainPrior | None = None,
) -> Measured:
    """Compare two arms of a table on the cases both were scored on.

    Args:
        table: n cases.
        arms: which two.
        rules: coverage, flips, seed and limits.
        rows: bool, shape (n,); all cases when None.
        prior: where true gains lie, for the shrunken gain.

    Returns:
        Evidence with p of this comparison alone; never a number where none exists.
    """
    control, candidate = column(table, arms.control), column(table, arms.candidate)
    problem = _problem(table, arms, control, candidate)
    if rows is not None:
        control, candidate = np.where(rows, control, np.nan), np.where(rows, candidate, np.nan)
    if problem:
        return Measured(_empty(arms, rules), np.full(len(table.cases), np.nan), problem)
    compared = compare_paired(control, candidate, rules.coverage, rules.flips, rules.seed)
    differences = candidate - control
    known = ~np.isnan(differences)
    evidence = _evidence(arms, compared, differences[known], prior).model_copy(
        update={
            "guardrails": guardrails(table, arms, rules, known),
            "cases_digest": digest([c for c, k in zip(table.cases, known, strict=True) if k]),
        }
    )
    return Measured(evidence, differences, compared.because)


def column(table: ScoreTable, arm: str) -> NDArray[np.float64]:
    """Scores of one arm, float64, shape (n,); all NaN when the table does not have it."""
    if arm not in table.arms:
        return np.full(len(table.cases), np.nan)
    return np.asarray(table.scores[:, table.arms.index(arm)], dtype=np.float64)


def digest(cases: Sequence[str]) -> str:
    """Hash of case ids, independent of their order; empty for none.

    Examples:
        >>> digest(["b", "a"]) == digest(["a", "b"]), digest([])
        (True, '')
    """
    if not cases:
        return ""
    return hashlib.blake2b("\n".join(sorted(cases)).encode(), digest_size=16).hexdigest()


def guardrails(
    table: ScoreTable,
    arms: Arms,
    rules: GateRules,
    rows: NDArray[np.bool_],
    watch: Watch | None = None,
) -> tuple[Guardrail, ...]:
    """Latency with cost, each proven to stay below its limit, or not recorded.

    Args:
        table: n cases.
        arms: which two.
        rules: limits, least number of cases.
        rows: bool, shape (n,), cases that count.
        watch: how a running experiment was looked at; the table's cases are then in the order
            they ran, and every look is paid for.

    Returns:
        One guardrail per measure; passed None does not block. Before the final look, what is
        not proven but not above its limit either is None.
    """
    measures = (
        ("latency", table.latency_ms, rules.latency_ratio_limit),
        ("cost", table.cost_usd, rules.cost_ratio_limit),
    )
    places = table.arms.index(arms.control), table.arms.index(arms.candidate)
    return tuple(
        _ratio(name, [np.where(rows, values[:, at], np.nan) for at in places], rules, limit, watch)
        for name, values, limit in measures
    )


def _ratio(
    name: str,
    amounts: Sequence[NDArray[np.float64]],
    rules: GateRules,
    limit: float,
    watch: Watch | None,
) -> Guardrail:
    control, candidate = amounts
    known = ~(np.isnan(control) | np.isnan(candidate))
    if not known.any():
        return Guardrail(measure=name, passed=None, limit=limit, because="not recorded")
    if not control[known].any():
        free = not candidate[known].any()
        said = "0 on both versions" if free else "0 before, more than 0 now"
        return Guardrail(measure=name, passed=free, limit=limit, because=said)
    check = log_ratio_non_inferiority(control, candidate, limit)
    if check.proven is None or check.ratio is None or check.pairs < rules.min_pairs:
        said = f"recorded on both versions for {count_of(check.pairs, 'case')}; {rules.min_pairs} are needed"
        return Guardrail(measure=name, passed=None, estimate=check.ratio, limit=limit, because=said)
    if watch is not None:
        passed, said = _watched(control, candidate, watch, limit, check.ratio)
        return Guardrail(measure=name, passed=passed, estimate=check.ratio, limit=limit, because=said)
    said = f"{check.ratio:.2f} times the live version, at most {check.upper:.2f}; the limit is {limit:g}"
    return Guardrail(measure=name, passed=check.proven, estimate=check.ratio, limit=limit, because=said)


def _watched(
    control: NDArray[np.float64],
    candidate: NDArray[np.float64],
    watch: Watch,
    limit: float,
    ratio: float,
) -> tuple[bool | None, str]:
    """Whether a ratio below the limit is proven, however often it was looked at."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(candidate / control)
    logs[~np.isfinite(logs)] = np.nan
    steps = sequential_non_inferiority(logs, watch.until_end(), limit)
    if steps and steps[-1].proven:
        return True, f"{ratio:.2f} times the live version, proven below the limit of {limit:g}"
    said = f"{ratio:.2f} times the live version; the limit of {limit:g} is not proven to be kept"
    return (False if ratio >= limit or watch.final else None), said


def _problem(
    table: ScoreTable, arms: Arms, control: NDArray[np.float64], candidate: NDArray[np.float64]
) -> str:
    if arms.control == arms.candidate:
        return "the candidate is the live version itself"
    for role, name, scores in (("control", arms.control, control), ("candidate", arms.candidate, candidate)):
        if name not in table.arms or not bool((~np.isnan(scores)).any()):
            return f"the {role} has no scored executions that name a case"
        if bool(((scores < 0) | (scores > 1)).any()):
            return f"the {role} has scores outside [0, 1]"
    return ""


def _empty(arms: Arms, rules: GateRules) -> Evidence:
    return Evidence(
        control=arms.control,
        candidate=arms.candidate,
        source=arms.source,
        slice=arms.slice,
        method="none",
        pairs=0,
        coverage=rules.coverage,
    )


def _evidence(
    arms: Arms, compared: PairedComparison, differences: NDArray[np.float64], prior: GainPrior | None
) -> Evidence:
    error = paired_standard_error(differences)
    shrunken = None
    if error is not None and compared.estimate is not None and compared.p_value is not None:
        shrunken = shrink_gain(compared.estimate, error, prior)
    return Evidence(
        control=arms.control,
        candidate=arms.candidate,
        source=arms.source,
        slice=arms.slice,
        method=compared.method,
        pairs=compared.pairs,
        wins=compared.wins,
        losses=compared.losses,
        ties=compared.ties,
        control_mean=compared.control_mean,
        candidate_mean=compared.candidate_mean,
        estimate=compared.estimate,
        low=compared.low,
        high=compared.high,
        coverage=compared.coverage,
        standard_error=error,
        p_value=compared.p_value,
        shrunken_gain=shrunken,
        e_value=mixture_e_value(differences),
    )
