"""Evidence that grows over cycles while a candidate waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flywheel.learn.rulings import GateRules
from flywheel.records.verdict import Evidence


@dataclass(frozen=True, slots=True)
class Accumulated:
    """Evidence of several experiments on the same two versions, each on cases of its own.

    Attributes:
        e_value: product over the experiments; None when none has an e-value.
        pairs: cases in all.
        counted, repeated: experiments that counted, and those left out since their cases had counted.
        ready: whether the evidence suffices by itself, valid however often it was looked at.
        because: one sentence.
    """

    e_value: float | None
    pairs: int
    counted: int
    repeated: int
    ready: bool
    because: str


def accumulate(pieces: Sequence[Evidence], rules: GateRules) -> Accumulated:
    """Multiply the e-values of experiments on different cases.

    Args:
        pieces: evidence of one candidate against one control, oldest first.
        rules: the bar is two over the significance level.

    Returns:
        What the pieces say together; the same set of cases counts once.

    Raises:
        ValueError: the pieces are about different versions.

    References:
        Vovk, Wang (2021), Annals of Statistics 49:1736-1754 (products of sequential e-values).

    Examples:
        >>> first = Evidence(control="a", candidate="b", source="live", method="mcnemar_exact",
        ...     pairs=100, e_value=9.0, cases_digest="x")
        >>> later = first.model_copy(update={"e_value": 5.0, "cases_digest": "y"})
        >>> accumulate([first, later, first], GateRules()).because
        'Over 2 experiments with 200 cases the evidence is 45.0 to 1; 40 to 1 is enough.'
    """
    if len({(p.control, p.candidate) for p in pieces}) > 1:
        msg = "the pieces compare different versions; accumulate one pair of versions at a time"
        raise ValueError(msg)
    usable = [p for p in pieces if p.e_value is not None and p.cases_digest]
    fresh = list({p.cases_digest: p for p in reversed(usable)}.values())
    bar = 2.0 / rules.significance_level
    if not fresh:
        return Accumulated(None, 0, 0, 0, ready=False, because="No experiment gave evidence.")
    product = 1.0
    for piece in fresh:
        product = min(product * (piece.e_value or 0.0), 1e300)
    pairs = sum(p.pairs for p in fresh)
    said = (
        f"Over {len(fresh)} experiments with {pairs} cases the evidence is {product:.1f} to 1; "
        f"{bar:g} to 1 is enough."
    )
    return Accumulated(product, pairs, len(fresh), len(usable) - len(fresh), product >= bar, said)
