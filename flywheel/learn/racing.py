"""Watching an experiment while its cases run: who leads, who is out, when to stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.comparison import slice_evidence, slice_guardrail
from flywheel.learn.counting import count_of
from flywheel.learn.evidence import Arms, Watch, column, guardrails, measure
from flywheel.learn.rulings import GateRules, Judgement, decide
from flywheel.records.columns import ScoreTable
from flywheel.records.verdict import Guardrail, Ruling
from flywheel.stats.confidence_sequence import betting_confidence_sequence, predictive_probability
from flywheel.stats.evalues import mixture_e_value
from flywheel.stats.sequential_gate import SequentialGate
from flywheel.stats.shrinkage import GainPrior
from flywheel.stats.spending import SequentialMcNemar, SequentialP


class Standing(StrEnum):
    """Where a candidate is in a race."""

    RUNNING = "running"
    WON = "won"
    WORSE = "worse"
    FUTILE = "futile"
    OUTRUN = "outrun"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class RacePlan:
    """When to look, fixed before the first case runs.

    Attributes:
        n_max: cases planned.
        look_every: cases between looks.
        first_look: cases before the first look that may decide.
        halving: cases after which the worse half of the running candidates stops.
        futility: chance of ending significant below which a candidate stops.
        fresh: cases kept for a second opinion on the winner.
        flips: sign paths of the joint test; the exact test of one pass-or-fail candidate needs none.
    """

    n_max: int
    look_every: int = 5
    first_look: int = 30
    halving: tuple[int, ...] = (40, 80, 140)
    futility: float = 0.05
    fresh: int = 0
    flips: int = 4000

    @classmethod
    def from_rules(cls, rules: GateRules, cases: int, fresh: int = 0) -> RacePlan:
        """A plan over all cases at hand; a sure strategy gives up later.

        Examples:
            >>> RacePlan.from_rules(GateRules(), 250).first_look
            30
        """
        level = rules.significance_level
        futility = 0.02 if level <= 0.01 else 0.05 if level <= 0.05 else 0.10
        return cls(n_max=cases, first_look=min(rules.min_pairs, cases), futility=futility, fresh=fresh)

    def looks(self) -> tuple[int, ...]:
        """Cases at which the race is looked at.

        Examples:
            >>> RacePlan(n_max=55, first_look=20, look_every=20).looks()
            (20, 40, 55)
        """
        regular = range(self.first_look, self.n_max, self.look_every)
        return tuple(sorted({*regular, *(h for h in self.halving if h < self.n_max), self.n_max}))


@dataclass(frozen=True, slots=True)
class Runner:
    """One candidate in a race.

    Attributes:
        pairs: cases both arms were scored on.
        estimate: mean difference so far, rate units; None without a pair.
        p_value: two-sided, corrected over all candidates with all looks.
        e_value: of a gain; the largest so far for a single candidate, else at its latest look.
        stopped_at: cases after which it stopped running; None while it runs.
    """

    candidate: str
    standing: Standing
    pairs: int
    estimate: float | None
    p_value: float
    e_value: float
    stopped_at: int | None


@dataclass(frozen=True, slots=True)
class Race:
    """A race at its latest look.

    Attributes:
        runners: one per candidate, in their order.
        cases: cases seen at the latest look.
        method: name of the test.
        done: nothing more should run.
        next_look: cases to have before looking again; None when done.
        because: one sentence.
        plan: when it was looked at.
    """

    runners: tuple[Runner, ...]
    cases: int
    method: str
    done: bool
    next_look: int | None
    because: str
    plan: RacePlan

    @property
    def running(self) -> tuple[str, ...]:
        """Candidates that need more cases."""
        return tuple(r.candidate for r in self.runners if r.standing is Standing.RUNNING)


def race(
    differences: NDArray[np.float64],
    candidates: Sequence[str],
    rules: GateRules,
    plan: RacePlan,
    blocked: frozenset[str] = frozenset(),
) -> Race:
    """Replay a race over the cases that ran so far.

    The same data give the same race, so that an interrupted experiment goes
    on where it was. Looks lie at fixed numbers of cases; what ran after the
    latest look waits for the next one.

    Args:
        differences: candidate minus control, float64, shape (n, k), cases in the order
            they ran; NaN where an arm has no score.
        candidates: names, length k.
        rules: how sure to be.
        plan: when to look.
        blocked: candidates a guardrail keeps from shipping; when one of them wins, the others run on.

    Returns:
        Standing of every candidate with p-values that are valid at this look.

    Examples:
        >>> d = np.array([[1.0], [0.0]] * 30)
        >>> race(d, ["new"], GateRules(), RacePlan(n_max=200)).because
        "'new' won after 30 cases."
    """
    d = np.asarray(differences, dtype=np.float64).reshape(-1, len(candidates))
    if len(d) > plan.n_max:
        msg = f"{len(d)} cases ran; the race was planned for {plan.n_max}. Nothing was judged."
        raise ValueError(msg)
    test = _Test(d, rules, plan)
    lanes = [_Lane() for _ in candidates]
    seen = 0
    for look in plan.looks():
        if look > len(d) or not any(lane.running for lane in lanes):
            break
        _look(test.look(seen, look, lanes), d[:look], lanes, rules, plan)
        if any(
            lane.standing is Standing.WON and n not in blocked
            for lane, n in zip(lanes, candidates, strict=True)
        ):
            _stop_all(lanes, Standing.OUTRUN, look)
        if look == plan.n_max:
            _stop_all(lanes, Standing.ENDED, look)
        seen = look
    upcoming = next((look for look in plan.looks() if look > seen), None)
    done = not any(lane.running for lane in lanes)
    runners = tuple(lane.runner(name) for lane, name in zip(lanes, candidates, strict=True))
    said = _told(runners, seen, done)
    return Race(runners, seen, test.method, done, None if done else upcoming, said, plan)


def judge_race(
    table: ScoreTable,
    control: str,
    finished: Race,
    rules: GateRules,
    source: str,
    prior: GainPrior | None = None,
) -> tuple[Judgement, ...]:
    """Rulings on the candidates of a race, from its p-values and no second look.

    Args:
        table: the cases in the order they ran, for means with guardrails.
        control: arm that is live.
        finished: the race; one that is not done holds what still runs.
        rules: how sure to be.
        source: recorded or live.
        prior: where true gains lie, learned from past experiments.

    Returns:
        One judgement per candidate; intervals are confidence sequences.
    """
    shared = replace(rules, e_min=rules.e_min * len(finished.runners))
    judged = []
    for runner in finished.runners:
        arms = Arms(control, runner.candidate, source)
        one = measure(table, arms, rules, prior=prior)
        slices = slice_evidence(table, control, runner.candidate, rules, source) if runner.pairs else ()
        interval = betting_confidence_sequence(one.differences, rules.coverage)
        evidence = one.evidence.model_copy(
            update={
                "method": finished.method,
                "low": interval.low,
                "high": interval.high,
                "p_value": runner.p_value if runner.pairs else None,
                "adjusted_p": runner.p_value if runner.pairs and not one.missing else None,
                "e_value": runner.e_value if runner.pairs else None,
                "guardrails": (
                    *watched_guardrails(table, arms, finished, rules),
                    *slice_guardrail(slices, rules),
                ),
            }
        )
        ruling, because = decide(evidence, shared, len(finished.runners), one.missing)
        if runner.standing is Standing.RUNNING:
            ruling, because = Ruling.HOLD, f"The experiment is not finished. {because}"
        told = f"{because} {_ending(runner)}".strip()
        judged.append(Judgement(runner.candidate, ruling, told, evidence, slices))
    return tuple(judged)


RAIL_EVERY = 50
"""Cases between two looks at latency with cost: more looks than decisions would only raise the bar."""


def watched_guardrails(
    table: ScoreTable, arms: Arms, finished: Race, rules: GateRules, fresh: int = 0
) -> tuple[Guardrail, ...]:
    """Latency with cost, where every look of a race is paid for.

    Args:
        table: cases in the order they ran, fresh ones last.
        arms: which two.
        finished: the race.
        rules: limits.
        fresh: cases that were run after the race.

    Returns:
        One guardrail per measure; None while cases may still prove it.
    """
    rows = ~np.isnan(column(table, arms.control) - column(table, arms.candidate))
    if not rows.any():
        return ()
    runner = next(r for r in finished.runners if r.candidate == arms.candidate)
    stopped = runner.stopped_at or finished.cases
    looks = [*range(RAIL_EVERY, stopped, RAIL_EVERY), stopped]
    if fresh:
        looks.append(finished.cases + fresh)
    planned = finished.plan.n_max + finished.plan.fresh
    final = bool(fresh) or not finished.plan.fresh
    return guardrails(table, arms, rules, rows, Watch(tuple(looks), planned, final))


class _Lane:
    """What is known of one candidate while a race is replayed."""

    __slots__ = ("e_value", "estimate", "p_value", "pairs", "running", "standing", "stopped_at")

    def __init__(self) -> None:
        self.running = True
        self.standing = Standing.RUNNING
        self.pairs = 0
        self.estimate: float | None = None
        self.p_value = 1.0
        self.e_value = 0.0
        self.stopped_at: int | None = None

    def stop(self, standing: Standing, at: int) -> None:
        self.running, self.standing, self.stopped_at = False, standing, at

    def runner(self, name: str) -> Runner:
        return Runner(
            name, self.standing, self.pairs, self.estimate, self.p_value, self.e_value, self.stopped_at
        )


class _Test:
    """The exact test for one pass-or-fail candidate, the sign-flip gate for all else."""

    __slots__ = ("_d", "_exact", "_gate", "method")

    def __init__(self, d: NDArray[np.float64], rules: GateRules, plan: RacePlan) -> None:
        self._d = d
        known = d[~np.isnan(d)]
        exact = d.shape[1] == 1 and bool(np.isin(known, (-1.0, 0.0, 1.0)).all())
        self._exact = SequentialMcNemar(plan.n_max) if exact else None
        self._gate = None if exact else SequentialGate(d.shape[1], plan.n_max, plan.flips, rules.seed)
        self.method = "exact_sequential_mcnemar" if exact else "sequential_sign_flip"

    def look(self, seen: int, upto: int, lanes: list[_Lane]) -> tuple[SequentialP, ...]:
        part = np.where([lane.running for lane in lanes], self._d[seen:upto], np.nan)
        if self._exact is not None:
            wins, losses = int((part > 0).sum()), int((part < 0).sum())
            self._exact.add(wins, losses, len(part) - wins - losses)
            return (self._exact.look(),)
        if self._gate is None:
            return ()
        self._gate.add(part)
        return self._gate.look()


def _look(
    p_values: tuple[SequentialP, ...],
    d: NDArray[np.float64],
    lanes: list[_Lane],
    rules: GateRules,
    plan: RacePlan,
) -> None:
    at = len(d)
    for i, lane in enumerate(lanes):
        if lane.running:
            _update(lane, d[:, i], p_values[i].two_sided, alone=len(lanes) == 1)
    if at >= plan.first_look:
        for i, lane in enumerate(lanes):
            if lane.running:
                _settle(lane, d[:, i], len(lanes), rules, plan)
    if at in plan.halving and not any(lane.standing is Standing.WON for lane in lanes):
        _halve(lanes, at)


def _update(lane: _Lane, d: NDArray[np.float64], p_value: float, *, alone: bool) -> None:
    known = d[~np.isnan(d)]
    lane.pairs = int(known.size)
    lane.estimate = float(known.mean()) if known.size else None
    lane.p_value = p_value
    now = mixture_e_value(known) or 0.0
    # Alone, a bet that was won once stays won. Of several, the luckiest is picked at the
    # look that decides, so its bet must stand there.
    lane.e_value = max(lane.e_value, now) if alone else now


def _settle(lane: _Lane, d: NDArray[np.float64], k: int, rules: GateRules, plan: RacePlan) -> None:
    significant = lane.p_value <= rules.significance_level
    gain = lane.estimate or 0.0
    if significant and gain > 0 and lane.e_value >= rules.e_min * k and lane.pairs >= rules.min_pairs:
        lane.stop(Standing.WON, len(d))
        return
    if significant and gain < 0:
        lane.stop(Standing.WORSE, len(d))
        return
    # A forecast from less than a tenth of the planned cases would stop good candidates.
    if len(d) < plan.n_max / 10:
        return
    # The bar of the joint test lies near the level shared out over the candidates.
    chance = predictive_probability(d, plan.n_max, rules.significance_level / (2 * k))
    if len(d) < plan.n_max and chance is not None and chance < plan.futility:
        lane.stop(Standing.FUTILE, len(d))


def _halve(lanes: list[_Lane], at: int) -> None:
    running = [lane for lane in lanes if lane.running]
    if len(running) < 2:
        return
    ranked = sorted(running, key=lambda lane: -(lane.estimate if lane.estimate is not None else -1.0))
    for lane in ranked[(len(ranked) + 1) // 2 :]:
        lane.stop(Standing.OUTRUN, at)


def _stop_all(lanes: list[_Lane], standing: Standing, at: int) -> None:
    for lane in lanes:
        if lane.running:
            lane.stop(standing, at)


def _told(runners: tuple[Runner, ...], cases: int, done: bool) -> str:
    if not done:
        count = sum(r.standing is Standing.RUNNING for r in runners)
        return f"{count} of {len(runners)} candidates still run after {count_of(cases, 'case')}."
    won = [f"{r.candidate[:12]!r}" for r in runners if r.standing is Standing.WON]
    if won:
        return f"{', '.join(won)} won after {count_of(cases, 'case')}."
    return f"No candidate won; the race ended after {count_of(cases, 'case')}."


def _ending(runner: Runner) -> str:
    return {
        Standing.WON: f"Stopped early after {runner.stopped_at} cases, with every look paid for.",
        Standing.WORSE: f"Stopped after {runner.stopped_at} cases.",
        Standing.FUTILE: f"Stopped after {runner.stopped_at} cases: a win had become unlikely.",
        Standing.OUTRUN: f"Stopped after {runner.stopped_at} cases: others were ahead.",
    }.get(runner.standing, "")
