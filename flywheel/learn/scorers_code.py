"""Scorers of your own, by import path.

The function runs in a process of its own, with all rights of this one. A suite
with such a scorer is a program: run only suites you trust as you trust code.
"""

from __future__ import annotations

import math
from functools import partial

from pydantic import JsonValue

from flywheel.errors import InputError
from flywheel.learn.scorers_process import Worker, worker_of
from flywheel.learn.scorers_result import Scored, Scoring, graded, unscored
from flywheel.records.case import Case
from flywheel.records.scorer import CodeRules


def code_scoring(rules: CodeRules) -> Scoring:
    """Scoring by a function of the user's.

    The function is called as `function(answer=..., expected=..., inputs=...)`,
    one call at a time. It gives True or False, a number in [0, 1], None for
    unscored, or a dict with `score` and `reason`. A call that lasts longer than
    its limit is ended with its process; the next one gets a new process.

    Raises:
        InputError: the path leads to no function.
    """
    worker = worker_of(rules.path, rules.timeout_s)
    refusal = worker.refusal()
    if refusal:
        msg = f"Scorer {rules.path!r} cannot be imported: {refusal}. Nothing was run."
        raise InputError(f"{msg} Name it as package.module:function, its folder on PYTHONPATH.")
    return partial(_score, rules, worker)


def _score(rules: CodeRules, worker: Worker, case: Case, answer_text: str) -> Scored:
    said = worker.ask({"answer": answer_text, "expected": case.expected, "inputs": case.inputs})
    if "timeout" in said:
        why = f"{rules.path} gave nothing within {said['timeout']:g} s and was ended"
        return unscored(answer_text, "scorer_timeout", why)
    if "error" in said:
        return unscored(answer_text, "scorer_error", f"{rules.path} raised {said['error']}")
    if "lost" in said:
        return unscored(answer_text, "scorer_error", f"{rules.path} gave nothing: {said['lost']}")
    if "odd" in said:
        return unscored(answer_text, "scorer_error", _wrong(rules, said["odd"]))
    return _judged(rules, answer_text, said["result"])


def _wrong(rules: CodeRules, shown: str) -> str:
    return f"{rules.path} gave {shown}; need True, False, None or a number from 0 to 1"


def _judged(rules: CodeRules, answer_text: str, result: JsonValue) -> Scored:
    reason = ""
    if isinstance(result, dict):
        reason, result = str(result.get("reason") or ""), result.get("score")
    if result is None:
        return unscored(answer_text, "no_score", reason or f"{rules.path} gave no score")
    number = float(result) if isinstance(result, bool | int | float) else math.nan
    if not 0.0 <= number <= 1.0:
        return unscored(answer_text, "scorer_error", _wrong(rules, repr(result)[:200]))
    detail: JsonValue = {"reason": reason} if reason else None
    return graded(
        number, rules.pass_at, answer_text.strip(), reason or f"{rules.path} gave {number:g}", detail
    )
