"""Judged recommendations as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel.records.columns import Coded


@dataclass(frozen=True, slots=True)
class JudgedColumns:
    """Recommendations that somebody judged, in the order of their judgement, n rows.

    Attributes:
        agent, type, workflow, correlation: coded text; correlation joins those on the same question.
        content: what was recommended, equal codes for equal content; -1 when it is kept no more.
        confidence: float64 in [0, 1], of the agent; NaN is unknown.
        success: float64 in [0, 1], mean over the judges: approved 1, partial 0.5, rejected 0.
        judged_at: float64, seconds since 1970 in UTC, of the last judgement.
    """

    agent: Coded
    type: Coded
    workflow: Coded
    correlation: Coded
    content: Coded
    confidence: NDArray[np.float64]
    success: NDArray[np.float64]
    judged_at: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.success)
