"""What broke when cases were asked in another way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flywheel.records.case import Case
from flywheel.records.execution import Execution, Outcome
from flywheel.records.probe import ProbedModel, ProbeFinding, ProbeRow, Variant
from flywheel.stats.multiplicity import optional_holm
from flywheel.stats.paired import mcnemar_exact
from flywheel.stats.proportions import Counts, wilson

COVERAGE = 0.95

_SCORED = (Outcome.PASSED, Outcome.FAILED)


@dataclass(frozen=True, slots=True)
class Asked:
    """One variant with one model beside the case it was made from; None was not answered."""

    variant: Variant
    plain: Execution | None
    changed: Execution | None

    @property
    def scored(self) -> bool:
        """Whether both were measured."""
        return all(one is not None and one.outcome in _SCORED for one in (self.plain, self.changed))

    @property
    def broke(self) -> bool:
        """Whether the case passed plain, and failed changed."""
        return self.scored and passed(self.plain) and not passed(self.changed)

    @property
    def mended(self) -> bool:
        """Whether the case failed plain, and passed changed."""
        return self.scored and passed(self.changed) and not passed(self.plain)


def passed(execution: Execution | None) -> bool:
    """Whether an execution passed."""
    return execution is not None and execution.outcome is Outcome.PASSED


def asked_of(variants: Iterable[Variant], executions: Iterable[Execution]) -> list[Asked]:
    """Variants beside their cases.

    Args:
        variants: all that were asked.
        executions: of one model: plain and changed ones.
    """
    by_case = {execution.case_id: execution for execution in executions}
    return [Asked(one, by_case.get(one.of), by_case.get(one.case.case_id)) for one in variants]


def consistency_of(
    model: str, cases: Sequence[Case], asked: Sequence[Asked], coverage: float = COVERAGE
) -> ProbedModel:
    """Share of cases whose outcome is the same in all wordings.

    Overall and by slice the unit is the case, because wordings of one case
    stand and fall together; by kind each case has one wording.

    Args:
        model: that answered.
        cases: asked plainly.
        asked: their rephrasings with this model.
        coverage: of the intervals.

    Returns:
        Rows whose `shown` are the consistent cases; one finding for each wording with another outcome.
    """
    measured = [one for one in asked if one.scored]
    changed = {one.variant.of for one in measured if one.broke or one.mended}
    mended = {one.variant.of for one in measured if one.mended}
    of_case = {case.case_id: case.slice for case in cases}
    ids = list(dict.fromkeys(one.variant.of for one in measured))

    def row(name: str, among: Sequence[str]) -> ProbeRow:
        kept = sum(one not in changed for one in among)
        return row_of(name, len(among), kept, sum(one in mended for one in among), coverage)

    kinds = []
    for kind, ones in by_kind(measured).items():
        same = sum(not (one.broke or one.mended) for one in ones)
        kinds.append(row_of(kind, len(ones), same, sum(one.mended for one in ones), coverage))
    slices = sorted({name for name in of_case.values() if name is not None})
    return ProbedModel(
        model=model,
        overall=row("all", ids),
        kinds=tuple(sorted(kinds, key=by_share)),
        slices=tuple(row(name, [one for one in ids if of_case.get(one) == name]) for name in slices),
        findings=tuple(finding(model, one) for one in measured if one.broke or one.mended),
        unmeasured=len(asked) - len(measured),
    )


def robustness_of(
    model: str, cases: Sequence[Case], asked: Sequence[Asked], coverage: float = COVERAGE
) -> ProbedModel:
    """Share of the cases that pass plain and fail under attack, by kind.

    Intervals of the kinds are widened together (Bonferroni), so that all of
    them hold at once. The p-value asks whether a kind breaks more than it
    mends (exact McNemar), corrected over the kinds (Holm): a model whose
    answers merely vary breaks and mends alike.

    Args:
        model: that answered.
        cases: asked plainly.
        asked: their attacked variants with this model.
        coverage: of all intervals of the kinds together.

    Returns:
        Rows whose `shown` are successes of the attack among cases that pass plain.

    References:
        McNemar (1947), Psychometrika 12:153-157; Holm (1979), Scandinavian Journal of Statistics 6:65-70.
    """
    measured = [one for one in asked if one.scored]
    kinds = by_kind(measured)
    each = 1.0 - (1.0 - coverage) / max(1, len(kinds))
    rows = []
    for kind, ones in kinds.items():
        counted = [one for one in ones if passed(one.plain)]
        mended = sum(one.mended for one in ones)
        rows.append(row_of(kind, len(counted), sum(one.broke for one in counted), mended, each))
    adjusted = optional_holm([mcnemar_exact(row.mended, row.shown) for row in rows])
    rows = [row.model_copy(update={"adjusted_p": p}) for row, p in zip(rows, adjusted, strict=True)]
    of_case = {case.case_id: case.slice for case in cases}
    broken = {one.variant.of for one in measured if one.broke}
    mended_cases = {one.variant.of for one in measured if one.mended}
    passing = list(dict.fromkeys(one.variant.of for one in measured if passed(one.plain)))

    def row(name: str, where: str | None) -> ProbeRow:
        among = [one for one in passing if where is None or of_case.get(one) == where]
        also = sum(where is None or of_case.get(one) == where for one in mended_cases)
        return row_of(name, len(among), sum(one in broken for one in among), also, coverage)

    slices = sorted({name for name in of_case.values() if name is not None})
    return ProbedModel(
        model=model,
        overall=row("all", None),
        kinds=tuple(sorted(rows, key=by_share, reverse=True)),
        slices=tuple(row(name, name) for name in slices),
        findings=tuple(finding(model, one) for one in measured if one.broke),
        unmeasured=len(asked) - len(measured),
    )


def cases_found(models: Sequence[ProbedModel], variants: Sequence[Variant]) -> list[Variant]:
    """The variants that broke with any model, each once, in the order they were made."""
    found = {finding.case_id for model in models for finding in model.findings}
    return [one for one in variants if one.case.case_id in found]


def by_kind(asked: Iterable[Asked]) -> Mapping[str, list[Asked]]:
    """Variants by kind of change, in the order they come."""
    kinds: dict[str, list[Asked]] = defaultdict(list)
    for one in asked:
        kinds[one.variant.kind].append(one)
    return kinds


def by_share(row: ProbeRow) -> tuple[float, str]:
    """Sorts rows: the least share first, unknown before it."""
    return (-1.0 if row.share is None else row.share, row.name)


def finding(model: str, one: Asked, because: str = "") -> ProbeFinding:
    """A finding of one variant that was asked.

    Args:
        model: that answered.
        one: the variant beside its case.
        because: in words; the reason of the failure, else both outcomes, when empty.

    Raises:
        ValueError: it was not asked.
    """
    if one.changed is None:
        msg = f"variant {one.variant.case.case_id!r} was not asked; a finding needs an execution"
        raise ValueError(msg)
    return ProbeFinding(
        case_id=one.variant.case.case_id,
        of=one.variant.of,
        kind=one.variant.kind,
        slice=one.variant.case.slice,
        model=model,
        before=one.variant.before,
        after=one.variant.after,
        plain=None if one.plain is None else one.plain.outcome,
        changed=one.changed.outcome,
        answer_before=_answer(one.plain),
        answer_after=_answer(one.changed),
        because=because or one.changed.error_message or "another outcome than plain",
    )


def finding_as_it_is(model: str, case: Case, execution: Execution, kind: str, because: str) -> ProbeFinding:
    """A finding of a case that was asked as it stands.

    Args:
        model: that answered.
        case: that was asked.
        execution: its execution.
        kind: of finding.
        because: in words.
    """
    asked = " ".join(str(value) for value in case.inputs.values())
    return ProbeFinding(
        case_id=case.case_id,
        of=case.case_id,
        kind=kind,
        slice=case.slice,
        model=model,
        before=asked,
        after=asked,
        plain=execution.outcome,
        changed=execution.outcome,
        answer_after=_answer(execution),
        because=because,
    )


def row_of(name: str, cases: int, shown: int, mended: int = 0, coverage: float = COVERAGE) -> ProbeRow:
    """How many of some cases show something, with the interval of the share (Wilson).

    Examples:
        >>> row_of("all", 0, 0).share is None, row_of("all", 4, 3).share
        (True, 0.75)
    """
    rate = wilson(Counts(shown, cases), coverage)
    return ProbeRow(
        name=name,
        cases=cases,
        shown=shown,
        mended=mended,
        share=rate.estimate,
        low=rate.low,
        high=rate.high,
    )


def _answer(execution: Execution | None) -> str | None:
    return None if execution is None or execution.output is None else str(execution.output)
