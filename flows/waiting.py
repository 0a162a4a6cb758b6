"""What a run does around its suspension: put staged changes before a person, go on afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.flow_runs import suspend_flow_run
from prefect.logging import get_run_logger

from flywheel.cycle import CycleOutcome
from flywheel.records.cycle import FeedbackLoopInput
from tasks.reading import read_outputs
from tasks.review import ReviewDecision, WaitingReview, decide, find_waiting, refusal
from tasks.wiring import Places

REVIEW_WINDOW_S = 7 * 24 * 3600
"""After it the run fails; the change keeps waiting for `flywheel review`."""

QUESTIONS_ASKED = 3
"""A form that is answered wrongly this often is left to `flywheel review`."""

LABEL = "flywheel.cycle."
"""Prefix of the labels of a suspended run: the cycle of each prompt."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What persons said about the staged changes of a run.

    Attributes:
        approved, rejected: ids of the reviews.
        undecided: what still waits, each with the reason.
    """

    approved: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()

    def __add__(self, other: Reviewed) -> Reviewed:
        return Reviewed(
            self.approved + other.approved, self.rejected + other.rejected, self.undecided + other.undecided
        )


def outcomes_before_suspension(
    requests: Sequence[FeedbackLoopInput], places: Places
) -> tuple[CycleOutcome, ...] | None:
    """What this run gave before it was suspended, None on its first start.

    New evidence may have come in meanwhile; the answer belongs to the cycle
    that asked, so that cycle is read, and no phase is done again.
    """
    run = _this_run()
    labels = run.labels if run else {}
    cycles = {str(k)[len(LABEL) :]: str(v) for k, v in labels.items() if str(k).startswith(LABEL)}
    if not cycles:
        return None
    kept = read_outputs(cycles, places)
    missing = "this prompt gave nothing before the run was suspended"
    return tuple(CycleOutcome(r, kept.get(r.prompt), None if r.prompt in kept else missing) for r in requests)


def review_staged(outcomes: Sequence[CycleOutcome], places: Places) -> Reviewed:
    """Put every staged change before a person, prompt by prompt, the largest gain first.

    Args:
        outcomes: of the cycles of this run.
        places: names of the blocks.

    Returns:
        What was decided, and what is still undecided.
    """
    outputs = [o.output for o in outcomes if o.output is not None]
    waiting = [
        (o.workspace, find_waiting(o.workspace, o.prompt, o.staged, places)) for o in outputs if o.staged
    ]
    if not any(reviews for _, reviews in waiting):
        return Reviewed()
    run = _this_run()
    if run is None or run.deployment_id is None:
        get_run_logger().warning("Only a run of a deployment can wait. Decide with: flywheel review list")
        ids = [f"review {r.review_id} of {r.prompt!r} waits" for _, reviews in waiting for r in reviews]
        return Reviewed(undecided=tuple(ids))
    with get_client(sync_client=True) as client:
        client.update_flow_run_labels(run.id, {f"{LABEL}{o.prompt}": o.cycle_id for o in outputs})
    said = Reviewed()
    for workspace, reviews in waiting:
        said += _decided(workspace, reviews, places)
    return said


def _this_run() -> FlowRun | None:
    context = FlowRunContext.get()
    return context.flow_run if context else None


def _decided(workspace: str, reviews: Sequence[WaitingReview], places: Places) -> Reviewed:
    """Ask for each change of one prompt until one is approved."""
    said = Reviewed()
    for review in reviews:
        answer = _answered(review)
        if isinstance(answer, str):
            reason = f"review {review.review_id} of {review.prompt!r} still waits: {answer}"
            said += Reviewed(undecided=(reason,))
            continue
        state = decide(workspace, review.review_id, answer, places, return_state=True)
        if not state.is_completed():
            said += Reviewed(undecided=(str(state.result(raise_on_failure=False)),))
        elif answer.decision == "approve":
            # The others were compared with the version that was live until now.
            return said + Reviewed(approved=(review.review_id,))
        else:
            said += Reviewed(rejected=(review.review_id,))
    return said


def _answered(review: WaitingReview) -> ReviewDecision | str:
    """Suspend until an answer counts; the reason when none did."""
    reason = "nobody answered"
    for attempt in range(1, QUESTIONS_ASKED + 1):
        page = review.page if attempt == 1 else f"**Not accepted: {reason}.**\n\n{review.page}"
        answer = suspend_flow_run(
            wait_for_input=ReviewDecision.with_initial_data(description=page),
            timeout=REVIEW_WINDOW_S,
            key=f"review-{review.review_id}-{attempt}",
        )
        found = refusal(answer)
        if found is None:
            return answer
        reason = found
    return reason
