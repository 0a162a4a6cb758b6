"""Scorers as data: a name with its rules, refused at the door when they do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from flywheel.records.base import Name, NonNegative, Record, Share

LONGEST_PATTERN = 1_000
"""Characters of a regular expression; longer ones are programs."""


class Scorer(StrEnum):
    """How an answer is held against its expectation."""

    EXACT = "exact"
    NORMALISED = "normalised"
    CONTAINS = "contains"
    NUMERIC = "numeric"
    REGEX = "regex"
    JSON_SCHEMA = "json_schema"
    SET = "set"
    LIST = "list"
    CODE = "code"
    JUDGE = "judge"


class TextRules(Record):
    """Rules of exact, normalised, contains: there are none."""


class NumericRules(Record):
    """How near a number must come.

    Attributes:
        absolute, relative: largest difference; the wider of the two counts. The defaults forgive the
            rounding of floats.
        which: the last number of the answer, or the first.
        percent: `ignore` reads 12 % as 12; `fraction` reads it as 0.12, in the answer as in the expectation.
        decimal_comma: whether 1.234,5 is one thousand and something.
    """

    absolute: NonNegative = 1e-9
    relative: NonNegative = 1e-9
    which: Literal["last", "first"] = "last"
    percent: Literal["ignore", "fraction"] = "ignore"
    decimal_comma: bool = False


class RegexRules(Record):
    """What a pattern finds in the answer.

    Attributes:
        pattern: None takes the expectation of each case as the pattern.
        compare: what found text must be: `form` nothing more than found; the others compare the first
            group, else the whole match, with the expectation.
        which: the last match of the answer, or the first.
        ignore_case: letters of any case match.
        timeout_s: longest search; the answer is then unscored.
    """

    pattern: Annotated[str, Field(min_length=1, max_length=LONGEST_PATTERN)] | None = None
    compare: Literal["form", "exact", "normalised", "numeric"] = "exact"
    which: Literal["last", "first"] = "last"
    ignore_case: bool = False
    timeout_s: Annotated[float, Field(gt=0, le=10)] = 1.0


class SchemaRules(Record):
    """What JSON the answer must be.

    Attributes:
        json_schema: JSON Schema, draft 2020-12 unless `$schema` names another; references inside it only.
        fenced: whether one Markdown fence around the JSON is allowed.
        match: `schema` asks no more than the schema; `fields` scores the share of the expected fields
            that are equal.
        pass_at: score from which an answer passes.
    """

    json_schema: Annotated[dict[str, JsonValue], Field(alias="schema")]
    fenced: bool = False
    match: Literal["schema", "fields"] = "schema"
    pass_at: Share = 1.0


class OverlapRules(Record):
    """How much of a list must be there.

    Attributes:
        measure: the score: f1, jaccard, precision, or recall.
        pass_at: score from which an answer passes.
        separator: between items of an answer that is no JSON array; None takes line breaks, else
            semicolons, else commas.
        normalise: whether case, spaces, surrounding marks are ignored.
    """

    measure: Literal["f1", "jaccard", "precision", "recall"] = "f1"
    pass_at: Share = 1.0
    separator: Annotated[str, Field(min_length=1, max_length=20)] | None = None
    normalise: bool = True


class CodeRules(Record):
    """A function of your own that scores.

    Attributes:
        path: `package.module:function`; called with answer, expected, inputs by name.
        pass_at: score from which an answer passes, where the function gives a number.
        timeout_s: longest call; the answer is then unscored, the process of the function ended.
    """

    path: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$", max_length=300)]
    pass_at: Share = 1.0
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 10.0


class JudgeRules(Record):
    """A language model that scores.

    Attributes:
        model: name of the judge.
        criteria: what a good answer is, in words; put into the rubric.
        rubric: text of the whole prompt with {criteria}, {inputs}, {expected}, {answer}; None takes the
            shipped one.
        pass_at: score from which an answer passes.
    """

    model: Name
    criteria: str = "The answer is correct and complete, measured by the expectation where there is one."
    rubric: Annotated[str, Field(min_length=1, max_length=50_000)] | None = None
    pass_at: Share = 0.5


ScorerRules = TextRules | NumericRules | RegexRules | SchemaRules | OverlapRules | CodeRules | JudgeRules
"""The rules of one scorer."""

RULES: Mapping[Scorer, type[ScorerRules]] = {
    Scorer.EXACT: TextRules,
    Scorer.NORMALISED: TextRules,
    Scorer.CONTAINS: TextRules,
    Scorer.NUMERIC: NumericRules,
    Scorer.REGEX: RegexRules,
    Scorer.JSON_SCHEMA: SchemaRules,
    Scorer.SET: OverlapRules,
    Scorer.LIST: OverlapRules,
    Scorer.CODE: CodeRules,
    Scorer.JUDGE: JudgeRules,
}
"""Which rules a scorer takes."""


def rules_of(scorer: Scorer, parameters: Mapping[str, JsonValue]) -> ScorerRules:
    """Parameters as the rules of a scorer.

    Args:
        scorer: whose rules.
        parameters: the fields of its rules; those left out have their defaults.

    Raises:
        ValueError: a parameter the scorer does not know, lacks, or cannot use.

    Examples:
        >>> rules_of(Scorer.NUMERIC, {"relative": 0.01}).relative
        0.01
        >>> rules_of(Scorer.EXACT, {"relative": 0.01})
        Traceback (most recent call last):
        ...
        ValueError: scorer 'exact': relative: it has no such parameter, got 0.01; it takes none
    """
    kind = RULES[scorer]
    try:
        return TypeAdapter(kind).validate_python(dict(parameters))
    except ValidationError as error:
        known = ", ".join(field.alias or name for name, field in kind.model_fields.items()) or "none"
        problems = "; ".join(_problem(dict(one)) for one in error.errors(include_url=False))
        msg = f"scorer {scorer.value!r}: {problems}; it takes {known}"
        raise ValueError(msg) from None


def _problem(error: dict[str, object]) -> str:
    loc = error["loc"]
    where = ".".join(map(str, loc)) if isinstance(loc, tuple) else ""
    said = {"extra_forbidden": "it has no such parameter", "missing": "it needs this parameter"}
    text = said.get(str(error["type"]), str(error["msg"]).removeprefix("Value error, "))
    got = "" if error["type"] == "missing" else f", got {error['input']!r:.80}"
    return f"{where}: {text}{got}"
