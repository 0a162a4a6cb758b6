"""Where something private stands in a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple


class Finding(NamedTuple):
    """Something private in a text.

    Attributes:
        start, end: where it stands; end is exclusive.
        kind: of what kind, a value of `Private` or the name of a custom pattern.
        normal: its one spelling, equal for equal values: an e-mail in lower
            case, a telephone number in E.164, a number without separators.
    """

    start: int
    end: int
    kind: str
    normal: str


Find = Callable[[str], Iterator[Finding]]
"""Looks for some kinds in a text, from left to right."""
