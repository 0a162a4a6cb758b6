"""A count with its noun, in the number it needs."""

from __future__ import annotations


def count_of(count: int, noun: str) -> str:
    """How many there are of something.

    Args:
        count: at least 0.
        noun: in the singular; its plural ends in s.

    Examples:
        >>> count_of(1, "case"), count_of(0, "case"), count_of(1200, "gate case")
        ('1 case', '0 cases', '1,200 gate cases')
    """
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def were(count: int) -> str:
    """The verb that goes with a count.

    Examples:
        >>> were(1), were(2)
        ('was', 'were')
    """
    return "was" if count == 1 else "were"
