"""Model calls of one test, added up into its execution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from flywheel.capture.pytest_case import MAX_TOLD

_SUMS: Final = ("input_tokens", "output_tokens", "cost_usd", "latency_ms")


def tell_calls(line: dict[str, Any], calls: list[dict[str, Any]], said: Mapping[str, Any]) -> None:
    """Add model calls to an execution.

    The first call's inputs and the last one's output are the execution's where
    the test says no others. A sum is there only when every call tells its part.

    Args:
        line: of the execution, changed in place.
        calls: as they ended; at least one.
        said: fields the test gave by itself.
    """
    models = list(dict.fromkeys(call["model"] for call in calls))
    line["models"] = [_use(model, [call for call in calls if call["model"] == model]) for model in models]
    if len(models) == 1:
        line["model"] = models[0]
    for figure in ("input_tokens", "output_tokens", "cost_usd"):
        total = _total(call.get(figure) for call in calls)
        if total is not None:
            line[figure] = total
    inputs = next((call["inputs"] for call in calls if "inputs" in call), None)
    outputs = [call["output"] for call in calls if "output" in call]
    if inputs is not None:
        line["inputs"] = inputs
    if outputs:
        line["output"] = outputs[-1]
    line["metadata"]["model_calls"] = len(calls)
    known = {"inputs": said.get("inputs", inputs), "output": said.get("output", line.get("output"))}
    line["metadata"]["calls"] = [_told(call, known) if len(calls) == 1 else call for call in calls[:MAX_TOLD]]


def _told(call: dict[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The only call, without the texts that are the execution's own."""
    return {fact: value for fact, value in call.items() if fact not in known or known[fact] != value}


def _use(model: str, calls: list[dict[str, Any]]) -> dict[str, Any]:
    use: dict[str, Any] = {"model": model}
    for figure in _SUMS:
        total = _total(call.get(figure) for call in calls)
        if total is not None:
            use[figure] = total
    confidences = {call.get("confidence") for call in calls}
    if len(confidences) == 1 and (confidence := confidences.pop()) is not None:
        use["confidence"] = confidence
    return use


def _total(values: Iterable[float | None]) -> float | None:
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return int(total) if total.is_integer() else round(total, 9)
