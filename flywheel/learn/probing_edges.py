"""Edges of a suite's own inputs: empty, long, numbers at the ends, dates, scripts, missing fields."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from functools import partial

import numpy as np
from pydantic import JsonValue

from flywheel.learn.probing_rephrasing import sentences
from flywheel.learn.probing_text import draws
from flywheel.learn.probing_variants import Change, Made, main_field, variant, variants_of
from flywheel.records.case import Case, Role, role_of
from flywheel.records.probe import Variant

LONG = 20_000
"""Characters of a very long input, at least."""

_NOTHING = ("", " ", "\n", "\t", "   ", "\u00a0", "\u200b", "\n\n\n", "-", ".", "?", "null", "N/A", "\ufeff")
_ENDS = (
    "0",
    "-1",
    "1",
    "99999999999999999999",
    "1e308",
    "0.000000001",
    "-0.5",
    "2147483648",
    "1,000,000,000",
)
_DAYS = ("2024-02-29", "2023-02-29", "1900-02-29", "9999-12-31", "1970-01-01", "31/12/99", "0001-01-01")
_SCRIPTS = (
    "من فضلك أجب. {text}",
    "{text} 请回答。",
    "{text} Спасибо!",
    "{text} \u202eesrever\u202c",
    "{text} 👩‍👩‍👧‍👦🏳️‍🌈",
    "Ελληνικά: {text}",
    "{text} e\u0301\u0302\u0303\u0304",
    "हिन्दी {text}",
    "{text}\u200d\u200c\u2060",
)
_QUOTED = (
    '"{text}"',
    "'{text}'",
    "“{text}”",
    "```\n{text}\n```",
    '{text} (columns: "a,b";"c""d")',
    "<<{text}>>",
    "{text} {{x}} %s ${y}",
    "---\n{text}\n---",
)
_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_NUMBER = re.compile(r"(?<![\w.,:/-])\d+(?:[.,]\d+)*(?![\w:/-])")

DERIVED = frozenset({"long blank", "quoted", "date format", "wide digits"})
"""Kinds that leave the meaning, so that the expectation stays; all others are held against invariants."""


def edges(cases: Sequence[Case], variables: Collection[str] = (), seed: int = 0) -> Made:
    """Every case at each edge that its inputs have; equal inputs are asked once.

    Args:
        cases: reflect cases.
        variables: of the prompt; a field that is one becomes null, any other may be gone.
        seed: of every draw.
    """
    made = variants_of(cases, CHANGES, variables, seed)
    lacking = [_lacking(case, variables, seed) for case in cases]
    without = Counter(made.without)
    without["missing field"] += sum(one is None for one in lacking)
    found: dict[str, Variant] = {}
    for one in (*made.variants, *(one for one in lacking if one is not None)):
        expected = one.case.expected if one.kind in DERIVED else None
        kept = one.model_copy(update={"case": one.case.model_copy(update={"expected": expected})})
        key = repr(sorted(one.case.inputs.items()))
        if key in found:
            without[one.kind] += 1
        else:
            found[key] = kept
    return Made(tuple(found.values()), {kind: count for kind, count in sorted(without.items()) if count})


def _lacking(case: Case, variables: Collection[str], seed: int) -> Variant | None:
    """One input null or gone, the first that leaves a reflect case."""
    names = sorted(case.inputs)
    name = main_field(case, variables)
    ways: list[tuple[str, bool]] = [(one, False) for one in names]
    ways += [(one, True) for one in names if one not in variables]
    rng = draws(seed, case.case_id, "missing field")
    for at in rng.permutation(len(ways)):
        lost, gone = ways[at]
        inputs: dict[str, JsonValue] = {k: v for k, v in case.inputs.items() if k != lost or not gone}
        if not gone:
            inputs[lost] = None
        if inputs != case.inputs and role_of(inputs) is Role.REFLECT:
            before = str(case.inputs[lost]) if name is None else str(case.inputs[name])
            return variant(case, "missing field", inputs, (before, f"{lost}: {'gone' if gone else 'null'}"))
    return None


def _filled(forms: Sequence[str]) -> Change:
    def change(text: str, rng: np.random.Generator) -> Iterator[str]:
        return (forms[at].replace("{text}", text) for at in rng.permutation(len(forms)))

    return change


def _short(text: str, rng: np.random.Generator) -> Iterator[str]:
    words = text.split()
    yield from (words[at] for at in rng.permutation(len(words)))


def _long(text: str, rng: np.random.Generator) -> Iterator[str]:
    while True:
        times = LONG // max(1, len(text)) + 1 + int(rng.integers(5))
        yield "\n".join([text] * times)


def _blank(text: str, rng: np.random.Generator) -> Iterator[str]:
    while True:
        gap = ("\n" if rng.random() < 0.5 else " ") * int(rng.integers(2_000, 3_000))
        yield text + gap if rng.random() < 0.5 else gap + text


def _numbers(text: str, rng: np.random.Generator) -> Iterable[str]:
    if not _NUMBER.search(text):
        return ()
    return (_NUMBER.sub(_ENDS[at], text) for at in rng.permutation(len(_ENDS)))


def _dates(text: str, rng: np.random.Generator) -> Iterable[str]:
    if not _DATE.search(text):
        return ()
    return (_DATE.sub(_DAYS[at], text) for at in rng.permutation(len(_DAYS)))


def _date_format(text: str, rng: np.random.Generator) -> Iterator[str]:
    formats = (
        "{d:%d %B %Y}",
        "{d:%B %d, %Y}",
        "{d:%d.%m.%Y}",
        "{d:%Y/%m/%d}",
        "{d:%A, %d %B %Y}",
        "{d:%d-%b-%Y}",
    )
    for at in rng.permutation(len(formats)):
        yield _DATE.sub(partial(_day, formats[at]), text)


def _day(form: str, match: re.Match[str]) -> str:
    try:
        return form.format(d=date(int(match[1]), int(match[2]), int(match[3])))
    except ValueError:
        return match[0]


def _wide_digits(text: str, rng: np.random.Generator) -> Iterator[str]:
    for first in rng.permutation(list("０٠०")).tolist():
        yield text.translate({ord("0") + n: chr(ord(first) + n) for n in range(10)})


def _cut(text: str, rng: np.random.Generator) -> Iterator[str]:
    parts = sentences(text)
    if len(parts) > 1:
        yield from (" ".join(parts[: at + 1]) for at in rng.permutation(len(parts) - 1))
    words = text.split()
    yield from (" ".join(words[: at + 1]) for at in rng.permutation(len(words) - 1)) if len(words) > 2 else ()


CHANGES: dict[str, Change] = {
    "empty": _filled(_NOTHING),
    "very short": _short,
    "cut off": _cut,
    "very long": _long,
    "long blank": _blank,
    "numbers": _numbers,
    "dates": _dates,
    "date format": _date_format,
    "wide digits": _wide_digits,
    "scripts": _filled(_SCRIPTS),
    "quoted": _filled(_QUOTED),
}
"""By kind; a missing field comes beside them, because it is no change of a text."""
