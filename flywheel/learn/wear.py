"""How often gate cases were looked at, what that costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flywheel.learn.counting import count_of
from flywheel.learn.rulings import GateRules

TOLERATED = 0.25
"""Wrong ships expected on one set of gate cases before it should be renewed: one set in four."""


@dataclass(frozen=True, slots=True)
class Wear:
    """State of a set of gate cases.

    Attributes:
        looks: experiments that have used them.
        expected_wrong: wrong ships to expect from that many experiments if no candidate was ever better.
        looks_left: experiments until they are worn.
        worn: whether fresh cases are due.
        because: one sentence.
    """

    looks: int
    expected_wrong: float
    looks_left: int
    worn: bool
    because: str


def worn(looks: int, cases: int, rules: GateRules) -> Wear:
    """Whether gate cases have been asked too often.

    Every experiment on the same cases lets a wrong candidate through with
    chance of half the significance level, and what ships or not leaks a
    little of the cases into the next proposals.

    Args:
        looks: experiments so far on these cases.
        cases: how many there are.
        rules: error rate of one experiment.

    Returns:
        The wear; cases wear by looks, not by time.

    References:
        Dwork et al. (2015), Science 349:636-638 (reuse of a holdout); Blum, Hardt (2015), ICML 37:1006-1014.

    Examples:
        >>> worn(3, 250, GateRules()).looks_left, worn(10, 250, GateRules()).worn
        (7, True)
    """
    if looks < 0 or cases < 0:
        msg = f"looks {looks!r}, cases {cases!r}; need numbers >= 0"
        raise ValueError(msg)
    each = rules.significance_level / 2
    allowed = max(1, math.floor(TOLERATED / each + 1e-9))
    expected = looks * each
    left = max(0, allowed - looks)
    used = f"The {cases} gate cases were used by {count_of(looks, 'experiment')}"
    if left:
        said = f"{used}; {left} more before they are worn."
    else:
        said = (
            f"{used}, which lets {expected:.2f} wrong ships through by chance: they are worn. "
            "Add fresh cases to the suite."
        )
    return Wear(looks, expected, left, left == 0, said)


def false_share_bound(shipped: int, experiments: int, rules: GateRules) -> float | None:
    """Largest share of wrong ships to expect among all ships of a period.

    Args:
        shipped: experiments that shipped something.
        experiments: experiments in all.
        rules: error rate of one experiment.

    Returns:
        In [0, 1]; None when nothing shipped. Above 0.25, use a stricter strategy.

    References:
        Benjamini, Hochberg (1995), JRSS B 57:289-300 (the same bound as a false discovery rate).

    Examples:
        >>> false_share_bound(5, 40, GateRules())
        0.2
    """
    if not 0 <= shipped <= experiments:
        msg = f"shipped {shipped!r} of experiments {experiments!r}; need 0 <= shipped <= experiments"
        raise ValueError(msg)
    if not shipped:
        return None
    return min(1.0, rules.significance_level / 2 * experiments / shipped)
