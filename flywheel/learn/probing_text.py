"""What a changed text must keep: its facts."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

STARTERS = frozenset(
    re.findall(
        r"\w+",
        "a an the this that these those is are was were am be do does did has have had can could "
        "may might must shall should will would what which who whom whose when where why how if "
        "since at in on of for from to by with he she it they we you i my our your his her its "
        "their please give tell show list find name say write add answer there no not yes and or "
        "but so then one some any all",
    )
)
"""Words that begin an English sentence without being a name; every other capital begins a name."""

_FACTS = re.compile(
    r"\{\{?\s*\w+\s*\}?\}"  # a variable
    r"|https?://\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # an address
    r"|\"[^\"\n]+\"|`[^`\n]+`|<[^<>\n]+>"  # quoted, code, markup
    r"|\w*\d[\w.,:/%-]*\w|\d"  # a number, a date, an id with a digit
    r"|\w+_\w+|\b\w*[a-z]\w*[A-Z]\w*"  # an identifier
    r"|\b[^\W\d_a-zà-ÿ][\w'’-]*"  # a capital: a name, save for STARTERS
)


def spans(text: str) -> Iterator[tuple[str, bool]]:
    """Pieces of a text in order, each with whether it is a fact that no change may touch.

    Examples:
        >>> [piece for piece, fact in spans("Where did Ann pay 12.50 USD?") if fact]
        ['Ann', '12.50', 'USD']
    """
    end = 0
    for match in _FACTS.finditer(text):
        if match[0].lower() in STARTERS:
            continue
        yield text[end : match.start()], False
        yield match[0], True
        end = match.end()
    yield text[end:], False


def facts_of(text: str) -> Counter[str]:
    """Numbers, names, variables, addresses, quotations of a text with how often each stands there."""
    return Counter(piece for piece, fact in spans(text) if fact)


def keeps_facts(before: str, after: str) -> bool:
    """Whether every fact of a text is in another as often, with no number added.

    Examples:
        >>> keeps_facts("Did Ann pay 12?", "Has Ann paid 12?"), keeps_facts("Did Ann pay 12?", "Did Ann pay?")
        (True, False)
        >>> keeps_facts("Did Ann pay 12?", "Did Ann pay 12 of 13?")
        False
    """
    kept = all(after.count(fact) >= before.count(fact) for fact in facts_of(before))
    return kept and _numbers(before) == _numbers(after)


def is_structured(text: str) -> bool:
    """Whether a text is data or code, of which only the outside may change.

    Examples:
        >>> is_structured('{"a": 1}'), is_structured("What is it?")
        (True, False)
    """
    if "```" in text:
        return True
    if not text.lstrip().startswith(("{", "[", "<")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text.lstrip().startswith("<")
    return True


def changed_outside_facts(text: str, change: Callable[[str], str]) -> str:
    """The text with a change of everything that is no fact.

    Examples:
        >>> changed_outside_facts("where does Ann live?", str.upper)
        'WHERE DOES Ann LIVE?'
    """
    return "".join(piece if fact else change(piece) for piece, fact in spans(text))


def draws(seed: int, *names: str) -> np.random.Generator:
    """Random draws that are the same for the same seed and names on every machine.

    Examples:
        >>> int(draws(7, "a").integers(100)) == int(draws(7, "a").integers(100))
        True
    """
    text = "\x1f".join((str(seed), *names)).encode("utf-8", "surrogatepass")
    return np.random.default_rng(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()))


def _numbers(text: str) -> list[str]:
    return sorted(re.findall(r"\d+", text))
