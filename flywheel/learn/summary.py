"""What a phase found, in one line of words."""

from __future__ import annotations

from functools import singledispatch

from flywheel.learn.counting import count_of
from flywheel.learn.sentiment import voices_in_words
from flywheel.records.analysis import Analysis, Feedback
from flywheel.records.base import Record
from flywheel.records.cycle import FeedbackLoopOutput
from flywheel.records.proposal import Proposals
from flywheel.records.release import Release
from flywheel.records.verdict import Ruling, Verdicts


@singledispatch
def in_words(result: Record) -> str:
    """One line a person reads while a cycle runs.

    Args:
        result: what a phase gave.

    Returns:
        Counts and rates in words; unknown rates are called unknown.
    """
    return type(result).__name__


@in_words.register
def _(result: Feedback) -> str:
    dropped = sum(d.count for d in result.dropped)
    whys = [d for d in result.dropped if d.count]
    reasons = whys[0].reason if len(whys) == 1 else ", ".join(f"{d.count:,} {d.reason}" for d in whys)
    left_out = f"; {dropped:,} left out ({reasons})" if dropped else ""
    verb = "counts" if result.counted == 1 else "count"
    said = voices_in_words(result.voices) if result.voices else ""
    heard = f"; {said}" if said else ""
    return f"{count_of(result.counted, 'execution')} {verb} as evidence{left_out}{heard}"


@in_words.register
def _(result: Analysis) -> str:
    rate = result.report.success_rate
    passed = "pass rate unknown" if rate is None else f"{rate:.0%} pass"
    return f"{passed}; {count_of(len(result.patterns), 'failure pattern')}"


@in_words.register
def _(result: Proposals) -> str:
    if not result.proposals:
        return f"no proposals: {result.because}"
    waiting = sum(d.check == "room" for d in result.discarded)
    failed = len(result.discarded) - waiting
    thrown = f", {failed} thrown out unseen" if failed else ""
    told = f", {waiting} more wait for another cycle" if waiting else ""
    return f"{count_of(len(result.proposals), 'proposal')}{thrown}{told}"


@in_words.register
def _(result: Verdicts) -> str:
    counts = [(r, sum(v.ruling is r for v in result.verdicts)) for r in Ruling]
    words = ", ".join(f"{count} {ruling.value}" for ruling, count in counts if count)
    calls = f" after {count_of(result.calls, 'call')}" if result.calls else ""
    return f"{words or 'nothing to decide'}{calls}"


@in_words.register
def _(result: Release) -> str:
    if result.promoted:
        return f"released {result.promoted[:12]}"
    return f"{len(result.staged)} staged for review" if result.staged else "nothing moved"


@in_words.register
def _(result: FeedbackLoopOutput) -> str:
    return f"{count_of(result.improvements_identified, 'version')} in the lineage with evidence"
