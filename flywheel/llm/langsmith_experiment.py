"""One arm of an experiment as LangSmith takes it: suite, cases, calls, scores in one document."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from flywheel.ports import RunPlan
from flywheel.records.case import Case
from flywheel.records.execution import Execution

_CASES: Final = UUID("6f0a3a52-6f3e-5d0a-9c2b-8f6f1f2f7c11")


@dataclass
class Arm:
    """The executions of one version in one session, with the moments between which they ran.

    Attributes:
        plan: what was run.
        pairs: cases with their executions, in the order in which they ran.
        began, ended: seconds since 1970.
    """

    plan: RunPlan
    pairs: list[tuple[Case, Execution]] = field(default_factory=list)
    began: float | None = None
    ended: float = 0.0

    def add(self, cases: Sequence[Case], executions: Sequence[Execution], now: float) -> None:
        """Add a batch that has just ended."""
        self.pairs += zip(cases, executions, strict=True)
        took = sum(execution.latency_ms or 0.0 for execution in executions) / 1000
        self.began = min(self.began or now, now - took)
        self.ended = now


def experiment(arm: Arm) -> dict[str, Any]:
    """The document of an arm; equal cases have equal ids, so that LangSmith compares arms case by case.

    Examples:
        >>> from flywheel.records.case import Suite
        >>> plan = RunPlan("default", "triage", "0123456789ab", "Q: {q}", Suite(suite="s"), "m", "cycle-7")
        >>> arm = Arm(plan)
        >>> arm.add([Case(case_id="c", suite="s", inputs={"q": "?"})],
        ...     [Execution(execution_id="e", outcome="passed", output="yes")], 1000.0)
        >>> document = experiment(arm)
        >>> document["dataset_name"], document["results"][0]["evaluation_scores"]
        ('flywheel/default/s', [{'key': 'score', 'score': 1.0}])
    """
    plan = arm.plan
    start = arm.began if arm.began is not None else arm.ended
    digest = hashlib.blake2b("\0".join((plan.session_id, plan.version, plan.model)).encode(), digest_size=4)
    about = {
        "flywheel.session": plan.session_id,
        "flywheel.prompt": plan.prompt,
        "flywheel.version": plan.version,
        "flywheel.purpose": plan.purpose,
        # Never evidence for the next analysis, should these runs be imported again.
        "flywheel.source": plan.source,
        "ls_model_name": plan.model,
    }
    return {
        "experiment_name": f"{plan.prompt} {plan.version[:8]} {digest.hexdigest()}",
        "experiment_description": f"{plan.purpose} of {plan.prompt!r} with {plan.model!r}",
        "dataset_name": f"flywheel/{plan.workspace}/{plan.suite.suite}",
        "experiment_start_time": _text(start),
        "experiment_end_time": _text(arm.ended),
        "experiment_metadata": about,
        "results": [_row(plan, case, execution, start, about) for case, execution in arm.pairs],
    }


def _row(
    plan: RunPlan, case: Case, execution: Execution, start: float, about: dict[str, str]
) -> dict[str, Any]:
    began = execution.started_at or datetime.fromtimestamp(start, UTC)
    usage = {"input_tokens": execution.input_tokens, "output_tokens": execution.output_tokens}
    score = {"key": "score", "score": execution.score}
    if execution.score is None:
        score = {"key": "outcome", "value": execution.outcome.value}
    return {
        "row_id": str(uuid5(_CASES, "\0".join((plan.workspace, plan.suite.suite, case.case_id)))),
        "inputs": case.inputs,
        "expected_outputs": None if case.expected is None else {"output": case.expected},
        "actual_outputs": None if execution.output is None else {"output": execution.output},
        "evaluation_scores": [score],
        "start_time": _stamp(began),
        "end_time": _stamp(began + timedelta(milliseconds=execution.latency_ms or 0.0)),
        "run_name": plan.prompt,
        "error": execution.error_message if execution.outcome.value == "error" else None,
        "run_metadata": {
            **about,
            "flywheel.case_id": case.case_id,
            "flywheel.execution_id": execution.execution_id,
            "usage_metadata": usage if None not in usage.values() else None,
        },
    }


def _text(seconds: float) -> str:
    return _stamp(datetime.fromtimestamp(seconds, UTC))


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
