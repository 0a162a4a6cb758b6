"""Executions of the spans of OpenTelemetry that are calls of a model."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flywheel.capture.foreign import Item, LeftOut
from flywheel.capture.foreign_values import (
    OWN,
    explained,
    kind_and_message,
    known,
    named,
    number,
    outcome_of_score,
    own_fields,
    text_or_json,
)
from flywheel.capture.json_items import ENTERED, Part, json_parts
from flywheel.capture.otel_messages import attributes_of, events_of, inputs_of, output_of
from flywheel.capture.otel_names import (
    CALLS,
    EVALUATION,
    FAILED_LABELS,
    FIELDS_BY_NAME,
    KEPT,
    PARAMETERS,
    PASSED_LABELS,
)
from flywheel.capture.reasons import Refusal, shown
from flywheel.capture.source_files import SourceFile

_GROUPS: Final = (
    ("resourceSpans", "scopeSpans"),
    ("resource_spans", "scope_spans"),
    ("resourceSpans", "instrumentationLibrarySpans"),
    ("batches", "scopeSpans"),
)
_RESOURCES: Final = frozenset((outer, "*", "resource") for outer, _ in _GROUPS)
_SPANS: Final = frozenset((outer, "*", inner, "*", "spans", "*") for outer, inner in _GROUPS)
_GROUP_PATHS: Final = tuple(dict.fromkeys((outer, "*") for outer, _ in _GROUPS))
_OTHER_SIGNALS: Final = ("resourceLogs", "resource_logs", "resourceMetrics", "resource_metrics")
_WANTED: Final = (*_RESOURCES, *_SPANS, *((name,) for name in _OTHER_SIGNALS))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_CALL: Final = LeftOut("spans that are no call of a model")
_SAYS_NOTHING: Final = (None, "Exception")
_TRACEBACK: Final = "\n\nTraceback (most recent call last)"
_ERROR_STATUS: Final = (2, "2", "STATUS_CODE_ERROR", "ERROR")


def otel_items(source: SourceFile) -> Iterator[Item]:
    """One item for each span; those that are no call of a model, and were not judged, are left out.

    Positions count spans.
    """
    resource: dict[str, Any] = {}
    position = 0
    for part in json_parts(source, _WANTED, _GROUP_PATHS):
        if part.value is ENTERED:
            resource = {}
        elif part.path in _RESOURCES:
            resource = attributes_of(part.value.get("attributes")) if isinstance(part.value, dict) else {}
        elif part.path and part.path[0] in _OTHER_SIGNALS:
            yield Item(position, LeftOut("log records or metrics"))
        elif part.path or not _is_empty_request(part.value):
            position += 1
            yield Item(position, _line_of(part, resource), part.raw, part.line)


def span_line(span: Mapping[str, Any], resource: Mapping[str, Any] | None = None) -> dict[str, Any] | LeftOut:
    """The line of evidence of a span of OTLP.

    Args:
        span: as OTLP has it in JSON.
        resource: attributes of the resource it belongs to.

    Examples:
        >>> attributes = [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        ...               {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "11"}}]
        >>> times = {"startTimeUnixNano": "1795264840513619100", "endTimeUnixNano": "1795264840532330442"}
        >>> line = span_line({"traceId": "ab", "spanId": "cd", "attributes": attributes, **times})
        >>> line["input_tokens"], line["latency_ms"], line["outcome"]
        (11, 18.711342, 'unscored')
    """
    attributes = attributes_of(span.get("attributes"))
    events = events_of(span.get("events"))
    judged = next((given for name, given in events if name == EVALUATION), None)
    if judged is None and not _is_call(attributes):
        return _NO_CALL
    start, end = (_given(span, name) for name in ("startTimeUnixNano", "endTimeUnixNano"))
    thread, own_id = (_hex(_given(span, name)) for name in ("traceId", "spanId"))
    line: dict[str, Any] = {
        "execution_id": f"{thread}-{own_id}" if thread and own_id else None,
        "workflow_id": thread,
        "inputs": inputs_of(attributes, events),
        "output": output_of(attributes, events),
        "latency_ms": _latency_ms(start, end),
        "started_at": _moment(start),
    }
    for field, names in FIELDS_BY_NAME.items():
        line[field] = _first(attributes, names)
    line["model"] = _asked_for(attributes) or line["model"]
    for field in ("model", "agent", "session_id", "prompt", "version"):
        line[field] = named(line[field])
    line |= _ended(span, attributes, events)
    metadata = _metadata(span, attributes, resource or {})
    if judged is not None:
        line |= _judged(judged, line["outcome"])
        metadata["evaluation"] = judged
    line["metadata"] = known(metadata)
    return known(line) | own_fields({**(resource or {}), **attributes})


def _line_of(part: Part, resource: dict[str, Any]) -> dict[str, Any] | LeftOut | Refusal:
    if isinstance(part.value, Refusal):
        return part.value
    if not isinstance(part.value, dict):
        return Refusal(None, f"got {shown(part.value)}, need a span as an object")
    if not part.path and _given(part.value, "spanId") is None:
        return Refusal(None, f"got {shown(part.value)}, need OTLP in JSON with resourceSpans")
    return span_line(part.value, resource)


def _is_empty_request(value: object) -> bool:
    return isinstance(value, dict) and any(value.get(path[0]) == [] for path in _GROUP_PATHS)


def _is_call(attributes: Mapping[str, Any]) -> bool:
    kind = attributes.get("openinference.span.kind")
    operation = attributes.get("gen_ai.operation.name") or attributes.get("llm.request.type")
    if kind is not None:
        return str(kind).upper() == "LLM"
    if operation is not None:
        return str(operation) in CALLS
    if "langsmith.span.kind" in attributes:
        return bool(attributes["langsmith.span.kind"] == "llm")
    if "ai.operationId" in attributes:
        # Vercel's outer span ai.generateText repeats what its inner spans have.
        return str(attributes["ai.operationId"]).endswith((".doGenerate", ".doStream"))
    return "gen_ai.request.model" in attributes and "traceloop.span.kind" not in attributes


def _asked_for(attributes: Mapping[str, Any]) -> object:
    parameters = text_or_json(attributes.get(PARAMETERS))
    return parameters.get("model") if isinstance(parameters, dict) else None


def _ended(
    span: Mapping[str, Any], attributes: Mapping[str, Any], events: list[tuple[str, dict[str, Any]]]
) -> dict[str, Any]:
    """Outcome, with class and text of the error."""
    raised = next((given for name, given in events if name == "exception"), {})
    told = span.get("status")
    status = told if isinstance(told, dict) else {}
    kind = raised.get("exception.type") or attributes.get("error.type")
    if kind is None and status.get("code") not in _ERROR_STATUS:
        return {"outcome": "unscored"}
    message = raised.get("exception.message") or status.get("message")
    if kind in _SAYS_NOTHING and isinstance(message, str):
        # LangSmith writes the error with its traceback, as the message of an Exception.
        told, message = kind_and_message(message.partition(_TRACEBACK)[0])
        kind = told or kind
    return {"outcome": "error", "error_type": named(kind), "error_message": explained(message)}


def _judged(given: Mapping[str, Any], outcome: str) -> dict[str, Any]:
    """What an evaluation says; a call that failed stays an error."""
    score, label = given.get("gen_ai.evaluation.score.value"), given.get("gen_ai.evaluation.score.label")
    fields: dict[str, Any] = {"comment": explained(given.get("gen_ai.evaluation.explanation"))}
    if outcome == "error":
        return fields
    said = str(label).strip().lower()
    if said in PASSED_LABELS | FAILED_LABELS:
        fields["outcome"] = "passed" if said in PASSED_LABELS else "failed"
    else:
        fields["outcome"] = outcome_of_score(score)
    return {**fields, "score": score if fields["outcome"] != "unscored" else None}


def _metadata(
    span: Mapping[str, Any], attributes: Mapping[str, Any], resource: Mapping[str, Any]
) -> dict[str, Any]:
    metadata = {name: text_or_json(_first(attributes, names)) for name, names in KEPT.items()}
    return {
        "span": named(span.get("name")),
        "parent_span_id": _hex(_given(span, "parentSpanId")),
        "service": resource.get("service.name"),
        "properties": {k: v for k, v in resource.items() if k.startswith(OWN)} or None,
        **metadata,
    }


def _first(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Any:  # noqa: ANN401 (an attribute may be anything)
    return next((attributes[name] for name in names if attributes.get(name) is not None), None)


def _given(span: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 (as the file has it)
    """A field of a span, in the spelling of JSON or in that of protobuf."""
    if name in span:
        return span[name]
    return span.get("".join(f"_{c.lower()}" if c.isupper() else c for c in name))


def _hex(value: object) -> str | None:
    """An id in hex; JSON that was made from protobuf has it in base64."""
    if not isinstance(value, str) or not value:
        return None
    if len(value) in (12, 24):
        try:
            return base64.b64decode(value, validate=True).hex()
        except (binascii.Error, ValueError):
            return named(value)
    return named(value.lower())


def _nanoseconds(value: object) -> int | None:
    value = number(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _moment(value: object) -> object:
    nanoseconds = _nanoseconds(value)
    if nanoseconds is None:
        return value
    try:
        return (_EPOCH + timedelta(microseconds=nanoseconds // 1000)).isoformat() if nanoseconds else None
    except OverflowError:
        return str(value)


def _latency_ms(start: object, end: object) -> float | None:
    """A span that has not ended has none; one that ends before it starts is refused by its negative one."""
    first, last = _nanoseconds(start), _nanoseconds(end)
    if not first or not last:
        return None
    try:
        return (last - first) / 1e6
    except OverflowError:
        return float("inf")
