"""What came in for a prompt since its last cycle, judged before the first phase."""

from __future__ import annotations

from datetime import datetime

from flywheel.learn.due import COOLDOWN_HOURS, cycle_due
from flywheel.ports import Store, WindowCounts
from flywheel.records.alert import Severity, is_on_quality
from flywheel.records.columns import NOT_NEW, Scope
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.due import Due, SinceLastCycle, Trigger
from flywheel.records.execution import Outcome
from flywheel.records.strategy import LearningStrategy

_FAILED = (Outcome.FAILED, Outcome.ERROR)
_SCORED = (Outcome.PASSED, *_FAILED)


def due(
    request: FeedbackLoopInput,
    strategy: LearningStrategy,
    store: Store,
    now: datetime,
    occasion: Trigger = Trigger.MANUAL,
    cooldown_hours: float = COOLDOWN_HOURS,
) -> Due:
    """Whether a cycle of this request is due; nothing is written.

    Args:
        request: names prompt and workspace.
        strategy: the limits.
        store: executions, cycles, alerts.
        now: the time.
        occasion: what asks.
        cooldown_hours: least time between two cycles started by failures or alerts.
    """
    return cycle_due(request, since_last_cycle(request, store), strategy, now, occasion, cooldown_hours)


def since_last_cycle(request: FeedbackLoopInput, store: Store) -> SinceLastCycle:
    """Counts of what was stored after the last cycle looked, with open alerts; two grouped queries."""
    workspace, prompt = request.workspace, request.prompt
    live = store.releases.live(workspace, prompt)
    last = store.cycles.last(workspace, prompt)
    unfinished = store.cycles.unfinished(workspace, prompt)
    every = Scope(
        workspace=workspace,
        prompt=prompt,
        after=None if last is None else last.watermark,
        exclude_sources=NOT_NEW,
    )
    mine = None if live is None else store.executions.counts(every.of_version(live.version))
    return SinceLastCycle(
        control=None if live is None else live.version,
        scored=_of(store.executions.counts(every), _SCORED),
        live_scored=0 if mine is None else _of(mine, _SCORED),
        live_failed=0 if mine is None else _of(mine, _FAILED),
        opened_at=None if last is None else last.window_end,
        unfinished=None if unfinished is None else unfinished.cycle_id,
        alerts=tuple(
            alert.subject
            for alert in store.alerts.open(workspace)
            if is_on_quality(alert.subject, prompt) and alert.severity.rank >= Severity.HIGH.rank
        ),
    )


def _of(counts: WindowCounts, outcomes: tuple[Outcome, ...]) -> int:
    return sum(counts.by_outcome.get(outcome, 0) for outcome in outcomes)
