"""Variants of cases: which text is changed, which of several changes is taken."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from flywheel.learn.probing_text import draws
from flywheel.records.case import Case, Role, role_of
from flywheel.records.probe import Variant

Change = Callable[[str, np.random.Generator], Iterable[str]]
"""Texts that a text can become, the first choice first."""

MOST_TRIES = 24
"""Changes of one text that are looked at for one whose role is reflect: 1 in 200,000 texts has none."""


@dataclass(frozen=True, slots=True)
class Made:
    """Variants with what could not be made.

    Attributes:
        without: by kind, cases of which there is no variant.
    """

    variants: tuple[Variant, ...]
    without: dict[str, int]


def main_field(case: Case, variables: Collection[str] = ()) -> str | None:
    """Name of the input that asks: the longest text among the prompt's variables, else of all.

    Args:
        case: whose inputs are looked at.
        variables: of the prompt; none means every input.

    Examples:
        >>> case = Case(case_id="1", suite="s", inputs={"id": "a long identifier", "question": "Why?"})
        >>> main_field(case, ["question"]), main_field(case), main_field(case, ["none"])
        ('question', 'id', 'id')
    """
    texts = {name: value for name, value in case.inputs.items() if isinstance(value, str) and value.strip()}
    asked = {name: value for name, value in texts.items() if name in variables} or texts
    return max(sorted(asked), key=lambda name: len(asked[name]), default=None)


def variants_of(
    cases: Sequence[Case], changes: dict[str, Change], variables: Collection[str] = (), seed: int = 0
) -> Made:
    """At most one variant of every case for every kind of change, all of them reflect.

    The role of a case hangs on its inputs, so a changed case may have another
    one; then the next change of its kind is taken. Neither a gate nor a report
    case can come of a probe.

    Args:
        cases: reflect cases.
        changes: by kind.
        variables: of the prompt.
        seed: of every draw; the same seed makes the same variants.

    Raises:
        ValueError: a case is not reflect.
    """
    found: list[Variant] = []
    without = Counter(dict.fromkeys(changes, 0))
    for case in cases:
        name = main_field(case, variables)
        for kind, change in changes.items():
            text = None if name is None else case.inputs[name]
            made = None
            if isinstance(text, str) and name is not None:
                made = first_reflect(case, name, kind, change(text, draws(seed, case.case_id, kind)))
            if made is None:
                without[kind] += 1
            else:
                found.append(made)
    return Made(tuple(found), {kind: count for kind, count in without.items() if count})


def first_reflect(case: Case, name: str, kind: str, texts: Iterable[str]) -> Variant | None:
    """The first text that differs and makes a reflect case, None when none does.

    Args:
        case: what is changed.
        name: of the input.
        kind: of the change.
        texts: to choose from.
    """
    before = str(case.inputs[name])
    for _, after in zip(range(MOST_TRIES), texts, strict=False):
        inputs: dict[str, JsonValue] = {**case.inputs, name: after}
        if after != before and role_of(inputs) is Role.REFLECT:
            return variant(case, kind, inputs, (before, after))
    return None


def variant(case: Case, kind: str, inputs: dict[str, JsonValue], shown: tuple[str, str]) -> Variant:
    """A variant whose id follows from what is asked, so that repeating it finds it again.

    Args:
        case: what it was made from.
        kind: how it differs.
        inputs: what is asked.
        shown: the text before, and after.
    """
    canonical = json.dumps(inputs, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(canonical, digest_size=5).hexdigest()
    changed = case.model_copy(update={"case_id": f"{case.case_id[:240]}~{kind}-{digest}", "inputs": inputs})
    return Variant(case=changed, of=case.case_id, kind=kind, before=shown[0], after=shown[1])
