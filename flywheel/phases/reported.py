"""A release on cases that decided nothing: what its gain really is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flywheel.learn.counting import count_of
from flywheel.learn.evidence import Arms, measure
from flywheel.learn.other_models import decided_gain, not_run
from flywheel.learn.rulings import points
from flywheel.learn.tables import score_table_of, spent
from flywheel.phases.arms import UNMEASURED, usual_error
from flywheel.phases.before import rules_of
from flywheel.ports import CaseRunner, RunPlan, Store
from flywheel.records.case import Case, Role, Suite
from flywheel.records.execution import Execution, Outcome
from flywheel.records.model_gain import ModelGain, ModelStanding
from flywheel.records.release import Release
from flywheel.records.verdict import Evidence

SOURCE = "report"
"""Source of evidence from report cases."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A release measured once on report cases.

    Attributes:
        because: one sentence; empty when nothing was released.
        evidence: on the model that decides; None when nothing was measured.
        executions: those that were run or found again, both arms on every model.
        models: gain on every model asked; empty where one model was asked.
        unmeasured: what a budget left unmeasured.
    """

    because: str = ""
    evidence: Evidence | None = None
    executions: tuple[Execution, ...] = ()
    models: tuple[ModelGain, ...] = ()
    unmeasured: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where report cases are run."""

    suite: Suite
    cases: Sequence[Case]
    store: Store
    runner: CaseRunner


@dataclass(frozen=True, slots=True)
class _OnModel:
    """What one model gave, or which ceiling its calls would break."""

    model: str
    evidence: Evidence | None = None
    executions: tuple[Execution, ...] = ()
    short: str = ""

    @property
    def gain(self) -> ModelGain:
        """As it is shown."""
        if self.evidence is None:
            return not_run(self.model, self.short)
        if not self.evidence.pairs:
            failed = [e for e in self.executions if e.outcome in UNMEASURED]
            return not_run(
                self.model, f"{count_of(len(failed), 'call')} gave no answer ({usual_error(failed)})"
            )
        told = {"standing": ModelStanding.MEASURED, "because": f"{_points(self.evidence)}."}
        return decided_gain(self.model, self.evidence).model_copy(update=told)


def measure_release(release: Release, store: Store, runner: CaseRunner | None) -> Reported:
    """Run the old and the new live version on the report cases, on every model of the cycle.

    No generator saw these cases and no gate decided on them, so the gain on
    them is free of selection. They decide nothing here either. A model whose
    calls would break a ceiling is not asked.

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
    place, found = _Place(suite, cases, store, runner), list[_OnModel]()
    for model in request.models:
        ran = [e for one in found for e in one.executions]
        short = _beyond(release, ran, 2 * len(cases))
        found.append(_OnModel(model, short=short) if short else _measured(release, model, place))
    executions = tuple(e for one in found for e in one.executions)
    lost = tuple(_lost(one, found, len(cases)) for one in found if one.short)
    if len(found) == 1:
        because = f"{lost[0]}." if lost else _told(found[0].evidence)
        return Reported(because, found[0].evidence, executions, (), lost)
    gains = tuple(one.gain for one in found)
    return Reported(_told_each(gains, len(cases)), found[0].evidence, executions, gains, lost)


def _measured(release: Release, model: str, place: _Place) -> _OnModel:
    """Both versions on one model."""
    before, after = release.previous or "", release.promoted or ""
    arms = {version: _run(release, version, model, place) for version in (before, after)}
    compared = Arms(before, after, SOURCE)
    evidence = measure(score_table_of(arms), compared, rules_of(release.context)).evidence
    return _OnModel(model, evidence, tuple(e for executions in arms.values() for e in executions))


def _beyond(release: Release, ran: Sequence[Execution], calls: int) -> str:
    """Which ceiling so many calls more would break, or an empty text."""
    request, asked = release.context.request, release.calls + len(ran)
    more = spent(ran) if ran else {"input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0}
    read, wrote = _sum(release.input_tokens, more["input_tokens"]), release.output_tokens or 0
    ceilings = (
        ("calls", request.budget_calls, asked),
        ("tokens", request.budget_tokens, _sum(read, wrote + (more["output_tokens"] or 0))),
        ("USD", request.budget_usd, _sum(release.cost_usd, more["cost_usd"])),
    )
    for unit, budget, used in ceilings:
        if budget is None or used is None:
            continue
        each = used / asked if asked else 1.0
        if used + each * calls > budget:
            return f"{each * calls:.4g} {unit} more would break the budget of {budget:g}"
    return ""


def _sum(before: float | None, more: float | None) -> float | None:
    """Unknown when a part of it is."""
    return None if before is None or more is None else before + more


def _run(release: Release, version: str, model: str, place: _Place) -> list[Execution]:
    """Executions of one version on the report cases; what is kept is not run again."""
    request, store = release.context.request, place.store
    # Each further model has a session of its own, so that no run replaces another.
    session = f"report/{release.context.cycle_id}"
    session = session if model == request.model else f"{session}/{model}"
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
        suite=place.suite,
        model=model,
        session_id=session,
        purpose="report",
        seed=request.seed,
        source="experiment",
        cycle_id=release.context.cycle_id,
        replicate=release.context.replicate,
    )
    fresh = place.runner.run(plan, [c for c in place.cases if c.case_id not in kept])
    store.executions.write(fresh)
    return [*kept.values(), *fresh]


def _lost(one: _OnModel, found: Sequence[_OnModel], cases: int) -> str:
    on = f" on {one.model}" if len(found) > 1 else ""
    return f"The release was not measured on its {count_of(cases, 'report case')}{on}: {one.short}"


def _told(evidence: Evidence | None) -> str:
    if evidence is None or evidence.estimate is None:
        return "On the report cases no difference could be measured."
    cases = count_of(evidence.pairs, "report case")
    return f"On {cases}, looked at once and after the release: {_points(evidence)}."


def _told_each(gains: Sequence[ModelGain], cases: int) -> str:
    """The gain on every model, in the order in which they were named."""
    each = [
        f"{gain.model} {gain.because.removesuffix('.')}"
        if gain.standing is ModelStanding.MEASURED
        else f"{gain.because[:1].lower()}{gain.because[1:].removesuffix('.')}"
        for gain in gains
    ]
    return f"On {count_of(cases, 'report case')}, looked at once and after the release: {'; '.join(each)}."


def _points(evidence: Evidence) -> str:
    gain = f"{points(evidence.estimate or 0.0)} points"
    if evidence.low is None or evidence.high is None:
        return gain
    return f"{gain} ({evidence.coverage:.0%} range {points(evidence.low)} to {points(evidence.high)})"
