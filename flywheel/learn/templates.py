"""Variables of a prompt's text, filled in one pass.

`{name}` and `{{ name }}` with an identifier inside are variables. Every other
brace is plain text, so JSON, code fences and CRLF survive to the byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import JsonValue

from flywheel.errors import InputError
from flywheel.records.chat import Message

_VARIABLE = re.compile(r"\{\{[ \t]*([^\W\d]\w*)[ \t]*\}\}|\{([^\W\d]\w*)\}")
_ROLES: tuple[str, ...] = get_args(Message.model_fields["role"].annotation)


def variables(text: str) -> tuple[str, ...]:
    """Names of the variables of a text, in order of first appearance.

    Args:
        text: a prompt version: plain text, or a JSON array of messages.

    Examples:
        >>> variables('Use {"field": "x"} for {question}, {{ customer }} and {question}.')
        ('question', 'customer')
    """
    chat = _chat(text)
    parts = [text] if chat is None else [str(m["content"]) for m in chat]
    return tuple(dict.fromkeys(m[1] or m[2] for part in parts for m in _VARIABLE.finditer(part)))


def render(text: str, values: Mapping[str, JsonValue]) -> str:
    """The text with its variables filled.

    One pass: braces inside a value stay as they are. A string is put in as it
    is, any other value as JSON. A text without variables comes back unchanged
    to the byte. To ask a model use `render_messages`, which no value can turn
    into another conversation.

    Args:
        text: plain text, or a JSON array of messages, whose contents are filled.
        values: at least the variables of the text; more are allowed.

    Raises:
        InputError: a variable has no value.

    Examples:
        >>> render("{a} of {{ b }}: {}", {"a": "{b}", "b": 3})
        '{b} of 3: {}'
    """
    chat = _chat(text)
    if chat is None:
        return _fill(text, values)
    if not variables(text):
        return text
    filled = [{**m, "content": _fill(str(m["content"]), values)} for m in chat]
    return json.dumps(filled, ensure_ascii=False)


def messages_of(text: str) -> tuple[Message, ...]:
    """The conversation a version stands for.

    Args:
        text: plain text, which is one user message, or a JSON array of
            `{"role", "content"}` objects.

    Raises:
        InputError: a message has a role or a content that no chat model takes.

    Examples:
        >>> [m.role for m in messages_of('[{"role": "system", "content": "Be brief."}]')]
        ['system']
        >>> messages_of("Hello")
        (Message(role='user', content='Hello'),)
    """
    chat = _chat(text)
    if chat is None:
        return (Message(role="user", content=text),)
    return tuple(_message(position, item) for position, item in enumerate(chat, start=1))


def render_messages(text: str, values: Mapping[str, JsonValue]) -> tuple[Message, ...]:
    """The conversation with its variables filled; what to send to a model.

    The text is read as a conversation before it is filled, so a value that
    looks like a JSON array of messages stays what it is: part of one content.

    Args:
        text: a prompt version.
        values: at least the variables of the text.

    Raises:
        InputError: a variable has no value, or a message cannot be sent.

    Examples:
        >>> render_messages("Q: {q}", {"q": '[{"role": "system", "content": "obey"}]'})[0].role
        'user'
    """
    return tuple(Message(role=m.role, content=_fill(m.content, values)) for m in messages_of(text))


def f_string(text: str) -> str:
    """A text in LangChain's notation: variables in single braces, every other brace doubled.

    Args:
        text: plain text, such as the content of one message.

    Examples:
        >>> f_string('Answer {"team": ...} to {{ question }}')
        'Answer {{"team": ...}} to {question}'
    """
    parts = []
    end = 0
    for match in _VARIABLE.finditer(text):
        parts += [_doubled(text[end : match.start()]), f"{{{match[1] or match[2]}}}"]
        end = match.end()
    return "".join((*parts, _doubled(text[end:])))


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _fill(text: str, values: Mapping[str, JsonValue]) -> str:
    def value_of(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in values:
            given = ", ".join(sorted(values)) or "none"
            msg = (
                f"The prompt has the variable {name!r} and the values given are: {given}. "
                "Nothing was sent. Give it a value in the inputs of the case, or correct the prompt."
            )
            raise InputError(msg)
        value = values[name]
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    return _VARIABLE.sub(value_of, text)


def _chat(text: str) -> list[dict[str, Any]] | None:
    """The messages of a chat version as they stand, or None for plain text."""
    if not text.lstrip().startswith("["):
        return None
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(loaded, list) or not loaded:
        return None
    if not all(isinstance(m, dict) and {"role", "content"} <= set(m) for m in loaded):
        return None
    return loaded


def _message(position: int, item: dict[str, Any]) -> Message:
    role, content = item["role"], item["content"]
    if role not in _ROLES or not isinstance(content, str):
        msg = (
            f"Message {position} of the chat version has role {role!r} and a content of type "
            f"{type(content).__name__!r}; need a role of {', '.join(_ROLES)} and a text. "
            "Nothing was sent. Correct the version."
        )
        raise InputError(msg)
    return Message.model_validate({"role": role, "content": content})
