"""Hard ceilings of spend, looked at before a batch or a call starts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from flywheel.errors import BudgetSpent
from flywheel.records.model_call import Spend
from flywheel.records.provider import SpendCaps


@dataclass(frozen=True, slots=True)
class SpendForecast:
    """What a batch is expected to take.

    Attributes:
        usd: None while the price is unknown.
    """

    calls: int
    tokens: int
    usd: float | None

    def __add__(self, other: SpendForecast) -> SpendForecast:
        """Both together; USD are unknown as soon as those of one are."""
        known = None if self.usd is None or other.usd is None else self.usd + other.usd
        return SpendForecast(self.calls + other.calls, self.tokens + other.tokens, known)

    def in_words(self) -> str:
        """One line for people.

        Examples:
            >>> SpendForecast(40, 12_000, None).in_words()
            '40 calls, about 12,000 tokens, USD unknown (no price is kept for the model)'
        """
        usd = "USD unknown (no price is kept for the model)" if self.usd is None else f"{self.usd:.4f} USD"
        return f"{self.calls:,} calls, about {self.tokens:,} tokens, {usd}"


class SpendGuard:
    """What was spent inside the window, what is under way, what may still be spent.

    Args:
        caps: the ceilings.
        spent: spend of all processes inside the window, read anew before every batch.

    Examples:
        >>> guard = SpendGuard(SpendCaps(calls=1), Spend)
        >>> guard.reserve(SpendForecast(1, 10, None))
        >>> guard.settle(SpendForecast(1, 10, None), Spend(calls=1))
        >>> guard.check(SpendForecast(1, 10, None))
        Traceback (most recent call last):
        ...
        flywheel.errors.BudgetSpent: 1 calls, about 10 tokens, ... more than the 0 calls left ...
    """

    def __init__(self, caps: SpendCaps, spent: Callable[[], Spend]) -> None:
        self.caps = caps
        self._read = spent
        self._lock = threading.Lock()
        self._spent = spent() if caps.any_set else Spend()
        self._under_way = Spend()

    def check(self, forecast: SpendForecast, *, fresh: bool = False) -> None:
        """Refuse a batch that would go beyond a ceiling.

        Args:
            forecast: of the whole batch.
            fresh: read what other processes spent first.

        Raises:
            BudgetSpent: a ceiling would be crossed, or is in USD while the price is unknown.
        """
        if not self.caps.any_set:
            return
        read = self._read() if fresh else None
        with self._lock:
            if read is not None:
                self._spent = read
            self._refuse(forecast)

    def reserve(self, forecast: SpendForecast) -> None:
        """Set aside what one call is expected to take; must be followed by `settle`.

        Raises:
            BudgetSpent: as for `check`.
        """
        if not self.caps.any_set:
            return
        with self._lock:
            self._refuse(forecast)
            self._under_way = self._under_way + _as_spend(forecast)

    def settle(self, forecast: SpendForecast, took: Spend) -> None:
        """Replace what was set aside by what was taken."""
        if not self.caps.any_set:
            return
        with self._lock:
            expected = _as_spend(forecast)
            self._under_way = Spend(
                calls=max(0, self._under_way.calls - expected.calls),
                tokens=max(0, self._under_way.tokens - expected.tokens),
                usd=max(0.0, self._under_way.usd - expected.usd),
            )
            self._spent = self._spent + took

    def _refuse(self, forecast: SpendForecast) -> None:
        taken = self._spent + self._under_way
        asked = ((forecast.calls, "calls"), (forecast.tokens, "tokens"), (forecast.usd, "usd"))
        for wanted, unit in asked:
            ceiling: float | None = getattr(self.caps, unit)
            if ceiling is None:
                continue
            left = max(0.0, ceiling - getattr(taken, unit))
            if wanted is None or wanted > left:
                raise BudgetSpent(self._message(forecast, left, unit))

    def _message(self, forecast: SpendForecast, left: float, unit: str) -> str:
        shown = f"{left:.4f} USD" if unit == "usd" else f"{left:,.0f} {unit}"
        unknown = unit == "usd" and forecast.usd is None
        remedy = (
            "Put the price of the model into the models file, or take caps.usd out of it"
            if unknown
            else f"Raise caps.{unit} in the models file, or wait until the window has moved on"
        )
        why = "cannot be held against" if unknown else "is more than"
        return (
            f"{forecast.in_words()} {why} the {shown} left of {getattr(self.caps, unit):g} in "
            f"{self.caps.window_hours:g} hours. Nothing was sent. {remedy}."
        )


def _as_spend(forecast: SpendForecast) -> Spend:
    return Spend(calls=forecast.calls, tokens=forecast.tokens, usd=forecast.usd or 0.0)
