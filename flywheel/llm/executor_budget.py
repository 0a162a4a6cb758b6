"""The ceiling of a run, held before each call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flywheel.records.execution import Execution
from flywheel.records.scorer import Scorer


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Most a run may spend; None is no limit.

    Attributes:
        calls: answers asked for, those of a judge included.
        usd: as the models tell it.
    """

    calls: int | None = None
    usd: float | None = None


@dataclass(slots=True)
class Purse:
    """What a run has spent, with what is on its way.

    A ceiling in USD needs a price. Until the first answer of an arm has told
    one, nothing else is sent; when it tells none the run ends, because a
    ceiling nobody can hold is none. After that each call is assumed to
    cost the most any call has cost.

    Attributes:
        ceiling: of this run.
        calls_each: most calls one case can take: the model's, and up to two of a judge.
        calls: answered.
        usd: spent, as far as told.
        dearest_usd: most one case has cost; None before the first answer, or from a forecast.
        under_way: cases sent and not answered.
        because: why nothing more is sent, else empty.
        answered: cases that came back.
        untold: a model that answered without telling its price, else empty.
    """

    ceiling: Ceiling
    calls_each: int = 1
    calls: int = 0
    usd: float = 0.0
    dearest_usd: float | None = None
    under_way: int = 0
    because: str = ""
    answered: int = 0
    untold: str = ""

    def room(self) -> bool:
        """Whether one more case may be sent now.

        Examples:
            >>> purse = Purse(Ceiling(calls=1))
            >>> purse.room(), purse.sent(), purse.room()
            (True, None, False)
        """
        if self.because:
            return False
        limit = self.ceiling
        if limit.calls is not None and self.calls + (self.under_way + 1) * self.calls_each > limit.calls:
            return self._ended(f"the budget of {limit.calls:,} calls")
        if limit.usd is None:
            return True
        if self.dearest_usd is None:
            return self.under_way == 0 and (limit.usd > 0 or self._ended("the budget of 0 USD"))
        if self.usd + (self.under_way + 1) * self.dearest_usd > limit.usd:
            return self._ended(f"the budget of {limit.usd:g} USD")
        return True

    def sent(self) -> None:
        """One case is on its way."""
        self.under_way += 1

    def paid(self, execution: Execution) -> None:
        """A case came back, with its price."""
        self.answered += 1
        self.calls += 1
        untold = execution.output is not None and execution.cost_usd is None
        self._add(execution, execution.cost_usd, str(execution.model) if untold else "")

    def judged(self, execution: Execution) -> None:
        """A kept answer was judged, with the price of that."""
        self._add(execution, None, "")

    def _add(self, execution: Execution, own_usd: float | None, untold: str) -> None:
        self.under_way -= 1
        judge = judge_price(execution)
        asked, judge_usd = int(judge.get("calls") or 0), judge.get("cost_usd")
        self.calls += asked
        if own_usd is not None or judge_usd is not None:
            cost = (own_usd or 0.0) + float(judge_usd or 0.0)
            self.usd += cost
            self.dearest_usd = max(self.dearest_usd or 0.0, cost)
        if asked and judge_usd is None:
            untold = untold or str(judge["judge"])
        self.untold = self.untold or untold
        if self.ceiling.usd is not None and untold:
            said = f"model {untold!r} does not tell its price, so a budget in USD cannot be held"
            self.because = f"{said}; give one in calls"

    def _ended(self, what: str) -> bool:
        # What is under way may cost less than was set aside for it.
        if self.under_way == 0:
            self.because = f"{what} is spent"
        return False


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
