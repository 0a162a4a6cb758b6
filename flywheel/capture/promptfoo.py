"""Executions of the result files of promptfoo."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flywheel.capture.foreign import Item
from flywheel.capture.foreign_values import (
    digest,
    explained,
    file_digest,
    kind_and_message,
    known,
    moment,
    named,
    own_fields,
    text_or_json,
)
from flywheel.capture.json_items import Part, json_parts
from flywheel.capture.reasons import Refusal, shown
from flywheel.capture.source_files import SourceFile

_EVAL: Final = ("evalId",)
_TIME: Final = ("results", "timestamp")
_ROW: Final = ("results", "results", "*")
_ERRORED: Final = 2
_PRIVATE: Final = "_"
_ONE_ANSWER: Final = ("equals", "contains", "icontains", "starts-with")
_PARTS_OF_ASSERTION: Final = ("type", "value", "threshold", "metric", "weight")
_LONGEST_LABEL: Final = 100
_LONGEST_CASE: Final = 80


@dataclass(slots=True)
class Eval:
    """What a file says of all its rows.

    Attributes:
        eval_id: of promptfoo; None in a file of lines.
        started_at: when the eval began; None in a file of lines and before version 3.
    """

    eval_id: str | None = None
    started_at: object = None


def promptfoo_items(source: SourceFile) -> Iterator[Item]:
    """One item for each result: a prompt with a provider on a test, once for each repeat.

    Positions count results.
    """
    whole = Eval()
    position = 0
    told: str | None = None
    for part in json_parts(source, (_EVAL, _TIME, _ROW)):
        if part.path == _EVAL:
            whole.eval_id = named(part.value)
        elif part.path == _TIME:
            whole.started_at = moment(part.value)
        elif not (part.path == () and _is_empty(part.value)):
            position += 1
            line = _line_of(part, whole)
            if isinstance(line, dict) and "execution_id" not in line:
                # Results had no ids before version 3: the same file has the same ones again.
                told = told or file_digest(source.path) or "pipe"
                own = json.dumps(part.value, default=str) if told == "pipe" else ""
                line["execution_id"] = f"promptfoo-{digest(told, position, own)}"
            yield Item(position, line, part.raw, part.line)


def result_line(row: Mapping[str, Any], whole: Eval | None = None) -> dict[str, Any]:
    """The line of evidence of a result.

    Args:
        row: an entry of `results`, of version 2 or 3.
        whole: what its file says of all of them.

    Examples:
        >>> row = {"id": "ba3268e1", "success": True, "score": 0.9, "latencyMs": 9, "vars": {"city": "Rome"},
        ...        "response": {"output": "fine"}, "gradingResult": {"reason": "All assertions passed"}}
        >>> line = result_line(row)
        >>> line["execution_id"], line["outcome"], line["score"], line["inputs"]
        ('promptfoo-ba3268e1', 'passed', 0.9, {'city': 'Rome'})
    """
    whole = whole or Eval()
    response, grading, test = (_object(row.get(name)) for name in ("response", "gradingResult", "testCase"))
    metadata = _object(row.get("metadata")) or _object(test.get("metadata"))
    prompt, given = _object(row.get("prompt")), row.get("vars", test.get("vars"))
    assertions = _assertions(test, grading)
    own_id = named(row.get("id"))
    line = {
        "execution_id": f"promptfoo-{own_id}" if own_id else None,
        "session_id": named(row.get("evalId")) or whole.eval_id,
        "case_id": _case_id(test, given, prompt, assertions),
        "version": _version(row, prompt),
        "model": _model(row.get("provider")),
        "slice": named(metadata.get("pluginId")),
        "inputs": given or text_or_json(prompt.get("raw")),
        "output": response.get("output"),
        "expected": _expected(assertions),
        "comment": explained(grading.get("comment")),
        "started_at": whole.started_at,
    }
    line |= _ended(row, grading, assertions) | _cost(row, response)
    score = line.get("score")
    is_beyond = isinstance(score, int | float) and math.isfinite(score) and not 0 <= score <= 1
    if is_beyond:
        del line["score"]
    line["metadata"] = known(
        {
            "provider": _provider_id(row.get("provider")),
            "rendered_prompt": text_or_json(prompt.get("raw")),
            "description": test.get("description"),
            "reason": explained(grading.get("reason")),
            "named_scores": row.get("namedScores"),
            "score": score if is_beyond else None,
            "cached": response.get("cached") or None,
            "test": row.get("testIdx"),
            "properties": {k: v for k, v in metadata.items() if not k.startswith(_PRIVATE)},
        }
    )
    return known(line) | own_fields(metadata)


def _line_of(part: Part, whole: Eval) -> dict[str, Any] | Refusal:
    if isinstance(part.value, Refusal):
        return part.value
    if not isinstance(part.value, dict) or not isinstance(part.value.get("success"), bool):
        return Refusal(
            None, f"got {shown(part.value)}, need a result of promptfoo with success true or false"
        )
    return result_line(part.value, whole)


def _is_empty(value: object) -> bool:
    """Whether a document is the results of no test."""
    results = value.get("results") if isinstance(value, dict) else None
    return isinstance(results, dict) and results.get("results") == []


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _assertions(test: Mapping[str, Any], grading: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those of the test; version 2 has them beside their results only."""
    given = test.get("assert")
    if not isinstance(given, list):
        parts = grading.get("componentResults")
        given = [_object(part).get("assertion") for part in (parts if isinstance(parts, list) else ())]
    return [
        {name: one[name] for name in _PARTS_OF_ASSERTION if one.get(name) is not None}
        for one in given
        if isinstance(one, dict)
    ]


def _expected(assertions: list[dict[str, Any]]) -> object:
    if len(assertions) == 1 and assertions[0].get("type") in _ONE_ANSWER and "value" in assertions[0]:
        return assertions[0]["value"]
    return assertions or None


def _case_id(
    test: Mapping[str, Any], given: object, prompt: Mapping[str, Any], assertions: list[dict[str, Any]]
) -> str | None:
    """The same for all prompts, providers and repeats: repeats are different tests to promptfoo."""
    # Version 2 has the assertions of answers only: they would part a call that failed from the others.
    asserted = assertions if test else []
    if not isinstance(given, dict) or not given:
        return named(test.get("description")) or digest(prompt.get("raw"), asserted)
    inputs = {key: value for key, value in given.items() if not key.startswith(_PRIVATE)}
    told = json.dumps(inputs, sort_keys=True, ensure_ascii=False, default=str)
    label = named(test.get("description")) or told
    return named(f"{label[:_LONGEST_CASE]} {digest(told, asserted)}")


def _version(row: Mapping[str, Any], prompt: Mapping[str, Any]) -> str | None:
    """The label of the prompt; promptfoo's hash where the label is the text itself."""
    label = prompt.get("label") or prompt.get("display")
    if not isinstance(label, str) or len(label) <= _LONGEST_LABEL:
        return named(label) or named(row.get("promptId"))
    return named(row.get("promptId")) or digest(label)


def _provider_id(provider: object) -> str | None:
    return named(_object(provider).get("id")) if isinstance(provider, dict) else named(provider)


def _model(provider: object) -> str | None:
    return named(_object(provider).get("label")) or _provider_id(provider)


def _ended(
    row: Mapping[str, Any], grading: Mapping[str, Any], assertions: list[dict[str, Any]]
) -> dict[str, Any]:
    """Outcome and score, with what went wrong."""
    error = row.get("error")
    has_error = row.get("failureReason") == _ERRORED
    if "failureReason" not in row:
        has_error = error is not None and not grading
    if has_error:
        whole = error if isinstance(error, str) else explained(error) or ""
        kind, message = kind_and_message(whole)
        return {"outcome": "error", "error_type": kind, "error_message": explained(message)}
    if row["success"]:
        is_judged = bool(assertions) or bool(grading.get("componentResults"))
        if not is_judged and grading.get("reason") in (None, "No assertions"):
            return {"outcome": "unscored"}
        return {"outcome": "passed", "score": row.get("score")}
    parts = grading.get("componentResults")
    failed = next(
        (
            _object(part["assertion"]).get("type")
            for part in (parts if isinstance(parts, list) else ())
            if isinstance(part, dict) and part.get("pass") is False and part.get("assertion") is not None
        ),
        None,
    )
    return {
        "outcome": "failed",
        "score": row.get("score"),
        "error_type": named(failed),
        "error_message": explained(grading.get("reason") or error),
    }


def _cost(row: Mapping[str, Any], response: Mapping[str, Any]) -> dict[str, Any]:
    """What the answer took; promptfoo writes 0 for what it does not know, and for answers of its cache."""
    usage = _object(response.get("tokenUsage") or response.get("token_usage"))
    tokens = (usage.get("prompt"), usage.get("completion"))
    line = dict(zip(("input_tokens", "output_tokens"), tokens, strict=True)) if any(tokens) else {}
    if response.get("cached") is True:
        return line
    cost = response.get("cost")
    return {
        **line,
        "cost_usd": cost if cost is not None else row.get("cost") or None,
        "latency_ms": row.get("latencyMs"),
    }
