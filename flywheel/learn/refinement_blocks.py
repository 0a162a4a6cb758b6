"""Texts that can be added to a prompt, made from reflect cases without a model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flywheel.learn.answers import produced_answer
from flywheel.learn.captured_text import breaks_out
from flywheel.learn.insertion import demonstration, is_chat, layout
from flywheel.learn.patterns import answer_text, confused_answers
from flywheel.learn.prompt_leaks import leaves
from flywheel.learn.refinement_material import Limits, Material
from flywheel.learn.templates import render, variables
from flywheel.records.case import AnswerOption, Case, Scorer
from flywheel.records.execution import Execution

NUDGE = "Take your time, think about it carefully, and make sure that your answer is correct."
"""The advice everybody tries first; it is put through the same gate as the rest."""

MAX_SHOWN_ANSWER = 600
"""Characters of a passed output that are shown; longer ones teach form at too high a price."""

MAX_PAIRS = 12
"""Confused pairs that are shown side by side."""


@dataclass(frozen=True, slots=True)
class Block:
    """One addition to a prompt.

    Attributes:
        strategy: refinement strategy it belongs to.
        text: what is added.
        change: one line saying so.
        kinds: kinds of failure pattern it answers.
    """

    strategy: str
    text: str
    change: str
    kinds: tuple[str, ...]


def blocks_for(material: Material, limits: Limits) -> dict[str, Block]:
    """Every block the material gives, by strategy; what the control says already is left out.

    Args:
        material: reflect cases with their failures and passes.
        limits: how many demonstrations.
    """
    made = (
        _format_block(material),
        _definitions_block(material),
        _all_definitions_block(material),
        _demonstrations_block(material, limits),
        _contrast_block(material),
        _passing_block(material, limits),
        Block("nudge", NUDGE, "asks for care", ("wrong_answer", "confusion")),
    )
    said = material.control.text or ""
    return {b.strategy: b for b in made if b is not None and b.text not in said}


def show_cases(material: Material, cases: Sequence[Case]) -> str | None:
    """Reflect cases as solved questions; None when none of them can be shown.

    Args:
        material: whose control says how a question is asked.
        cases: in the order in which they are shown.
    """
    shown = [text for case in cases if (text := _shown(material, case, answer_text(case.expected)))]
    return "\n\n".join(("Solved questions:", *shown)) if shown else None


def _format_block(material: Material) -> Block | None:
    """A rule where format violations happened: for JSON, for names of a list, for numbers, for anything."""
    if not any(p.kind == "format" for p in material.patterns):
        return None
    text = "Output format: reply with the answer only: no sentence, no quotation marks, no explanation."
    control, suite = material.control.text or "", material.suite
    if re.search(r"\bjson\b", control, re.IGNORECASE):
        text = (
            "Output format: reply with the JSON object only: no code fence, no sentence before or after it, "
            "no explanation."
        )
    elif suite is not None and suite.options:
        text = (
            "Output format: reply with exactly one of the names listed above, spelled as it is listed, "
            "with nothing else: no sentence, no quotation marks, no explanation."
        )
    elif suite is not None and suite.scorer is Scorer.NUMERIC:
        text = "Output format: reply with the number only: no unit, no sentence, no explanation."
    rules = _violations(material.failures)
    text = " ".join((text, f"Never write {', '.join(rules)}.")) if rules else text
    return Block("output_format", text, "demands the bare answer", ("format", "cut_off", "refusal"))


_HABITS: tuple[tuple[str, str], ...] = (
    (r"```", "a code fence"),
    (r"^#+ ", "a heading"),
    (r"^\s*(?:sure|certainly|of course)\b", "a greeting such as 'Sure'"),
    (r"^\s*(?:final )?answer\s*:", "a label such as 'Answer:'"),
)


def _violations(failures: Sequence[Execution]) -> list[str]:
    """Habits seen in at least two outputs that broke the form, in words of ours, never in theirs."""
    broken = [str(f.output) for f in failures if f.error_type in ("format_violation", "no_answer")]
    counts = Counter(
        told
        for output in broken
        for pattern, told in _HABITS
        if re.search(pattern, output, re.IGNORECASE | re.MULTILINE)
    )
    return [told for _, told in _HABITS if counts[told] >= 2]


def _definitions_block(material: Material) -> Block | None:
    """Definitions of the answers that were mistaken for each other."""
    if material.suite is None:
        return None
    confused = set(confused_answers(material.failures))
    options = [o for o in material.suite.options if o.name in confused and o.description]
    return _definitions("definitions", options, f"defines the {len(options)} names that were mixed up")


def _all_definitions_block(material: Material) -> Block | None:
    """The whole data dictionary: the most that can be said, at the highest price."""
    if material.suite is None:
        return None
    options = [o for o in material.suite.options if o.description]
    return _definitions("all_definitions", options, f"defines all {len(options)} names")


def _definitions(strategy: str, options: Sequence[AnswerOption], change: str) -> Block | None:
    lines = [f"- {o.name}: {o.description}" for o in options if not variables(o.description)]
    if not lines:
        return None
    text = "\n".join(("What the names mean:", *lines))
    return Block(strategy, text, change, ("confusion", "wrong_answer", "constant"))


def _demonstrations_block(material: Material, limits: Limits) -> Block | None:
    """Solved questions: those that failed first, then one for each answer not shown yet."""
    block = show_cases(material, _chosen(material, limits.max_demonstrations))
    if block is None:
        return None
    shown = block.count("\n\n")
    return Block(
        "demonstrations",
        block,
        f"shows {shown} solved questions, failed ones first",
        ("wrong_answer", "confusion", "format", "constant"),
    )


def _contrast_block(material: Material) -> Block | None:
    """For each pair of answers that were confused: what each means, with a question of each, side by side."""
    pairs = Counter(
        (expected, produced)
        for f in material.failures
        if (expected := answer_text(f.expected)) is not None
        and (produced := produced_answer(f)) is not None
        and expected != produced
    )
    by_answer: dict[str | None, list[Case]] = {}
    failed = {f.case_id for f in material.failures}
    for case in sorted(material.cases.cases, key=lambda c: (c.case_id not in failed, c.case_id)):
        by_answer.setdefault(answer_text(case.expected), []).append(case)
    means = {o.name: o.description for o in material.suite.options} if material.suite else {}
    used: set[str] = set()
    parts: list[str] = []
    for (expected, produced), _ in sorted(pairs.items(), key=lambda item: (-item[1], item[0])):
        if len(parts) >= MAX_PAIRS:
            break
        asked = [c for a in (expected, produced) if (c := _unused(by_answer.get(a, ()), used))]
        shown = [text for c in asked if (text := _shown(material, c, answer_text(c.expected)))]
        if len(shown) < 2 and not (means.get(expected) and means.get(produced)):
            continue
        used.update(c.case_id for c in asked)
        lines = [
            f"- {a}: {means[a]}" for a in (expected, produced) if means.get(a) and not variables(means[a])
        ]
        told = f"{expected} is easily mistaken for {produced}."
        parts.append("\n\n".join(part for part in (told, "\n".join(lines), *shown) if part))
    if not parts:
        return None
    return Block(
        "contrast",
        "\n\n".join(parts),
        f"sets {len(parts)} pairs of confused answers side by side",
        ("confusion", "wrong_answer"),
    )


def _unused(cases: Iterable[Case], used: set[str]) -> Case | None:
    return next((c for c in cases if c.case_id not in used), None)


def _passing_block(material: Material, limits: Limits) -> Block | None:
    """Answers the model gave itself that passed: they show the whole accepted form."""
    reflect = {c.case_id: c for c in material.cases.cases}
    shown: dict[str, str] = {}
    for passed in material.passes:
        case = reflect.get(passed.case_id or "")
        output = passed.output
        if case is None or not isinstance(output, str) or not 0 < len(output.strip()) <= MAX_SHOWN_ANSWER:
            continue
        if breaks_out(output) or case.case_id in shown or len(shown) >= limits.max_demonstrations:
            continue
        if text := _shown(material, case, output.strip()):
            shown[case.case_id] = text
    if len(shown) < 2:
        return None
    return Block(
        "passing_demonstrations",
        "\n\n".join(("Solved questions:", *shown.values())),
        f"shows {len(shown)} answers that passed, word for word",
        ("format", "wrong_answer", "refusal", "cut_off"),
    )


def _shown(material: Material, case: Case, answer: str | None) -> str | None:
    """One solved question, or None where its text would pose as a part of the prompt."""
    text = material.control.text
    if (
        answer is None
        or text is None
        or is_chat(text)
        or any(breaks_out(v) for v in leaves(dict(case.inputs)))
    ):
        return None
    tail = layout(text).tail
    if not tail or not set(variables(tail)) <= set(case.inputs):
        return None
    filled = render(tail, case.inputs)
    return None if variables(filled) or variables(answer) else demonstration(filled, answer)


def _chosen(material: Material, most: int) -> tuple[Case, ...]:
    failed = {f.case_id for f in material.failures}
    ranked = sorted(material.cases.cases, key=lambda c: (c.case_id not in failed, c.case_id))
    return tuple(_spread(ranked, most))


def _spread(cases: Sequence[Case], most: int) -> Iterable[Case]:
    """Cases in order, but every answer once before any answer twice, slices in turn."""
    rounds: dict[tuple[int, int], list[Case]] = {}
    seen_answer: dict[str | None, int] = {}
    seen_slice: dict[tuple[int, str | None], int] = {}
    for case in cases:
        answer = answer_text(case.expected)
        turn = seen_answer.get(answer, 0)
        seen_answer[answer] = turn + 1
        place = seen_slice.get((turn, case.slice), 0)
        seen_slice[turn, case.slice] = place + 1
        rounds.setdefault((turn, place), []).append(case)
    ordered = [case for key in sorted(rounds) for case in rounds[key]]
    return ordered[:most]
