"""What executions took, the part of a judge included."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flywheel.records.execution import Execution
from flywheel.records.scorer import Scorer


@dataclass(frozen=True, slots=True)
class Taken:
    """Calls, tokens and USD of some executions; None is unknown.

    Attributes:
        calls: of the model and of a judge.
        tokens: input plus output; None when a part of them was not told.
        usd: None when a part of it was not told.
        untold_tokens, untold_usd: a model that answered without telling them, else empty.
    """

    calls: int
    tokens: int | None
    usd: float | None
    untold_tokens: str = ""
    untold_usd: str = ""


def taken_by(execution: Execution, *, asked: bool = True) -> Taken:
    """What one execution took.

    Args:
        execution: an answer, or what stands in its place.
        asked: whether the model itself was asked; False counts its judge alone.

    Examples:
        >>> one = Execution(execution_id="1", outcome="passed", output="a", model="m", input_tokens=9,
        ...     output_tokens=1)
        >>> taken_by(one)
        Taken(calls=1, tokens=10, usd=None, untold_tokens='', untold_usd='m')
    """
    judge = judge_price(execution)
    judged = int(judge.get("calls") or 0)
    parts: list[tuple[str, float | None, float | None]] = []
    if asked and execution.output is not None:
        own = _sum(execution.input_tokens, execution.output_tokens)
        parts.append((str(execution.model), own, execution.cost_usd))
    if judged:
        tokens = _sum(judge.get("input_tokens"), judge.get("output_tokens"))
        parts.append((str(judge["judge"]), tokens, judge.get("cost_usd")))
    tokens_known = [tokens for _, tokens, _ in parts if tokens is not None]
    usd_known = [usd for _, _, usd in parts if usd is not None]
    return Taken(
        calls=int(asked) + judged,
        tokens=int(sum(tokens_known)) if len(tokens_known) == len(parts) else None,
        usd=sum(usd_known) if len(usd_known) == len(parts) else None,
        untold_tokens=next((name for name, tokens, _ in parts if tokens is None), ""),
        untold_usd=next((name for name, _, usd in parts if usd is None), ""),
    )


def total_of(executions: Iterable[Execution]) -> Taken:
    """What executions took together; a sum is unknown as soon as a part of it is.

    Examples:
        >>> total_of([])
        Taken(calls=0, tokens=0, usd=0, untold_tokens='', untold_usd='')
    """
    each = [taken_by(execution) for execution in executions]
    tokens = [one.tokens for one in each if one.tokens is not None]
    usd = [one.usd for one in each if one.usd is not None]
    return Taken(
        calls=sum(one.calls for one in each),
        tokens=sum(tokens) if len(tokens) == len(each) else None,
        usd=sum(usd) if len(usd) == len(each) else None,
        untold_tokens=next((one.untold_tokens for one in each if one.untold_tokens), ""),
        untold_usd=next((one.untold_usd for one in each if one.untold_usd), ""),
    )


def calls_each(scorer: Scorer) -> int:
    """Most calls that one case can take.

    Examples:
        >>> calls_each(Scorer.JUDGE), calls_each(Scorer.EXACT)
        (3, 1)
    """
    return 3 if scorer is Scorer.JUDGE else 1


def judge_price(execution: Execution) -> dict[str, Any]:
    """What judging an execution took; empty when no judge was asked."""
    known = execution.metadata.get("scored") if isinstance(execution.metadata, dict) else None
    return known if isinstance(known, dict) and "judge" in known else {}


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second
