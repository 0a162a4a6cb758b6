"""The sample application put into a store, ready for a turn of the flywheel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flywheel.demo import application
from flywheel.learn.templates import variables
from flywheel.ports import CaseRunner, Clock, RunPlan, Store, WriteCounts
from flywheel.records.case import Case
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind

SEED = 7
MAX_COST_RATIO = 6.0
"""Six times a twentieth of a cent is far below what it costs to correct a wrong number read out."""

MAX_LATENCY_RATIO = 1.75
"""From a quarter of a second it may grow to just under half a second, while the agent talks."""

LABEL = "v1"
SOURCE = "baseline"

BATCH = 100
"""Cases run between two writes: what an interruption can cost at most."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is in the store once the sample application is prepared.

    Attributes:
        request: the cycle to run next.
        version: content hash of the first prompt.
        fields, slices, cases: size of the application.
        executions: baseline executions in the store, one per case.
        ran: executions that were run by this call; 0 when all were stored before.
        written: what the store did with them.
    """

    request: FeedbackLoopInput
    version: str
    fields: int
    slices: int
    cases: int
    executions: int
    ran: int
    written: WriteCounts


def prepare(
    store: Store,
    runner: CaseRunner,
    model: str,
    clock: Clock,
    progress: Callable[[int], None] | None = None,
) -> Prepared:
    """Put suite, cases, first prompt plus a baseline over all cases into a store.

    Repeating it changes nothing: what is stored is left alone, cases whose
    baseline execution is stored are not run again, a version that went live
    later stays live.

    Args:
        store: where everything is kept.
        runner: runs the cases through the model.
        model: name of the model that answers.
        clock: the time of the first release.
        progress: told how many cases of this call are done.

    Returns:
        Counts, with the request for the cycle to run next.

    Raises:
        StoreError: the store did not keep something; calling again continues.
    """
    suite, cases = application.suite(), application.cases()
    store.cases.add(suite, cases)
    version = _release_first_prompt(store, clock)
    plan = RunPlan(
        workspace=application.WORKSPACE,
        prompt=application.PROMPT_NAME,
        version=version,
        text=application.first_prompt(),
        suite=suite,
        model=model,
        session_id=f"demo-baseline/{version[:12]}/{model}",
        purpose="baseline",
        seed=SEED,
        source=SOURCE,
    )
    missing = _without_execution(store, plan, cases)
    written = _run_in_batches(store, runner, plan, missing, progress)
    return Prepared(
        request=cycle_request(model),
        version=version,
        fields=len(application.fields()),
        slices=len(application.SLICES),
        cases=len(cases),
        executions=len(store.executions.in_session(plan.workspace, plan.prompt, plan.session_id)),
        ran=len(missing),
        written=written,
    )


def cycle_request(model: str) -> FeedbackLoopInput:
    """The cycle of the sample application: all that is stored, live experiments on its suite.

    Its guardrails are wider than those of the strategy: definitions make a
    short prompt several times as long, and here that is worth its price. No
    race: the embedded model costs nothing, so every candidate answers every
    gate case, which gives the narrowest interval.

    Examples:
        >>> cycle_request("embedded-medium").suite
        'customer-360'
    """
    return FeedbackLoopInput(
        prompt=application.PROMPT_NAME,
        workspace=application.WORKSPACE,
        suite=application.SUITE_NAME,
        model=model,
        time_window_days=None,
        max_cost_ratio=MAX_COST_RATIO,
        max_latency_ratio=MAX_LATENCY_RATIO,
        racing=False,
        seed=SEED,
    )


def _release_first_prompt(store: Store, clock: Clock) -> str:
    text = application.first_prompt()
    version = content_hash(text)
    now = clock.now()
    store.prompts.add(
        PromptVersion(
            prompt=application.PROMPT_NAME,
            workspace=application.WORKSPACE,
            version=version,
            text=text,
            labels=(LABEL,),
            variables=variables(text),
            created_at=now,
        )
    )
    if store.releases.live(application.WORKSPACE, application.PROMPT_NAME) is None:
        event = ReleaseEvent(
            release_id=f"demo-first-{version[:12]}",
            prompt=application.PROMPT_NAME,
            workspace=application.WORKSPACE,
            version=version,
            previous=None,
            kind=ReleaseKind.FIRST,
            state=JournalState.INTENT,
            why="the prompt the team started with",
            actor="demo",
            created_at=now,
        )
        store.releases.promote(None, event, None)
    return version


def _without_execution(store: Store, plan: RunPlan, cases: tuple[Case, ...]) -> list[Case]:
    stored = store.executions.in_session(plan.workspace, plan.prompt, plan.session_id)
    done = {execution.case_id for execution in stored}
    return [case for case in cases if case.case_id not in done]


def _run_in_batches(
    store: Store,
    runner: CaseRunner,
    plan: RunPlan,
    cases: Sequence[Case],
    progress: Callable[[int], None] | None,
) -> WriteCounts:
    written = WriteCounts()
    for start in range(0, len(cases), BATCH):
        ahead = None if progress is None else _shifted(progress, start)
        written += store.executions.write(runner.run(plan, cases[start : start + BATCH], ahead))
    return written


def _shifted(progress: Callable[[int], None], start: int) -> Callable[[int], None]:
    return lambda done: progress(start + done)
