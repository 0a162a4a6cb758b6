"""The `flywheel_case` fixture: what a test says of itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, Self, TypedDict, Unpack

from flywheel.capture.plain import UNREADABLE, name, plain, text

MOMENT_FIELDS: Final = ("case_id", "inputs", "output", "expected", "score", "confidence", "rating", "comment")
"""What belongs to one subtest when it is said inside of it; the other fields stand for the whole test."""

MAX_TOLD: Final = 50
"""Model calls whose inputs and output are kept; the ones beyond keep their figures only."""


class CaseFields(TypedDict, total=False):
    """What `flywheel_case.set` takes; the fields of `Execution` that a test can know."""

    prompt: str | None
    version: str | None
    case: str | None
    suite: str | None
    slice: str | None
    model: str | None
    agent: str | None
    workflow: str | None
    inputs: Any
    output: Any
    expected: Any
    score: float | None
    confidence: float | None
    latency_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    rating: int | None
    comment: str | None
    metadata: dict[str, Any]


class ModelCall(TypedDict, total=False):
    """What `flywheel_case.model_call` takes beside the model's name; all that is unknown is left out."""

    inputs: Any
    output: Any
    confidence: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    latency_ms: float | None
    error: str | None


class Said:
    """What one test said; empty until it says something.

    Attributes:
        fields: values of `Execution`, plain and within their ranges.
        calls: model calls in the order they ended.
        metadata: further facts.
        refused: values that no execution can hold, each with its reason.
    """

    __slots__ = ("calls", "fields", "metadata", "refused")

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.calls: list[dict[str, Any]] = []
        self.metadata: dict[str, Any] = {}
        self.refused: list[str] = []

    def take(self, field: str, value: object) -> None:
        """Keep a field, or the reason why it cannot be kept."""
        target, fit = _FIELDS[field]
        try:
            self.fields[target] = fit(value)
        except UNREADABLE as error:
            self.refused.append(f"{field} {text(plain(value), 80)!r}: {error}")

    def call(self, model: str, facts: ModelCall) -> None:
        """Keep one model call; a figure that cannot be kept is left out of it."""
        kept: dict[str, Any] = {"model": name(model) or "unknown"}
        for fact, value in facts.items():
            if value is None or (fact in {"inputs", "output"} and len(self.calls) >= MAX_TOLD):
                continue
            try:
                kept[fact] = _CALL_FACTS[fact](value)
            except UNREADABLE as error:
                self.refused.append(f"model_call {fact} {text(plain(value), 80)!r}: {error}")
        self.calls.append(kept)

    def moment(self) -> Said:
        """What was said of one subtest, taken out; the rest stays and is shared with it."""
        part = Said()
        part.fields = dict(self.fields)
        part.calls, self.calls = self.calls, []
        part.metadata = dict(self.metadata)
        part.refused, self.refused = self.refused, []
        for field in MOMENT_FIELDS:
            self.fields.pop(field, None)
        return part


class FlywheelCase:
    """The running test, as the test sees it: every method adds a fact to its execution.

    One object serves the whole session and always means the test that runs
    now, so fixtures of any scope, threads and Hypothesis tests may use it.
    Without `--flywheel`, or between tests, what is said is forgotten. A value
    that no execution can hold is left out and named at the end of the run; it
    never fails the test.

    Examples:
        >>> case = FlywheelCase()
        >>> case.begin()
        >>> _ = case.prompt("triage", "v3").inputs({"text": "refund?"}).output("billing").score(0.7)
        >>> _ = case.model_call("small-1", input_tokens=120, output_tokens=8, latency_ms=340)
        >>> said = case.end()
        >>> said.fields["score"], said.calls[0]["input_tokens"]
        (0.7, 120)
    """

    def __init__(self) -> None:
        self._open: list[Said | None] = []

    @property
    def said(self) -> Said:
        """What the running test said so far; between tests a leaf that nobody reads."""
        if not self._open:
            return Said()
        said = self._open[-1]
        if said is None:
            said = self._open[-1] = Said()
        return said

    def prompt(self, prompt: str, version: str | None = None) -> Self:
        """The prompt under test, with its version: a label or a content hash."""
        self.said.take("prompt", prompt)
        if version is not None:
            self.said.take("version", version)
        return self

    def version(self, version: str) -> Self:
        """The version of the prompt under test: a label or a content hash."""
        return self.set(version=version)

    def case(self, case_id: str) -> Self:
        """A name that pairs this execution with others of the same case; the node id when never said."""
        return self.set(case=case_id)

    def inputs(self, inputs: object) -> Self:
        """What the system under test was given."""
        return self.set(inputs=inputs)

    def output(self, output: object) -> Self:
        """What it answered."""
        return self.set(output=output)

    def expected(self, expected: object) -> Self:
        """What it should have answered."""
        return self.set(expected=expected)

    def score(self, score: float) -> Self:
        """How good the answer was, in [0, 1]; without it a passed test has 1 and a failed one 0."""
        return self.set(score=score)

    def confidence(self, confidence: float) -> Self:
        """How sure the system said it was, in [0, 1]."""
        return self.set(confidence=confidence)

    def set(self, **fields: Unpack[CaseFields]) -> Self:
        """Several fields at once.

        Raises:
            TypeError: a field has a name that no execution has.
        """
        said = self.said
        for field, value in fields.items():
            if field == "metadata" and isinstance(value, dict):
                said.metadata.update(plain(value))
            elif field in _FIELDS:
                said.take(field, value)
            else:
                message = f"flywheel_case.set() got {field!r} and needs one of {', '.join(sorted(_FIELDS))}."
                raise TypeError(message)
        return self

    def model_call(self, model: str, **facts: Unpack[ModelCall]) -> Self:
        """One call of a language model, with what is known of it.

        Args:
            model: its name.
            facts: inputs, output, confidence in [0, 1], input_tokens, output_tokens,
                cost_usd, latency_ms, error.

        Raises:
            TypeError: a fact has another name than these.
        """
        unknown = facts.keys() - _CALL_FACTS.keys()
        if unknown:
            message = f"model_call() got {min(unknown)!r} and needs one of {', '.join(sorted(_CALL_FACTS))}."
            raise TypeError(message)
        self.said.call(model, facts)
        return self

    def begin(self) -> None:
        """A test starts; what is said from now on is its own."""
        self._open.append(None)

    def subtest(self) -> Said | None:
        """What was said since the last subtest ended, None when nothing was ever said."""
        said = self._open[-1] if self._open else None
        return None if said is None else said.moment()

    def end(self) -> Said | None:
        """That test is over, and this is what it said; a test of an enclosing session runs on."""
        return self._open.pop() if self._open else None


def _share(value: Any) -> float:  # noqa: ANN401
    number = float(value)
    if not 0.0 <= number <= 1.0:
        message = "need a number in [0, 1]"
        raise ValueError(message)
    return number


def _amount(value: Any) -> float:  # noqa: ANN401
    number = float(value)
    if not 0.0 <= number < math.inf:
        message = "need a finite number of 0 or more"
        raise ValueError(message)
    return number


def _count(value: Any) -> int:  # noqa: ANN401
    number = int(value)
    if number != value or not 0 <= number < 2**63:
        message = "need a whole number of 0 or more"
        raise ValueError(message)
    return number


def _stars(value: Any) -> int:  # noqa: ANN401
    number = _count(value)
    if not 1 <= number <= 5:
        message = "need a whole number from 1 to 5"
        raise ValueError(message)
    return number


def _or_none(fit: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else fit(value)


_FIELDS: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    **{field: (field, name) for field in ("prompt", "version", "suite", "slice", "model", "agent")},
    **{field: (field, plain) for field in ("inputs", "output", "expected")},
    **{field: (field, _or_none(_share)) for field in ("score", "confidence")},
    **{field: (field, _or_none(_amount)) for field in ("latency_ms", "cost_usd")},
    **{field: (field, _or_none(_count)) for field in ("input_tokens", "output_tokens")},
    "case": ("case_id", name),
    "workflow": ("workflow_id", name),
    "rating": ("rating", _or_none(_stars)),
    "comment": ("comment", _or_none(text)),
    "metadata": ("metadata", plain),
}
_CALL_FACTS: Final[dict[str, Callable[[Any], Any]]] = {
    "inputs": plain,
    "output": plain,
    "confidence": _share,
    "input_tokens": _count,
    "output_tokens": _count,
    "cost_usd": _amount,
    "latency_ms": _amount,
    "error": text,
}

CASE: Final = FlywheelCase()
"""The one object behind the fixture; `from flywheel.capture.pytest_case import CASE` works without it."""
