"""What people say of answers, with or without words."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from flywheel.records.base import Count, Record, Share

Stars = Annotated[float, Field(ge=1.0, le=5.0)]


class Voices(Record):
    """Explicit and implicit feedback of a set of executions; it is counted, and decides nothing.

    Attributes:
        rated: executions with a rating.
        mean_rating, rating_low, rating_high: of 1 to 5 with a 95 % interval; None where nobody rated.
        commented: executions with a comment.
        positive, negative, neutral: comments by their words; neutral holds none that is known, or as many
            of both kinds.
        sentiment: positive minus negative over those with either; None where there is neither.
        retried: executions that were tried again.
        timed: executions with a latency.
        slow: of those, the ones that took over three times the mean.
    """

    rated: Count = 0
    mean_rating: Stars | None = None
    rating_low: Stars | None = None
    rating_high: Stars | None = None
    commented: Count = 0
    positive: Count = 0
    negative: Count = 0
    neutral: Count = 0
    sentiment: Annotated[float, Field(ge=-1.0, le=1.0)] | None = None
    retried: Count = 0
    timed: Count = 0
    slow: Count = 0

    @property
    def slow_share(self) -> Share | None:
        """Share of the timed executions that were slow; None where none was timed."""
        return self.slow / self.timed if self.timed else None
