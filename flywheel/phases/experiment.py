"""A live experiment: both arms on the same cases, watched while it runs."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.evidence import Arms
from flywheel.learn.experiments import GateRules, Judgement, judge
from flywheel.learn.planning import CallCost, Forecast, affordable_cases
from flywheel.learn.racing import Race, RacePlan, judge_race, race, watched_guardrails
from flywheel.learn.replication import replicate
from flywheel.learn.tables import in_order, quality, score_table_of
from flywheel.ports import CaseRunner, RunPlan, Store
from flywheel.records.case import Case, Suite
from flywheel.records.cycle import CycleContext
from flywheel.records.execution import Execution, Outcome
from flywheel.records.proposal import Proposal
from flywheel.records.verdict import Ruling
from flywheel.stats.shrinkage import GainPrior

RACE_LEAST = 250
"""Gate cases below which splitting costs too much power: one joint test of all arms on all cases."""

FRESH = 100
"""Cases kept out of a race, for a second opinion on its winner."""

BATCH = 64
"""Cases run between two writes where nothing is watched: what a killed experiment can lose."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What an experiment works with.

    Attributes:
        control_text: text of the live version.
        proposals: candidates, most promising first.
        cases: gate cases.
        cost: of one call, as far as it is known before the first answer.
        prior: where true gains lie, learned from past experiments.
    """

    context: CycleContext
    suite: Suite
    control_text: str
    proposals: tuple[Proposal, ...]
    cases: tuple[Case, ...]
    rules: GateRules
    store: Store
    runner: CaseRunner
    progress: Callable[[str], None]
    cost: CallCost = field(default_factory=CallCost)
    prior: GainPrior | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What an experiment gave.

    Attributes:
        judgements: one per candidate.
        arms: executions by version, control first.
        stopped: why it ended before all planned cases, or an empty text.
    """

    judgements: tuple[Judgement, ...]
    arms: dict[str, list[Execution]]
    stopped: str = ""


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
    arms = _Arms(setup)
    if setup.context.strategy.racing and len(setup.cases) >= RACE_LEAST:
        return _race(setup, arms)
    cases, stopped = interleaved(setup.cases), ""
    for start in range(0, len(cases), BATCH):
        batch = cases[start : start + BATCH]
        stopped = over_budget(setup, arms.executions, len(batch), len(arms.texts))
        if stopped:
            break
        setup.progress(f"cases {start + 1}-{start + len(batch)} of {len(cases)}, {len(arms.texts)} arms")
        arms.run(list(arms.texts), batch)
    table = score_table_of(arms.executions)
    names = [p.version for p in setup.proposals]
    judged = judge(table, arms.control, names, setup.rules, "live", setup.prior)
    return Findings(judged, arms.executions, stopped)


def over_budget(setup: Setup, executions: Mapping[str, Sequence[Execution]], cases: int, arms: int) -> str:
    """Why the next batch must not be run, or an empty text.

    A ceiling in tokens or USD binds once a first answer has said what a call
    costs; a provider that never says can only be held by the ceiling in calls.

    Args:
        setup: the request holds the ceilings.
        executions: what was run so far, by arm.
        cases: size of the next batch.
        arms: arms that would run it, the control included.
    """
    request = setup.context.request
    spent = [e for arm in executions.values() for e in arm]
    tokens = [e.input_tokens + (e.output_tokens or 0) for e in spent if e.input_tokens is not None]
    usd = [e.cost_usd for e in spent if e.cost_usd is not None]
    each = CallCost(
        input_tokens=sum(tokens) / len(tokens) if tokens else setup.cost.input_tokens,
        usd=sum(usd) / len(usd) if usd else setup.cost.usd,
    )
    left = Forecast(
        calls=None if request.budget_calls is None else request.budget_calls - len(spent),
        input_tokens=None if request.budget_tokens is None else request.budget_tokens - sum(tokens),
        output_tokens=None,
        usd=None if request.budget_usd is None else request.budget_usd - sum(usd),
    )
    if (left.calls, left.input_tokens, left.usd) == (None, None, None):
        return ""
    known = [
        n
        for n, per in ((left.calls, 1.0), (left.input_tokens, each.input_tokens), (left.usd, each.usd))
        if n is not None and per
    ]
    if not known or affordable_cases(arms - 1, left, each) >= cases:
        return ""
    done = max((len(arm) for arm in executions.values()), default=0)
    return f"the budget of {_budget_words(setup)} ended it after {done} of {len(setup.cases)} cases"


def _budget_words(setup: Setup) -> str:
    request = setup.context.request
    ceilings = (
        (request.budget_calls, "calls"),
        (request.budget_tokens, "tokens"),
        (request.budget_usd, "USD"),
    )
    return ", ".join(f"{amount:g} {unit}" for amount, unit in ceilings if amount is not None)


def interleaved(cases: Sequence[Case]) -> tuple[Case, ...]:
    """Cases in a fixed order in which every stretch holds all slices.

    Args:
        cases: in any order.

    Returns:
        The same cases; within a slice ordered by a hash of the id, slices in turn.
    """
    slices: dict[str | None, list[Case]] = defaultdict(list)
    for case in sorted(cases, key=lambda c: hashlib.blake2b(c.case_id.encode(), digest_size=8).digest()):
        slices[case.slice].append(case)
    turns = zip_longest(*(slices[name] for name in sorted(slices, key=str)))
    return tuple(case for case in chain.from_iterable(turns) if case is not None)


def _race(setup: Setup, arms: _Arms) -> Findings:
    ordered = interleaved(setup.cases)
    cases, fresh = ordered[:-FRESH], ordered[-FRESH:]
    names = [p.version for p in setup.proposals]
    plan = RacePlan.from_rules(setup.rules, len(cases), len(fresh))
    standing = race(np.empty((0, len(names))), names, setup.rules, plan)
    ran, stopped = 0, ""
    while standing.next_look is not None:
        batch, running = cases[ran : standing.next_look], [arms.control, *standing.running]
        stopped = over_budget(setup, arms.executions, len(batch), len(running))
        if stopped:
            break
        ran = standing.next_look
        setup.progress(f"{ran} of {len(cases)} cases, {len(running) - 1} candidates running")
        arms.run(running, batch)
        blocked = _too_dear(arms, names, setup.rules)
        standing = race(_differences(arms, names, cases[:ran]), names, setup.rules, plan, blocked)
    table = in_order(score_table_of(arms.executions), [c.case_id for c in cases])
    judged = judge_race(table, arms.control, standing, setup.rules, "live", setup.prior)
    judged = _confirmed(setup, arms, (standing, judged), ordered)
    return Findings(judged, arms.executions, stopped or _early(standing, cases))


def _confirmed(
    setup: Setup, arms: _Arms, raced: tuple[Race, tuple[Judgement, ...]], ordered: Sequence[Case]
) -> tuple[Judgement, ...]:
    """Rulings after the winners of a race met cases that took no part in it."""
    (standing, judged), fresh = raced, ordered[-FRESH:]
    winners = [j.candidate for j in judged if j.ruling is Ruling.SHIP]
    if not winners:
        return judged
    short = over_budget(setup, arms.executions, len(fresh), 1 + len(winners))
    if short:
        because = f"Not confirmed on fresh cases: {short}; a person must decide."
        return tuple(
            replace(j, ruling=Ruling.STAGE, because=f"{j.because} {because}") if j.candidate in winners else j
            for j in judged
        )
    setup.progress(f"{len(fresh)} fresh cases for {len(winners)} winners")
    before = {name: len(done) for name, done in arms.executions.items()}
    arms.run([arms.control, *winners], fresh)
    table = score_table_of({n: arms.executions[n][before[n] :] for n in (arms.control, *winners)})
    everything = in_order(score_table_of(arms.executions), [c.case_id for c in ordered])

    def again(one: Judgement) -> Judgement:
        compared = Arms(arms.control, one.candidate, "live")
        rails = watched_guardrails(everything, compared, standing, setup.rules, len(fresh))
        return replicate(one, table, setup.rules, prior=setup.prior, rails=rails)

    return tuple(again(j) if j.candidate in winners else j for j in judged)


def _early(standing: Race, cases: Sequence[Case]) -> str:
    return standing.because if standing.cases < len(cases) else ""


def _too_dear(arms: _Arms, names: Sequence[str], rules: GateRules) -> frozenset[str]:
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


def _differences(arms: _Arms, names: Sequence[str], cases: Sequence[Case]) -> NDArray[np.float64]:
    """Candidate minus control, shape (cases, candidates); NaN where an arm has no score."""
    scores = {
        version: {e.case_id: quality(e) for e in executions}
        for version, executions in arms.executions.items()
    }

    def score(version: str, case: Case) -> float:
        known = scores.get(version, {}).get(case.case_id)
        return float("nan") if known is None else known

    return np.array([[score(n, c) - score(arms.control, c) for n in names] for c in cases], dtype=np.float64)


@dataclass(slots=True)
class _Arms:
    """Executions of an experiment as they come in."""

    setup: Setup
    executions: dict[str, list[Execution]] = field(default_factory=dict)
    kept: dict[tuple[str | None, str | None], Execution] = field(default_factory=dict)

    def __post_init__(self) -> None:
        request = self.setup.context.request
        stored = self.setup.store.executions.in_session(request.workspace, request.prompt, self.session)
        self.kept = {(e.version, e.case_id): e for e in stored if e.outcome is not Outcome.ERROR}
        self.executions = {version: [] for version in self.texts}

    @property
    def control(self) -> str:
        return self.setup.context.control or ""

    @property
    def session(self) -> str:
        return f"experiment/{self.setup.context.cycle_id}"

    @property
    def texts(self) -> dict[str, str]:
        texts = {self.control: self.setup.control_text}
        texts.update({p.version: p.text or "" for p in self.setup.proposals})
        return texts

    def run(self, versions: Sequence[str], cases: Sequence[Case]) -> None:
        """Add the executions of some arms on some cases, running what is not kept."""
        texts = self.texts
        for version in versions:
            missing = [c for c in cases if (version, c.case_id) not in self.kept]
            plan = self._plan(version, texts[version])
            for start in range(0, len(missing), BATCH):
                fresh = self.setup.runner.run(plan, missing[start : start + BATCH])
                self.setup.store.executions.write(fresh)
                self.kept.update({(version, e.case_id): e for e in fresh})
            self.executions[version].extend(self.kept[version, c.case_id] for c in cases)

    def _plan(self, version: str, text: str) -> RunPlan:
        request = self.setup.context.request
        return RunPlan(
            workspace=request.workspace,
            prompt=request.prompt,
            version=version,
            text=text,
            suite=self.setup.suite,
            model=request.model or "",
            session_id=self.session,
            purpose="gate",
            seed=request.seed,
            source="experiment",
        )
