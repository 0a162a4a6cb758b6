"""Parts of a page that several sections draw: tables, intervals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from flywheel.records.quality import QualityLevels
from flywheel.service.markup import Markup, joined, tag
from flywheel.service.wording import UNKNOWN, moment, percent, span
from flywheel.stats.proportions import Counts, wilson

WIDTH, HEIGHT = 200, 20
_LEVELS: Final = QualityLevels()
LEVELS: Final = (_LEVELS.critical, _LEVELS.warning, _LEVELS.target, _LEVELS.excellent)
"""Pass rates that are marked in a picture."""

Cell = str | None
"""Text of a cell; None is unknown."""


def table(
    caption: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], right: Sequence[str] = ()
) -> Markup:
    """A table with its caption; the first cell of a row is its heading.

    Args:
        caption: what it shows.
        columns: their headings.
        rows: cells in the order of the columns.
        right: columns of numbers.

    Examples:
        >>> "<td>unknown</td>" in table("t", ("a", "b"), [("x", None)])
        True
    """
    numbers = [column in right for column in columns]
    head = tag(
        "tr",
        *(
            tag("th", name, scope="col", class_="n" if is_number else None)
            for name, is_number in zip(columns, numbers, strict=True)
        ),
    )
    body = [
        tag(
            "tr",
            tag("th", row[0] or UNKNOWN, scope="row"),
            *(
                tag("td", UNKNOWN if cell is None else cell, class_="n" if is_number else None)
                for cell, is_number in zip(row[1:], numbers[1:], strict=True)
            ),
        )
        for row in rows
    ]
    whole = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    # A wide table scrolls by itself; a keyboard must reach it for that.
    return tag("div", whole, class_="wide", tabindex="0", role="region", aria_label=caption)


def when(at: datetime | None) -> Markup | str:
    """A time in a cell.

    Examples:
        >>> when(None)
        'unknown'
    """
    return UNKNOWN if at is None else tag("time", moment(at), datetime=at.isoformat())


def nothing(what: str, next_step: str) -> Markup:
    """A sentence in place of a table without rows."""
    return tag("p", f"{what} ", tag("code", next_step) if next_step else None, class_="none")


def more(there: int, shown: int, command: str) -> Markup | None:
    """How to see what is not on the page; None where all of it is."""
    return (
        None if there <= shown else tag("p", f"{there - shown:,} more: ", tag("code", command), class_="note")
    )


def rate_cells(passed: int, scored: int) -> tuple[Markup | str, str, str]:
    """A pass rate as picture, as words with its interval, with its denominator.

    Examples:
        >>> rate_cells(0, 0)[1:]
        ('unknown: no scored execution', '0 of 0')
    """
    found = wilson(Counts(passed, scored))
    if found.estimate is None or found.low is None or found.high is None:
        return "", f"{UNKNOWN}: no scored execution", "0 of 0"
    words = f"{percent(found.estimate)} ({span(found.low, found.high)})"
    return interval_picture(found.estimate, found.low, found.high), words, f"{passed:,} of {scored:,}"


def interval_picture(estimate: float, low: float, high: float) -> Markup:
    """A pass rate on a line from 0 to 1, with its interval and the levels of quality."""

    def at(share: float) -> str:
        return f"{4 + share * (WIDTH - 8):.1f}"

    middle = HEIGHT / 2
    wide = max(1.5, (high - low) * (WIDTH - 8))
    return tag(
        "svg",
        tag("title", f"{percent(estimate)}, 95 % interval {span(low, high)}"),
        tag("line", x1=at(0), x2=at(1), y1=middle, y2=middle, class_="axis"),
        *(tag("line", x1=at(one), x2=at(one), y1=3, y2=HEIGHT - 3, class_="level") for one in LEVELS),
        tag("rect", x=at(low), y=middle - 4, width=f"{wide:.1f}", height=8, class_="span"),
        tag("circle", cx=at(estimate), cy=middle, r=4, class_="dot"),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        width=WIDTH,
        height=HEIGHT,
        role="img",
    )


def section(name: str, title: str, *parts: str | None) -> Markup:
    """A section of the page with its heading."""
    return tag("section", tag("h2", title, id=name), joined(*parts), aria_labelledby=name)
