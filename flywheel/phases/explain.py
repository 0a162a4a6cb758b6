"""Causes that a model writes, asked pattern by pattern."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flywheel.errors import ModelError
from flywheel.learn.root_cause import contrast_pairs, read_root_cause, root_cause_request
from flywheel.ports import ChatModel
from flywheel.records.analysis import FailurePattern
from flywheel.records.execution import Execution


@dataclass(frozen=True, slots=True)
class Explainer:
    """A model that may write causes, on top of the rules.

    Attributes:
        model: is asked once per pattern.
        name: of the model.
        most: patterns it is asked about, the most damaging first.
        workspace, cycle_id: for whom it is asked; the ledger keeps both.
    """

    model: ChatModel
    name: str
    most: int = 3
    workspace: str = "default"
    cycle_id: str | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """Patterns after a model was asked about them.

    Attributes:
        patterns: in the order they were given; one without an answer keeps its rule.
        asked: calls made.
        written: causes that were read from the answers.
        cost_usd: of the calls; None when any price is unknown.
        because: why a pattern has no written cause, one line each.
    """

    patterns: tuple[FailurePattern, ...]
    asked: int = 0
    written: int = 0
    cost_usd: float | None = None
    because: tuple[str, ...] = ()


def explained(
    patterns: Sequence[FailurePattern],
    failures: Sequence[Execution],
    passes: Sequence[Execution],
    explainer: Explainer,
) -> Explained:
    """The most damaging patterns with a written cause beside the rule's.

    A pattern that has one already is not asked about again; failed calls are
    left out, because their own messages say more than any pair could.

    Args:
        patterns: most damaging first.
        failures: failed executions with their texts.
        passes: passed ones, for the same inputs where there are any.
        explainer: the model, with how often it may be asked.

    Returns:
        Patterns with causes; a model that does not answer changes nothing.
    """
    kept = list(patterns)
    because: list[str] = []
    costs: list[float | None] = []
    written = 0
    for place, pattern in enumerate(kept[: explainer.most]):
        if pattern.root_cause is not None or pattern.kind == "error":
            continue
        pairs = contrast_pairs(pattern, failures, passes)
        if not pairs:
            because.append(f"{pattern.title}: no passed execution to compare with")
            continue
        try:
            asked_by = {"workspace": explainer.workspace, "cycle_id": explainer.cycle_id}
            asked = root_cause_request(pattern, pairs, explainer.name).model_copy(update=asked_by)
            answer = explainer.model.complete(asked)
        except ModelError as error:
            because.append(f"{pattern.title}: {error}")
            costs.append(None)
            continue
        costs.append(answer.cost_usd)
        cause = read_root_cause(answer, pattern, pairs)
        if cause is None:
            because.append(f"{pattern.title}: the answer was no cause with a fix: {answer.text[:80]!r}")
            continue
        written += 1
        kept[place] = pattern.model_copy(update={"root_cause": cause})
    known = [cost for cost in costs if cost is not None]
    total = sum(known) if costs and len(known) == len(costs) else None
    return Explained(tuple(kept), len(costs), written, total, tuple(because))
