"""Routes of staged changes that wait for a person."""

from __future__ import annotations

import difflib
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from flywheel.errors import UnknownName
from flywheel.learn.readiness import readiness
from flywheel.records.base import Name, Record
from flywheel.records.readiness import Readiness
from flywheel.records.release import Review
from flywheel.records.verdict import Verdict
from flywheel.service.bodies import json_only
from flywheel.service.callers import Caller, Reads, Writes
from flywheel.service.problems import Refused, answers
from flywheel.service.wiring import Decision
from flywheel.store.reviews import WAITING

routes = APIRouter(prefix="/api/v1", tags=["reviews"])

ReviewId = Annotated[Name, Path(description="Id of the review.")]


class ReviewState(StrEnum):
    """Which reviews."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    ALL = "all"


class ReviewsFound(Record):
    """Reviews, oldest first."""

    reviews: tuple[Review, ...]


class ReviewShown(Record):
    """One staged change with all that a person needs to decide."""

    review: Review
    verdict: Verdict
    readiness: Readiness
    diff: str


class DecisionAsked(Record):
    """Who decides, and why."""

    by: Name = Field(examples=["ann"])
    note: str = Field("", max_length=5_000, examples=["reads well"])


@routes.get("/reviews", summary="Staged changes", responses=answers())
def read_reviews(
    asks: Reads, state: Annotated[ReviewState, Query(description="In which state.")] = ReviewState.WAITING
) -> ReviewsFound:
    """Changes that wait for a person, or were decided before; oldest first."""
    wanted = None if state is ReviewState.ALL else state.value
    return ReviewsFound(reviews=tuple(asks.store.releases.reviews(asks.workspace, wanted)))


@routes.get("/reviews/{review_id}", summary="One staged change", responses=answers(404))
def read_review(asks: Reads, review_id: ReviewId) -> ReviewShown:
    """What it would replace, the evidence, the difference of the texts."""
    review, verdict = _found(asks, review_id)
    return ReviewShown(
        review=review, verdict=verdict, readiness=readiness(verdict), diff=_difference(asks, review)
    )


@routes.post(
    "/reviews/{review_id}/approve",
    summary="Make a staged version live",
    responses=answers(404, 409, 415),
    dependencies=[Depends(json_only)],
)
def approve(asks: Writes, review_id: ReviewId, decision: DecisionAsked) -> Review:
    """The release and the approval are one; 409 where it was decided before, or something else is live."""
    return _decided(asks, review_id, decision, approve_it=True)


@routes.post(
    "/reviews/{review_id}/reject",
    summary="Leave what is live as it is",
    responses=answers(404, 409, 415),
    dependencies=[Depends(json_only)],
)
def reject(asks: Writes, review_id: ReviewId, decision: DecisionAsked) -> Review:
    """The change does not come up again by itself; 409 where it was decided before."""
    return _decided(asks, review_id, decision, approve_it=False)


def _decided(asks: Caller, review_id: str, decision: DecisionAsked, *, approve_it: bool) -> Review:
    review, _ = _found(asks, review_id)
    if review.state != WAITING:
        told = {
            "got": f"a review that was {review.state} by {review.reviewer!r}",
            "need": "one that waits",
            "next": "To undo a release: flywheel rollback.",
        }
        detail = f"Review {review_id!r} was decided before. That decision stands; nothing was changed."
        raise Refused(409, "decided-before", detail, told)
    return asks.wiring.decide(Decision(asks.workspace, review_id, approve_it, decision.by, decision.note))


def _found(asks: Caller, review_id: str) -> tuple[Review, Verdict]:
    found = asks.store.releases.review(asks.workspace, review_id)
    if found is None:
        msg = (
            f"No review {review_id!r} in workspace {asks.workspace!r}. Nothing was changed. "
            "See those there are: GET /api/v1/reviews?state=all"
        )
        raise UnknownName(msg)
    return found


def _difference(asks: Caller, review: Review) -> str:
    def lines(version: str | None) -> list[str]:
        found = asks.store.prompts.get(asks.workspace, review.prompt, version) if version else None
        return ((found.text if found else None) or "").splitlines()

    before, after = (review.previous or "nothing")[:12], review.version[:12]
    pairs = difflib.unified_diff(lines(review.previous), lines(review.version), before, after, lineterm="")
    return "\n".join(pairs)
