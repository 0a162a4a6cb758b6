"""What breaks at the edges of the inputs."""

from __future__ import annotations

from collections.abc import Sequence

from flywheel.learn.probing_contract import Contract
from flywheel.learn.probing_findings import Asked, by_kind, by_share, finding, row_of
from flywheel.records.case import Case
from flywheel.records.execution import Outcome
from flywheel.records.probe import ProbedModel

REFUSED = frozenset(
    {"OpenAIInvalidRequestError", "OpenAIContextOverflowError", "BadRequestError", "UnprocessableEntityError"}
    | {"UnknownVariable"}
)
"""Errors that the input causes; all others (a timeout, a server that is away) say nothing of it."""


def broken_because(one: Asked, contract: Contract) -> str | None:
    """Why a variant is broken, empty when it is not, None when it was not measured.

    Args:
        one: the variant beside its case.
        contract: what every answer must be.
    """
    run = one.changed
    if run is None or run.outcome is Outcome.SKIPPED:
        return None
    if run.outcome is Outcome.ERROR:
        return f"refused: {run.error_message}" if run.error_type in REFUSED else None
    answer = str(run.output or "")
    if not answer.strip():
        return "no answer"
    before = None if one.plain is None or one.plain.output is None else str(one.plain.output)
    # A prompt that breaks its form everywhere has no edge.
    if not contract.kept(answer) and (before is None or contract.kept(before)):
        return f"the answer is not what every answer must be: {contract.words}"
    if one.broke:
        return f"passed plain, failed here: {run.error_message or 'wrong answer'}"
    return ""


def edges_of(model: str, cases: Sequence[Case], asked: Sequence[Asked], contract: Contract) -> ProbedModel:
    """Share of variants that break, by kind of edge; overall and by slice the share of cases.

    Args:
        model: that answered.
        cases: asked plainly.
        asked: their variants with this model.
        contract: what every answer must be.

    Returns:
        Rows whose `shown` are broken.
    """
    told = [(one, because) for one in asked if (because := broken_because(one, contract)) is not None]
    broken = {one.variant.case.case_id for one, because in told if because}
    rows = [
        row_of(kind, len(ones), sum(one.variant.case.case_id in broken for one in ones))
        for kind, ones in by_kind(one for one, _ in told).items()
    ]
    of_case = {case.case_id: case.slice for case in cases}
    ids = list(dict.fromkeys(one.variant.of for one, _ in told))
    bad = {one.variant.of for one, because in told if because}
    slices = sorted({name for name in of_case.values() if name is not None})
    by_slice = [(name, [one for one in ids if of_case.get(one) == name]) for name in slices]
    return ProbedModel(
        model=model,
        overall=row_of("all", len(ids), len(bad)),
        kinds=tuple(sorted(rows, key=by_share, reverse=True)),
        slices=tuple(row_of(name, len(among), sum(one in bad for one in among)) for name, among in by_slice),
        findings=tuple(finding(model, one, because) for one, because in told if because),
        unmeasured=len(asked) - len(told),
    )
