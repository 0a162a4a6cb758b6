"""Where a block of text goes in a prompt without disturbing what is there."""

from __future__ import annotations

import json
from dataclasses import dataclass

from flywheel.learn.templates import variables


@dataclass(frozen=True, slots=True)
class Layout:
    """A text prompt in two parts.

    Attributes:
        head: everything before the part that is filled for each input.
        tail: from the first line with a variable, in the last paragraph that has one, to the end.
    """

    head: str
    tail: str


def is_chat(text: str) -> bool:
    """Whether a version is a JSON array of messages instead of plain text.

    Examples:
        >>> is_chat('[{"role": "user", "content": "{q}"}]'), is_chat("Answer {q}")
        (True, False)
    """
    if not text.lstrip().startswith("["):
        return False
    try:
        loaded = json.loads(text)
    except ValueError:
        return False
    return (
        isinstance(loaded, list)
        and bool(loaded)
        and all(isinstance(m, dict) and {"role", "content"} <= set(m) for m in loaded)
    )


def layout(text: str) -> Layout:
    r"""Split a text prompt before the line from which it depends on the input.

    Examples:
        >>> layout("Pick a field.\n\nQuestion: {question}\nAnswer:").tail
        'Question: {question}\nAnswer:'
    """
    lines = text.splitlines(keepends=True)
    holding = [index for index, line in enumerate(lines) if variables(line)]
    if not holding:
        return Layout(text, "")
    start = holding[-1]
    for index in reversed(holding[:-1]):
        if any(not line.strip() for line in lines[index:start]):
            break
        start = index
    return Layout("".join(lines[:start]), "".join(lines[start:]))


def insert_block(text: str, block: str) -> str:
    r"""The prompt with a block of its own before the part that depends on the input.

    A chat prompt gets the block at the end of its first message.

    Args:
        text: a prompt version's text.
        block: lines without leading or trailing blank lines.

    Returns:
        The new text; everything of the old one stays, byte for byte, in order.

    Examples:
        >>> insert_block("Pick a field.\n\nQuestion: {question}", "Answer with one name.")
        'Pick a field.\n\nAnswer with one name.\n\nQuestion: {question}'
    """
    if is_chat(text):
        messages = json.loads(text)
        messages[0]["content"] = f"{messages[0]['content']}\n\n{block}"
        return json.dumps(messages, ensure_ascii=False)
    newline = "\r\n" if "\r\n" in text else "\n"
    block = block.replace("\n", newline)
    parts = layout(text)
    head = parts.head
    if head and not head.endswith(newline * 2):
        head += newline if head.endswith(newline) else newline * 2
    if not parts.tail:
        return f"{head}{block}{newline}"
    return f"{head}{block}{newline}{newline}{parts.tail}"


def demonstration(tail: str, answer: str) -> str:
    r"""The part of a prompt that asks, once filled, followed by its answer.

    Args:
        tail: the filled tail of the prompt.
        answer: the right answer.

    Examples:
        >>> demonstration("Q: Where does she live?\nA:", "addr_residence")
        'Q: Where does she live?\nA: addr_residence'
        >>> demonstration("Question: Where does she live?", "addr_residence")
        'Question: Where does she live?\nAnswer: addr_residence'
    """
    asked = tail.strip()
    if asked.endswith(":"):
        return f"{asked} {answer}"
    return f"{asked}\nAnswer: {answer}"
