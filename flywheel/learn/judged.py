"""Judged recommendations prepared for mining: who agrees, how sure they say they are, what is held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel.records.columns import Coded
from flywheel.records.findings import Condition
from flywheel.records.judged import JudgedColumns

SUCCESS_ABOVE = 0.5
"""Mean of the judges above which a recommendation counts as a success; partial alone does not."""

STATED = ("below 0.5", "0.5 to 0.8", "0.8 or more")
AGREEING = ("1", "2", "3 or more")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Judged recommendations with their attributes, n rows in the order of judgement.

    Attributes:
        success: bool, shape (n,).
        attributes: codes by name: agent, type, workflow, confidence, agreeing; -1 is unknown.
        earlier: bool, shape (n,), the part that is learned from; the rest is held out.
        first: bool, shape (n,), the first of those that agree, so that one consensus counts once.
    """

    success: NDArray[np.bool_]
    attributes: dict[str, Coded]
    earlier: NDArray[np.bool_]
    first: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.success)

    def holds(self, where: tuple[Condition, ...]) -> NDArray[np.bool_]:
        """Rows where all conditions hold, shape (n,)."""
        rows = np.ones(len(self), dtype=bool)
        for one in where:
            column = self.attributes[one.attribute]
            code = column.names.index(one.value) if one.value in column.names else -2
            rows &= column.codes == code
        return rows


def prepared(judged: JudgedColumns, learned_share: float = 0.7) -> Prepared:
    """Attributes of judged recommendations, with the earlier part that is learned from.

    Agents agree when they recommend the same content on the same question
    (`correlation_id`) under the same type.

    Args:
        judged: n recommendations in the order of their judgement.
        learned_share: how much of them is learned from.

    Examples:
        >>> none = Coded(np.full(2, -1, np.int32), ())
        >>> one, two = Coded(np.array([0, 1], np.int32), ("a", "b")), Coded(np.zeros(2, np.int32), ("q",))
        >>> stated, both = np.array([0.9, np.nan]), np.ones(2)
        >>> rows = JudgedColumns(one, two, none, two, two, stated, both, np.arange(2.0))
        >>> found = prepared(rows, 0.5)
        >>> found.attributes["agreeing"].codes.tolist(), found.first.tolist(), found.earlier.tolist()
        ([1, 1], [True, False], [True, False])
    """
    n = len(judged)
    agreeing, first = _agreement(judged)
    stated = np.where(
        np.isnan(judged.confidence), -1, np.searchsorted([0.5, 0.8], judged.confidence, side="right")
    )
    earlier = np.arange(n) < round(learned_share * n)
    return Prepared(
        success=judged.success > SUCCESS_ABOVE,
        attributes={
            "agent": judged.agent,
            "type": judged.type,
            "workflow": judged.workflow,
            "confidence": Coded(stated.astype(np.int32), STATED),
            "agreeing": Coded(agreeing.astype(np.int32), AGREEING),
        },
        earlier=earlier,
        first=first,
    )


def _agreement(judged: JudgedColumns) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Code in AGREEING of each row, -1 where nothing joins it to others; whether it is its group's first."""
    n = len(judged)
    codes = np.full(n, -1, dtype=np.int64)
    first = np.ones(n, dtype=bool)
    known = np.flatnonzero((judged.correlation.codes >= 0) & (judged.content.codes >= 0))
    if not known.size:
        return codes, first
    parts = [judged.correlation.codes, judged.content.codes, judged.type.codes]
    stances = np.stack([part[known] for part in parts], axis=1)
    _, place, group = np.unique(stances, axis=0, return_index=True, return_inverse=True)
    group = group.ravel()
    agents = np.unique(np.stack([group, judged.agent.codes[known]], axis=1), axis=0)
    count = np.bincount(agents[:, 0], minlength=place.size)
    codes[known] = np.minimum(count, len(AGREEING))[group] - 1
    first[known] = False
    first[known[place]] = True
    return codes, first
