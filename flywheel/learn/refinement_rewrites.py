"""Rewrites of a whole prompt that add nothing: what stands where, what can go."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from flywheel.learn.insertion import is_chat, layout
from flywheel.learn.refinement_blocks import NUDGE
from flywheel.learn.templates import variables

MOST_SHOWN = 2
"""Solved questions with the same answer that shortening leaves."""

_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")
_FORM = re.compile(
    r"output format|nothing else"
    r"|\b(?:answer|reply|respond)\b[^.\n]{0,40}\b(?:only|exactly|json|single|one word)\b",
    re.IGNORECASE,
)
_FILLER = re.compile(
    r"(?:^|(?<=[.!?] ))(?:please note that[^.!?\n]*[.!?]|thank you[^.!?\n]*[.!?]"
    r"|we really appreciate[^.!?\n]*[.!?]"
    r"|good luck[^.!?\n]*[.!?]|this is (?:very |extremely )?important[^.!?\n]*[.!?]"
    r"|take (?:your time|a deep breath)[^.!?\n]*[.!?])\s*",
    re.IGNORECASE | re.MULTILINE,
)
_PLEASE = re.compile(r"\b(?:please|kindly) ", re.IGNORECASE)
_SOLVED = re.compile(r"^(?:.*\n)*?.*:[ \t]*(\S.*)$")


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One way to write a prompt anew with the words it has.

    Attributes:
        strategy: name of the refinement strategy.
        change: one line saying so.
        kinds: kinds of failure pattern it answers.
        apply: gives the new text; the same text when there is nothing to do.
    """

    strategy: str
    change: str
    kinds: tuple[str, ...]
    apply: Callable[[str], str]


def reorder(text: str) -> str:
    r"""The demand of a form moved to the end of what is said, right before the input.

    What stands in the middle of a long prompt is what small contexts lose and
    large ones weigh least.

    References:
        Liu et al. (2024), Lost in the Middle, TACL 12:157-173.

    Examples:
        >>> reorder("You sort mail.\n\nReply with one word only.\n\n- spam\n- ham\n\nMail: {mail}")
        'You sort mail.\n\n- spam\n- ham\n\nReply with one word only.\n\nMail: {mail}'
    """
    if is_chat(text):
        return text
    parts = layout(text)
    paragraphs = [p for p in _PARAGRAPHS.split(parts.head.strip("\n")) if p.strip()]
    demands = [p for p in paragraphs if _FORM.search(p) and len(p.split()) <= 80]
    rest = [p for p in paragraphs if p not in demands]
    if not demands or not rest or paragraphs[-len(demands) :] == demands:
        return text
    head = "\n\n".join((*rest, *demands))
    return f"{head}\n\n{parts.tail}" if parts.tail else f"{head}\n"


def shorten(text: str) -> str:
    r"""The prompt without what says nothing, or says it again.

    Courtesy, repeated lines, runs of blank lines, encouragement; of solved
    questions with the same answer the first two stay. Variables stay where
    they are.

    Examples:
        >>> shorten("Please pick a name.\n\n\n\nPick a name.\nThank you so much.\n\nQ: {q}")
        'Pick a name.\n\nQ: {q}'
    """
    if is_chat(text):
        return text
    parts = layout(text)
    said = _PLEASE.sub("", _FILLER.sub("", parts.head.replace(NUDGE, "")))
    kept: list[str] = []
    seen: set[str] = set()
    answers: dict[str, int] = {}
    for paragraph in _PARAGRAPHS.split(said):
        solved = _SOLVED.match(paragraph) if paragraph.count("\n") in (1, 2) and "?" in paragraph else None
        if solved is not None:
            answers[solved[1]] = answers.get(solved[1], 0) + 1
            if answers[solved[1]] > MOST_SHOWN:
                continue
            kept.append(paragraph)
            continue
        lines = []
        for line in paragraph.splitlines():
            key = " ".join(re.sub(r"[^\w{}]+", " ", line).casefold().split())
            if key and key in seen and not variables(line):
                continue
            seen.add(key)
            lines.append(line[:1].upper() + line[1:].rstrip() if line[:1].isalpha() else line.rstrip())
        if any(line.strip() for line in lines):
            kept.append("\n".join(lines))
    head = "\n\n".join(p for p in kept if p.strip()).strip("\n")
    return f"{head}\n\n{parts.tail}" if head and parts.tail else (head or parts.tail)


REWRITES: tuple[Rewrite, ...] = (
    Rewrite(
        "shortening",
        "takes out what says nothing or says it again",
        ("format", "wrong_answer", "confusion"),
        shorten,
    ),
    Rewrite("ordering", "moves the output format next to the input", ("format", "cut_off"), reorder),
)
