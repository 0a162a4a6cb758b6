"""Candidates made without any language model, from what failed on reflect cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flywheel.learn.insertion import demonstration, insert_block, is_chat, layout
from flywheel.learn.patterns import answer_text, confused_answers
from flywheel.learn.templates import render, variables
from flywheel.records.analysis import FailurePattern
from flywheel.records.case import AnswerOption, Case, ReflectCases, Suite
from flywheel.records.execution import Execution
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.proposal import DiscardedProposal, Proposal

PRIOR_CURE_RATE = 0.5
"""Share of the failures a strategy answers that it is forecast to cure, until history says better."""

NUDGE = "Take your time, think about it carefully, and make sure that your answer is correct."
"""The advice everybody tries first; it is put through the same gate as the rest."""


PLACEBO = "placebo"
"""Strategy of the candidate that must not pass."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a proposer may see: nothing here comes from a gate case.

    Attributes:
        control: the live version, with text.
        suite: scorer and permitted answers, None when there is no suite.
        cases: reflect cases.
        failures: failed executions of reflect cases.
        patterns: failure patterns of those failures.
        failure_rate: share of scored executions of control that failed; None when unknown.
        avoid: versions already rejected, released before, or under test.
    """

    control: PromptVersion
    suite: Suite | None
    cases: ReflectCases
    failures: tuple[Execution, ...]
    patterns: tuple[FailurePattern, ...]
    failure_rate: float | None
    avoid: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes that a candidate must keep.

    Attributes:
        max_chars: length of the whole prompt.
        max_demonstrations: solved questions shown.
        max_candidates: proposals of a cycle.
    """

    max_chars: int = 60_000
    max_demonstrations: int = 48
    max_candidates: int = 8


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


def refine(material: Material, limits: Limits) -> tuple[tuple[Proposal, ...], tuple[DiscardedProposal, ...]]:
    """Candidates that answer the failure patterns, alone and combined.

    Args:
        material: what may be seen.
        limits: sizes to keep.

    Returns:
        Proposals that pass every hard check, most promising first, and the
        discarded ones with the reason.
    """
    recipes = _recipes(_blocks(material, limits))
    proposals: dict[str, Proposal] = {}
    discarded: list[DiscardedProposal] = []
    for recipe in recipes:
        proposal = _proposal(material, recipe)
        reason = hard_check(material, proposal, limits)
        if reason is None and proposal.version in proposals:
            reason = f"the same text as {proposals[proposal.version].strategy}"
        if reason is None and len(proposals) >= limits.max_candidates:
            reason = f"a cycle tests at most {limits.max_candidates} candidates"
        if reason is None:
            proposals[proposal.version] = proposal
        else:
            discarded.append(DiscardedProposal(strategy=proposal.strategy, reason=reason))
    return tuple(proposals.values()), tuple(discarded)


def placebo(control: PromptVersion) -> Proposal:
    """A change without meaning: one more line break at the end.

    A gate that lets it pass measures noise. It is never released.

    Args:
        control: the live version, with text.
    """
    text = f"{control.text or ''}\n"
    return Proposal(
        version=content_hash(text),
        parent=control.version,
        text=text,
        strategy=PLACEBO,
        rationale="nothing that a reader could notice",
        changes=("adds a line break at the end",),
        expected_delta=0.0,
    )


def hard_check(material: Material, proposal: Proposal, limits: Limits) -> str | None:
    """Why a candidate must not be tested, or None.

    Args:
        material: the control it derives from, and the versions to avoid.
        proposal: the candidate.
        limits: sizes to keep.

    Returns:
        One reason, in words, or None when every check is passed.
    """
    text, control = proposal.text, material.control.text
    if text is None or control is None or not text.strip():
        return "it has no text"
    if text == control:
        return "its text equals the control's"
    if proposal.version in material.avoid:
        return "this very text was rejected, or live, before"
    if set(variables(text)) != set(variables(control)):
        return f"its variables are {variables(text)}, the control's {variables(control)}"
    if len(text) > limits.max_chars:
        return f"it has {len(text)} characters; the limit is {limits.max_chars}"
    return None


def _recipes(blocks: dict[str, Block]) -> list[tuple[Block, ...]]:
    wanted = (
        ("output_format", "demonstrations"),
        ("output_format", "definitions", "demonstrations"),
        ("output_format", "definitions"),
        ("output_format",),
        ("demonstrations",),
        ("definitions",),
        ("output_format", "all_definitions", "demonstrations"),
        ("nudge",),
    )
    return [tuple(blocks[name] for name in names) for names in wanted if all(n in blocks for n in names)]


def _blocks(material: Material, limits: Limits) -> dict[str, Block]:
    blocks = (
        _format_block(material),
        _definitions_block(material),
        _all_definitions_block(material),
        _demonstrations_block(material, limits),
        Block("nudge", NUDGE, "asks for care", ("wrong_answer", "confusion")),
    )
    return {block.strategy: block for block in blocks if block is not None}


def _format_block(material: Material) -> Block | None:
    """A rule where format violations happened, or where answers come from a list."""
    violated = any(p.kind == "format" for p in material.patterns)
    if not violated:
        return None
    if material.suite is not None and material.suite.options:
        text = (
            "Output format: reply with exactly one of the names listed above, spelled as it is listed, "
            "with nothing else: no sentence, no quotation marks, no explanation."
        )
    else:
        text = "Output format: reply with the answer only: no sentence, no quotation marks, no explanation."
    return Block("output_format", text, "demands the bare answer", ("format", "cut_off", "refusal"))


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
    text = material.control.text
    if text is None or is_chat(text):
        return None
    tail = layout(text).tail
    if not tail:
        return None
    shown = []
    for case in _chosen(material, limits.max_demonstrations):
        answer = answer_text(case.expected)
        filled = render(tail, case.inputs) if set(variables(tail)) <= set(case.inputs) else None
        if answer is None or filled is None or variables(filled):
            continue
        shown.append(demonstration(filled, answer))
    if not shown:
        return None
    block = "\n\n".join(("Solved questions:", *shown))
    return Block(
        "demonstrations",
        block,
        f"shows {len(shown)} solved questions, failed ones first",
        ("wrong_answer", "confusion", "format", "constant"),
    )


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


def _proposal(material: Material, recipe: tuple[Block, ...]) -> Proposal:
    text = material.control.text or ""
    for block in recipe:
        text = insert_block(text, block.text)
    kinds = {kind for block in recipe for kind in block.kinds}
    answered = [p for p in material.patterns if p.kind in kinds]
    share = min(1.0, sum(p.share for p in answered))
    growth = len(text) / max(1, len(material.control.text or ""))
    forecast = None
    if material.failure_rate is not None:
        forecast = round(PRIOR_CURE_RATE * share * material.failure_rate, 4)
    return Proposal(
        version=content_hash(text),
        parent=material.control.version,
        text=text,
        strategy="+".join(block.strategy for block in recipe),
        rationale=_rationale(answered),
        changes=tuple(block.change for block in recipe),
        risk="low" if growth < 2 else f"the prompt grows {growth:.1f} times",
        expected_delta=forecast,
        patterns=tuple(p.pattern_key for p in answered),
    )


def _rationale(answered: Sequence[FailurePattern]) -> str:
    if not answered:
        return "answers no failure pattern by itself"
    share = sum(p.share for p in answered)
    return f"answers {len(answered)} failure patterns that make up {share:.0%} of the failures"
