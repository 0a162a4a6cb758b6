"""Screening: which candidate of several meets the gate, where a budget pays for few."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from flywheel.learn.counting import count_of
from flywheel.learn.prompt_leaks import leaves
from flywheel.learn.tables import quality
from flywheel.records.case import Case
from flywheel.records.columns import OUTCOMES, ExecutionColumns
from flywheel.records.execution import Execution, Outcome

LEAST = 10
"""Cases below which a screening is little more than a draw of lots."""

MOST = 30
"""Cases of a candidate beyond which screening costs more than it brings: the gate decides, not this."""

SHARE = 5
"""At most one part in so many of a budget goes into screening."""

_SILENT = frozenset({Outcome.ERROR, Outcome.SKIPPED, Outcome.UNSCORED})
"""Outcomes that say nothing of a version here."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Screened:
    """One candidate after screening.

    Attributes:
        version: of the candidate.
        pairs: cases on which candidate and live version both have a score.
        gained: sum of the differences over these cases, in cases; None with too few of them.
    """

    version: str
    pairs: int
    gained: float | None

    @property
    def mean(self) -> float:
        """Mean difference per case; what has none comes after everything that has."""
        return float("-inf") if self.gained is None else self.gained / self.pairs


def cases_each(rest: int, share: int, usable: int) -> int:
    """Cases on which every candidate is screened, 0 for no screening.

    What the gate would leave over is used first. Where that is too little, the
    share of the budget is, and the gate has fewer cases.

    Args:
        rest: cases for each candidate that are paid by what the gate would leave over.
        share: cases for each candidate that are paid by the part of the budget screening may use.
        usable: cases there are.

    Examples:
        >>> cases_each(rest=14, share=14, usable=160), cases_each(rest=3, share=12, usable=160)
        (14, 12)
        >>> cases_each(rest=90, share=60, usable=160), cases_each(rest=14, share=14, usable=9)
        (30, 0)
    """
    paid = rest if rest >= LEAST else share
    cases = min(paid, share, usable, MOST)
    return cases if cases >= LEAST else 0


def shown_cases(cases: Sequence[Case], texts: Sequence[str]) -> frozenset[str]:
    """Cases that a text shows: a candidate knows their answers and must not be screened on them.

    Args:
        cases: reflect cases.
        texts: of all candidates.

    Returns:
        Ids of cases whose longest input stands in a text, whatever the case, spaces and punctuation;
        of those without any text too, since nobody can tell.

    Examples:
        >>> case = Case(case_id="c", suite="s", inputs={"q": "Where does she live?"})
        >>> sorted(shown_cases([case], ["Question: where does she  LIVE? Answer: here"]))
        ['c']
    """
    known = [_plain(text) for text in texts]
    shown = set()
    for case in cases:
        longest = max((_plain(text) for text in leaves(case.inputs)), key=len, default="")
        if not longest.strip() or any(longest in text for text in known):
            shown.add(case.case_id)
    return frozenset(shown)


def recorded_scores(columns: ExecutionColumns) -> dict[str, float]:
    """Mean recorded score by case; cases with errors only, or without a score, are not in it.

    Args:
        columns: executions of one version.
    """
    silent = [i for i, name in enumerate(OUTCOMES) if Outcome(name) in _SILENT]
    told = ~np.isin(columns.outcome, silent) & ~np.isnan(columns.score) & (columns.case.codes >= 0)
    codes, scores = columns.case.codes[told], columns.score[told]
    sums = np.bincount(codes, weights=scores, minlength=len(columns.case.names))
    counts = np.bincount(codes, minlength=len(columns.case.names))
    return {columns.case.names[i]: float(sums[i] / counts[i]) for i in np.flatnonzero(counts)}


def ranked(control: Mapping[str, float], ran: Mapping[str, Sequence[Execution]]) -> tuple[Screened, ...]:
    """Candidates by their mean difference to the live version on the same cases, best first.

    An error or an unscored case says nothing of a candidate. One with too few
    cases left has no rank and stands behind the others. Ties keep their order.

    Args:
        control: recorded score of the live version by case.
        ran: executions of each candidate, most promising first.

    Examples:
        >>> def one(n, score):
        ...     outcome = "passed" if score else "failed"
        ...     return Execution(execution_id=f"{n}", case_id=f"c{n}", outcome=outcome, score=score)
        >>> before = {f"c{n}": 0.0 for n in range(10)}
        >>> same, good = [one(n, 0.0) for n in range(10)], [one(n, 1.0) for n in range(10)]
        >>> [(s.version, s.gained) for s in ranked(before, {"same": same, "good": good})]
        [('good', 10.0), ('same', 0.0)]
    """
    found = []
    for version, executions in ran.items():
        known = ((control.get(e.case_id or ""), quality(e)) for e in executions if e.outcome not in _SILENT)
        gains = [after - before for before, after in known if before is not None and after is not None]
        found.append(Screened(version, len(gains), sum(gains) if len(gains) >= LEAST else None))
    return tuple(sorted(found, key=lambda one: -one.mean))


def why_out(one: Screened, best: Screened, name: str, cases: int) -> str:
    """Why a candidate does not meet the gate in this cycle.

    Args:
        one: the candidate.
        best: the one that does.
        name: of the best, as a person knows it.
        cases: asked of each.

    Examples:
        >>> why_out(Screened("a", 14, 2.0), Screened("b", 14, 7.0), "contrast", 14)
        'screened out on 14 reflect cases (+2 of 14 against +7 of 14 for contrast)'
    """
    if one.gained is None:
        own = f"scored on {one.pairs} of them, which says nothing"
    else:
        own = f"{one.gained:+.3g} of {one.pairs}"
    other = f"{best.gained or 0.0:+.3g} of {best.pairs} for {name}"
    return f"screened out on {count_of(cases, 'reflect case')} ({own} against {other})"


def _plain(text: str) -> str:
    """Words alone, each between spaces, so that a word is never found inside another."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "
