"""Numbers as a person reads them: rates, points, intervals, bars, tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

UNKNOWN = "-"
"""How a number that does not exist is shown; never 0."""

RULING_COLOURS = {"ship": "green", "stage": "cyan", "hold": "yellow", "reject": "red"}


def percent(share: float | None, digits: int = 1) -> str:
    """A fraction as a percentage.

    Examples:
        >>> percent(0.7214), percent(None)
        ('72.1 %', '-')
    """
    return UNKNOWN if share is None else f"{100 * share:.{digits}f} %"


def points(difference: float | None) -> str:
    """A difference of two rates in percentage points.

    Examples:
        >>> points(0.12), points(-0.004), points(None)
        ('+12.0', '-0.4', '-')
    """
    return UNKNOWN if difference is None else f"{100 * difference:+.1f}"


def interval(low: float | None, high: float | None) -> str:
    """An interval of a difference, in percentage points.

    Examples:
        >>> interval(0.05, 0.19), interval(None, None)
        ('+5.0 to +19.0', '-')
    """
    return UNKNOWN if low is None or high is None else f"{points(low)} to {points(high)}"


def chance(p: float | None) -> str:
    """A p-value.

    Examples:
        >>> chance(0.0312), chance(1e-9), chance(None)
        ('0.031', '<0.001', '-')
    """
    if p is None:
        return UNKNOWN
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def amount(value: float | None, unit: str = "", digits: int = 0) -> str:
    """A quantity with its unit.

    Examples:
        >>> amount(1234.5, " ms"), amount(0.00123, " USD", 4), amount(None, " ms")
        ('1,234 ms', '0.0012 USD', '-')
    """
    return UNKNOWN if value is None else f"{value:,.{digits}f}{unit}"


def moment(when: datetime | None) -> str:
    """A moment in UTC, to the minute."""
    return UNKNOWN if when is None else f"{when:%Y-%m-%d %H:%M}"


def short(version: str | None) -> str:
    """A version as people quote it: twelve digits of a hash, a label whole.

    Examples:
        >>> short("9c5c4e46d7206f1d" * 4), short("cot"), short(None)
        ('9c5c4e46d720', 'cot', '-')
    """
    if version is None:
        return UNKNOWN
    is_hash = len(version) == 64 and not set(version) - set("0123456789abcdef")
    return version[:12] if is_hash else version


def bar(rate: float | None, low: float | None = None, high: float | None = None, width: int = 40) -> str:
    """A rate as a bar on 0 to 100 %, its interval as a lighter band.

    Examples:
        >>> bar(0.5, width=10)
        '█████·····'
        >>> bar(0.5, 0.3, 0.7, width=10)
        '███▓▓▒▒···'
        >>> bar(None, width=4)
        '    '
    """
    if rate is None:
        return " " * width
    middle = round(rate * width)
    start = middle if low is None else min(middle, round(low * width))
    end = middle if high is None else max(middle, round(high * width))
    return "█" * start + "▓" * (middle - start) + "▒" * (end - middle) + "·" * (width - end)


def forest(
    found: tuple[float | None, float | None, float | None], scale: tuple[float, float], width: int = 26
) -> str:
    """An interval with its estimate on a scale that always shows zero, as statisticians draw it.

    Args:
        found: low, estimate, high.
        scale: least and largest value to fit in.
        width: characters.

    Examples:
        >>> forest((0.1, 0.2, 0.3), (-0.1, 0.3), width=21)
        '·····│····├────●────┤'
    """
    low, estimate, high = found
    if low is None or estimate is None or high is None:
        return " " * width
    first, last = min(0.0, scale[0]), max(0.0, scale[1])
    step = (last - first) / (width - 1) or 1.0

    def place(value: float) -> int:
        return min(width - 1, max(0, round((value - first) / step)))

    line = ["·"] * width
    line[place(0.0)] = "│"
    for position in range(place(low), place(high) + 1):
        line[position] = "─"
    line[place(low)], line[place(high)] = "├", "┤"
    line[place(estimate)] = "●"
    return "".join(line)


def ruling_text(ruling: str) -> Text:
    """A verdict in its colour."""
    from rich.text import Text

    return Text(ruling.upper(), style=f"bold {RULING_COLOURS.get(ruling, 'white')}")


def make_table(title: str | None, columns: Sequence[str], *, right: Sequence[str] = ()) -> Table:
    """An empty table in the house style; only text columns give way on a narrow terminal.

    Args:
        title: shown above; None shows none.
        columns: headings, in order; an empty one heads a picture.
        right: headings of numbers, aligned right.
    """
    from rich import box
    from rich.table import Table

    table = Table(
        title=title,
        box=box.SIMPLE_HEAD,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    narrowest = 20 if len(columns) < 7 else 14
    for name in columns:
        number = name in right
        fixed = number or name in ("", "version", "from", "to", "review", "when (UTC)", "since (UTC)")
        table.add_column(
            name,
            justify="right" if number else "left",
            no_wrap=fixed,
            overflow="fold",
            min_width=narrowest if name in ("prompt", "model", "slice", "agent", "suite") else None,
        )
    return table


def one_line(text: str) -> Text:
    """A text that is cut with an ellipsis where there is no room; `--json` has the whole."""
    from rich.text import Text

    return Text(text.replace("\n", " "), no_wrap=True, overflow="ellipsis")


def styled(template: str, *values: object) -> Text:
    """A template in Rich's markup, its `{}` filled with values that are shown as they are.

    Examples:
        >>> styled("[bold]{}[/] is live", "[red]my prompt[/]").plain
        '[red]my prompt[/] is live'
    """
    from rich.markup import escape
    from rich.text import Text

    return Text.from_markup(template.format(*(escape(str(value)) for value in values)))


def say_nothing_there(console: Console, what: str, next_step: str) -> None:
    """An empty answer names the command that would fill it."""
    console.print(styled("{} [dim]{}[/]", what, next_step))
