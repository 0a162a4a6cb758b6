"""What an answer is worth against its expectation; docs/scorers.md lists the scorers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from flywheel.errors import InputError
from flywheel.learn.scorers_code import code_scoring
from flywheel.learn.scorers_json import json_scoring
from flywheel.learn.scorers_numbers import number_in, numeric_scoring
from flywheel.learn.scorers_overlap import overlap_scoring
from flywheel.learn.scorers_patterns import regex_scoring
from flywheel.learn.scorers_result import Scored, Scoring, failed
from flywheel.learn.scorers_source import scorer_source
from flywheel.learn.scorers_text import expectation, normalised, text_scoring
from flywheel.records.case import Case, Suite
from flywheel.records.scorer import (
    CodeRules,
    JudgeRules,
    NumericRules,
    OverlapRules,
    RegexRules,
    SchemaRules,
    Scorer,
)

__all__ = [
    "Scored",
    "Scoring",
    "expectation",
    "normalised",
    "number_in",
    "score_answer",
    "scoring_digest",
    "scoring_of",
]


def score_answer(suite: Suite, case: Case, answer_text: str) -> Scored:
    r"""Hold an answer against the expectation of its case.

    Args:
        suite: scorer with its parameters, and the permitted answers where there are any.
        case: the expectation: a text, a number, or an object whose `field`
            (else `answer`, `label` or `value`) is it.
        answer_text: what the model said, whole.

    Returns:
        The outcome with the reason of a failure; unscored when the case expects nothing.

    Raises:
        InputError: the scorer cannot work as it is set; see `scoring_of`.

    Examples:
        >>> from flywheel.records.case import AnswerOption
        >>> suite = Suite(suite="s", options=(AnswerOption(name="city"), AnswerOption(name="zip")))
        >>> case = Case(case_id="1", suite="s", inputs={}, expected={"field": "city", "value": "Ely"})
        >>> score_answer(suite, case, " city\n").outcome.value
        'passed'
        >>> score_answer(suite, case, "You need `city`.").error_type
        'format_violation'
    """
    return scoring_of(suite)(case, answer_text)


def scoring_of(suite: Suite, judge: Scoring | None = None) -> Scoring:
    """The scorer of a suite, made ready for many answers.

    Args:
        suite: scorer with its parameters.
        judge: what scores when the scorer is a language model; it lives in the room of models.

    Returns:
        A function of case and answer. An empty answer fails with every scorer, unless nothing is expected.

    Raises:
        InputError: a pattern, a schema or an import path cannot be used, or a judge is needed.

    Examples:
        >>> sums = scoring_of(Suite(suite="sums", scorer="numeric", parameters={"relative": 0.01}))
        >>> sums(Case(case_id="1", suite="sums", inputs={}, expected=100), "about 100.9").outcome.value
        'passed'
    """
    score = _scoring(suite, judge)
    own = suite.scorer in (Scorer.CODE, Scorer.JUDGE)

    def whole(case: Case, answer_text: str) -> Scored:
        if answer_text.strip():
            return score(case, answer_text)
        # A mark that is no answer shows whether the case expects anything at all.
        mark = None if own else score(case, "-")
        if mark is not None and mark.error_type == "no_expectation":
            return replace(mark, answer=None)
        need = "" if case.expected is None else f"; need {case.expected!r:.120}"
        return failed(None, "empty_answer", f"got no text{need}")

    return whole


def scoring_digest(suite: Suite, case: Case) -> str:
    """Hash of all that decides what an answer is worth; another one means: score again.

    Examples:
        >>> suite, case = Suite(suite="s"), Case(case_id="1", suite="s", inputs={}, expected="a")
        >>> scoring_digest(suite, case) == scoring_digest(suite, case.model_copy(update={"expected": "b"}))
        False
    """
    names = sorted(option.name for option in suite.options)
    parts = [suite.scorer.value, suite.parameters, names, case.expected]
    if suite.scorer is Scorer.CODE:
        parts.append(scorer_source(suite))
    if suite.scorer in (Scorer.CODE, Scorer.JUDGE):
        parts.append(case.inputs)
    canonical = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(canonical.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _scoring(suite: Suite, judge: Scoring | None) -> Scoring:  # noqa: PLR0911 - one for each scorer
    match suite.rules:
        case NumericRules() as numbers if not suite.options:
            return numeric_scoring(numbers)
        case RegexRules() as patterns:
            return regex_scoring(patterns)
        case SchemaRules() as schema:
            return json_scoring(schema)
        case OverlapRules() as overlap:
            return overlap_scoring(overlap, ordered=suite.scorer is Scorer.LIST)
        case CodeRules() as code:
            return code_scoring(code)
        case JudgeRules() as judging:
            if judge is None:
                msg = f"Suite {suite.suite!r} is scored by the model {judging.model!r}; none is at hand here."
                raise InputError(f"{msg} Nothing was scored. Score it with: flywheel run {suite.suite}")
            return judge
        case _:
            return text_scoring(suite)
