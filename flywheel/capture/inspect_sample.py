"""One sample of an Inspect log as a line of evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from flywheel.capture.foreign_values import (
    digest,
    explained,
    kind_and_message,
    known,
    moment,
    named,
    number,
    outcome_of_score,
    own_fields,
)

_LETTERS: Final[Mapping[str, tuple[str, float]]] = {
    "C": ("passed", 1.0),
    "P": ("failed", 0.5),
    "I": ("failed", 0.0),
    "N": ("failed", 0.0),
    "yes": ("passed", 1.0),
    "true": ("passed", 1.0),
    "no": ("failed", 0.0),
    "false": ("failed", 0.0),
}
"""Grades of Inspect: correct, partial, incorrect, no answer; then the words its own arithmetic knows."""

_INPUT_TOKENS: Final = ("input_tokens", "input_tokens_cache_read", "input_tokens_cache_write")


def sample_line(sample: Mapping[str, Any], evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """The line of evidence of a sample.

    Args:
        sample: with an id.
        evaluation: `eval` of its log; empty where it is not known.

    Examples:
        >>> sample = {"id": 7, "epoch": 1, "input": "2 + 2?", "target": "4", "uuid": "u7",
        ...           "output": {"completion": "4"}, "scores": {"match": {"value": "C"}}}
        >>> line = sample_line(sample, {"task": "sums", "model": "openai/small-1"})
        >>> line["execution_id"], line["case_id"], line["outcome"], line["score"]
        ('inspect-u7', 'sums/7', 'passed', 1.0)
    """
    task, run = named(evaluation.get("task")), named(evaluation.get("run_id"))
    own_id, session = named(sample.get("uuid")), named(evaluation.get("eval_id")) or run
    sample_id, epoch, metadata = sample.get("id"), sample.get("epoch"), _object(sample.get("metadata"))
    if own_id is None:
        own_id = digest(session, evaluation.get("task_id"), evaluation.get("created"), sample_id, epoch)
    output = _object(sample.get("output"))
    scores = _scores(sample)
    line = {
        "execution_id": f"inspect-{own_id}",
        "session_id": session,
        "workflow_id": run,
        "suite": task,
        "case_id": named(f"{task}/{sample_id}" if task else str(sample_id)),
        "model": named(evaluation.get("model")) or named(output.get("model")),
        "inputs": _inputs(sample),
        "output": _answer(output),
        "expected": sample.get("target"),
        "started_at": moment(sample.get("started_at") or evaluation.get("created")),
        "latency_ms": _milliseconds(sample.get("working_time", sample.get("total_time"))),
        "retries": len(retried) if isinstance(retried := sample.get("error_retries"), list) else None,
    }
    line |= _usage(sample.get("model_usage")) | _ended(sample.get("error"), scores, evaluation)
    line["metadata"] = known(
        {
            "epoch": epoch,
            "scores": {name: _finite(score.get("value")) for name, score in scores.items()},
            "explanations": known({name: explained(one.get("explanation")) for name, one in scores.items()}),
            "answers": known({name: explained(one.get("answer")) for name, one in scores.items()}),
            "limit": _object(sample.get("limit")).get("type"),
            "stop_reason": _choice(output).get("stop_reason"),
            "total_ms": _milliseconds(sample.get("total_time")),
            "task_version": evaluation.get("task_version"),
            "task_args": evaluation.get("task_args"),
            "revision": _object(evaluation.get("revision")).get("commit"),
            "properties": metadata,
        }
    )
    return known(line) | own_fields(metadata)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _inputs(sample: Mapping[str, Any]) -> object:
    given, choices = sample.get("input"), sample.get("choices")
    messages = [_message(one) for one in given] if isinstance(given, list) else given
    return {"input": messages, "choices": choices} if choices else messages


def _message(one: object) -> object:
    """Role and text, without Inspect's ids."""
    if not isinstance(one, dict):
        return one
    return {name: one[name] for name in ("role", "content", "tool_calls") if one.get(name) is not None}


def _choice(output: Mapping[str, Any]) -> dict[str, Any]:
    choices = output.get("choices")
    return _object(choices[0]) if isinstance(choices, list) and choices else {}


def _answer(output: Mapping[str, Any]) -> object:
    """The text of the answer; the message where it has none, as a call of a tool."""
    if output.get("completion"):
        return output["completion"]
    message = _object(_choice(output).get("message"))
    content = message.get("content")
    if isinstance(content, list):
        texts = [
            part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"
        ]
        content = "\n".join(text for text in texts if isinstance(text, str))
    return content or (_message(message) if message.get("tool_calls") else None)


def _scores(sample: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    scores = sample.get("scores")
    if not isinstance(scores, dict) and isinstance(sample.get("score"), dict):
        scores = {"score": sample["score"]}
    return {name: one for name, one in _object(scores).items() if isinstance(one, dict)}


def _ended(
    error: object, scores: Mapping[str, dict[str, Any]], evaluation: Mapping[str, Any]
) -> dict[str, Any]:
    """Outcome by the first scorer of the task, with what went wrong."""
    if error is not None:
        told = _object(error).get("message", error)
        kind, message = kind_and_message(told if isinstance(told, str) else explained(told) or "")
        return {"outcome": "error", "error_type": kind, "error_message": explained(message)}
    name = _first_scorer(scores, evaluation)
    if name is None:
        return {"outcome": "unscored"}
    outcome, score = _grade(scores[name].get("value"))
    if outcome != "failed":
        return {"outcome": outcome, "score": score}
    return {
        "outcome": outcome,
        "score": score,
        "error_type": named(name),
        "error_message": explained(scores[name].get("explanation")),
    }


def _first_scorer(scores: Mapping[str, dict[str, Any]], evaluation: Mapping[str, Any]) -> str | None:
    scorers = evaluation.get("scorers")
    for scorer in scorers if isinstance(scorers, list) else ():
        name = _object(scorer).get("name")
        if isinstance(name, str) and name in scores:
            return name
    return next(iter(scores), None)


def _grade(value: object) -> tuple[str, float | None]:
    """Outcome and score of a value; one on another scale, or of several parts, says neither."""
    if isinstance(value, str) and (grade := _LETTERS.get(value) or _LETTERS.get(value.lower())):
        return grade
    value = number(value)
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        return "unscored", None
    return outcome_of_score(value), float(value)


def _usage(given: object) -> dict[str, Any]:
    """Tokens and cost over all models; Inspect counts tokens of a cache apart from the others."""
    uses = [_use(name, _object(usage)) for name, usage in _object(given).items()]
    line: dict[str, Any] = {}
    for field in ("input_tokens", "output_tokens", "cost_usd"):
        values = [use[field] for use in uses if field in use]
        if values and len(values) == len(uses):
            line[field] = values[0] if len(values) == 1 else _sum(values)
    return {**line, "models": uses if len(uses) > 1 else None}


def _use(name: str, usage: dict[str, Any]) -> dict[str, Any]:
    inputs = [usage[field] for field in _INPUT_TOKENS if usage.get(field) is not None]
    return {"model": named(name) or "unknown"} | known(
        {
            "input_tokens": inputs[0] if len(inputs) == 1 else _sum(inputs) if inputs else None,
            "output_tokens": usage.get("output_tokens"),
            "cost_usd": usage.get("total_cost"),
        }
    )


def _sum(values: list[Any]) -> object:
    """Their sum; the first that is no number as it is, for the reader of lines to refuse."""
    wrong = [one for one in values if isinstance(one, bool) or not isinstance(one, int | float)]
    return wrong[0] if wrong else sum(values)


def _milliseconds(seconds: object) -> object:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return seconds
    try:
        return round(float(seconds) * 1000.0, 3)
    except OverflowError:
        return math.inf


def _finite(value: Any) -> Any:  # noqa: ANN401 (JSON has no name of its own in typing)
    """Without the NaN that Inspect writes for a score that a scorer could not give."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
