"""A release on cases that decided nothing: what its gain really is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flywheel.learn.evidence import Arms, measure
from flywheel.learn.rulings import points
from flywheel.learn.tables import score_table_of
from flywheel.phases.before import rules_of
from flywheel.ports import CaseRunner, RunPlan, Store
from flywheel.records.case import Case, Role, Suite
from flywheel.records.execution import Execution, Outcome
from flywheel.records.release import Release
from flywheel.records.verdict import Evidence

SOURCE = "report"
"""Source of evidence from report cases."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A release measured once on report cases.

    Attributes:
        because: one sentence; empty when nothing was released.
        evidence: None when nothing was measured.
        executions: those that were run or found again, both arms.
    """

    because: str = ""
    evidence: Evidence | None = None
    executions: tuple[Execution, ...] = ()


def measure_release(release: Release, store: Store, runner: CaseRunner | None) -> Reported:
    """Run the old and the new live version on the report cases.

    No generator saw these cases and no gate decided on them, so the gain on
    them is free of selection. They decide nothing here either.

    Args:
        release: what apply did.
        store: suite, cases, texts.
        runner: runs cases; None measures nothing.

    Returns:
        The evidence, or why there is none.
    """
    request = release.context.request
    if release.promoted is None or release.previous is None or request.suite is None:
        return Reported()
    suite = store.cases.suite(request.workspace, request.suite)
    if runner is None or request.model is None or suite is None or not request.enable_ab_testing:
        return Reported()
    cases = store.cases.cases(request.workspace, suite.suite, Role.REPORT)
    if not cases:
        return Reported("The suite has no report cases, so the release was not measured apart.")
    short = _beyond(release, 2 * len(cases))
    if short:
        return Reported(f"The release was not measured on its {len(cases)} report cases: {short}.")
    executions = [
        one
        for version in (release.previous, release.promoted)
        for one in _run(release, version, (suite, cases), store, runner)
    ]
    arms = {
        version: [e for e in executions if e.version == version]
        for version in (release.previous, release.promoted)
    }
    compared = Arms(release.previous, release.promoted, SOURCE)
    evidence = measure(score_table_of(arms), compared, rules_of(release.context)).evidence
    return Reported(_told(evidence), evidence, tuple(executions))


def _beyond(release: Release, calls: int) -> str:
    """Which ceiling so many calls more would break, or an empty text."""
    request = release.context.request
    tokens = None if release.input_tokens is None else release.input_tokens + (release.output_tokens or 0)
    ceilings = (
        ("calls", request.budget_calls, release.calls),
        ("tokens", request.budget_tokens, tokens),
        ("USD", request.budget_usd, release.cost_usd),
    )
    for unit, budget, used in ceilings:
        if budget is None or used is None:
            continue
        each = used / release.calls if release.calls else 1.0
        if used + each * calls > budget:
            return f"{each * calls:.4g} {unit} more would break the budget of {budget:g}"
    return ""


def _run(
    release: Release, version: str, chosen: tuple[Suite, Sequence[Case]], store: Store, runner: CaseRunner
) -> list[Execution]:
    """Executions of one version on the report cases; what is kept is not run again."""
    request, (suite, cases) = release.context.request, chosen
    session = f"report/{release.context.cycle_id}"
    known = store.prompts.get(request.workspace, request.prompt, version)
    if known is None or known.text is None:
        return []
    stored = store.executions.in_session(request.workspace, request.prompt, session)
    kept = {e.case_id: e for e in stored if e.version == version and e.outcome is not Outcome.ERROR}
    plan = RunPlan(
        workspace=request.workspace,
        prompt=request.prompt,
        version=version,
        text=known.text,
        suite=suite,
        model=request.model or "",
        session_id=session,
        purpose="report",
        seed=request.seed,
        source="experiment",
    )
    fresh = runner.run(plan, [c for c in cases if c.case_id not in kept])
    store.executions.write(fresh)
    return [*kept.values(), *fresh]


def _told(evidence: Evidence) -> str:
    if evidence.estimate is None:
        return "On the report cases no difference could be measured."
    gain = points(evidence.estimate)
    said = f"On {evidence.pairs} report cases, looked at once and after the release: {gain} points"
    if evidence.low is None or evidence.high is None:
        return f"{said}."
    return f"{said} ({evidence.coverage:.0%} range {points(evidence.low)} to {points(evidence.high)})."
