"""Scorers of your own, by import path.

The function is imported and run in this process with all its rights. A suite
with such a scorer is a program: run only suites you trust as you trust code.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pydantic import JsonValue

from flywheel.errors import InputError
from flywheel.learn.scorers_result import Scored, Scoring, graded, unscored
from flywheel.records.case import Case
from flywheel.records.scorer import CodeRules


def code_scoring(rules: CodeRules) -> Scoring:
    """Scoring by a function of the user's.

    The function is called as `function(answer=..., expected=..., inputs=...)`,
    one call at a time. It gives True or False, a number in [0, 1], None for
    unscored, or a dict with `score` and `reason`.

    Raises:
        InputError: the path leads to no function.
    """
    function = imported(rules.path)
    # One thread: the function need not be safe for several, and its error comes back as a value.
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="flywheel-scorer")

    def score(case: Case, answer_text: str) -> Scored:
        future = pool.submit(function, answer=answer_text, expected=case.expected, inputs=case.inputs)
        error = future.exception()
        if error is not None:
            return unscored(
                answer_text, "scorer_error", f"{rules.path} raised {type(error).__name__}: {error}"
            )
        return _judged(rules, answer_text, future.result())

    return score


def imported(path: str) -> Callable[..., JsonValue]:
    """The function at an import path.

    Raises:
        InputError: no such module, no such function, or the module cannot be imported.

    Examples:
        >>> imported("math:isqrt")(9)
        3
    """
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except (ImportError, SyntaxError) as error:
        msg = f"Scorer {path!r} cannot be imported: {error}. Nothing was run. Put its folder on PYTHONPATH."
        raise InputError(msg) from error
    if not callable(found):
        msg = f"Scorer {path!r} is no function: {found!r}. Nothing was run."
        raise InputError(f"{msg} Name one as package.module:function.")
    return found  # type: ignore[no-any-return]


def _judged(rules: CodeRules, answer_text: str, result: JsonValue) -> Scored:
    reason = ""
    if isinstance(result, dict):
        reason, result = str(result.get("reason") or ""), result.get("score")
    if result is None:
        return unscored(answer_text, "no_score", reason or f"{rules.path} gave no score")
    number = float(result) if isinstance(result, bool | int | float) else math.nan
    if not 0.0 <= number <= 1.0:
        said = f"{rules.path} gave {result!r}; need True, False, None or a number from 0 to 1"
        return unscored(answer_text, "scorer_error", said)
    detail: JsonValue = {"reason": reason} if reason else None
    return graded(
        number, rules.pass_at, answer_text.strip(), reason or f"{rules.path} gave {number:g}", detail
    )
