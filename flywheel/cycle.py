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
from flywheel.learn.measurement import replicate_of
from flywheel.learn.scorers_source import scorer_source
from flywheel.learn.summary import in_words
from flywheel.phases.analyze import analyze
from flywheel.phases.apply import apply
from flywheel.phases.collect import collect
from flywheel.phases.explain import Explainer
from flywheel.phases.generate import generate
from flywheel.phases.reported import measure_release
from flywheel.phases.telling import tell_live
from flywheel.phases.track import track
from flywheel.phases.validate import validate
from flywheel.ports import CaseRunner, ChatModel, Clock, CycleObserver, Store
from flywheel.records.analysis import Analysis, Feedback
from flywheel.records.base import Record
from flywheel.records.columns import NOT_NEW, Scope
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
        observer: told of phases, verdicts, releases; None tells nobody.
        chat: a model by its name, for the causes a request asks a model to write; None writes none.
    """

    store: Store
    runner: CaseRunner | None = None
    clock: Clock = field(default_factory=SystemClock)
    progress: Callable[[Phase, str], None] = _silent
    observer: CycleObserver | None = None
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

    A cycle of the same request that was opened and never closed is continued,
    unless the code that scores was corrected since.
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
    if request.own_strategy is None and request.strategy not in PRESETS:
        msg = f"No strategy {request.strategy!r}; there are {', '.join(PRESETS)}. Nothing was started."
        raise UnknownName(msg)
    now = wiring.clock.now()
    store = wiring.store
    for moved in store.releases.recover(request.workspace, now):
        tell_live(wiring.observer, store, moved.workspace, moved.prompt)
    if request.prompt not in store.prompts.names(request.workspace):
        msg = (
            f"No prompt {request.prompt!r} in workspace {request.workspace!r}. Nothing was started. "
            f"Add it with: flywheel prompt add {request.prompt} FILE"
        )
        raise UnknownName(msg)
    pending = store.cycles.unfinished(request.workspace, request.prompt)
    context = new_context(request, wiring, now)
    if pending is not None and (pending.request, pending.scorer_source) == (request, context.scorer_source):
        return pending
    return store.cycles.open(context, now)


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
            exclude_sources=NOT_NEW,
        )
    )
    revision = str(live.revision) if live else ""
    looked_at = (control or "", revision, digest)
    source = scorer_source(store.cases.suite(request.workspace, request.suite) if request.suite else None)
    # A corrected scorer makes another cycle of the same measurement: kept answers are scored anew.
    identity = "\n".join((request.model_dump_json(), *looked_at, *filter(None, (source,))))
    measured = request.model_dump_json(exclude=UNMEASURED)
    return CycleContext(
        cycle_id=hashlib.blake2b(identity.encode(), digest_size=8).hexdigest(),
        request=request,
        strategy=effective_strategy(request),
        window_start=start,
        window_end=now,
        watermark=store.executions.watermark(request.workspace),
        control=control,
        replicate=replicate_of(measured, *looked_at),
        scorer_source=source,
    )


OWN_SETTINGS = (
    "auto_apply_threshold",
    "min_sample_size",
    "significance_level",
    "max_latency_ratio",
    "max_cost_ratio",
    "max_model_loss",
    "racing",
)
"""Settings of a strategy that a request may set for one cycle."""

UNMEASURED = {"dry_run", "budget_calls", "budget_tokens", "budget_usd"}
"""Fields of a request that change what is done with answers, not which questions are asked."""


def effective_strategy(request: FeedbackLoopInput) -> LearningStrategy:
    """The request's strategy with the settings the request sets itself.

    Examples:
        >>> own = FeedbackLoopInput(prompt="p", strategy="conservative", min_sample_size=40)
        >>> effective_strategy(own).min_sample_size, effective_strategy(own).significance_level
        (40, 0.01)
    """
    own = {name: value for name in OWN_SETTINGS if (value := getattr(request, name)) is not None}
    base = request.own_strategy or PRESETS[request.strategy]
    return LearningStrategy.model_validate({**base.model_dump(), **own})


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
    if name is None or wiring.chat is None:
        return None
    return Explainer(wiring.chat(name), name, workspace=context.request.workspace, cycle_id=context.cycle_id)


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
        if wiring.observer is not None:
            wiring.observer.judged(verdicts)
        return verdicts

    return _step(context, Phase.VALIDATE, Verdicts, wiring, run)


def do_apply(verdicts: Verdicts, wiring: Wiring) -> Release:
    """Phase 5: promote, stage, or leave alone."""
    context, store, is_told = verdicts.context, wiring.store, False

    def tell() -> None:
        tell_live(wiring.observer, store, context.request.workspace, context.request.prompt)

    def run() -> Release:
        nonlocal is_told
        release = apply(verdicts, store.releases, wiring.clock)
        if release.promoted is not None:
            tell()
        is_told = True
        return release

    release = _step(context, Phase.APPLY, Release, wiring, run)
    if release.promoted is not None and not is_told:
        # Read back: whoever moved it may have been killed before it was told.
        tell()
    return release


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
    """Read what the phase gave before, or run it as the only process that does, then keep what it gives."""
    cycles = wiring.store.cycles
    kept = cycles.finished(context.cycle_id, phase)
    if kept is None:
        with cycles.alone(context, phase, lambda told: wiring.progress(phase, told)):
            # Another process may have done it in the meantime.
            kept = cycles.finished(context.cycle_id, phase)
            if kept is None:
                return _done(context, phase, kind, wiring, run)
    result = kind.model_validate_json(kept)
    wiring.progress(phase, f"already done: {in_words(result)}")
    return result


def _done(context: CycleContext, phase: Phase, kind: type[R], wiring: Wiring, run: Callable[[], R]) -> R:
    wiring.progress(phase, "running")
    started = time.perf_counter()
    result = run() if wiring.observer is None else _watched(context, phase, run, wiring.observer)
    seconds = time.perf_counter() - started
    payload = result.model_dump_json()
    wiring.store.cycles.finish(context.cycle_id, phase, payload, seconds, wiring.clock.now())
    wiring.progress(phase, in_words(result))
    return kind.model_validate_json(payload)


def _watched(context: CycleContext, phase: Phase, run: Callable[[], R], observer: CycleObserver) -> R:
    """Run a phase between telling that it begins and how it ended."""
    observer.began(context, phase)
    try:
        result = run()
    except BaseException as error:
        # Ctrl-C ends a phase too.
        observer.ended(context, phase, None, f"{type(error).__name__}: {error}")
        raise
    observer.ended(context, phase, result, None)
    return result
