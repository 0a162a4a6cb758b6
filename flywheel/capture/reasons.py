"""Why a line is refused, in words that say what was got next to what is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from reprlib import Repr
from typing import Any, Final

from pydantic import ValidationError

from flywheel.learn.redaction import Redactor
from flywheel.learn.redaction_policy import RedactionPolicy
from flywheel.records.execution import Execution, Outcome

FIELDS: Final[tuple[str, ...]] = tuple(Execution.model_fields)
"""Names a line of evidence may have."""

SHARE_FIELDS: Final = frozenset({"score", "confidence"})
AMOUNT_FIELDS: Final = frozenset({"latency_ms", "cost_usd"})
COUNT_FIELDS: Final = frozenset({"input_tokens", "output_tokens", "retries", "rating", "schema_version"})
NUMBER_FIELDS: Final = SHARE_FIELDS | AMOUNT_FIELDS | COUNT_FIELDS
JSON_FIELDS: Final = frozenset({"inputs", "output", "expected", "metadata"})
TEXT_FIELDS: Final = frozenset({"error_message", "comment"})

OTHER_NAMES: Final[Mapping[str, str]] = {
    "answer": "output",
    "cost": "cost_usd",
    "error": "error_type",
    "id": "execution_id",
    "input": "inputs",
    "latency_s": "latency_ms",
    "model_name": "model",
    "passed": "outcome",
    "prompt_version": "version",
    "question": "inputs",
    "run_id": "execution_id",
    "task_id": "case_id",
    "timestamp": "started_at",
    "tokens_in": "input_tokens",
    "tokens_out": "output_tokens",
}
"""Names that other tools use for a field."""

_NEEDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(FIELDS, "a text of 1 to 300 characters"),
    **dict.fromkeys(SHARE_FIELDS, "a number from 0 to 1, or null"),
    **dict.fromkeys(AMOUNT_FIELDS, "a finite number of 0 or more, or null"),
    **dict.fromkeys(COUNT_FIELDS, "a whole number of 0 or more and below 2**63, or null"),
    **dict.fromkeys(TEXT_FIELDS, "a text, or null"),
    **dict.fromkeys(JSON_FIELDS, "JSON of at most 255 levels with finite numbers"),
    "outcome": "one of " + ", ".join(Outcome),
    "rating": "a whole number from 1 to 5, or null",
    "schema_version": "1",
    "models": "a list of {model, confidence, input_tokens, output_tokens, cost_usd, latency_ms}",
    "started_at": "an RFC 3339 time with an offset, such as 2026-01-31T12:00:00Z",
}
_RECORDED_RUNS: Final = frozenset({"run_id", "task_id", "passed", "prompt_version"})
_SHOWN_CHARACTERS: Final = 60
_LONGEST_LOOK: Final = 20_000


class _Discreet(Repr):
    """What is private goes before a text is cut: half a key is found by nobody, yet it is half a key."""

    def repr_str(self, text: str, level: int) -> str:
        if len(text) > _LONGEST_LOOK:
            return f"a text of {len(text)} characters"
        return super().repr_str(without_private(text), level)


# Neither the size nor the depth of a value makes this slow.
_SHORT: Final = _Discreet()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxlong = 3, _SHOWN_CHARACTERS, _SHOWN_CHARACTERS


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one line is no evidence.

    Attributes:
        field: the field at fault, None when the whole line is.
        reason: what was got, what is needed.
    """

    field: str | None
    reason: str


def need(field: str) -> str:
    """What a field takes.

    Examples:
        >>> need("score")
        'a number from 0 to 1, or null'
        >>> need("models[0].model")
        'a text of 1 to 300 characters'
    """
    return _NEEDS[field.rpartition(".")[2]]


def shown(value: object) -> str:
    """A value on one short line, without what the default policy calls private.

    Examples:
        >>> shown([{"a": [[[1]]]}])
        "[{'a': [[...]]}]"
        >>> shown("write to ann@example.com")
        "'write to <email>'"
    """
    if value is None:
        return "null"
    text = without_private(_SHORT.repr(value))
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."


def without_private(text: str) -> str:
    """A text without what the default policy calls private, for words about a line that is refused.

    Which workspace the line belongs to may be what is wrong with it.

    Examples:
        >>> without_private("key=AKIAIOSFODNN7EXAMPLE")
        'key=<api_key>'
    """
    return _default_redactor().text(text)


@lru_cache(maxsize=1)
def _default_redactor() -> Redactor:
    return Redactor(RedactionPolicy())


def got_and_need(field: str, value: object) -> Refusal:
    """A value of the wrong type or out of range.

    Examples:
        >>> got_and_need("score", 3).reason
        'got 3, need a number from 0 to 1, or null'
    """
    return Refusal(field, f"got {shown(value)}, need {need(field)}")


def nearest_field(name: str) -> str | None:
    """The field a name probably means.

    Examples:
        >>> nearest_field("task_id"), nearest_field("latencyms"), nearest_field("colour")
        ('case_id', 'latency_ms', None)
    """
    meanings = {**{known: known for known in FIELDS}, **OTHER_NAMES}
    close = get_close_matches(name.lower(), meanings, n=1, cutoff=0.75)
    return meanings[close[0]] if close else None


def unknown_keys(names: Sequence[str]) -> Refusal:
    """Keys that are no field of a line.

    Args:
        names: at least one.

    Examples:
        >>> unknown_keys(["latencyms"]).reason
        "is no field of a line of evidence; did you mean 'latency_ms'? Use --map latencyms=latency_ms"
    """
    first, *others = names
    guess = nearest_field(first)
    hint = (
        f"did you mean {guess!r}? Use --map {first}={guess}"
        if guess
        else f"use --map {first}=FIELD, or --map {first}=metadata to keep it there"
    )
    if len(_RECORDED_RUNS.intersection(names)) > 1:
        hint += ", or for all of them --mapping recorded-runs"
    more = f"; other unknown keys: {shown(', '.join(others))}" if others else ""
    return Refusal(first, f"is no field of a line of evidence; {hint}{more}")


def refusal_of(error: ValidationError) -> Refusal:
    """The refusal that a Pydantic error of `Execution` stands for; unknown keys come first."""
    problems = error.errors(include_url=False, include_context=False)
    unknown = [str(p["loc"][0]) for p in problems if p["type"] == "extra_forbidden" and len(p["loc"]) == 1]
    if unknown:
        return unknown_keys(unknown)
    first = problems[0]
    if not first["loc"]:
        return Refusal("score", str(first["msg"]).removeprefix("Value error, "))
    field = _path(first["loc"])
    if first["type"] == "missing":
        return Refusal(field, f"is absent, need {need(field)}")
    if first["type"] == "extra_forbidden":
        return Refusal(field, f"is no part of a model's use, need {need('models')}")
    if first["type"].startswith("recursion"):
        return Refusal(field, f"is nested too deeply, need {need(field)}")
    return got_and_need(field, first["input"])


def _path(location: Iterable[int | str]) -> str:
    """`('models', 0, 'model')` as `models[0].model`; what follows a JSON field is left out."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
        if path in JSON_FIELDS:
            break
    tail = path.rpartition(".")[2]
    return path if tail in _NEEDS else path.partition("[")[0]


def first_field_where(data: Mapping[str, Any], holds: Callable[[object], bool]) -> str | None:
    """The first key whose value, or a part of it, fulfils a condition."""
    for key, value in data.items():
        waiting = [value]
        while waiting:
            part = waiting.pop()
            if isinstance(part, dict):
                waiting += [*part.values(), *part.keys()]
            elif isinstance(part, list):
                waiting += part
            elif holds(part):
                return key
    return None
