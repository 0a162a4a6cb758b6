"""Where a model of a vendor is, with what it charges."""

from __future__ import annotations

from dataclasses import dataclass

OPENAI_HOST = "api.openai.com"


@dataclass(frozen=True, slots=True)
class Price:
    """What a provider charges, USD per million tokens.

    Attributes:
        cached_input_usd: of input tokens the provider had in its own cache; None takes input_usd.
    """

    input_usd: float
    output_usd: float
    cached_input_usd: float | None = None

    def cost_usd(
        self, input_tokens: int | None, output_tokens: int | None, cached_tokens: int | None = None
    ) -> float | None:
        """Cost of a call in USD; None while the tokens are unknown.

        Examples:
            >>> Price(1.0, 10.0).cost_usd(11, 2)
            3.1e-05
            >>> Price(1.0, 10.0).cost_usd(None, 2) is None
            True
        """
        if input_tokens is None or output_tokens is None:
            return None
        cached = min(cached_tokens or 0, input_tokens)
        cached_usd = self.input_usd if self.cached_input_usd is None else self.cached_input_usd
        fresh = (input_tokens - cached) * self.input_usd + output_tokens * self.output_usd
        return (fresh + cached * cached_usd) / 1e6


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is, how patiently it is asked.

    Attributes:
        model: name the provider knows it by.
        base_url: address up to and including `/v1`.
        api_key: None for servers without keys.
        timeout_s: longest silence between two bytes.
        deadline_s: longest time for one try, unless the request says otherwise.
        connections: most connections at once.
        price: None when unknown; the cost is then unknown too.
    """

    model: str
    base_url: str
    api_key: str | None = None
    timeout_s: float = 60.0
    deadline_s: float = 180.0
    connections: int = 64
    price: Price | None = None

    @property
    def is_openai(self) -> bool:
        """Whether it is the vendor's own address; others do not take all of its parameters."""
        return OPENAI_HOST in self.base_url

    def __repr__(self) -> str:
        """Without the key."""
        return f"Endpoint({self.model!r}, {self.base_url!r})"
