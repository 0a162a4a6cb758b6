"""What became of executions that a program handed over."""

from __future__ import annotations

from flywheel.records.base import Count, Record


class RejectedItem(Record):
    """One item that is no evidence.

    Attributes:
        position: 1-based, among the items of the request.
        field: the field at fault, None when the whole item is.
        reason: what was got, what is needed.
    """

    position: Count
    field: str | None
    reason: str


class Intake(Record):
    """Counts of one request: read = stored + replaced + unchanged + rejected.

    Attributes:
        stored: new executions.
        replaced: executions that were there with other content, which is now in the history.
        unchanged: executions that were there already.
        rejections: the first of the rejected items.

    Examples:
        >>> Intake(read=2, stored=1, rejected=1).read
        2
    """

    read: Count = 0
    stored: Count = 0
    replaced: Count = 0
    unchanged: Count = 0
    rejected: Count = 0
    rejections: tuple[RejectedItem, ...] = ()
