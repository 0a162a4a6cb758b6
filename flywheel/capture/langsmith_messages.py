"""What a run of LangSmith was given, in few words, beside what it answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_ROLES: Final[Mapping[str, str]] = {
    "HumanMessage": "user",
    "AIMessage": "assistant",
    "SystemMessage": "system",
    "ToolMessage": "tool",
    "FunctionMessage": "function",
    "human": "user",
    "ai": "assistant",
}
"""Roles by the class, or by the type, of a message of LangChain."""

_ANSWERS: Final = ("output", "answer", "result", "response", "text", "completion", "content")
"""Keys whose value is the answer where an object has no other one."""

_KEPT_OF_A_MESSAGE: Final = ("name", "tool_calls", "tool_call_id")


def given_to(inputs: object) -> object:
    """The inputs of a run; messages of LangChain become a role with a content.

    Examples:
        >>> said = {"lc": 1, "id": ["langchain", "HumanMessage"], "kwargs": {"content": "Where is it?"}}
        >>> given_to({"messages": [[said]]})
        {'messages': [{'role': 'user', 'content': 'Where is it?'}]}
    """
    if not isinstance(inputs, dict):
        return inputs
    return {key: _messages(value) if key == "messages" else value for key, value in inputs.items()}


def answer_of(outputs: object) -> object:
    """What a run answered: its text where it is one, else the whole of it.

    Examples:
        >>> answer_of({"generations": [[{"text": "in the shed"}]]}), answer_of({"output": 3})
        ('in the shed', 3)
        >>> answer_of({"choices": [{"message": {"role": "assistant", "content": "here"}}]})
        'here'
    """
    if not isinstance(outputs, dict):
        return outputs
    for key in ("generations", "choices"):
        found = _only(outputs.get(key))
        if isinstance(found, dict):
            return _answer_in(found)
    if "messages" in outputs:
        last = outputs["messages"]
        said = _messages(last[-1:]) if isinstance(last, list) and last else None
        return _content(said[0]) if isinstance(said, list) and said else outputs
    if "role" in outputs and "content" in outputs:
        return _content(outputs)
    if len(outputs) == 1:
        key, value = next(iter(outputs.items()))
        if key in _ANSWERS:
            return _content(_message(value)) if isinstance(value, dict) else value
    return outputs


def model_in(outputs: object) -> object:
    """The model that an answer names, or None."""
    if not isinstance(outputs, dict):
        return None
    told = outputs.get("llm_output")
    named = told.get("model_name") or told.get("model") if isinstance(told, dict) else None
    return named or (outputs.get("model") if "choices" in outputs else None)


def _answer_in(found: dict[str, Any]) -> object:
    """The answer in a generation of LangChain or in a choice of OpenAI."""
    message = _message(found["message"]) if isinstance(found.get("message"), dict) else None
    text = found.get("text")
    if message is None or (isinstance(text, str) and text and "tool_calls" not in message):
        return found if text is None else text
    return _content(message)


def _only(given: object) -> object:
    """The one entry of a list of one, however often that is nested; None where there are several."""
    while isinstance(given, list):
        if len(given) != 1:
            return None
        given = given[0]
    return given


def _messages(given: object) -> object:
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], list):
        given = given[0]
    if not isinstance(given, list):
        return given
    return [_message(one) if isinstance(one, dict) else one for one in given]


def _message(given: dict[str, Any]) -> dict[str, Any]:
    """Role with content of a message; one of another shape stays what it is."""
    inside = given.get("kwargs", given.get("data"))
    fields = inside if isinstance(inside, dict) else given
    if "content" not in fields:
        return given
    path = given.get("id")
    last = path[-1] if isinstance(path, list) and path else None
    kind = fields.get("role") or given.get("type") if last is None or "lc" not in given else last
    name = str(kind).removesuffix("Chunk")
    message = {"role": _ROLES.get(name, name) if kind else None, "content": fields["content"]}
    kept = {key: fields[key] for key in _KEPT_OF_A_MESSAGE if fields.get(key)}
    return {**message, **kept}


def _content(message: object) -> object:
    """The text of a message that has nothing but text, else the message."""
    if not isinstance(message, dict) or "content" not in message or message.get("tool_calls"):
        return message
    content = message["content"]
    if not isinstance(content, list):
        return content
    texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
    whole = [text for text in texts if isinstance(text, str)]
    return "".join(whole) if len(whole) == len(content) else message
