"""The loop held against its own promises."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median

from flywheel.records.cycle import FeedbackLoopOutput
from flywheel.records.loop_health import KnownShare, LoopHealth
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind
from flywheel.stats.proportions import Counts, wilson

REAL_TARGET = 0.90
"""Of the applied improvements with an answer, at least so many should have proved real."""

FALSE_TARGET = 0.05
"""Of those, at most so many should have turned out to be none."""

APPLIED = frozenset({ReleaseKind.CYCLE, ReleaseKind.REVIEW})
"""Releases of an improvement: by a cycle, or by a person who approved one."""

_STANDING = frozenset({JournalState.APPLIED, JournalState.VERIFIED})


def loop_health(events: Sequence[ReleaseEvent], outputs: Sequence[FeedbackLoopOutput]) -> LoopHealth:
    """Shares, gains and times over the releases of a workspace.

    An improvement has an answer when it was rolled back, or when its gain on
    report cases, which decided nothing, has an interval without 0.

    Args:
        events: of the release journal, any order.
        outputs: of the cycles; they hold what was measured after a release.

    Examples:
        >>> found = loop_health([], [])
        >>> found.applied, found.real.share, found.mean_gain
        (0, None, None)
    """
    standing = in_force(events)
    applied = [e for e in standing if e.kind in APPLIED]
    measured = {o.cycle_id: o for o in outputs if o.report_gain is not None}
    gone = rolled_back(standing)
    real = false = 0
    gains: list[float] = []
    for event in applied:
        after = measured.get(event.cycle_id or "")
        if after is not None and after.report_gain is not None:
            gains.append(after.report_gain)
        if event.release_id in gone or (after and after.report_high is not None and after.report_high < 0):
            false += 1
        elif after is not None and after.report_low is not None and after.report_low > 0:
            real += 1
    answered = real + false
    hours = [(b.created_at - a.created_at).total_seconds() / 3600 for a, b in pairwise(applied)]
    verdicts = [(len(o.rejected), len((*o.shipped, *o.staged, *o.rejected, *o.held))) for o in outputs]
    return LoopHealth(
        applied=len(applied),
        real=_share(real, answered),
        false=_share(false, answered),
        unanswered=len(applied) - answered,
        mean_gain=fmean(gains) if gains else None,
        measured=len(gains),
        hours_between=median(hours) if hours else None,
        refused=_share(sum(one for one, _ in verdicts), sum(of for _, of in verdicts)),
    )


def meets(share: KnownShare, target: float, *, at_least: bool) -> bool | None:
    """Whether a share keeps to a target; None where its interval cannot tell.

    Args:
        share: with its interval.
        target: rate units.
        at_least: the target is a lower bound, else an upper one.

    Examples:
        >>> meets(KnownShare(count=0, of=0, share=None, low=None, high=None), 0.9, at_least=True) is None
        True
    """
    if share.low is None or share.high is None:
        return None
    if share.low >= target:
        return at_least
    return not at_least if share.high <= target else None


def in_force(events: Sequence[ReleaseEvent]) -> list[ReleaseEvent]:
    """Entries of the journal that moved what is live, oldest first.

    Args:
        events: of the release journal, any order.
    """
    return sorted((e for e in events if e.state in _STANDING), key=lambda e: e.created_at)


def rolled_back(standing: Sequence[ReleaseEvent]) -> set[str]:
    """Ids of the releases that a later rollback undid, all those in between when it went further back.

    Args:
        standing: of `in_force`.
    """
    stacks: dict[str, list[ReleaseEvent]] = {}
    gone: set[str] = set()
    for event in standing:
        stack = stacks.setdefault(event.prompt, [])
        if event.kind is not ReleaseKind.ROLLBACK:
            stack.append(event)
        elif any(before.version == event.version for before in stack):
            while stack[-1].version != event.version:
                gone.add(stack.pop().release_id)
    return gone


def _share(count: int, of: int) -> KnownShare:
    found = wilson(Counts(count, of))
    return KnownShare(count=count, of=of, share=found.estimate, low=found.low, high=found.high)
