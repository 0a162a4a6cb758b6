"""Phase 5: promote what earned it, put the rest before a person, or leave it alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from flywheel.learn.refinement import PLACEBO
from flywheel.ports import Clock, ReleaseTarget
from flywheel.records.cycle import CycleContext
from flywheel.records.release import JournalState, Release, ReleaseEvent, ReleaseKind, Review
from flywheel.records.verdict import Ruling, Verdict, Verdicts


def apply(verdicts: Verdicts, target: ReleaseTarget, clock: Clock) -> Release:
    """Move the live pointer to the best version that earned it.

    Of several versions with verdict ship the one with the largest estimate is
    promoted, the shorter one on a tie. It is promoted without a person only
    when its confidence reaches the threshold; otherwise it is staged. Applying
    the same verdicts twice changes nothing.

    Args:
        verdicts: one per proposal.
        target: what is live.
        clock: the time.

    Returns:
        What was promoted, staged, rejected and held.

    Raises:
        StaleRelease: what is live is no longer the version the verdicts compare with.
    """
    context = verdicts.context
    now = clock.now()
    shipping, staged, untrusted = _sorted_out(verdicts)
    promoted, because = None, untrusted or verdicts.because or "no candidate earned a release"
    unreleasable = [v for v in shipping if v.proposal.text is None]
    shipping = [v for v in shipping if v.proposal.text is not None]
    if unreleasable:
        because = (
            f"version {unreleasable[0].proposal.version!r} is better but known only by its label; its text "
            "was not captured, so it can be compared but not released"
        )
    if shipping:
        best = shipping[0]
        if context.request.dry_run:
            because = f"dry run: {_name(best)} would be released; nothing was moved"
        elif _confident(best, context):
            promoted = _promote(best, context, target, now)
            because = f"released {_name(best)}: {best.because}"
        else:
            staged.insert(0, best)
            limit = context.strategy.auto_apply_threshold
            because = f"{_name(best)} waits for a person: its confidence is below {limit}"
    if not context.request.dry_run:
        for verdict in staged:
            if verdict.proposal.text is not None:
                target.stage(_review(verdict, context, now), verdict)
        if staged and not shipping and not untrusted:
            because = f"{len(staged)} staged for review; nothing was released"
    return Release(
        context=context,
        verdicts=verdicts.verdicts,
        promoted=promoted,
        previous=context.control if promoted else None,
        staged=tuple(v.proposal.version for v in staged),
        rejected=_versions(verdicts, Ruling.REJECT),
        held=(*_versions(verdicts, Ruling.HOLD), *(v.proposal.version for v in unreleasable)),
        because=because,
        calls=verdicts.calls,
        input_tokens=verdicts.input_tokens,
        output_tokens=verdicts.output_tokens,
        cost_usd=verdicts.cost_usd,
    )


def _sorted_out(verdicts: Verdicts) -> tuple[list[Verdict], list[Verdict], str]:
    """What may ship, best first; what is staged; why nothing can be trusted, or an empty text."""
    real = [v for v in verdicts.verdicts if v.proposal.strategy != PLACEBO]
    passed = {v.ruling for v in verdicts.verdicts if v.proposal.strategy == PLACEBO}
    shipping = _best_first([v for v in real if v.ruling is Ruling.SHIP])
    staged = [v for v in real if v.ruling is Ruling.STAGE]
    if Ruling.SHIP not in passed:
        return shipping, staged, ""
    why = "a change without meaning passed the gate, so no measurement is trusted; nothing was released"
    return [], [*shipping, *staged], why


def _best_first(verdicts: Sequence[Verdict]) -> list[Verdict]:
    def key(verdict: Verdict) -> tuple[float, int, str]:
        estimate = verdict.evidence.estimate if verdict.evidence else None
        return (-(estimate or 0.0), len(verdict.proposal.text or ""), verdict.proposal.version)

    return sorted(verdicts, key=key)


def _confident(verdict: Verdict, context: CycleContext) -> bool:
    """Whether it may go live alone; 1.0 is never reached, because confidence is at most 0.99."""
    confidence = verdict.evidence.confidence_score if verdict.evidence else None
    return confidence is not None and confidence >= context.strategy.auto_apply_threshold


def _promote(verdict: Verdict, context: CycleContext, target: ReleaseTarget, now: datetime) -> str:
    request = context.request
    live = target.live(request.workspace, request.prompt)
    version = verdict.proposal.version
    event = ReleaseEvent(
        release_id=f"{context.cycle_id}-{version[:12]}",
        prompt=request.prompt,
        workspace=request.workspace,
        version=version,
        previous=context.control,
        kind=ReleaseKind.CYCLE,
        state=JournalState.INTENT,
        cycle_id=context.cycle_id,
        why=verdict.because,
        created_at=now,
    )
    target.promote(verdict, event, live.revision if live and live.version == context.control else None)
    return version


def _review(verdict: Verdict, context: CycleContext, now: datetime) -> Review:
    request, version = context.request, verdict.proposal.version
    identity = f"{request.workspace}\n{request.prompt}\n{context.control}\n{version}"
    return Review(
        review_id=hashlib.blake2b(identity.encode(), digest_size=5).hexdigest(),
        prompt=request.prompt,
        workspace=request.workspace,
        version=version,
        previous=context.control,
        cycle_id=context.cycle_id,
        state="waiting",
        because=verdict.because,
        created_at=now,
    )


def _versions(verdicts: Verdicts, ruling: Ruling) -> tuple[str, ...]:
    return tuple(v.proposal.version for v in verdicts.verdicts if v.ruling is ruling)


def _name(verdict: Verdict) -> str:
    return f"{verdict.proposal.strategy} ({verdict.proposal.label or verdict.proposal.version[:12]})"
