"""The seven embedded variants: what each can read, how steady it is, what it pretends to cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EmbeddedVariant:
    """One embedded model. Latency and prices are modelled, not measured.

    Attributes:
        name: starts with `embedded-`.
        context_chars: characters of reference material it reads; the middle of more is lost.
        noise: standard deviation of what is added to each similarity.
        format_obedience: share of questions on which it keeps to a demanded form.
        overconfidence: divisor of the margin's temperature; 1 is the least wrong confidence.
        base_ms, ms_per_1k_chars, ms_per_output_token: modelled latency.
        usd_per_1m_input_tokens, usd_per_1m_output_tokens: modelled prices.
    """

    name: str
    context_chars: int
    noise: float
    format_obedience: float
    overconfidence: float
    base_ms: float
    ms_per_1k_chars: float
    ms_per_output_token: float
    usd_per_1m_input_tokens: float
    usd_per_1m_output_tokens: float


VARIANTS: tuple[EmbeddedVariant, ...] = (
    EmbeddedVariant("embedded-nano", 8_000, 0.085, 0.80, 2.2, 60, 0.8, 2.0, 0.03, 0.12),
    EmbeddedVariant("embedded-micro", 14_000, 0.065, 0.88, 1.8, 90, 1.2, 3.0, 0.06, 0.24),
    EmbeddedVariant("embedded-small", 30_000, 0.040, 0.93, 1.5, 150, 2.0, 5.0, 0.15, 0.60),
    EmbeddedVariant("embedded-medium", 80_000, 0.022, 0.97, 1.25, 280, 3.0, 9.0, 0.40, 1.60),
    EmbeddedVariant("embedded-large", 160_000, 0.010, 0.99, 1.1, 620, 6.0, 20.0, 2.50, 10.00),
    EmbeddedVariant("embedded-long", 400_000, 0.032, 0.95, 1.3, 360, 2.5, 12.0, 1.00, 4.00),
    EmbeddedVariant("embedded-fast", 50_000, 0.055, 0.90, 1.6, 45, 0.5, 1.5, 0.20, 0.80),
)
"""Ordered by size, then the two specialists: `long` reads everything, `fast` answers soonest."""

BY_NAME: dict[str, EmbeddedVariant] = {variant.name: variant for variant in VARIANTS}
