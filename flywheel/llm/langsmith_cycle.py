"""A cycle as LangSmith shows it: one run for it, one for each phase, the calls of models below."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flywheel.llm.langsmith_nodes import SOURCE, Node, stamp
from flywheel.ports import ObservedCall
from flywheel.records.base import Record
from flywheel.records.chat import ChatAnswer
from flywheel.records.cycle import CycleContext, Phase
from flywheel.records.prompt import PromptVersion
from flywheel.records.proposal import Proposals
from flywheel.records.release import LiveVersion
from flywheel.records.verdict import Verdict, Verdicts

Run = dict[str, Any]
"""A run as JSON; what is unknown is absent."""


def project_of(workspace: str) -> str:
    """The project of a workspace; never one that holds calls of production.

    Examples:
        >>> project_of("default")
        'flywheel/default'
    """
    return f"flywheel/{workspace}"


def cycle_begun(place: Node, context: CycleContext) -> Run:
    """The run of a whole cycle."""
    request = context.request
    asked = request.model_dump(mode="json", exclude_none=True)
    return _run(place, f"cycle {request.prompt}", asked, _about(context), request.workspace)


def phase_begun(place: Node, context: CycleContext, phase: Phase) -> Run:
    """The run of one phase."""
    about = {**_about(context), "flywheel.phase": phase.value}
    return _run(place, phase.value, {"prompt": context.request.prompt}, about, context.request.workspace)


def ended(place: Node, result: Record | None, said: str, error: str | None) -> Run:
    """The change of a run that has ended.

    Args:
        place: of the run.
        result: what a phase gave, None where it failed.
        said: the same in words.
        error: why it failed.
    """
    change = {**place.fields(), "end_time": stamp(datetime.now(UTC))}
    if error is not None:
        return {**change, "error": error}
    return {**change, "outputs": {"found": said, **_found(result)}}


def call_told(place: Node, call: ObservedCall, workspace: str, about: dict[str, str]) -> Run:
    """The run of one call of a model, whole: messages, answer, tokens, cost, time, error."""
    request, answer = call.request, call.answer
    settings = {
        "model": request.model,
        "temperature": request.temperature,
        "max_tokens": request.max_output_tokens,
        "seed": request.seed,
    }
    name = request.model if answer is None else answer.model
    told = {
        **about,
        "flywheel.purpose": request.purpose,
        "ls_model_name": name,
        "ls_model_type": "chat",
        **_known({"ls_temperature": request.temperature, "ls_max_tokens": request.max_output_tokens}),
    }
    if answer is not None:
        told |= {"flywheel.finish_reason": answer.finish_reason, **usage_of(answer)}
        told |= {"flywheel.cached": True} if answer.cached else {}
    messages = [message.model_dump() for message in request.messages]
    run = _run(place, f"{request.purpose} {name}", {"messages": messages}, told, workspace)
    run["run_type"], run["end_time"] = "llm", stamp(max(call.ended_at, place.started_at))
    run["extra"]["invocation_params"] = _known(settings)
    if answer is not None:
        run["outputs"] = {"messages": [{"role": "assistant", "content": answer.text}]}
    return run if call.error is None else {**run, "error": call.error}


def release_told(place: Node, version: PromptVersion, live: LiveVersion) -> Run:
    """The run of a release: which version, in place of what, why."""
    about = {"flywheel.workspace": live.workspace, "flywheel.prompt": live.prompt, "flywheel.source": SOURCE}
    inputs = {"version": version.version, "kind": live.kind.value, "move": live.revision}
    run = _run(place, f"release {live.prompt}", inputs, about, live.workspace)
    told = {"live": version.version, "why": live.why, "text": version.text}
    return {**run, "end_time": stamp(place.started_at), "outputs": told}


def usage_of(answer: ChatAnswer) -> dict[str, Any]:
    """Tokens with cost of an answer, as far as they are known; a kept answer took nothing.

    Examples:
        >>> usage_of(ChatAnswer(text="a", model="m", input_tokens=3, output_tokens=1))
        {'usage_metadata': {'input_tokens': 3, 'output_tokens': 1, 'total_tokens': 4}}
        >>> usage_of(ChatAnswer(text="a", model="m"))
        {}
    """
    if answer.cached:
        return {"usage_metadata": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0, "total_cost": 0}}
    details = {
        "input_token_details": _known({"cache_read": answer.cached_input_tokens}),
        "output_token_details": _known({"reasoning": answer.reasoning_tokens}),
    }
    said = usage(answer.input_tokens, answer.output_tokens, answer.cost_usd)
    said |= {name: detail for name, detail in details.items() if detail} if said else {}
    return {"usage_metadata": said} if said else {}


def usage(input_tokens: int | None, output_tokens: int | None, cost_usd: float | None) -> dict[str, Any]:
    """What a call took, as LangSmith reads it."""
    both = None if input_tokens is None or output_tokens is None else input_tokens + output_tokens
    return _known(
        {
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "total_tokens": both,
            "total_cost": cost_usd,
        }
    )


def verdict_in_short(verdict: Verdict) -> dict[str, Any]:
    """A verdict as one JSON object; what is unknown is absent."""
    found = verdict.evidence
    numbers = {} if found is None else {"gain": found.estimate, "low": found.low, "high": found.high}
    return {
        "version": verdict.proposal.version,
        "strategy": verdict.proposal.strategy,
        "verdict": verdict.ruling.value,
        **_known(numbers),
        "because": verdict.because,
    }


def _found(result: Record | None) -> dict[str, Any]:
    """What is worth reading of a phase beyond the one line."""
    if isinstance(result, Proposals):
        keys = {"version", "strategy", "text", "rationale"}
        return {"proposals": [one.model_dump(mode="json", include=keys) for one in result.proposals]}
    if isinstance(result, Verdicts):
        return {"verdicts": [verdict_in_short(one) for one in result.verdicts]}
    return {}


def _about(context: CycleContext) -> dict[str, str]:
    request = context.request
    return {
        "flywheel.cycle": context.cycle_id,
        "flywheel.workspace": request.workspace,
        "flywheel.prompt": request.prompt,
        "flywheel.strategy": request.strategy,
        "flywheel.source": SOURCE,
    }


def _run(place: Node, name: str, inputs: dict[str, Any], about: dict[str, Any], workspace: str) -> Run:
    return {
        **place.fields(),
        "name": name,
        "run_type": "chain",
        "session_name": project_of(workspace),
        "start_time": stamp(place.started_at),
        "inputs": inputs,
        "extra": {"metadata": about},
    }


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
