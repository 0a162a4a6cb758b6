"""Where something private stands in a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple


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

_ESCAPES: Final = (
    r"(?<=\\[nrtbfv].)",
    r"(?<=%[0-9A-Fa-f]{2}.)",
    r"(?<=\\u[0-9A-Fa-f]{4}.)",
    r"(?<=\\x[0-9A-Fa-f]{2}.)",
)
ALONE: Final = "(?:{})".format("|".join(("(?<![A-Za-z0-9].)", *_ESCAPES)))
"""Behind the first character of a word; an escape may stand before it, as in `\\n`, `%3D`, `\\u201e`."""
