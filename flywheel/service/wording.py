"""Numbers in words for a page; what is not known is said to be unknown."""

from __future__ import annotations

from datetime import datetime
from typing import Final

UNKNOWN: Final = "unknown"

_PERCENT: Final = "\N{NO-BREAK SPACE}%"
"""Stays on the line of its number."""


def percent(share: float | None, digits: int = 1) -> str:
    r"""A share in percent.

    Examples:
        >>> percent(0.481), percent(None)
        ('48.1\xa0%', 'unknown')
    """
    return UNKNOWN if share is None else f"{share:.{digits}%}".replace("%", _PERCENT)


def span(low: float | None, high: float | None) -> str:
    r"""An interval of shares.

    Examples:
        >>> span(0.432, 0.531), span(None, None)
        ('43.2 to 53.1\xa0%', 'unknown')
    """
    return UNKNOWN if low is None or high is None else f"{low * 100:.1f} to {high * 100:.1f}{_PERCENT}"


def points(difference: float | None) -> str:
    """A difference of shares in percentage points.

    Examples:
        >>> points(0.226), points(None)
        ('+22.6', 'unknown')
    """
    return UNKNOWN if difference is None else f"{difference * 100:+.1f}"


def moment(when: datetime | None) -> str:
    """A time to the minute.

    Examples:
        >>> moment(datetime(2026, 1, 2, 3, 4)), moment(None)
        ('2026-01-02 03:04', 'unknown')
    """
    return UNKNOWN if when is None else f"{when:%Y-%m-%d %H:%M}"


def amount(value: float | None, unit: str = "", digits: int = 0) -> str:
    """A number with its unit.

    Examples:
        >>> amount(1234.5, " ms"), amount(None)
        ('1,234 ms', 'unknown')
    """
    return UNKNOWN if value is None else f"{value:,.{digits}f}{unit}"


def short(version: str | None) -> str:
    """Twelve digits of a content hash, or the whole label.

    Examples:
        >>> short("a" * 64), short("v1"), short(None)
        ('aaaaaaaaaaaa', 'v1', 'none')
    """
    if version is None:
        return "none"
    return version[:12] if len(version) == 64 else version


def clipped(text: str, characters: int = 160) -> str:
    """One line of a text.

    Examples:
        >>> clipped("a b", 2)
        'a …'
    """
    line = " ".join(text.split())
    return line if len(line) <= characters else f"{line[: characters - 1].rstrip()} …"
