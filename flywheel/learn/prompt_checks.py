"""Hard checks: reasons not to spend a single call on a candidate."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flywheel.learn.insertion import is_chat
from flywheel.learn.prompt_analysis import analyze_prompt
from flywheel.learn.refinement_material import Limits, Material
from flywheel.learn.templates import messages_of, variables
from flywheel.records.proposal import Proposal

_JSON_KEY = re.compile(r"\"([A-Za-z_]\w*)\"\s*:")
_DANGLING = re.compile(
    r"(?:[,;(\[{<]|\b(?:a|an|and|as|at|because|but|by|for|from|if|in|into|is|of|on|or|than|that|the|their|to|when"
    r"|which|with|your))\s*$",
    re.IGNORECASE,
)
_NOT_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a candidate must not be tested.

    Attributes:
        check: short name of the check it failed.
        reason: in words, without any text of a gate case.
    """

    check: str
    reason: str


def object_to(material: Material, proposal: Proposal, limits: Limits) -> Objection | None:
    """The first hard check a candidate fails, or None.

    Args:
        material: the control it derives from, what must not come again, what must not leak.
        proposal: the candidate.
        limits: sizes with ceilings of spend.

    Returns:
        The check with its reason; None when the candidate may be tested.
    """
    text, control = proposal.text, material.control.text
    if text is None or control is None or not text.strip():
        return Objection("empty", "it has no text")
    for check in (_unchanged, _seen_before, _cut_off):
        found = check(material, proposal, text)
        if found is not None:
            return found
    found = _variables(text, control) or _contract(material, text, control) or _size(limits, text, control)
    if found is not None:
        return found
    leaked = material.guard.leaked_words(_said(text))
    if leaked:
        return Objection("leak", f"it repeats {leaked} words in a row of a case that is kept back")
    return None


def same_words(text: str, other: str) -> bool:
    """Whether two texts differ in nothing a reader would notice: case, spaces, punctuation.

    Text in the variables' braces and numbers count as words.

    Examples:
        >>> same_words("Pick a name:  {q}", "pick a name - {q}."), same_words("Pick 1: {q}", "Pick 2: {q}")
        (True, False)
    """
    return _NOT_WORDS.sub(" ", text).casefold().strip() == _NOT_WORDS.sub(" ", other).casefold().strip()


def _unchanged(material: Material, proposal: Proposal, text: str) -> Objection | None:
    control = material.control.text or ""
    if text == control:
        return Objection("unchanged", "its text equals the control's")
    if same_words(text, control) and proposal.strategy not in _MOVES_ONLY:
        return Objection("unchanged", "it differs from the control in spaces, case or punctuation only")
    return None


_MOVES_ONLY = ("shortening",)
"""Strategies for which fewer spaces are the point: they cost less and a small context reaches further."""


def _seen_before(material: Material, proposal: Proposal, text: str) -> Objection | None:
    if proposal.version in material.avoid:
        return Objection("seen_before", "this very text was rejected, or live, before")
    for known in material.rejected:
        if known.proposal.text is not None and same_words(text, known.proposal.text):
            return Objection("seen_before", "it says what a proposal rejected before said, word for word")
    return None


def _cut_off(material: Material, _proposal: Proposal, text: str) -> Objection | None:
    control = material.control.text or ""
    if text.count("```") % 2 and not control.count("```") % 2:
        return Objection("cut_off", "a code fence is opened and never closed")
    last = _last_words(text)
    if _DANGLING.search(last) and not _DANGLING.search(_last_words(control)):
        return Objection("cut_off", "it ends in the middle of a sentence")
    return None


def _last_words(text: str) -> str:
    whole = messages_of(text)[-1].content if is_chat(text) else text
    return whole.rstrip()[-80:]


def _variables(text: str, control: str) -> Objection | None:
    if set(variables(text)) != set(variables(control)):
        told = f"its variables are {variables(text)}, the control's {variables(control)}"
        return Objection("variables", told)
    return None


def _contract(material: Material, text: str, control: str) -> Objection | None:
    """What a program behind the prompt relies on: roles, permitted answers, keys, a demanded form."""
    if is_chat(control) != is_chat(text):
        return Objection("contract", "a conversation became plain text, or plain text a conversation")
    if is_chat(control):
        roles = [[m.role for m in messages_of(t)] for t in (control, text)]
        if roles[0] != roles[1]:
            return Objection("contract", f"its roles are {roles[1]!r}, the control's {roles[0]!r}")
    options = material.suite.options if material.suite is not None else ()
    lost = [o.name for o in options if _mentions(control, o.name) and not _mentions(text, o.name)]
    if lost:
        return Objection(
            "contract",
            f"it drops {len(lost)} of the permitted answers the control names, such as {lost[0]!r}",
        )
    keys = set(_json_keys(control)) - set(_json_keys(text))
    if keys:
        return Objection("contract", f"it drops the output keys {sorted(keys)!r}")
    if _demands_form(control) and not _demands_form(text):
        return Objection("contract", "it no longer says what form the answer must have")
    return None


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _json_keys(text: str) -> list[str]:
    return _JSON_KEY.findall(_said(text))


def _demands_form(text: str) -> bool:
    return all(issue.kind != "missing_output_format" for issue in analyze_prompt(_said(text)).issues)


def _said(text: str) -> str:
    """What a version says, without the braces and quotation marks of a conversation."""
    return "\n\n".join(m.content for m in messages_of(text)) if is_chat(text) else text


def _size(limits: Limits, text: str, control: str) -> Objection | None:
    if len(text) > limits.max_chars:
        return Objection("size", f"it has {len(text)} characters; the limit is {limits.max_chars}")
    growth = (1.0 + len(text) / max(1, len(control))) / 2.0
    tokens, usd, calls = limits.cost.input_tokens, limits.cost.usd, limits.least_calls
    if tokens is not None and limits.budget_tokens is not None:
        needed = round(calls * tokens * growth)
        if needed > limits.budget_tokens:
            told = f"{calls} calls would read {needed:,} tokens; the budget is {limits.budget_tokens:,}"
            return Objection("cost", told)
    if usd is not None and limits.budget_usd is not None:
        price = calls * usd * growth
        if price > limits.budget_usd:
            told = f"{calls} calls would cost {price:.4f} USD; the budget is {limits.budget_usd:g}"
            return Objection("cost", told)
    return None
