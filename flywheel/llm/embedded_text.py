"""Words of a text as the embedded model compares them."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

NGRAM_WEIGHT = 0.5
"""Weight of all character n-grams of a word against the word itself; typing errors still meet."""

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_STOP_WORDS = """
a an and any are as at be been but by can could did do does doing each for from get give got had has have
he her hers him his how i if in into is it its just let me may might much my no not of on one or our out
 please she should so some tell than that the their them then there these they this those to us was we
were what when where which who whom whose why will with would you your s t re ve ll d m am about want
know show need   exactly actually really
"""
_STOP = frozenset(_STOP_WORDS.split())


def hash64(*parts: object) -> int:
    """A 64-bit number that is the same on every machine for the same parts."""
    joined = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(joined.encode("utf-8", "replace"), digest_size=8).digest(), "big")


def unit(*parts: object) -> float:
    """A number in [0, 1) that depends on nothing but the parts.

    Examples:
        >>> unit("a", 1) == unit("a", 1) != unit("a", 2)
        True
    """
    return hash64(*parts) / 2**64


def words(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order; identifiers are split at underscores and humps.

    Examples:
        >>> words("Where does she live?"), words("annualIncome_total")
        (['liv'], ['annual', 'incom', 'total'])
    """
    tokens = (t.lower() for t in _TOKEN.findall(_HUMP.sub(" ", text)))
    return [stem(t) for t in tokens if t not in _STOP]


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A word without the commonest English endings.

    Examples:
        >>> [stem(w) for w in ("lives", "living", "lived", "cities", "address", "planned")]
        ['liv', 'liv', 'liv', 'city', 'address', 'plan']
    """
    word = re.sub(r"['’].*$", "", word)
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 2 and word.endswith(ending):
            word = word[: -len(ending)]
            if len(word) > 2 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            return word
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


@lru_cache(maxsize=50_000)
def features(word: str) -> tuple[tuple[str, float], ...]:
    """A stem with its character n-grams, each with a weight.

    Examples:
        >>> [f for f, _ in features("city")]
        ['city', '#cit', 'ity#', 'city#']
    """
    if len(word) < 4:
        return ((word, 1.0),)
    padded = f"#{word}#"
    grams = dict.fromkeys(padded[i : i + 4] for i in range(len(padded) - 3))
    grams[padded[1:]] = None
    weight = NGRAM_WEIGHT / len(grams) ** 0.5
    return ((word, 1.0), *((gram, weight) for gram in grams if gram != word))
