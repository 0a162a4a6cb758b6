"""Candidates that other optimizers found, read from their files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from flywheel.errors import InputError
from flywheel.learn.captured_text import breaks_out
from flywheel.learn.drafting import Allowance, Drafts
from flywheel.learn.insertion import demonstration, insert_block, is_chat, layout
from flywheel.learn.prompt_leaks import leaves
from flywheel.learn.refinement import proposal_of
from flywheel.learn.refinement_material import Limits, Material
from flywheel.learn.templates import render, variables
from flywheel.records.proposal import Proposal

TEXT_ENDINGS = (".txt", ".md", ".prompt")


@dataclass(frozen=True, slots=True)
class ForeignPrompt:
    """What another optimizer found.

    Attributes:
        strategy: name it is known by, such as `dspy:router` or `gepa:2`.
        text: a whole prompt with variables; None when only its parts are known.
        instructions: what is said before the input, without variables.
        demonstrations: solved inputs by field, the answer among them.
        answer: field of the demonstrations that is the answer.
        rationale: what its file claims.
    """

    strategy: str
    text: str | None = None
    instructions: str = ""
    demonstrations: tuple[dict[str, JsonValue], ...] = ()
    answer: str | None = None
    rationale: str = "found by another optimizer"


@dataclass(frozen=True, slots=True)
class ForeignProposals:
    """Prompts of files as a proposer; each meets the same hard checks with the same gate.

    Instructions without a place for the input take the place of what the live
    version says before its own; where that loses a permitted answer, a second
    candidate puts them beside what stands there.

    Attributes:
        prompts: with distinct strategies.
        asked_for: a person named the files, so that history does not keep them waiting.
    """

    prompts: tuple[ForeignPrompt, ...]
    asked_for: bool = True

    @property
    def strategies(self) -> tuple[str, ...]:
        """One per prompt."""
        return tuple(prompt.strategy for prompt in self.prompts)

    def propose(
        self,
        material: Material,
        strategies: Sequence[str],
        limits: Limits,  # noqa: ARG002  named by the protocol
        allowance: Allowance,  # noqa: ARG002  nothing is spent
    ) -> Drafts:
        """The prompts as candidates for the live version; nothing is called.

        Args:
            material: whose control says how an input is asked.
            strategies: which prompts.
            limits: not needed.
            allowance: not needed.
        """
        wanted = [prompt for prompt in self.prompts if prompt.strategy in strategies]
        return Drafts(made=tuple(p for prompt in wanted for p in _candidates(material, prompt)))


def read_foreign(paths: Sequence[Path]) -> ForeignProposals:
    """Prompts of files: JSON lines with `text`, plain text, a saved DSPy program, a result of gepa.

    Args:
        paths: what each is, is seen from its ending with its content.

    Raises:
        InputError: a file cannot be read, or is none of these; nothing was started.

    Examples:
        >>> read_foreign([]).strategies
        ()
    """
    found: dict[str, ForeignPrompt] = {}
    for path in paths:
        try:
            content = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = type(error).__name__
            msg = f"{str(path)!r} cannot be read ({why}). Nothing was started. Name a text file."
            raise InputError(msg) from error
        for prompt in _read(path, content):
            name = prompt.strategy
            number = 2
            while name in found:
                name, number = f"{prompt.strategy}-{number}", number + 1
            found[name] = ForeignPrompt(
                name,
                prompt.text,
                prompt.instructions,
                prompt.demonstrations,
                prompt.answer,
                prompt.rationale,
            )
    return ForeignProposals(tuple(found.values()))


def _read(path: Path, content: str) -> list[ForeignPrompt]:
    if path.suffix in TEXT_ENDINGS:
        return [ForeignPrompt(f"file:{path.stem}", text=content)]
    try:
        if path.suffix == ".jsonl":
            rows = [json.loads(line) for line in content.splitlines() if line.strip()]
            found = [_line(path, number, row) for number, row in enumerate(rows, start=1)]
        else:
            found = _program(path, json.loads(content))
    except (ValueError, RecursionError) as error:
        msg = f"{str(path)!r} is not valid JSON ({error}). Nothing was started. Mend it, or leave it out."
        raise InputError(msg) from error
    if not found:
        msg = (
            f"{str(path)!r} holds no prompt; need JSON lines with 'text', a saved DSPy program or a result "
            "of gepa. Nothing was started. Give such a file, or the prompt as .txt."
        )
        raise InputError(msg)
    return found


def _line(path: Path, number: int, row: object) -> ForeignPrompt:
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        msg = f"Line {number} of {str(path)!r} has no 'text'. Nothing was started. Give each line one."
        raise InputError(msg)
    name = str(row.get("strategy") or f"file:{path.stem}")
    return ForeignPrompt(name, text=row["text"], rationale=str(row.get("rationale") or "given in a file"))


def _program(path: Path, state: object) -> list[ForeignPrompt]:
    if not isinstance(state, dict):
        return []
    if isinstance(state.get("candidates"), list):
        return _gepa_result(path, state)
    parts = {"": state} if "signature" in state else state
    return [
        _predictor(f"dspy:{path.stem}" + (f".{name}" if name and len(parts) > 2 else ""), part)
        for name, part in parts.items()
        if isinstance(part, dict) and isinstance(part.get("signature"), dict)
    ]


def _predictor(strategy: str, part: dict[str, Any]) -> ForeignPrompt:
    """One predictor of a DSPy program; its last field is the answer."""
    signature = part["signature"]
    fields = [str(f.get("description", "")).strip("${}") for f in signature.get("fields", ())]
    shown = tuple(d for d in part.get("demos") or () if isinstance(d, dict))
    return ForeignPrompt(
        strategy,
        instructions=str(signature.get("instructions", "")),
        demonstrations=shown,
        answer=fields[-1] if fields else None,
        rationale=f"a DSPy program with {len(shown)} demonstrations",
    )


def _gepa_result(path: Path, state: dict[str, Any]) -> list[ForeignPrompt]:
    """Candidates of gepa, the best by its own score first; candidate 0 is what it started from."""
    scores = state.get("val_aggregate_scores") or []
    ranked = sorted(range(1, len(state["candidates"])), key=lambda i: -scores[i] if i < len(scores) else 0.0)
    found = []
    for index in ranked[:3]:
        said = "\n\n".join(str(text) for text in state["candidates"][index].values())
        claim = (
            f"gepa claims {scores[index]:.3f} on its own cases" if index < len(scores) else "found by gepa"
        )
        whole = said if variables(said) else None
        found.append(
            ForeignPrompt(
                f"gepa:{path.stem}.{index}", whole, "" if whole is not None else said, rationale=claim
            )
        )
    return found


def _candidates(material: Material, prompt: ForeignPrompt) -> list[Proposal]:
    control = material.control.text or ""
    if prompt.text is not None:
        texts = [(prompt.text, "a whole prompt")]
    elif is_chat(control):
        texts = [(insert_block(control, prompt.instructions), "adds its instructions")]
    else:
        parts = layout(control)
        shown = _shown(prompt, parts.tail)
        alone = "\n\n".join(p for p in (prompt.instructions.strip(), shown, parts.tail) if p)
        beside = insert_block(control, "\n\n".join(p for p in (prompt.instructions.strip(), shown) if p))
        texts = [
            (alone, "its instructions in place of ours"),
            (beside, "its instructions beside ours"),
        ]
    return [
        proposal_of(material, prompt.strategy, text, (change,)).model_copy(
            update={"rationale": prompt.rationale}
        )
        for text, change in texts
        if text.strip()
    ]


def _shown(prompt: ForeignPrompt, tail: str) -> str:
    """Its demonstrations as this prompt would ask them; those that cannot be asked so are left out."""
    shown = []
    for solved in prompt.demonstrations:
        answer = solved.get(prompt.answer or "")
        if not isinstance(answer, str) or not set(variables(tail)) <= set(solved):
            continue
        if any(breaks_out(value) for value in leaves(dict(solved))):
            continue
        filled = render(tail, solved)
        if not variables(filled) and not variables(answer):
            shown.append(demonstration(filled, answer))
    return "\n\n".join(("Solved questions:", *shown)) if shown else ""
