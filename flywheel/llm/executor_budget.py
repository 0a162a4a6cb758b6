"""The ceiling of a run, held before each call."""

from __future__ import annotations

from dataclasses import dataclass, field

from flywheel.learn.spending import Taken, taken_by
from flywheel.records.execution import Execution


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Most a run may spend; None is no limit.

    Attributes:
        calls: answers asked for, those of a judge included.
        usd: as the models tell it.
        tokens: input plus output, as the models tell them.
    """

    calls: int | None = None
    usd: float | None = None
    tokens: int | None = None


@dataclass(slots=True)
class Meter:
    """What a run has taken in one unit.

    Attributes:
        spent: as far as told.
        dearest: most one case has taken; None before the first answer that told it.
        untold: a model that answered without telling it, else empty.
    """

    spent: float = 0.0
    dearest: float | None = None
    untold: str = ""

    def add(self, amount: float | None, untold: str) -> None:
        """One case more."""
        self.untold = self.untold or untold
        if amount is not None:
            self.spent += amount
            self.dearest = max(self.dearest or 0.0, amount)


@dataclass(slots=True)
class Purse:
    """What a run has spent, with what is on its way.

    A ceiling in USD or tokens needs to be told what a call takes. Until the
    first answer has told it, nothing else is sent; when an answer does not the
    run ends, because a ceiling nobody can hold is none. After that each call
    is assumed to take the most any call has taken.

    Attributes:
        ceiling: of this run.
        calls_each: most calls one case can take: the model's, and up to two of a judge.
        calls: answered.
        usd, tokens: spent, as far as told.
        under_way: cases sent and not answered.
        because: why nothing more is sent, else empty.
        answered: cases that came back.
    """

    ceiling: Ceiling
    calls_each: int = 1
    calls: int = 0
    usd: Meter = field(default_factory=Meter)
    tokens: Meter = field(default_factory=Meter)
    under_way: int = 0
    because: str = ""
    answered: int = 0

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
        of_tokens = f"the budget of {limit.tokens or 0:,} tokens"
        of_usd = f"the budget of {limit.usd or 0.0:g} USD"
        return self._fits(limit.tokens, self.tokens, of_tokens) and self._fits(limit.usd, self.usd, of_usd)

    def sent(self) -> None:
        """One case is on its way."""
        self.under_way += 1

    def paid(self, execution: Execution) -> None:
        """A case came back, with its price."""
        self.answered += 1
        self.took(taken_by(execution), told=execution.output is not None)

    def judged(self, execution: Execution) -> None:
        """A kept answer was judged, with the price of that."""
        self.took(taken_by(execution, asked=False), told=True)

    def took(self, took: Taken, *, told: bool) -> None:
        """What was on its way came back.

        Args:
            took: calls, tokens and USD of it.
            told: False for an error, which says nothing of what an answer takes.
        """
        self.under_way -= 1
        self.calls += took.calls
        if not told:
            return
        self.usd.add(took.usd, took.untold_usd)
        self.tokens.add(took.tokens, took.untold_tokens)
        if self.ceiling.usd is not None and self.usd.untold:
            self.because = _unheld(self.usd.untold, "its price", "USD", "calls or tokens")
        if self.ceiling.tokens is not None and self.tokens.untold:
            self.because = _unheld(self.tokens.untold, "its tokens", "tokens", "calls")

    def _fits(self, limit: float | None, meter: Meter, what: str) -> bool:
        if limit is None:
            return True
        if meter.dearest is None:
            return self.under_way == 0 and (limit > 0 or self._ended(what))
        return meter.spent + (self.under_way + 1) * meter.dearest <= limit or self._ended(what)

    def _ended(self, what: str) -> bool:
        # What is under way may cost less than was set aside for it.
        if self.under_way == 0:
            self.because = f"{what} is spent"
        return False


def _unheld(model: str, what: str, unit: str, instead: str) -> str:
    said = f"model {model!r} does not tell {what}, so a budget in {unit} cannot be held"
    return f"{said}; give one in {instead}"
