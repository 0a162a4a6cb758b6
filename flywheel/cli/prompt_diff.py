"""The difference of two texts, with what cannot be seen made visible."""

from __future__ import annotations

import difflib
import re
from typing import Final

NO_END: Final = "\\ No line break at the end of the text"
_BLANK_END: Final = re.compile(r"[^\S\n]+\n?\Z")
_SHOWN: Final = str.maketrans({"\r": "␍", "\t": "⇥", " ": "·", "\n": ""})


def diff_lines(old: str, new: str, names: tuple[str, str]) -> list[str]:
    r"""Lines of a unified diff, each with its line break.

    Lines are cut at LF alone, so that a CR at the end of a line is part of it.

    Args:
        old: text.
        new: text.
        names: what the two are called.

    Examples:
        >>> diff_lines("a\r\n", "a\n", ("v1", "v2"))[-2:]
        ['-a\r\n', '+a\n']
        >>> diff_lines("a", "a\n", ("v1", "v2"))[-3:]
        ['-a\n', '\\ No line break at the end of the text\n', '+a\n']
    """
    first, second = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (old, new))
    found: list[str] = []
    for line in difflib.unified_diff(first, second, *names):
        found += [line] if line.endswith("\n") else [f"{line}\n", f"{NO_END}\n"]
    return found


def visible(line: str) -> str:
    r"""A line of a diff as a person sees it: blanks at the end of a changed line are signs.

    Examples:
        >>> visible("-a b \t\r\n"), visible(" a \n")
        ('-a b·⇥␍', ' a ')
    """
    plain = line.removesuffix("\n")
    if line[:1] not in "+-" or line.startswith(("+++", "---")):
        return plain
    return line[0] + _BLANK_END.sub(lambda blank: blank[0].translate(_SHOWN), line[1:]).removesuffix("\n")
