"""Phase 4: experiments, with one verdict per proposal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flywheel.learn.experiments import Judgement, judge
from flywheel.learn.tables import score_table_of, spent
from flywheel.phases.before import Question, affordable, expectation, growth_of, rules_of
from flywheel.phases.earlier import Earlier, earlier, gathered, recorded_scope
from flywheel.phases.experiment import Setup, run_experiment
from flywheel.ports import CaseRunner, Store
from flywheel.records.case import Suite
from flywheel.records.cycle import CycleContext
from flywheel.records.execution import Execution
from flywheel.records.proposal import Proposal, Proposals
from flywheel.records.verdict import Ruling, Verdict, Verdicts

Progress = Callable[[str], None]


def validate(proposals: Proposals, store: Store, runner: CaseRunner | None, progress: Progress) -> Verdicts:
    """Hold every proposal against the live version on the same cases.

    Recorded alternatives are compared on executions already stored, paired by
    case. Generated proposals are run live, both arms, on gate cases the
    generator never saw. Each source is one joint test over its candidates.

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
    live, used = _on_live(context, generated, store, runner, (progress, past))
    verdicts = (*_on_recorded(context, recorded, store, past), *live)
    untested = tuple(f"{v.proposal.strategy}: {v.because}" for v in verdicts if v.evidence is None)
    return Verdicts(context=context, verdicts=verdicts, degraded=untested, **used)


def _on_recorded(
    context: CycleContext, proposals: Sequence[Proposal], store: Store, past: Earlier
) -> tuple[Verdict, ...]:
    if not proposals or context.control is None:
        return ()
    rules = rules_of(context)
    names = [p.version for p in proposals]
    table = store.executions.score_table(recorded_scope(context), (context.control, *names), "version")
    judgements = judge(table, context.control, names, rules, "recorded", past.prior)
    by_version = {j.candidate: j for j in gathered(judgements, table, past, rules, store)}
    return tuple(_verdict(p, by_version[p.version], {}) for p in proposals)


def _on_live(
    context: CycleContext,
    proposals: Sequence[Proposal],
    store: Store,
    runner: CaseRunner | None,
    told: tuple[Progress, Earlier],
) -> tuple[tuple[Verdict, ...], dict[str, Any]]:
    if not proposals:
        return (), {}
    progress, past = told
    request = context.request
    suite = store.cases.suite(request.workspace, request.suite) if request.suite else None
    reason = _why_not_live(context, suite, runner)
    if reason is not None or suite is None or runner is None:
        return tuple(_bare(p, Ruling.HOLD, reason or "") for p in proposals), {}
    control = store.prompts.get(request.workspace, request.prompt, context.control or "")
    gate = store.cases.gate(request.workspace, suite.suite)
    texts = [p.text or "" for p in proposals]
    growth = growth_of(control.text if control and control.text else "", texts)
    asked = Question(len(proposals), context.strategy.smallest_gain, growth)
    look = expectation(context, asked, gate, store)
    progress(look.because)
    if not look.worthwhile:
        return tuple(_bare(p, Ruling.HOLD, look.because) for p in proposals), {"outlook": look.because}
    allowed = affordable(context, proposals, gate)
    if not allowed.proposals or control is None or control.text is None:
        return tuple(
            _bare(p, Ruling.HOLD, allowed.unaffordable.get(p.version, "no control")) for p in proposals
        ), {}
    findings = run_experiment(
        Setup(
            context=context,
            suite=suite,
            control_text=control.text,
            proposals=allowed.proposals,
            cases=allowed.cases,
            rules=rules_of(context),
            store=store,
            runner=runner,
            progress=progress,
            cost=look.cost,
            prior=past.prior,
        )
    )
    table = score_table_of(findings.arms)
    judgements = gathered(findings.judgements, table, past, rules_of(context), store)
    by_version = {j.candidate: j for j in judgements}
    judged = [_verdict(p, by_version[p.version], findings.arms) for p in allowed.proposals]
    held = (
        _bare(p, Ruling.HOLD, allowed.unaffordable[p.version])
        for p in proposals
        if p.version in allowed.unaffordable
    )
    used = spent([e for executions in findings.arms.values() for e in executions])
    return (*judged, *held), {**used, "because": findings.stopped, "outlook": look.because}


def _why_not_live(context: CycleContext, suite: Suite | None, runner: CaseRunner | None) -> str | None:
    request = context.request
    if not request.enable_ab_testing:
        return "live experiments are switched off (enable_ab_testing is false)"
    if suite is None:
        return f"suite {request.suite!r} is not in the store, so there are no gate cases to decide on"
    if runner is None or request.model is None:
        return "no model was given, so the candidates could not be run"
    return None


def _verdict(proposal: Proposal, judgement: Judgement, arms: Mapping[str, Sequence[Execution]]) -> Verdict:
    evidence = judgement.evidence.model_copy(update=spent(arms.get(proposal.version, ())))
    return Verdict(
        proposal=proposal,
        ruling=judgement.ruling,
        because=judgement.because,
        evidence=evidence,
        slices=judgement.slices,
    )


def _bare(proposal: Proposal, ruling: Ruling, because: str) -> Verdict:
    return Verdict(proposal=proposal, ruling=ruling, because=because, evidence=None)
