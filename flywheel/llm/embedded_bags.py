"""Weighted features of a text: stems, character n-grams, related words."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise

from flywheel.llm.embedded_lexicon import lexicon
from flywheel.llm.embedded_text import features, words

RELATED_WEIGHT = 3.0
"""Weight of belonging to a group of related words, against the word itself."""

MANY_MEANINGS = 0.75
"""A word of n groups belongs to each with n to the power of minus this; much used words say less."""

ASIDE_WEIGHT = 0.25
"""Weight of a clause that says what is left out; its words are there, its meaning is the opposite."""

Bag = dict[str, float]

_CLAUSE = re.compile(r"[.;:,](?=\s|$)")
_ASIDE = re.compile(
    r"\b(?:excluded?|excluding|not|never|no|without|except|unlike|less|leaving|apart)\b", re.IGNORECASE
)


def bag_of_text(text: str) -> Bag:
    """Features of a question."""
    bag: Bag = {}
    _add(bag, words(text), 1.0)
    return _damped(bag)


def bag_of_name(name: str, description: str = "") -> Bag:
    """Features of an option: its name with abbreviations spelled out, then its description by clauses."""
    bag: Bag = {}
    parts = words(name)
    _add(bag, parts, 1.0)
    long = lexicon().long
    for part in parts:
        _add(bag, long.get(part, ()), 1.0)
    for clause in _CLAUSE.split(description):
        _add(bag, words(clause), ASIDE_WEIGHT if _ASIDE.search(clause) else 1.0)
    return _damped(bag)


def _add(bag: Bag, stems: Sequence[str], weight: float) -> None:
    known = lexicon()
    for word in stems:
        for feature, part in features(word):
            bag[feature] = bag.get(feature, 0.0) + part * weight
    longer = [long for word in stems if word not in known.groups for long in known.long.get(word, ())]
    for word in longer:
        bag[word] = bag.get(word, 0.0) + weight
    pairs = [f"{a}_{b}" for a, b in pairwise(stems)]
    for pair in pairs:
        bag[pair] = max(bag.get(pair, 0.0), weight)
    for key in (*stems, *longer, *pairs):
        groups = known.groups.get(key, ())
        related = weight * RELATED_WEIGHT / max(1, len(groups)) ** MANY_MEANINGS
        for group in groups:
            feature = f"@{group}"
            bag[feature] = max(bag.get(feature, 0.0), related)


def _damped(bag: Bag) -> Bag:
    return {feature: math.sqrt(weight) if weight > 1 else weight for feature, weight in bag.items()}
