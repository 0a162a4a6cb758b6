"""Which failures are alike: one exact group for each, whatever else is in the data."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from flywheel.learn.answers import (
    CUT_LENGTH,
    MAX_ANSWER,
    answer_text,
    format_fault,
    looks_cut,
    plain,
    produced_answer,
)
from flywheel.learn.failure_text import read_failure
from flywheel.learn.message_templates import message_template
from flywheel.learn.reporting import error_class
from flywheel.records.execution import Execution, Outcome

_CLASS_NAME = re.compile(r"^(?:\w+\.)*[A-Z]\w*$")
_OF_FORMAT = re.compile(r"json|pars|valid|schema|format", re.IGNORECASE)
_CUT = re.compile(r"final|cut|trunc|length|context|max.?tokens", re.IGNORECASE)
_REFUSED = re.compile(r"refus|content.?filter|safety|policy", re.IGNORECASE)
_CHECKS = ("AssertionError", "Failed", "ComparisonFailure", "AssertionFailedError")


@dataclass(frozen=True, slots=True)
class Cluster:
    """An exact group of failures; equal fields, equal key, on every machine for ever.

    Attributes:
        kind: of the failure pattern.
        slice: only where the kind depends on it.
        expected, produced: of a confusion; produced of a constant.
        detail: template, place in the code, or the rule that was broken.
        place: deepest own frame of a stack trace, empty without one.
        holder: model whose answers are constant.
    """

    kind: str
    slice: str | None = None
    expected: str | None = None
    produced: str | None = None
    detail: str = ""
    place: str = ""
    holder: str = ""

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits; spellings of one answer share a key."""
        answers = (plain(self.expected or ""), plain(self.produced or ""))
        parts = [self.kind, self.slice or "", *answers, self.detail]
        parts += [part for part in (self.place, self.holder) if part]
        return hashlib.blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def cluster_of(failure: Execution) -> Cluster:
    """The exact group of one failed or errored execution.

    Examples:
        >>> cluster_of(Execution(execution_id="a", outcome="error", error_type="ReadTimeout",
        ...     error_message="no answer after 30 s")).detail
        'ReadTimeout: no answer after * s'
    """
    kind = error_class(failure.error_type)
    if _is_exception(failure, kind):
        return _of_exception(failure)
    if kind == "llm_errors":
        return _without_answer(failure)
    if kind == "validation_errors" and not _is_check(failure):
        return Cluster("format", detail=failure.error_type or "")
    fault = format_fault(failure)
    if fault is not None:
        found, detail = fault
        return Cluster(found, slice=failure.slice if found != "format" else None, detail=detail)
    return _wrong(failure)


def _is_exception(failure: Execution, kind: str) -> bool:
    if kind in ("timeout_errors", "api_errors"):
        return True
    name = failure.error_type or ""
    if kind == "llm_errors" or _OF_FORMAT.search(name):
        return failure.outcome is Outcome.ERROR and kind not in ("llm_errors", "validation_errors")
    if failure.outcome is Outcome.ERROR:
        return True
    return bool(_CLASS_NAME.match(name)) and kind != "wrong_answers" and not _is_check(failure)


def _is_check(failure: Execution) -> bool:
    return (failure.error_type or "").rpartition(".")[2] in _CHECKS


def _of_exception(failure: Execution) -> Cluster:
    said = read_failure(failure.error_message or "")
    name = (failure.error_type or said.error_type or "error").rpartition(".")[2]
    if said.place:
        return Cluster("error", detail=name, place=said.place)
    headline = said.headline.removeprefix(f"{said.error_type}: ") if said.error_type else said.headline
    return Cluster("error", detail=f"{name}: {message_template(headline)}")


def _without_answer(failure: Execution) -> Cluster:
    name = failure.error_type or ""
    text = failure.output if isinstance(failure.output, str) else ""
    if _REFUSED.search(name):
        return Cluster("refusal", slice=failure.slice, detail=name)
    finished = bool(text) and text.rstrip()[-1:] in ".!?"
    if _CUT.search(name):
        cut = not finished or len(text) >= CUT_LENGTH
    else:
        cut = looks_cut(text) or (len(text) >= CUT_LENGTH and not finished)
    if cut:
        return Cluster("cut_off", slice=failure.slice, detail=name)
    return Cluster("format", detail=name)


def _wrong(failure: Execution) -> Cluster:
    expected, produced = answer_text(failure.expected), produced_answer(failure)
    if expected is not None and expected == produced:
        return Cluster(
            "wrong_answer", slice=failure.slice, detail="the right answer, failed for another reason"
        )
    if expected is not None and produced is not None and plain(expected) == plain(produced):
        return Cluster("format", detail="the right answer, spelled otherwise")
    if expected is not None and produced is not None and len(expected) <= MAX_ANSWER:
        return Cluster("confusion", slice=failure.slice, expected=expected, produced=produced)
    if failure.error_message and _is_check(failure):
        said = read_failure(failure.error_message)
        if said.place:
            return Cluster("wrong_answer", slice=failure.slice, place=said.place)
        return Cluster("wrong_answer", slice=failure.slice, detail=message_template(said.headline))
    return Cluster("wrong_answer", slice=failure.slice)
