"""The words the embedded model takes for related.

They come from `embedded_words.txt`, a hand-made list of everyday English that
stands in for the language knowledge of a real model. It says nothing about
what a field, a label or an answer means: that must be in the prompt.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from flywheel.llm.embedded_text import stem


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Related words.

    Attributes:
        groups: numbers of the groups a stem, or two stems joined by `_`, belongs to.
        long: the stems an abbreviation stands for.
    """

    groups: dict[str, tuple[int, ...]]
    long: dict[str, tuple[str, ...]]


@cache
def lexicon() -> Lexicon:
    """The shipped lexicon, read once.

    Examples:
        >>> words = lexicon()
        >>> words.long["dt"], bool(set(words.groups["liv"]) & set(words.groups["resid"]))
        (('dat', 'day'), True)
    """
    text = files("flywheel.llm").joinpath("embedded_words.txt").read_text(encoding="utf-8")
    groups: dict[str, set[int]] = {}
    long: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(text.splitlines()):
        if not line or line.startswith("#"):
            continue
        short, equals, meaning = line.partition(" = ")
        if equals:
            long[short] = tuple(stem(word) for word in meaning.split())
            continue
        for entry in line.split():
            groups.setdefault("_".join(stem(part) for part in entry.split("_")), set()).add(number)
    return Lexicon({word: tuple(sorted(found)) for word, found in groups.items()}, long)
