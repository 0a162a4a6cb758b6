"""Rephrasings that keep the meaning, by rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import permutations

import numpy as np

from flywheel.learn.probing_text import changed_outside_facts, is_structured, keeps_facts
from flywheel.learn.probing_variants import Change, Made, variants_of
from flywheel.records.case import Case

FRAMES: tuple[tuple[str, str], ...] = (
    ("Please answer this: ", ""),
    ("", " Thank you."),
    ("Could you help with this? ", ""),
    ("Hello. ", ""),
    ("Hello, a question please. ", " Thanks."),
    ("Hi there. ", " Many thanks."),
    ("Good morning. ", ""),
    ("Sorry to bother you. ", ""),
    ("I would like to know: ", ""),
    ("When you have a moment, please: ", ""),
    ("Quick question: ", ""),
    ("", " Thanks in advance!"),
)
"""What people put around a question without changing it: before, after."""

CONTRACTIONS: tuple[tuple[str, str], ...] = (
    ("what is", "what's"),
    ("who is", "who's"),
    ("where is", "where's"),
    ("how is", "how's"),
    ("it is", "it's"),
    ("that is", "that's"),
    ("there is", "there's"),
    ("do not", "don't"),
    ("does not", "doesn't"),
    ("did not", "didn't"),
    ("is not", "isn't"),
    ("are not", "aren't"),
    ("was not", "wasn't"),
    ("cannot", "can't"),
    ("could not", "couldn't"),
    ("would not", "wouldn't"),
    ("will not", "won't"),
    ("has not", "hasn't"),
    ("have not", "haven't"),
    ("i am", "i'm"),
    ("we are", "we're"),
    ("they are", "they're"),
    ("you are", "you're"),
)
"""Long and short form; only those that mean the same in every sentence."""

_LEANING = re.compile(
    r"^\W*(?:it|this|that|these|those|he|she|they|him|her|them|his|its|their|then|so|but|and|or|also|however|"
    r"therefore|otherwise|if so|such|there|because|instead|after|before|first|second|next|finally|else)\b",
    re.IGNORECASE,
)
"""A sentence that begins so leans on the one before it."""


def rephrasings(cases: Sequence[Case], variables: Collection[str] = (), seed: int = 0) -> Made:
    """Every case in other words that mean the same, by kind.

    Args:
        cases: reflect cases.
        variables: of the prompt.
        seed: of every draw.

    Examples:
        >>> made = rephrasings([Case(case_id="7", suite="s", inputs={"q": "Who is Ann?"})])
        >>> sorted({variant.kind for variant in made.variants} | set(made.without))
        ['case', 'contractions', 'order', 'politeness', 'punctuation', 'whitespace']
    """
    return variants_of(cases, {kind: _keeping(change) for kind, change in CHANGES.items()}, variables, seed)


def sentences(text: str) -> list[str]:
    """Sentences of a text with the space between them taken off.

    Examples:
        >>> sentences("She is Ann. Where does she live?")
        ['She is Ann.', 'Where does she live?']
    """
    return [part for part in re.split(r"(?<=[.!?])\s+(?=[^\W\d_])", text.strip()) if part]


def _keeping(change: Change) -> Change:
    """The same change, less the texts that lost or gained a fact."""

    def kept(text: str, rng: np.random.Generator) -> Iterator[str]:
        return (after for after in change(text, rng) if keeps_facts(text, after))

    return kept


def _case(text: str, rng: np.random.Generator) -> Iterator[str]:
    if is_structured(text):
        return
    ways: list[Callable[[str], str]] = [str.lower, str.upper, _titled]
    for way in rng.permutation(len(ways)):
        yield changed_outside_facts(text, ways[way])
    words = sorted(set(re.findall(r"[a-z]{2,}", text)))
    for word in rng.permutation(words).tolist() if words else ():
        # One word in capitals, as people stress it.
        yield changed_outside_facts(text, partial(re.sub, rf"\b{word}\b", word.upper()))


def _punctuation(text: str, rng: np.random.Generator) -> Iterator[str]:
    if is_structured(text):
        return
    bare = text.rstrip()
    mark = bare[-1:] if bare[-1:] in ".?!" else ""
    stem = bare.removesuffix(mark) if mark else bare
    ends = ["", mark * 2, f" {mark}", mark * 3, "..."] if mark else [".", " .", "...", "!", " ..."]
    for choice in rng.permutation(len(ends)):
        yield stem + ends[choice]
    yield re.sub(r",\s", " ", bare)
    yield re.sub(r"(?<=\w), ", " - ", bare)


def _whitespace(text: str, rng: np.random.Generator) -> Iterator[str]:
    around = (("\n", ""), ("", "\n"), ("  ", ""), ("", "  "), ("\n\n", "\n"), ("\t", ""), (" ", "\n"))
    for choice in rng.permutation(len(around)):
        before, after = around[choice]
        yield before + text + after
    gaps = [match.start() for match in re.finditer(r"(?<=\w) (?=\w)", text)]
    if gaps and not is_structured(text):
        for place in rng.permutation(gaps).tolist():
            yield f"{text[:place]}  {text[place + 1 :]}"


def _politeness(text: str, rng: np.random.Generator) -> Iterator[str]:
    for choice in rng.permutation(len(FRAMES)):
        before, after = FRAMES[choice]
        yield f"{before}{text.strip()}{after}"


def _contractions(text: str, rng: np.random.Generator) -> Iterator[str]:
    pairs = [pair for long, short in CONTRACTIONS for pair in ((long, short), (short, long))]
    found = [
        (match.span(), instead)
        for old, instead in pairs
        for match in re.finditer(rf"\b{re.escape(old)}\b", text.replace("’", "'"), re.IGNORECASE)
    ]
    if not found or is_structured(text):
        return
    yield _replaced(text, found)
    for choice in rng.permutation(len(found)):
        yield _replaced(text, [found[choice]])


def _order(text: str, rng: np.random.Generator) -> Iterator[str]:
    parts = sentences(text)
    told = [part for part in parts if not part.endswith("?")]
    asked = [part for part in parts if part.endswith("?")]
    # What is told first may be what a question leans on, so questions keep their place at the end.
    if len(told) < 2 or is_structured(text) or "\n" in text.strip() or any(map(_LEANING.match, told)):
        return
    if parts != [*told, *asked]:
        return
    orders = list(permutations(range(min(len(told), 5))))[1:]
    for choice in rng.permutation(len(orders)):
        head = [told[i] for i in orders[choice]]
        yield " ".join([*head, *told[5:], *asked])


def _replaced(text: str, found: list[tuple[tuple[int, int], str]]) -> str:
    for (start, end), instead in sorted(found, reverse=True):
        first = instead[0].upper() if text[start].isupper() else instead[0]
        text = text[:start] + first + instead[1:] + text[end:]
    return text


def _titled(text: str) -> str:
    return re.sub(r"\b([a-z])([a-z]+)", lambda m: m[1].upper() + m[2], text)


CHANGES: dict[str, Change] = {
    "case": _case,
    "punctuation": _punctuation,
    "whitespace": _whitespace,
    "politeness": _politeness,
    "contractions": _contractions,
    "order": _order,
}
"""By kind."""
