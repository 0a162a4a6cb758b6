"""Phase 6: lineage edges, plus what the cycle says it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from flywheel.learn.insights import with_proposals
from flywheel.learn.lineage import LineageGraph
from flywheel.learn.tables import spent
from flywheel.phases.reported import Reported
from flywheel.ports import Clock, Store
from flywheel.records.analysis import Analysis, Feedback
from flywheel.records.cycle import CycleContext, FeedbackLoopOutput, Phase, StageSummary
from flywheel.records.findings import Insight
from flywheel.records.lineage import Edge, EdgeKind
from flywheel.records.model_gain import ModelStanding
from flywheel.records.proposal import Proposals
from flywheel.records.release import Release
from flywheel.records.verdict import Ruling, Verdict, Verdicts

N = TypeVar("N", int, float)
MAX_INSIGHTS = 10
"""Insights an output keeps; one that led to a proposal is always kept."""


def track(
    release: Release, store: Store, clock: Clock, reported: Reported | None = None
) -> FeedbackLoopOutput:
    """Keep the evidence on the edges of the lineage and sum the cycle up.

    Args:
        release: what apply did.
        store: lineage and the kept results of the earlier phases.
        clock: the time.
        reported: the release measured on its report cases, where it was.

    Returns:
        The output; it holds no wall-clock time, so that the same input, evidence
        and seed give an equal output wherever the cycle ran.
    """
    context = release.context
    request = context.request
    graph = LineageGraph(tuple(store.lineage.edges(request.workspace, request.prompt)))
    edges = [e for v in release.verdicts if (e := _edge(v, release, graph)) is not None]
    edges += [e for v in release.verdicts for e in _merged(v, release, graph)]
    store.lineage.add(edges, clock.now())
    live = store.releases.live(request.workspace, request.prompt)
    measured = reported or Reported()
    stages = _stages(context, release, store, measured.because)
    output = _output(release, live.version if live else None, stages, measured)
    told = {
        "insights": _insights(context, store),
        "unmeasured": _unmeasured(context, store, measured),
        **_with_writing(output, context, store),
    }
    return output.model_copy(update=told)


def _with_writing(output: FeedbackLoopOutput, context: CycleContext, store: Store) -> dict[str, Any]:
    """Calls, tokens and USD with those that wrote the candidates."""
    made = store.cycles.finished(context.cycle_id, Phase.GENERATE)
    wrote = Proposals.model_validate_json(made) if made is not None else None
    if wrote is None or not wrote.calls:
        return {}
    if not output.calls:
        return wrote.model_dump(include={"calls", "input_tokens", "output_tokens", "cost_usd"})
    return {
        "calls": output.calls + wrote.calls,
        "input_tokens": _sum(output.input_tokens, wrote.input_tokens, wrote.calls),
        "output_tokens": _sum(output.output_tokens, wrote.output_tokens, wrote.calls),
        "cost_usd": _sum(output.cost_usd, wrote.cost_usd, wrote.calls),
    }


def _unmeasured(context: CycleContext, store: Store, reported: Reported) -> tuple[str, ...]:
    """What a budget of the request left unmeasured, before the release and after it."""
    text = store.cycles.finished(context.cycle_id, Phase.VALIDATE)
    before = Verdicts.model_validate_json(text).unmeasured if text is not None else ()
    return (*before, *reported.unmeasured)


def _insights(context: CycleContext, store: Store) -> tuple[Insight, ...]:
    """What the cycle found, with the versions proposed from it."""
    found = store.cycles.finished(context.cycle_id, Phase.ANALYZE)
    made = store.cycles.finished(context.cycle_id, Phase.GENERATE)
    if found is None or made is None:
        return ()
    proposals = Proposals.model_validate_json(made).proposals
    linked = with_proposals(Analysis.model_validate_json(found).insights, proposals)
    return tuple(i for place, i in enumerate(linked) if place < MAX_INSIGHTS or i.proposals)


def _edge(verdict: Verdict, release: Release, graph: LineageGraph) -> Edge | None:
    """Child to parent; None where it would close a loop (an older version came up again)."""
    proposal, request = verdict.proposal, release.context.request
    if graph.would_loop(proposal.version, proposal.parent):
        return None
    promoted = release.promoted == proposal.version
    return Edge(
        prompt=request.prompt,
        workspace=request.workspace,
        child=proposal.version,
        parent=proposal.parent,
        kind=EdgeKind.IMPROVED_VERSION if promoted else EdgeKind.DERIVED_FROM,
        cycle_id=release.context.cycle_id,
        strategy=proposal.strategy,
        ruling=verdict.ruling,
        because=verdict.because,
        evidence=verdict.evidence,
    )


def _merged(verdict: Verdict, release: Release, graph: LineageGraph) -> list[Edge]:
    """Child to each version that was merged into it, beside its parent."""
    proposal, request = verdict.proposal, release.context.request
    return [
        Edge(
            prompt=request.prompt,
            workspace=request.workspace,
            child=proposal.version,
            parent=other,
            kind=EdgeKind.MERGED_FROM,
            cycle_id=release.context.cycle_id,
            strategy=proposal.strategy,
        )
        for other in proposal.merged_from
        if other != proposal.parent and not graph.would_loop(proposal.version, other)
    ]


def _output(
    release: Release, live: str | None, stages: tuple[StageSummary, ...], reported: Reported
) -> FeedbackLoopOutput:
    context = release.context
    chosen = _best(release.verdicts, release.promoted)
    best = chosen.evidence if chosen else None
    collected = next((s.counts.get("counted", 0) for s in stages if s.phase is Phase.COLLECT), 0)
    alpha = context.strategy.significance_level
    p_value = best.adjusted_p if best else None
    after = reported.evidence
    used = spent(reported.executions)
    return FeedbackLoopOutput(
        success=True,
        feedback_collected=collected,
        improvements_identified=len(release.verdicts),
        improvements_validated=sum(v.ruling is Ruling.SHIP for v in release.verdicts),
        improvements_applied=1 if release.promoted else 0,
        performance_delta=best.estimate if best else None,
        confidence_score=best.confidence_score if best else None,
        p_value=p_value,
        statistically_significant=p_value is not None and p_value <= alpha,
        workflow_stages=stages,
        cycle_id=context.cycle_id,
        prompt=context.request.prompt,
        workspace=context.request.workspace,
        control=context.control,
        live=live,
        because=release.because,
        shipped=(release.promoted,) if release.promoted else (),
        staged=release.staged,
        rejected=release.rejected,
        held=release.held,
        shrunken_gain=best.shrunken_gain if best else None,
        report_gain=after.estimate if after else None,
        report_low=after.low if after else None,
        report_high=after.high if after else None,
        report_pairs=after.pairs if after else 0,
        report_models=reported.models,
        models=chosen.models if chosen else (),
        across=chosen.across if chosen else None,
        calls=release.calls + used["calls"],
        input_tokens=_sum(release.input_tokens, used["input_tokens"], used["calls"]),
        output_tokens=_sum(release.output_tokens, used["output_tokens"], used["calls"]),
        cost_usd=_sum(release.cost_usd, used["cost_usd"], used["calls"]),
    )


def _sum(before: N | None, more: N | None, calls: int) -> N | None:
    """What was spent in all; unknown when a part of it is."""
    if not calls:
        return before
    return None if before is None or more is None else before + more


def _best(verdicts: Sequence[Verdict], promoted: str | None) -> Verdict | None:
    """The verdict on what was promoted, else on the largest estimate, first of those put to every model."""
    known = [(v, v.evidence.estimate) for v in verdicts if v.evidence and v.evidence.estimate is not None]
    for verdict, _ in known:
        if verdict.proposal.version == promoted:
            return verdict
    return max(known, key=lambda found: (bool(found[0].models), found[1]), default=(None, 0.0))[0]


def _stages(context: CycleContext, release: Release, store: Store, after: str) -> tuple[StageSummary, ...]:
    def kept(phase: Phase) -> str | None:
        return store.cycles.finished(context.cycle_id, phase)

    stages = []
    if (text := kept(Phase.COLLECT)) is not None:
        feedback = Feedback.model_validate_json(text)
        stages.append(_stage(Phase.COLLECT, counted=feedback.counted, stored=feedback.stored))
    if (text := kept(Phase.ANALYZE)) is not None:
        analysis = Analysis.model_validate_json(text)
        detail = "; ".join(analysis.need.reasons)
        stages.append(_stage(Phase.ANALYZE, detail, patterns=len(analysis.patterns)))
    if (text := kept(Phase.GENERATE)) is not None:
        proposals = Proposals.model_validate_json(text)
        stages.append(
            _stage(
                Phase.GENERATE,
                proposals.because,
                proposals=len(proposals.proposals),
                discarded=len(proposals.discarded),
                **({"calls": proposals.calls} if proposals.calls else {}),
            )
        )
    rulings = {r.value: sum(v.ruling is r for v in release.verdicts) for r in Ruling}
    text = kept(Phase.VALIDATE)
    told = Verdicts.model_validate_json(text) if text is not None else None
    bare = [v for v in release.verdicts if v.evidence is None]
    untested = {v.because for v in bare if not v.screened_out}
    told_of = {v.because for v in bare}
    not_run = {g.because for v in release.verdicts for g in v.models if g.standing is ModelStanding.NOT_RUN}
    stages.append(
        StageSummary(
            phase=Phase.VALIDATE,
            status="degraded" if untested or not_run else "completed",
            detail="; ".join(
                _each_once((*((told.outlook, told.because) if told else ()), *sorted(not_run | told_of)))
            ),
            counts=rulings,
        )
    )
    stages.append(
        _stage(
            Phase.APPLY,
            release.because,
            promoted=int(release.promoted is not None),
            staged=len(release.staged),
        )
    )
    stages.append(_stage(Phase.TRACK, after, edges=len(release.verdicts)))
    return tuple(stages)


def _each_once(parts: Sequence[str]) -> list[str]:
    """Sentences of which none is a part of another; of two equal ones the first."""
    told = list(dict.fromkeys(part.rstrip(".") for part in parts if part))
    return [one for one in told if not any(one != other and one in other for other in told)]


def _stage(phase: Phase, detail: str = "", **counts: int) -> StageSummary:
    return StageSummary(phase=phase, status="completed", detail=detail, counts=counts)
