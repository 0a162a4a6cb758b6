"""The six phases chained in plain Python.

The same chain runs as Prefect tasks in `flows/learning_cycle.py`; both call
the steps below, so that both give equal output on the same input and seed.
A step whose result is already kept is not done again: it is read back.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from flywheel.errors import FlywheelError, UnknownName
from flywheel.learn.drafting import Proposer
from flywheel.learn.summary import in_words
from flywheel.phases.analyze import analyze
from flywheel.phases.apply import apply
from flywheel.phases.collect import collect
from flywheel.phases.explain import Explainer
from flywheel.phases.generate import generate
from flywheel.phases.reported import measure_release
from flywheel.phases.track import track
from flywheel.phases.validate import validate
from flywheel.ports import CaseRunner, ChatModel, Clock, Store
from flywheel.records.analysis import Analysis, Feedback
from flywheel.records.base import Record
from flywheel.records.columns import Scope
from flywheel.records.cycle import CycleContext, FeedbackLoopInput, FeedbackLoopOutput, Phase
from flywheel.records.proposal import Proposals
from flywheel.records.release import Release
from flywheel.records.strategy import PRESETS, LearningStrategy
from flywheel.records.verdict import Verdicts

R = TypeVar("R", bound=Record)


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current moment in UTC."""
        return datetime.now(UTC)


def _silent(_phase: Phase, _message: str) -> None:
    """Progress nobody asked for."""


def _nobody(_request: FeedbackLoopInput) -> Sequence[Proposer]:
    """No model and no optimizer writes candidates."""
    return ()


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a cycle works with.

    Attributes:
        store: where everything is kept.
        runner: runs cases through a model; None allows recorded evidence only.
        clock: the time.
        proposers: gives what writes candidates beside the built-in strategies, for a request.
        progress: told `running`, what a phase is at, and in words what it found.
        chat: a model by its name, for the causes a request asks a model to write; None writes none.
    """

    store: Store
    runner: CaseRunner | None = None
    clock: Clock = field(default_factory=SystemClock)
    progress: Callable[[Phase, str], None] = _silent
    chat: Callable[[str], ChatModel] | None = None
    proposers: Callable[[FeedbackLoopInput], Sequence[Proposer]] = _nobody


@dataclass(frozen=True, slots=True)
class CycleOutcome:
    """One of many cycles: its output, or the error that stopped it."""

    request: FeedbackLoopInput
    output: FeedbackLoopOutput | None
    error: str | None = None


def open_cycle(request: FeedbackLoopInput, wiring: Wiring) -> CycleContext:
    """Fix what a cycle looks at, after finishing what a killed process left behind.

    A cycle of the same request that was opened and never closed is continued.
    The same request over the same evidence and the same live version is the
    same cycle: its finished phases are read, not done again.

    Args:
        request: what is asked.
        wiring: store and clock.

    Returns:
        The context all phases share.

    Raises:
        UnknownName: no prompt or no strategy of that name.
    """
    if request.strategy not in PRESETS:
        msg = f"No strategy {request.strategy!r}; there are {', '.join(PRESETS)}. Nothing was started."
        raise UnknownName(msg)
    now = wiring.clock.now()
    store = wiring.store
    store.releases.recover(request.workspace, now)
    if request.prompt not in store.prompts.names(request.workspace):
        msg = (
            f"No prompt {request.prompt!r} in workspace {request.workspace!r}. Nothing was started. "
            f"Add it with: flywheel prompt add {request.prompt} FILE"
        )
        raise UnknownName(msg)
    pending = store.cycles.unfinished(request.workspace, request.prompt)
    if pending is not None and pending.request == request:
        return pending
    return store.cycles.open(new_context(request, wiring, now), now)


def new_context(request: FeedbackLoopInput, wiring: Wiring, now: datetime) -> CycleContext:
    """What a cycle of this request would look at if it were opened now; nothing is kept."""
    store = wiring.store
    start = None if request.time_window_days is None else now - timedelta(days=request.time_window_days)
    live = store.releases.live(request.workspace, request.prompt)
    control = live.version if live else None
    digest = store.executions.digest(
        Scope(
            workspace=request.workspace,
            prompt=request.prompt,
            since=start,
            until=now,
            exclude_sources=("experiment", "collect"),
        )
    )
    revision = str(live.revision) if live else ""
    identity = "\n".join((request.model_dump_json(), control or "", revision, digest))
    return CycleContext(
        cycle_id=hashlib.blake2b(identity.encode(), digest_size=8).hexdigest(),
        request=request,
        strategy=effective_strategy(request),
        window_start=start,
        window_end=now,
        watermark=store.executions.watermark(request.workspace),
        control=control,
    )


OWN_SETTINGS = (
    "auto_apply_threshold",
    "min_sample_size",
    "significance_level",
    "max_latency_ratio",
    "max_cost_ratio",
    "racing",
)
"""Settings of a strategy that a request may set for one cycle."""


def effective_strategy(request: FeedbackLoopInput) -> LearningStrategy:
    """The request's strategy with the settings the request sets itself.

    Examples:
        >>> own = FeedbackLoopInput(prompt="p", strategy="conservative", min_sample_size=40)
        >>> effective_strategy(own).min_sample_size, effective_strategy(own).significance_level
        (40, 0.01)
    """
    own = {name: value for name in OWN_SETTINGS if (value := getattr(request, name)) is not None}
    return LearningStrategy.model_validate({**PRESETS[request.strategy].model_dump(), **own})


def do_collect(context: CycleContext, wiring: Wiring) -> Feedback:
    """Phase 1: the evidence of the window, by reference."""
    return _step(
        context, Phase.COLLECT, Feedback, wiring, lambda: collect(context, wiring.store, wiring.runner)
    )


def do_analyze(feedback: Feedback, wiring: Wiring) -> Analysis:
    """Phase 2: what fails, how often, why, whether that makes a need."""
    context = feedback.context

    def run() -> Analysis:
        analysis = analyze(feedback, wiring.store, None, _explainer(context, wiring))
        wiring.store.cycles.keep_analysis(analysis, wiring.clock.now())
        return analysis

    return _step(context, Phase.ANALYZE, Analysis, wiring, run)


def _explainer(context: CycleContext, wiring: Wiring) -> Explainer | None:
    name = context.request.explain
    return None if name is None or wiring.chat is None else Explainer(wiring.chat(name), name)


def do_generate(analysis: Analysis, wiring: Wiring) -> Proposals:
    """Phase 3: versions worth testing."""
    context = analysis.context

    def run() -> Proposals:
        proposals = generate(analysis, wiring.store, wiring.proposers(context.request))
        wiring.store.cycles.keep_proposals(proposals, wiring.clock.now())
        return proposals

    return _step(context, Phase.GENERATE, Proposals, wiring, run)


def do_validate(proposals: Proposals, wiring: Wiring) -> Verdicts:
    """Phase 4: one verdict per proposal."""
    context = proposals.context

    def run() -> Verdicts:
        verdicts = validate(
            proposals, wiring.store, wiring.runner, lambda text: wiring.progress(Phase.VALIDATE, text)
        )
        wiring.store.cycles.keep_verdicts(verdicts, wiring.clock.now())
        return verdicts

    return _step(context, Phase.VALIDATE, Verdicts, wiring, run)


def do_apply(verdicts: Verdicts, wiring: Wiring) -> Release:
    """Phase 5: promote, stage, or leave alone."""
    return _step(
        verdicts.context,
        Phase.APPLY,
        Release,
        wiring,
        lambda: apply(verdicts, wiring.store.releases, wiring.clock),
    )


def do_track(release: Release, wiring: Wiring) -> FeedbackLoopOutput:
    """Phase 6: lineage edges plus what the cycle says it did."""
    context = release.context
    store = wiring.store

    def run() -> FeedbackLoopOutput:
        reported = measure_release(release, store, wiring.runner)
        return track(release, store, wiring.clock, reported)

    output = _step(context, Phase.TRACK, FeedbackLoopOutput, wiring, run)
    degraded = any(stage.status == "degraded" for stage in output.workflow_stages)
    status = "degraded" if degraded else "completed"
    store.cycles.close(context.cycle_id, status, output.because, wiring.clock.now())
    return output


def run_cycle(request: FeedbackLoopInput, wiring: Wiring) -> FeedbackLoopOutput:
    """One turn of the flywheel for one prompt.

    Args:
        request: what is asked.
        wiring: store, runner, clock, progress.

    Returns:
        What the cycle did, with the numbers.

    Raises:
        FlywheelError: a phase could not be done; finished phases stay finished
            and the next run of the same request continues after them.
    """
    context = open_cycle(request, wiring)
    feedback = do_collect(context, wiring)
    analysis = do_analyze(feedback, wiring)
    proposals = do_generate(analysis, wiring)
    verdicts = do_validate(proposals, wiring)
    release = do_apply(verdicts, wiring)
    return do_track(release, wiring)


def run_cycles(requests: Sequence[FeedbackLoopInput], wiring: Wiring) -> tuple[CycleOutcome, ...]:
    """Many prompts in one call; one that fails does not stop the rest.

    Args:
        requests: one per prompt.
        wiring: shared by all.

    Returns:
        One outcome per request, in order.
    """
    outcomes = []
    for request in requests:
        try:
            outcomes.append(CycleOutcome(request, run_cycle(request, wiring)))
        except FlywheelError as error:
            outcomes.append(CycleOutcome(request, None, str(error)))
    return tuple(outcomes)


def _step(context: CycleContext, phase: Phase, kind: type[R], wiring: Wiring, run: Callable[[], R]) -> R:
    """Read what the phase gave before, or run it and keep what it gives."""
    kept = wiring.store.cycles.finished(context.cycle_id, phase)
    if kept is not None:
        result = kind.model_validate_json(kept)
        wiring.progress(phase, f"already done: {in_words(result)}")
        return result
    wiring.progress(phase, "running")
    started = time.perf_counter()
    result = run()
    seconds = time.perf_counter() - started
    payload = result.model_dump_json()
    wiring.store.cycles.finish(context.cycle_id, phase, payload, seconds, wiring.clock.now())
    wiring.progress(phase, in_words(result))
    return kind.model_validate_json(payload)
