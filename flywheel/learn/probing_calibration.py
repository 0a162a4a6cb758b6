"""Confidence beside outcomes: where a model says more than it does."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from flywheel.learn.calibrating import calibration_of_arrays
from flywheel.learn.probing_findings import finding_as_it_is, row_of
from flywheel.records.case import Case
from flywheel.records.execution import Execution, Outcome
from flywheel.records.probe import Calibration, ProbedModel

SURE = 0.8
"""Confidence from which a wrong answer is a finding."""

KIND = "sure and wrong"

_STATED = re.compile(r"""["']?confidence["']?\s*(?:[:=]|is)\s*["']?(\d+(?:\.\d+)?)\s*(%)?""", re.IGNORECASE)
_SCORED = (Outcome.PASSED, Outcome.FAILED)


def confidence_of(execution: Execution) -> float | None:
    """Confidence that was logged, else the last that the answer states; None when there is none.

    Args:
        execution: of one case.

    Examples:
        >>> run = Execution(execution_id="1", outcome="passed", output='{"a": "x", "confidence": 0.7}')
        >>> confidence_of(run)
        0.7
        >>> confidence_of(run.model_copy(update={"output": "billing (confidence: 85 %)"}))
        0.85
        >>> confidence_of(run.model_copy(update={"output": "billing"})) is None
        True
    """
    if execution.confidence is not None:
        return execution.confidence
    said = _STATED.findall(str(execution.output or ""))
    if not said:
        return None
    number, sign = said[-1]
    value = float(number) / (100.0 if sign or float(number) > 1.0 else 1.0)
    return value if value <= 1.0 else None


def calibration_of(executions: Sequence[Execution]) -> Calibration:
    """Reliability, Brier score, debiased error, and which way a model errs.

    Args:
        executions: of one model, each case once.

    Returns:
        Without any confidence all numbers are None, with the reason; never 0.
    """
    scored = [one for one in executions if one.outcome in _SCORED]
    known = [(c, one.outcome is Outcome.PASSED) for one in scored if (c := confidence_of(one)) is not None]
    without = len(scored) - len(known)
    stated = np.array([c for c, _ in known], dtype=np.float64)
    right = np.array([y for _, y in known], dtype=np.float64)
    return calibration_of_arrays(stated, right, without)


def calibrated(model: str, cases: Sequence[Case], executions: Sequence[Execution]) -> ProbedModel:
    """One model with its calibration; findings are the cases on which it was sure and wrong.

    Args:
        model: that answered.
        cases: that were asked.
        executions: of this model.
    """
    by_case = {case.case_id: case for case in cases}
    sure = [one for one in executions if one.outcome in _SCORED and (confidence_of(one) or 0.0) >= SURE]
    wrong = [one for one in sure if one.outcome is Outcome.FAILED and one.case_id in by_case]
    return ProbedModel(
        model=model,
        overall=row_of("all", len(sure), len(wrong)),
        findings=tuple(
            finding_as_it_is(model, by_case[str(one.case_id)], one, KIND, _because(one)) for one in wrong
        ),
        unmeasured=sum(one.outcome not in _SCORED for one in executions),
        calibration=calibration_of(executions),
    )


def _because(execution: Execution) -> str:
    return f"said {confidence_of(execution) or 0.0:.2f}: {execution.error_message or 'failed'}"
