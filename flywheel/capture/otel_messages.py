"""Messages of a span, in whatever attributes or events an instrumentation put them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from flywheel.capture.foreign_values import number, text_or_json
from flywheel.capture.otel_names import (
    CONTENT_EVENTS,
    DETAILS_EVENT,
    INPUT_EVENTS,
    INPUTS,
    NUMBERED_INPUTS,
    NUMBERED_OUTPUTS,
    OUTPUT_EVENT,
    OUTPUTS,
)
from flywheel.capture.plain import MAX_DEPTH
from flywheel.capture.reasons import shown

_NUMBERED: Final = re.compile(r"(\d{1,6})\.(?:message\.)?(.+)\Z")
_MOST_MESSAGES: Final = 10_000
_MOST_KEYS: Final = 8


def attributes_of(given: object) -> dict[str, Any]:
    """Attributes of OTLP as plain values; a plain dictionary of them is taken too.

    Examples:
        >>> attributes_of([{"key": "a", "value": {"intValue": "3"}}])
        {'a': 3}
    """
    if isinstance(given, dict):
        return given
    pairs = given if isinstance(given, list) else []
    return {
        str(pair["key"]): _plain(pair.get("value"), 0)
        for pair in pairs
        if isinstance(pair, dict) and "key" in pair
    }


def events_of(given: object) -> list[tuple[str, dict[str, Any]]]:
    """Name and attributes of the events of a span."""
    return [
        (str(event.get("name")), attributes_of(event.get("attributes")))
        for event in (given if isinstance(given, list) else ())
        if isinstance(event, dict)
    ]


def inputs_of(attributes: Mapping[str, Any], events: Iterable[tuple[str, dict[str, Any]]]) -> object:
    """What the model was given: a list of messages where they are known, else what the span has."""
    numbered = _numbered(attributes, NUMBERED_INPUTS)
    if "gen_ai.input.messages" not in attributes and numbered:
        return numbered
    told = []
    for name, given in events:
        if name in INPUT_EVENTS:
            told.append({"role": given.get("role", INPUT_EVENTS[name]), "content": given.get("content")})
        elif name == DETAILS_EVENT and "gen_ai.input.messages" in given:
            return _messages(given["gen_ai.input.messages"])
        elif name == CONTENT_EVENTS[0]:
            return text_or_json(given.get("gen_ai.prompt"))
    whole = told or _first(attributes, INPUTS)
    if isinstance(whole, dict) and isinstance(whole.get("messages"), list):
        # The whole request: its other parts have attributes of their own.
        return whole["messages"]
    return whole


def output_of(attributes: Mapping[str, Any], events: Iterable[tuple[str, dict[str, Any]]]) -> object:
    """What the model answered: its text where it is one, else the messages."""
    numbered = _numbered(attributes, NUMBERED_OUTPUTS)
    if "gen_ai.output.messages" not in attributes and numbered:
        return _alone(numbered)
    for name, given in events:
        if name == OUTPUT_EVENT:
            message = text_or_json(given.get("message", given.get("content")))
            return message.get("content") if isinstance(message, dict) and "content" in message else message
        if name == DETAILS_EVENT and "gen_ai.output.messages" in given:
            return _alone(_messages(given["gen_ai.output.messages"]))
        if name == CONTENT_EVENTS[1]:
            return text_or_json(given.get("gen_ai.completion"))
    return _alone(_first(attributes, OUTPUTS))


def _first(attributes: Mapping[str, Any], names: Iterable[str]) -> object:
    found = next((attributes[name] for name in names if attributes.get(name) is not None), None)
    return _messages(found)


def _messages(given: object) -> object:
    """Messages with their text in `content`, where all parts of them are texts."""
    value = text_or_json(given)
    if not isinstance(value, list):
        return value
    return [_message(one) if isinstance(one, dict) else one for one in value]


def _message(given: dict[str, Any]) -> dict[str, Any]:
    """OpenTelemetry writes `parts` with `content`; others a list as `content`, with `text`."""
    parts, key = given.get("parts"), "content"
    if not isinstance(parts, list):
        parts, key = given.get("content"), "text"
    if not isinstance(parts, list):
        return given
    texts = [part.get(key) for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    whole = [text for text in texts if isinstance(text, str)]
    if len(whole) != len(parts):
        return given
    return {"role": given.get("role"), "content": "\n".join(whole)}


def _alone(given: object) -> object:
    if isinstance(given, dict):
        given = _of_response(given)
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], dict):
        content = given[0].get("content")
        if isinstance(content, str) and not given[0].get("tool_calls"):
            return content
    return given


def _of_response(given: dict[str, Any]) -> object:
    """The messages of a whole response; the value of LangSmith's `output`."""
    if given.keys() == {"output"}:
        return given["output"]
    choices = given.get("choices")
    if not isinstance(choices, list) or not choices:
        return given
    messages = [choice.get("message") if isinstance(choice, dict) else None for choice in choices]
    return messages if all(isinstance(message, dict) for message in messages) else given


def _numbered(attributes: Mapping[str, Any], beginnings: tuple[str, ...]) -> list[dict[str, Any]]:
    """Messages written as one attribute for each part: `gen_ai.prompt.0.content`."""
    for beginning in beginnings:
        found: dict[int, dict[str, Any]] = {}
        for name, value in attributes.items():
            match = _NUMBERED.match(name.removeprefix(beginning)) if name.startswith(beginning) else None
            if match is not None and len(found) < _MOST_MESSAGES:
                found.setdefault(int(match[1]), {})[match[2]] = value
        if found:
            return [_nested(found[position]) for position in sorted(found)]
    return []


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    """`tool_calls.0.name` as a list of objects with a name."""
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        first, *keys = name.split(".", _MOST_KEYS)
        inside: Any = nested
        for key in keys:
            inside = inside.setdefault(first, {})
            if not isinstance(inside, dict):
                return flat
            first = key
        inside[first] = value
    return {name: _listed(value) for name, value in nested.items()}


def _listed(value: object) -> object:
    if not isinstance(value, dict):
        return value
    inside = {key: _listed(part) for key, part in value.items()}
    return list(inside.values()) if inside and all(key.isdecimal() for key in inside) else inside


def _plain(given: object, depth: int) -> Any:  # noqa: ANN401 (JSON has no name of its own in typing)
    """A value of OTLP, which names its type."""
    if not isinstance(given, dict) or depth > MAX_DEPTH:
        return given if depth <= MAX_DEPTH else shown(given)
    for name, value in given.items():
        kind = name.replace("_value", "Value")
        if kind == "intValue":
            return number(value)
        inside = value.get("values") if isinstance(value, dict) else None
        if kind == "arrayValue":
            return [_plain(one, depth + 1) for one in (inside if isinstance(inside, list) else ())]
        if kind == "kvlistValue":
            pairs = [pair for pair in (inside if isinstance(inside, list) else ()) if isinstance(pair, dict)]
            return {str(pair.get("key")): _plain(pair.get("value"), depth + 1) for pair in pairs}
        return value
    return None
