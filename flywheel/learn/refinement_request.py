"""The question a model is asked to rewrite a prompt, plus what its answer is worth."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from flywheel.learn.captured_text import breaks_out, quoted, smuggled
from flywheel.learn.insertion import insert_block
from flywheel.learn.patterns import answer_text
from flywheel.learn.prompt_analysis import analyze_prompt
from flywheel.learn.prompt_leaks import leaves
from flywheel.learn.refinement_blocks import show_cases
from flywheel.learn.refinement_material import Limits, Material
from flywheel.learn.templates import render, variables
from flywheel.records.case import Case
from flywheel.records.chat import ChatAnswer, ChatRequest, Message
from flywheel.records.prompt import INSTRUCTIONS, content_hash

MOST_FAILURES = 8
MOST_SOLVED = 16
MOST_REJECTED = 8
MOST_ANSWERS = 60
MAX_TEXT = 600
"""Characters of a captured text that are shown."""

_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
_NO = re.compile(r"^\W*(?:i(?:'|’)?m sorry|i can(?:'|’)?t|i cannot|sorry\b|as an ai\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Instructions:
    """What a model rewrites by: versions of the prompts `refiner/...`.

    Attributes:
        strategy: refinement strategy it belongs to.
        name: of the task.
        common, request, task: texts with variables.
    """

    strategy: str
    name: str
    common: str
    request: str
    task: str

    @property
    def reference(self) -> str:
        """The three versions, each as `PROMPT@HASH`, as it is kept on a proposal."""
        texts = ((self.name, self.task), ("common", self.common), ("request", self.request))
        return " ".join(f"{INSTRUCTIONS}{name}@{content_hash(text)[:12]}" for name, text in texts)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with what it showed, so that the answer can be held against it.

    Attributes:
        request: what is sent.
        captured: texts of executions that the model saw.
        handles: solved cases by the names they were shown under.
    """

    request: ChatRequest
    captured: tuple[str, ...]
    handles: Mapping[str, Case]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A text a model wrote, ready for the hard checks."""

    text: str
    why: str
    shown: int


@dataclass(frozen=True, slots=True)
class Unusable:
    """An answer that is no candidate.

    Attributes:
        check: `answer`, `cut_off` or `smuggled`.
        reason: in words, without captured text.
        repairable: whether asking once more may help.
    """

    check: str
    reason: str
    repairable: bool = False


def refinement_request(
    material: Material, instructions: Instructions, model: str, extra: Mapping[str, JsonValue], limits: Limits
) -> Asked:
    """Ask for one better prompt; captured text is quoted as JSON between data marks.

    Args:
        material: reflect cases with their executions; nothing of a gate case is in it.
        instructions: how to rewrite.
        model: that rewrites.
        extra: further variables of the task.
        limits: sizes to keep.
    """
    failures = _failures(material)
    solved = _solved(material)
    pairs = [p.model_dump(exclude={"failed_id", "passed_id"}) for p in material.pairs[:6]]
    patterns = [_pattern(material, index) for index in range(min(6, len(material.patterns)))]
    text = material.control.text or ""
    handles = {f"c{n}": case for n, case in enumerate(solved, start=1)}
    values: dict[str, JsonValue] = {
        "task": render(instructions.task.strip(), {"most_shown": limits.max_demonstrations, **extra}),
        "prompt": json.dumps(text, ensure_ascii=False),
        "variables": ", ".join(f"{{{name}}}" for name in variables(text)) or "none",
        "model": material.model or "unknown",
        "answers": _answers(material),
        "patterns": _lines(patterns),
        "failures": _lines(failures),
        "pairs": _lines(pairs),
        "solved": _lines([{"handle": h, **_case(c)} for h, c in handles.items()]),
        "issues": "\n".join(f"- {i.message}" for i in analyze_prompt(text).issues) or "none",
        "rejected": _rejected(material),
    }
    messages = (
        Message(role="system", content=render(instructions.common, {"max_chars": limits.max_chars})),
        Message(role="user", content=render(instructions.request, values)),
    )
    captured = tuple(dict.fromkeys(leaves([*failures, *pairs, *patterns, *map(_case, solved)])))
    asked = ChatRequest(
        model=model,
        messages=messages,
        purpose="refine",
        workspace=material.control.workspace,
        cycle_id=material.cycle_id,
    )
    return Asked(asked, captured, handles)


def read_rewrite(asked: Asked, answer: ChatAnswer, material: Material) -> Rewritten | Unusable:
    """What a model wrote, held against what it was shown.

    Args:
        asked: the request.
        answer: as it came, whole or not.
        material: the control with what may be repeated.

    Returns:
        The new text with the chosen cases put in, or why there is none.
    """
    if answer.finish_reason == "length":
        return Unusable("cut_off", "the model's answer was cut off before its end")
    if answer.finish_reason in ("content_filter", "refusal") or _NO.match(answer.text):
        return Unusable("answer", "the model declined to rewrite the prompt")
    given = _object(answer.text)
    if given is None:
        return Unusable("answer", "the model's answer holds no JSON object with a prompt", repairable=True)
    text = str(given["prompt"])
    reason = smuggled(text, asked.captured, _trusted(material))
    if reason is not None:
        return Unusable("smuggled", reason)
    wanted = given.get("show")
    handles = [str(h) for h in wanted] if isinstance(wanted, list) else []
    chosen = [asked.handles[h] for h in dict.fromkeys(handles) if h in asked.handles]
    block = show_cases(material, chosen) if chosen else None
    why = given.get("why")
    # The reason is shown to people, so it is held against the same evidence as the text.
    told = why if isinstance(why, str) and smuggled(why, asked.captured, _trusted(material)) is None else ""
    return Rewritten(
        insert_block(text, block) if block else text, told[:400], block.count("\n\n") if block else 0
    )


def _object(text: str) -> dict[str, JsonValue] | None:
    """The JSON object of an answer, inside a fence or a sentence too; None without a prompt in it."""
    found = _OBJECT.search(text)
    if found is None:
        return None
    try:
        given = json.loads(found[0], strict=False)
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict) or not isinstance(given.get("prompt"), str):
        return None
    return given


def _trusted(material: Material) -> str:
    options = material.suite.options if material.suite is not None else ()
    expected = {a for c in material.cases.cases if (a := answer_text(c.expected)) is not None}
    said = [material.control.text or "", *(f"{o.name} {o.description}" for o in options), *sorted(expected)]
    return "\n".join(said)


def _failures(material: Material) -> list[dict[str, JsonValue]]:
    """Failures of different patterns in turn, so that the commonest does not fill the page."""
    examples = [list(p.examples) for p in material.patterns]
    by_id = {f.execution_id: f for f in material.failures}
    wanted = [ids[n] for n in range(5) for ids in examples if n < len(ids)]
    chosen = [by_id[i] for i in dict.fromkeys(wanted) if i in by_id] or list(material.failures)
    return [
        {
            "asked": _short(f.inputs),
            "expected": _short(f.expected),
            "got": _short(f.output),
            "check": _short(f.error_message),
        }
        for f in chosen[:MOST_FAILURES]
    ]


def _solved(material: Material) -> list[Case]:
    failed = {f.case_id for f in material.failures}
    ranked = sorted(material.cases.cases, key=lambda c: (c.case_id not in failed, c.case_id))
    fit = (
        c for c in ranked if c.expected is not None and not any(breaks_out(v) for v in leaves(dict(c.inputs)))
    )
    return [case for _, case in zip(range(MOST_SOLVED), fit, strict=False)]


def _case(case: Case) -> dict[str, JsonValue]:
    return {"asked": _short(dict(case.inputs)), "answer": _short(case.expected)}


def _pattern(material: Material, index: int) -> dict[str, JsonValue]:
    pattern = material.patterns[index]
    root = pattern.root_cause
    return {
        "what": pattern.title,
        "share of failures": round(pattern.share, 3),
        "cause": root.cause if root else pattern.cause,
        "cure": root.fix if root else pattern.recommendation,
    }


def _answers(material: Material) -> str:
    if material.suite is None or not material.suite.options:
        return ""
    lines = [f"- {o.name}: {o.description}".rstrip(": ") for o in material.suite.options[:MOST_ANSWERS]]
    more = len(material.suite.options) - len(lines)
    return "\n".join(("Permitted answers:", *lines, *([f"- and {more} more"] if more > 0 else []), ""))


def _rejected(material: Material) -> str:
    lines = [
        f"- {r.proposal.strategy} ({'; '.join(r.proposal.changes) or 'no description'}): "
        f"{r.because or 'no reason kept'}"
        for r in material.rejected[:MOST_REJECTED]
    ]
    return "\n".join(lines) or "none"


def _short(value: JsonValue) -> JsonValue:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def _lines(rows: Sequence[Mapping[str, JsonValue]]) -> str:
    return "\n".join(quoted(dict(row)) for row in rows) or "none"
