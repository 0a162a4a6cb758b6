"""Phase 4: experiments, with one verdict per proposal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flywheel.learn.experiments import Judgement, judge
from flywheel.learn.other_models import (
    OnModels,
    passed_over,
    winners_left,
    with_other_models,
    worth_other_models,
)
from flywheel.learn.refinement import PLACEBO
from flywheel.learn.tables import score_table_of, spent
from flywheel.phases.arms import Setup, silence
from flywheel.phases.before import Question, affordable, expectation, growth_of, rules_of
from flywheel.phases.ceilings import budget_words
from flywheel.phases.earlier import Earlier, earlier, gathered, recorded_scope
from flywheel.phases.experiment import run_experiment
from flywheel.phases.other_models import OtherModels, Winner, none_run, run_other_models
from flywheel.phases.screening import plan_screening, run_screening
from flywheel.ports import CaseRunner, Store
from flywheel.records.case import GateCases, Suite
from flywheel.records.columns import ScoreTable
from flywheel.records.cycle import CycleContext
from flywheel.records.execution import Execution
from flywheel.records.proposal import Proposal, Proposals
from flywheel.records.verdict import Ruling, Verdict, Verdicts

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Tested:
    """A proposal with its ruling on the model that decides."""

    proposal: Proposal
    judgement: Judgement
    table: ScoreTable
    executions: Sequence[Execution] = ()


@dataclass(frozen=True, slots=True)
class _Live:
    """What the live experiment gave."""

    tested: tuple[_Tested, ...] = ()
    held: tuple[Verdict, ...] = ()
    executions: tuple[Execution, ...] = ()
    told: dict[str, Any] = field(default_factory=dict)


def validate(proposals: Proposals, store: Store, runner: CaseRunner | None, progress: Progress) -> Verdicts:
    """Hold every proposal against the live version on the same cases.

    Recorded alternatives are compared on executions already stored, paired by
    case. Generated proposals are run live, both arms, on gate cases the
    generator never saw. Each source is one joint test over its candidates.
    What wins is put to the other models of the request, if it names any.

    Args:
        proposals: what generate gave.
        store: executions, suites, cases.
        runner: runs cases; None leaves generated proposals on hold.
        progress: told before each arm is run.

    Returns:
        One verdict per proposal; too little data is hold.
    """
    context = proposals.context
    if not proposals.proposals:
        return Verdicts(context=context, because=proposals.because)
    if not context.strategy.validate_improvements:
        because = f"strategy {context.strategy.name!r} does not validate; a person decides"
        return Verdicts(
            context=context, verdicts=tuple(_bare(p, Ruling.STAGE, because) for p in proposals.proposals)
        )
    recorded = tuple(p for p in proposals.proposals if p.origin == "recorded")
    generated = tuple(p for p in proposals.proposals if p.origin != "recorded")
    past = earlier(context, store)
    live = _on_live(context, generated, store, runner, (progress, past))
    tested = (*_on_recorded(context, recorded, store, past), *live.tested)
    others = _on_other_models(context, tested, store, runner, (progress, live.executions))
    verdicts = (*(_verdict(context, one, others) for one in tested), *live.held)
    untested = tuple(
        f"{v.proposal.strategy}: {v.because}" for v in verdicts if v.evidence is None and not v.screened_out
    )
    ran = (*live.executions, *others.executions)
    used = {**live.told, **(spent(ran) if ran else {})}
    used["unmeasured"] = (*live.told.get("unmeasured", ()), *others.unmeasured)
    used["because"] = "; ".join(text for text in (live.told.get("because", ""), others.because) if text)
    return Verdicts(context=context, verdicts=verdicts, degraded=(*untested, *others.degraded), **used)


def _on_recorded(
    context: CycleContext, proposals: Sequence[Proposal], store: Store, past: Earlier
) -> tuple[_Tested, ...]:
    if not proposals or context.control is None:
        return ()
    rules = rules_of(context)
    names = [p.version for p in proposals]
    table = store.executions.score_table(recorded_scope(context), (context.control, *names), "version")
    judgements = judge(table, context.control, names, rules, "recorded", past.prior)
    by_version = {j.candidate: j for j in gathered(context, judgements, table, past, store)}
    return tuple(_Tested(p, by_version[p.version], table) for p in proposals)


def _on_live(
    context: CycleContext,
    proposals: Sequence[Proposal],
    store: Store,
    runner: CaseRunner | None,
    told: tuple[Progress, Earlier],
) -> _Live:
    if not proposals:
        return _Live()
    progress, past = told
    place = _place(context, store, runner)
    if isinstance(place, str):
        return _Live(held=tuple(_bare(p, Ruling.HOLD, place) for p in proposals))
    growth = growth_of(place.control_text, [p.text or "" for p in proposals])
    asked = Question(len(proposals), context.strategy.smallest_gain, growth)
    look = expectation(context, asked, place.gate, store)
    progress(look.because)
    if not look.worthwhile:
        held = tuple(_bare(p, Ruling.HOLD, look.because) for p in proposals)
        return _Live(held=held, told={"outlook": look.because})
    setup = _setup(context, place, tuple(proposals), store, progress)
    setup = replace(setup, cost=look.cost, prior=past.prior)
    planned = plan_screening(setup)
    screened = run_screening(setup, planned)
    outlook = "; ".join(text for text in (look.because, planned.because) if text)
    allowed = affordable(context, screened.proposals, place.gate, screened.executions)
    waiting = {**screened.out, **allowed.unaffordable}
    held = tuple(
        _bare(p, Ruling.HOLD, waiting[p.version]).model_copy(
            update={"screened_out": p.version in screened.out}
        )
        for p in proposals
        if p.version in waiting
    )
    if not allowed.proposals:
        return _Live(held=held, executions=screened.executions)
    setup = replace(setup, proposals=allowed.proposals, cases=allowed.cases, before=screened.executions)
    return _experimented(setup, past, (outlook, len(place.gate.cases)), held)


def _experimented(setup: Setup, past: Earlier, told: tuple[str, int], held: tuple[Verdict, ...]) -> _Live:
    """What meets the gate, beside what does not; told are the outlook and how many gate cases there are."""
    outlook, planned = told
    findings = run_experiment(setup)
    arms = tuple(e for executions in findings.arms.values() for e in executions)
    ran = (*setup.before, *arms)
    cut = _cut(setup, planned)
    said = {
        "because": findings.stopped or cut,
        "outlook": outlook,
        "unmeasured": tuple(text for text in (cut, *findings.unmeasured) if text),
    }
    unanswered = silence(arms)
    if unanswered:
        untold = (_bare(p, Ruling.HOLD, f"Not measured: {unanswered}.") for p in setup.proposals)
        return _Live((), (*untold, *held), ran, said)
    table = score_table_of(findings.arms)
    judgements = gathered(setup.context, findings.judgements, table, past, setup.store)
    by_version = {j.candidate: j for j in judgements}
    tested = tuple(
        _Tested(p, by_version[p.version], table, findings.arms.get(p.version, ())) for p in setup.proposals
    )
    return _Live(tested, held, ran, said)


def _cut(setup: Setup, planned: int) -> str:
    """That a budget pays for a part of the gate cases only, or an empty text."""
    cases = len(setup.cases)
    if cases >= planned:
        return ""
    return f"the budget of {budget_words(setup.context.request)} pays for {cases} of {planned} gate cases"


def _on_other_models(
    context: CycleContext,
    tested: Sequence[_Tested],
    store: Store,
    runner: CaseRunner | None,
    told: tuple[Progress, Sequence[Execution]],
) -> OtherModels:
    """Winners on the models beside the one that decided; nothing where the request names none."""
    request = context.request
    real = {t.judgement.candidate: t for t in tested if t.proposal.strategy != PLACEBO}
    names = worth_other_models([t.judgement for t in real.values()]) if request.also_models else ()
    if not names:
        return OtherModels({})
    winners = [Winner(real[name].judgement, real[name].table) for name in names]
    place = _place(context, store, runner)
    proposals = tuple(real[name].proposal for name in names)
    untold = [p.label or p.version for p in proposals if p.text is None]
    if untold:
        place = f"the text of {untold[0]} was not captured, so it cannot be run"
    if isinstance(place, str):
        return none_run(place, request.also_models, winners, request.model or "")
    progress, before = told
    ran = run_other_models(_setup(context, place, proposals, store, progress), winners, before)
    left = winners_left([t.judgement for t in real.values()], request.also_models)
    return replace(ran, because=left)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where live experiments of a cycle take place."""

    suite: Suite
    gate: GateCases
    control_text: str
    runner: CaseRunner


def _place(context: CycleContext, store: Store, runner: CaseRunner | None) -> _Place | str:
    """What a live experiment needs, or why there can be none."""
    request = context.request
    suite = store.cases.suite(request.workspace, request.suite) if request.suite else None
    reason = _why_not_live(context, suite, runner)
    if reason is not None or suite is None or runner is None:
        return reason or ""
    control = store.prompts.get(request.workspace, request.prompt, context.control or "")
    if control is None or control.text is None:
        return "the text of the live version was not captured, so it could not be run"
    return _Place(suite, store.cases.gate(request.workspace, suite.suite), control.text, runner)


def _setup(
    context: CycleContext, place: _Place, proposals: tuple[Proposal, ...], store: Store, progress: Progress
) -> Setup:
    return Setup(
        context=context,
        suite=place.suite,
        control_text=place.control_text,
        proposals=proposals,
        cases=place.gate.cases,
        rules=rules_of(context),
        store=store,
        runner=place.runner,
        progress=progress,
    )


def _why_not_live(context: CycleContext, suite: Suite | None, runner: CaseRunner | None) -> str | None:
    request = context.request
    if not request.enable_ab_testing:
        return "live experiments are switched off (enable_ab_testing is false)"
    if suite is None:
        return f"suite {request.suite!r} is not in the store, so there are no gate cases to decide on"
    if runner is None or request.model is None:
        return "no model was given, so the candidates could not be run"
    return None


def _verdict(context: CycleContext, tested: _Tested, others: OtherModels) -> Verdict:
    judgement, found = tested.judgement, others.found.get(tested.judgement.candidate, OnModels(()))
    judgement = with_other_models(judgement, found)
    if context.request.also_models and not found.gains and tested.proposal.strategy != PLACEBO:
        judgement = passed_over(judgement)
    return Verdict(
        proposal=tested.proposal,
        ruling=judgement.ruling,
        because=judgement.because,
        evidence=judgement.evidence.model_copy(update=spent(tested.executions)),
        slices=judgement.slices,
        models=found.gains,
        across=found.across,
    )


def _bare(proposal: Proposal, ruling: Ruling, because: str) -> Verdict:
    return Verdict(proposal=proposal, ruling=ruling, because=because, evidence=None)
