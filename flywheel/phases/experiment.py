"""A live experiment: both arms on the same cases, watched while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.counting import count_of
from flywheel.learn.evidence import Arms
from flywheel.learn.experiments import GateRules, Judgement, judge
from flywheel.learn.racing import Race, RacePlan, judge_race, race, watched_guardrails
from flywheel.learn.replication import replicate
from flywheel.learn.tables import in_order, quality, score_table_of
from flywheel.phases.arms import BATCH, LiveArms, Setup, interleaved, silence
from flywheel.phases.ceilings import FIRST, must_learn_cost, over_budget
from flywheel.records.case import Case
from flywheel.records.execution import Execution
from flywheel.records.verdict import Ruling

RACE_LEAST = 250
"""Gate cases below which splitting costs too much power: one joint test of all arms on all cases."""

FRESH = 100
"""Cases kept out of a race, for a second opinion on its winner."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What an experiment gave.

    Attributes:
        judgements: one per candidate.
        arms: executions by version, control first.
        stopped: why it ended before all planned cases, or an empty text.
        unmeasured: what a budget left unmeasured.
    """

    judgements: tuple[Judgement, ...]
    arms: dict[str, list[Execution]]
    stopped: str = ""
    unmeasured: tuple[str, ...] = ()


def run_experiment(setup: Setup) -> Findings:
    """Run the arms; race them where the strategy says so and the cases are many enough.

    A race looks at fixed numbers of cases, drops candidates that cannot win
    any more, and stops when one has won; its p-values pay for every look. A
    winner must be confirmed on cases that took no part in the race, which also
    corrects its estimate. Without a race the whole experiment is one joint
    test over all candidates.

    Args:
        setup: arms, cases, rules, ceiling.

    Returns:
        Judgements with the executions behind them; executions of the same
        session that are kept already are not run again.
    """
    arms = LiveArms(setup)
    if setup.context.strategy.racing and len(setup.cases) >= RACE_LEAST:
        return _race(setup, arms)
    cases, stopped, short = interleaved(setup.cases), "", ""
    start, size = 0, FIRST if must_learn_cost(setup) else BATCH
    while start < len(cases):
        batch = cases[start : start + size]
        short = over_budget(setup, arms.executions, len(batch), len(arms.texts))
        if short and size > FIRST:
            size //= 2
            continue
        if short:
            break
        setup.progress(f"cases {start + 1}-{start + len(batch)} of {len(cases)}, {len(arms.texts)} arms")
        arms.run(list(arms.texts), batch)
        # Up to the size at which the last one fitted; from a first small one to the usual.
        start, size = start + len(batch), BATCH if start == 0 else size
        stopped = silence(arms.flat)
        if stopped:
            break
    table = score_table_of(arms.executions)
    names = [p.version for p in setup.proposals]
    judged = judge(table, arms.control, names, setup.rules, "live", setup.prior)
    return Findings(judged, arms.executions, stopped or short, (short,) if short else ())


def _race(setup: Setup, arms: LiveArms) -> Findings:
    ordered = interleaved(setup.cases)
    cases, fresh = ordered[:-FRESH], ordered[-FRESH:]
    names = [p.version for p in setup.proposals]
    plan = RacePlan.from_rules(setup.rules, len(cases), len(fresh))
    standing = race(np.empty((0, len(names))), names, setup.rules, plan)
    ran, stopped, short = 0, "", ""
    while standing.next_look is not None:
        batch, running = cases[ran : standing.next_look], [arms.control, *standing.running]
        short = over_budget(setup, arms.executions, len(batch), len(running))
        if short:
            break
        ran = standing.next_look
        setup.progress(f"{ran} of {len(cases)} cases, {count_of(len(running) - 1, 'candidate')} running")
        arms.run(running, batch)
        stopped = silence(arms.flat)
        if stopped:
            break
        blocked = _too_dear(arms, names, setup.rules)
        standing = race(_differences(arms, names, cases[:ran]), names, setup.rules, plan, blocked)
    table = in_order(score_table_of(arms.executions), [c.case_id for c in cases])
    judged = judge_race(table, arms.control, standing, setup.rules, "live", setup.prior)
    judged, unconfirmed = _confirmed(setup, arms, (standing, judged), ordered)
    unmeasured = tuple(text for text in (short, unconfirmed) if text)
    return Findings(judged, arms.executions, stopped or short or _early(standing, cases), unmeasured)


def _confirmed(
    setup: Setup, arms: LiveArms, raced: tuple[Race, tuple[Judgement, ...]], ordered: Sequence[Case]
) -> tuple[tuple[Judgement, ...], str]:
    """Rulings after the winners of a race met cases that took no part in it, or why they did not."""
    (standing, judged), fresh = raced, ordered[-FRESH:]
    winners = [j.candidate for j in judged if j.ruling is Ruling.SHIP]
    if not winners:
        return judged, ""
    short = over_budget(setup, arms.executions, len(fresh), 1 + len(winners))
    if short:
        unconfirmed = f"Not confirmed on fresh cases: {short}"
        because = f"{unconfirmed}; a person must decide."
        waiting = tuple(
            replace(j, ruling=Ruling.STAGE, because=f"{j.because} {because}") if j.candidate in winners else j
            for j in judged
        )
        return waiting, unconfirmed
    setup.progress(f"{len(fresh)} fresh cases for {count_of(len(winners), 'winner')}")
    before = {name: len(done) for name, done in arms.executions.items()}
    arms.run([arms.control, *winners], fresh)
    table = score_table_of({n: arms.executions[n][before[n] :] for n in (arms.control, *winners)})
    everything = in_order(score_table_of(arms.executions), [c.case_id for c in ordered])

    def again(one: Judgement) -> Judgement:
        compared = Arms(arms.control, one.candidate, "live")
        rails = watched_guardrails(everything, compared, standing, setup.rules, len(fresh))
        return replicate(one, table, setup.rules, prior=setup.prior, rails=rails)

    return tuple(again(j) if j.candidate in winners else j for j in judged), ""


def _early(standing: Race, cases: Sequence[Case]) -> str:
    return standing.because if standing.cases < len(cases) else ""


def _too_dear(arms: LiveArms, names: Sequence[str], rules: GateRules) -> frozenset[str]:
    """Candidates whose mean cost is above the guardrail so far; unknown costs block nobody."""
    table = score_table_of(arms.executions)
    both = ~np.isnan(table.cost_usd)
    dear = []
    for name in names:
        i, j = table.arms.index(arms.control), table.arms.index(name)
        rows = both[:, i] & both[:, j]
        if rows.any():
            spent, before = table.cost_usd[rows, j].mean(), table.cost_usd[rows, i].mean()
            if spent > before * rules.cost_ratio_limit:
                dear.append(name)
    return frozenset(dear)


def _differences(arms: LiveArms, names: Sequence[str], cases: Sequence[Case]) -> NDArray[np.float64]:
    """Candidate minus control, shape (cases, candidates); NaN where an arm has no score."""
    scores = {
        version: {e.case_id: quality(e) for e in executions}
        for version, executions in arms.executions.items()
    }

    def score(version: str, case: Case) -> float:
        known = scores.get(version, {}).get(case.case_id)
        return float("nan") if known is None else known

    return np.array([[score(n, c) - score(arms.control, c) for n in names] for c in cases], dtype=np.float64)
