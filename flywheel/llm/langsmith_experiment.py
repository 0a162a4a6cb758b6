"""Experiments as LangSmith takes them: suite, cases, one run for each execution, its score."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flywheel.llm.langsmith_cycle import usage
from flywheel.llm.langsmith_nodes import SOURCE, case_key, experiment_id, named_id, node, stamp
from flywheel.ports import RunPlan
from flywheel.records.case import Case
from flywheel.records.cycle import CycleContext
from flywheel.records.execution import Execution
from flywheel.records.verdict import Verdict

Document = dict[str, Any]


def suite_name(plan: RunPlan) -> str:
    """Name of the suite in LangSmith.

    Examples:
        >>> from flywheel.records.case import Suite
        >>> suite_name(RunPlan("default", "triage", "v1", "Q: {q}", Suite(suite="s"), "m", "cycle-7"))
        'flywheel/default/s'
    """
    return f"flywheel/{plan.workspace}/{plan.suite.suite}"


def experiment(plan: RunPlan, suite_id: str, began: datetime) -> Document:
    """One version over the cases of a suite, without its runs."""
    own = experiment_id(plan)
    return {
        "id": own,
        "name": f"{plan.prompt} {plan.version[:8]} {own[:8]}",
        "description": f"{plan.purpose} of {plan.prompt!r} with {plan.model!r}",
        "start_time": stamp(began),
        "reference_dataset_id": suite_id,
        "extra": {"metadata": {**_about(plan), "flywheel.text": plan.text}},
    }


def case_document(case: Case, suite_id: str) -> Document:
    """A case as LangSmith keeps it; its role is a split of the suite."""
    about = {"flywheel.case_id": case.case_id, "flywheel.slice": case.slice}
    return {
        "id": case_key(case),
        "dataset_id": suite_id,
        "inputs": case.inputs,
        "outputs": None if case.expected is None else {"output": case.expected},
        "metadata": {name: value for name, value in about.items() if value is not None},
        "split": case.role.value,
    }


@dataclass(frozen=True, slots=True)
class Told:
    """One execution to tell.

    Attributes:
        own: id of its experiment.
        key: id of its case.
        at: stands for its end where it does not say when it began.
    """

    plan: RunPlan
    case: Case
    execution: Execution
    own: str
    key: str
    at: datetime


def run_document(one: Told) -> Document:
    """One execution as a run of its experiment."""
    execution = one.execution
    took = timedelta(milliseconds=execution.latency_ms or 0.0)
    began = execution.started_at or one.at - took
    metadata = {
        **_about(one.plan),
        "flywheel.case_id": one.case.case_id,
        "flywheel.slice": one.case.slice,
        "flywheel.execution_id": execution.execution_id,
    }
    known = execution.metadata if isinstance(execution.metadata, dict) else {}
    metadata |= {f"flywheel.{key}": known[key] for key in ("cached", "answered_by") if key in known}
    taken = usage(execution.input_tokens, execution.output_tokens, execution.cost_usd)
    metadata |= {"usage_metadata": taken} if taken else {}
    run: Document = {
        **node(began).fields(),
        "session_id": one.own,
        "reference_example_id": one.key,
        "name": one.plan.prompt,
        "run_type": "llm",
        "start_time": stamp(began),
        "end_time": stamp(began + took),
        "inputs": one.case.inputs,
        "extra": {"metadata": {key: value for key, value in metadata.items() if value is not None}},
    }
    if execution.output is not None:
        run["outputs"] = {"output": execution.output}
    if execution.outcome.value == "error":
        run["error"] = execution.error_message or execution.error_type or "no answer"
    return run


def score_document(run: Document, execution: Execution) -> Document:
    """The score of an execution as feedback on its run; its outcome where there is no score."""
    if execution.score is None:
        said: Document = {"key": "outcome", "value": execution.outcome.value}
    else:
        said = {"key": "score", "score": execution.score}
    if execution.error_message and execution.outcome.value != "error":
        said["comment"] = execution.error_message
    return run_feedback(run["id"], run["trace_id"], said)


def run_feedback(run_id: str, root_id: str, said: Document) -> Document:
    """Feedback on a run."""
    about = {"id": named_id(run_id, said["key"]), "run_id": run_id, "trace_id": root_id}
    return {**about, "created_at": stamp(datetime.now(UTC)), "feedback_source": {"type": "api"}, **said}


def experiment_feedback(own: str, said: Document, about: str = "") -> Document:
    """Feedback on an experiment as a whole."""
    key = named_id(own, said["key"], about)
    return {"id": key, "session_id": own, "feedback_source": {"type": "api"}, **said}


def verdict_points(verdict: Verdict, context: CycleContext) -> list[Document]:
    """A verdict as feedback: ship, stage, hold or reject with its because, then the numbers that carry it."""
    said: list[Document] = [
        {"key": "verdict", "value": verdict.ruling.value, "comment": verdict.because},
    ]
    found = verdict.evidence
    if found is not None:
        numbers = {"gain": found.estimate, "gain_low": found.low, "gain_high": found.high}
        said += [{"key": key, "score": value} for key, value in numbers.items() if value is not None]
    return [{**one, "extra": {"flywheel.cycle": context.cycle_id}} for one in said]


def _about(plan: RunPlan) -> Document:
    about = {
        "flywheel.session": plan.session_id,
        "flywheel.cycle": plan.cycle_id,
        "flywheel.prompt": plan.prompt,
        "flywheel.version": plan.version,
        "flywheel.purpose": plan.purpose,
        "flywheel.source": SOURCE,
        "ls_model_name": plan.model,
    }
    return {name: value for name, value in about.items() if value is not None}
