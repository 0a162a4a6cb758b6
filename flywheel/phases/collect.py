"""Phase 1: the evidence of a window, by reference."""

from __future__ import annotations

from flywheel.ports import CaseRunner, RunPlan, Store
from flywheel.records.analysis import DroppedCount, Feedback
from flywheel.records.columns import NOT_EVIDENCE, Scope
from flywheel.records.cycle import CycleContext
from flywheel.records.execution import Execution, Outcome


def collect(context: CycleContext, store: Store, runner: CaseRunner | None) -> Feedback:
    """Count what is stored in the window; capture a first baseline where there is none.

    When a suite and a runner are given and the live version has no execution in
    the window, the reflect cases are run once, so that a prompt can start
    without any history. Gate cases are never run here. Source `collect` keeps
    these executions out of the identity of the cycle that made them.

    Args:
        context: what the cycle looks at.
        store: where the executions are.
        runner: runs cases; None captures nothing.

    Returns:
        Counts; counted + dropped = stored in the window.
    """
    if _needs_baseline(context, store, runner):
        _capture_baseline(context, store, runner)
    scope = window_scope(context)
    window = store.executions.counts(scope)
    dropped = list(window.dropped)
    by_outcome = dict(window.by_outcome)
    unscored = by_outcome.pop(Outcome.UNSCORED, 0)
    if unscored:
        dropped.append(DroppedCount(reason="unscored", count=unscored))
    return Feedback(
        context=context,
        stored=window.stored,
        counted=sum(by_outcome.values()),
        dropped=tuple(dropped),
        by_outcome=by_outcome,
        versions=window.versions,
        rated=window.rated,
        retried=window.retried,
        voices=store.executions.voices(scope),
    )


def window_scope(context: CycleContext) -> Scope:
    """Executions of the cycle's prompt and window; those of earlier experiments are left out.

    A captured baseline is stored after the window was fixed, so the end of the
    window bounds only executions that say when they started.
    """
    return Scope(
        workspace=context.request.workspace,
        prompt=context.request.prompt,
        since=context.window_start,
        exclude_sources=NOT_EVIDENCE,
        watermark=None if context.request.suite else context.watermark,
    )


def _needs_baseline(context: CycleContext, store: Store, runner: CaseRunner | None) -> bool:
    request = context.request
    if runner is None or request.suite is None or request.model is None or context.control is None:
        return False
    scope = window_scope(context)
    seen = store.executions.counts(
        Scope(
            workspace=scope.workspace,
            prompt=scope.prompt,
            version=context.control,
            since=scope.since,
            exclude_sources=scope.exclude_sources,
        )
    )
    return seen.stored == 0


def _capture_baseline(context: CycleContext, store: Store, runner: CaseRunner | None) -> list[Execution]:
    request = context.request
    suite = store.cases.suite(request.workspace, request.suite or "")
    control = store.prompts.get(request.workspace, request.prompt, context.control or "")
    if runner is None or suite is None or control is None or control.text is None:
        return []
    plan = RunPlan(
        workspace=request.workspace,
        prompt=request.prompt,
        version=control.version,
        text=control.text,
        suite=suite,
        model=request.model or "",
        session_id=f"baseline/{context.cycle_id}",
        purpose="baseline",
        seed=request.seed,
        source="collect",
        cycle_id=context.cycle_id,
        replicate=context.replicate,
    )
    executions = runner.run(plan, store.cases.reflect(request.workspace, suite.suite).cases)
    store.executions.write(executions)
    return executions
