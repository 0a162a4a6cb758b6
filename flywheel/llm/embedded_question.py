"""Where in a conversation the question stands; the rest is reference material."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flywheel.records.chat import Message

TAIL_CHARS = 2_000
"""A question is nearly always in the last part of a prompt; only without one there is the whole searched."""

_WORD = r"[\w’'()-]+"
QUESTION_CUE = re.compile(
    rf"^[ \t>#*]*(?:(?:{_WORD}[ \t]+){{0,6}}?(?:question|query|input|request|asks|asked|utterance)"
    r"(?:[ \t]+(?:\d+|(?:from|by|of)[ \t]+[\w’' ]{1,30}))?|q|user|human|customer|caller|client|ticket)"
    r"[ \t]*\d*\**[ \t]*:[ \t*]*",
    re.MULTILINE | re.IGNORECASE,
)
ANSWER_CUE = re.compile(
    r"^[ \t>#*]*(?:(?:the|correct|right|final|best|expected|matching)[ \t]+){0,2}"
    r"(?:answer|a|output|field|field name|label|category|class|response|reply|result|assistant|solution)"
    r"[ \t]*\d*\**[ \t]*:[ \t*]*(?P<answer>.*)$",
    re.MULTILINE | re.IGNORECASE,
)
DEMAND = re.compile(
    r"\b(?:reply|respond|answer|return|output|give|write|print|pick|choose|select|use)\b.{0,60}"
    r"\b(?:with|only|just|exactly|one|json|field|name|option|word|label|number)\b"
    r"|nothing else|no explanation|output format",
    re.IGNORECASE,
)
BULLET = re.compile(r"^[ \t]*(?:[-*•+–]|\(?\d{1,3}[.)]|\(?[A-Za-z][.)])[ \t]+")
_TAGGED = re.compile(r"<(question|query|input)>\s*(.+?)\s*</\1>", re.DOTALL | re.IGNORECASE)
_QUOTES = " \t\"'“”‘’«»`*"


@dataclass(frozen=True, slots=True)
class Asked:
    """A conversation in two parts.

    Attributes:
        question: what is asked, without quotation marks.
        reference: all other text, in order; the same for every question put to one prompt.
    """

    question: str
    reference: str


def split_conversation(messages: Sequence[Message]) -> Asked:
    r"""The question of a conversation, apart from what it may be answered from.

    Earlier pairs of user and assistant messages become demonstrations in text.

    Examples:
        >>> said = Message(role="user", content="Be kind.\n\nQuestion: Who?\nAnswer:")
        >>> asked = split_conversation([said])
        >>> asked.question, asked.reference
        ('Who?', 'Be kind.\n\nQuestion: \nAnswer:')
    """
    last = max((i for i, m in enumerate(messages) if m.role == "user"), default=None)
    if last is None:
        return Asked("", "\n\n".join(m.content for m in messages))
    before = _earlier(messages[:last])
    final = messages[last].content
    start, end = question_span(final)
    rest = final[:start] + final[end:]
    reference = "\n\n".join([*before, rest] if rest.strip() else before)
    return Asked(final[start:end].strip(_QUOTES + "\r\n"), reference)


def question_span(text: str) -> tuple[int, int]:
    """Start and end of the question in one message.

    In order: a tagged question; the last cue (`Question:`, `Q:`) that no answer
    follows; the last line with a question mark; the last paragraph.
    """
    offset = max(0, len(text) - TAIL_CHARS)
    if offset:
        offset = text.find("\n", offset) + 1
    for base in (offset, 0) if offset else (0,):
        part = text[base:]
        found = _tagged(part) or _cued(part) or _asking_line(part)
        if found:
            return base + found[0], base + found[1]
    return _last_paragraph(text)


def content_end(text: str, start: int) -> int:
    """Where a question that begins at start ends: at an answer cue, a demand, or a blank line."""
    position = start
    while position < len(text):
        line_end = text.find("\n", position)
        line_end = len(text) if line_end < 0 else line_end
        line = text[position:line_end]
        if position > start and (not line.strip() or _ends_question(line)):
            return position - 1
        position = line_end + 1
    return len(text)


def _ends_question(line: str) -> bool:
    return bool(ANSWER_CUE.match(line) or QUESTION_CUE.match(line) or DEMAND.search(line))


def _earlier(messages: Sequence[Message]) -> list[str]:
    parts: list[str] = []
    asked: str | None = None
    for message in messages:
        if message.role == "user":
            if asked is not None:
                parts.append(asked)
            asked = message.content
        elif message.role == "assistant" and asked is not None:
            start, end = question_span(asked)
            parts.append(f"Question: {_one_line(asked[start:end])}\nAnswer: {_one_line(message.content)}")
            asked = None
        else:
            parts.append(message.content)
    return parts if asked is None else [*parts, asked]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _tagged(text: str) -> tuple[int, int] | None:
    spans = [m.span(2) for m in _TAGGED.finditer(text)]
    return spans[-1] if spans else None


def _cued(text: str) -> tuple[int, int] | None:
    """The last cued question that no answer follows."""
    answers = [m.start() for m in ANSWER_CUE.finditer(text) if m["answer"].strip()]
    limit = len(text)
    for cue in reversed(list(QUESTION_CUE.finditer(text))):
        start = cue.end()
        if text[start : start + 1] in ("\n", "\r"):
            start = text.find("\n", start) + 1
        end = content_end(text, start)
        answered = any(end - 1 <= a < limit for a in answers)
        limit = cue.start()
        if not answered and text[start:end].strip() and not BULLET.match(text[start:end]):
            return start, end
    return None


def _asking_line(text: str) -> tuple[int, int] | None:
    position = len(text)
    while position > 0:
        start = text.rfind("\n", 0, position) + 1
        line = text[start:position]
        if (
            line.rstrip(_QUOTES + "\r").endswith("?")
            and not BULLET.match(line)
            and not QUESTION_CUE.match(line)
        ):
            return start, position
        position = start - 1
    return None


def _last_paragraph(text: str) -> tuple[int, int]:
    """The last paragraph that is neither a list nor a demand; the whole text when there is none."""
    end = len(text)
    while end > 0:
        blank = max(text.rfind("\n\n", 0, end), text.rfind("\n\r\n", 0, end))
        start = 0 if blank < 0 else blank + 2
        paragraph = text[start:end].strip()
        if paragraph and not BULLET.match(paragraph) and not _ends_question(paragraph):
            return start, end
        end = blank
    return 0, len(text)
