"""From numbers to ship, stage, hold or reject, with the sentence that says why."""

from __future__ import annotations

from dataclasses import dataclass

from flywheel.learn.counting import count_of, were
from flywheel.records.strategy import LearningStrategy
from flywheel.records.verdict import Evidence, Ruling


@dataclass(frozen=True, slots=True)
class GateRules:
    """How sure a verdict must be.

    Attributes:
        significance_level: adjusted two-sided p up to which a gain ships, or a loss rejects.
        stage_level: adjusted p up to which a gain waits for a person or more evidence.
        min_pairs: cases scored under both arms below which everything is hold.
        e_min: second lock; without a gain it opens with chance at most 1 / e_min, for any scores.
        flips: sign vectors of the joint gate.
        seed: of every draw.
        coverage: of the intervals, two-sided.
        latency_ratio_limit, cost_ratio_limit: guardrails, candidate over control.
        model_margin: loss that must be excluded on every further model, rate units.
    """

    significance_level: float = 0.05
    stage_level: float = 0.20
    min_pairs: int = 30
    e_min: float = 5.0
    flips: int = 10_000
    seed: int = 0
    coverage: float = 0.95
    latency_ratio_limit: float = 1.20
    cost_ratio_limit: float = 1.25
    model_margin: float = 0.05

    @classmethod
    def from_strategy(cls, strategy: LearningStrategy, seed: int = 0) -> GateRules:
        """The rules a strategy implies; the second lock follows its error rate.

        Examples:
            >>> GateRules.from_strategy(LearningStrategy.conservative()).e_min
            20.0
        """
        level = strategy.significance_level
        return cls(
            significance_level=level,
            stage_level=max(level, strategy.stage_level),
            min_pairs=strategy.min_sample_size,
            e_min=20.0 if level <= 0.01 else 5.0 if level <= 0.05 else 3.0,
            seed=seed,
            latency_ratio_limit=strategy.max_latency_ratio,
            cost_ratio_limit=strategy.max_cost_ratio,
            model_margin=strategy.max_model_loss,
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """One ruling on one candidate.

    Attributes:
        candidate: name of the arm.
        ruling: ship, stage, hold or reject.
        because: one sentence with the numbers.
        evidence: what carries the ruling.
        slices: evidence per slice, where slices were compared.
    """

    candidate: str
    ruling: Ruling
    because: str
    evidence: Evidence
    slices: tuple[Evidence, ...] = ()


def decide(evidence: Evidence, rules: GateRules, compared: int, missing: str = "") -> tuple[Ruling, str]:
    """The ruling the evidence allows.

    Args:
        evidence: complete numbers of one candidate, guardrails included.
        rules: how sure to be.
        compared: comparisons decided together, for the sentence.
        missing: why there is no test, when there is none.

    Returns:
        Ruling and its because.

    Examples:
        >>> few = Evidence(control="a", candidate="b", source="recorded", method="none", pairs=4)
        >>> decide(few, GateRules(), 1)
        (<Ruling.HOLD: 'hold'>, 'Only 4 cases were scored under both versions; 30 are needed to decide.')
    """
    untested = _untested(evidence, rules, missing)
    if untested:
        return Ruling.HOLD, untested
    p, estimate = evidence.adjusted_p or 0.0, evidence.estimate or 0.0
    told = _numbers(evidence, compared)
    if p <= rules.significance_level and estimate < 0:
        return Ruling.REJECT, f"{told} It is worse."
    if p <= rules.significance_level and estimate > 0:
        return _with_locks(evidence, rules, told)
    if p <= rules.stage_level and estimate > 0:
        return Ruling.STAGE, (
            f"{told} Promising, but above the limit of {rules.significance_level:g}; "
            "a person or more cases must decide."
        )
    return Ruling.HOLD, f"{told} No difference is shown; the live version stays."


def _untested(evidence: Evidence, rules: GateRules, missing: str) -> str:
    """Why no ruling but hold is possible, or an empty text."""
    pairs = evidence.pairs
    if pairs == 0:
        return f"{_sentence(missing or 'no case was scored under both versions')} Nothing to compare."
    if pairs < rules.min_pairs:
        cases = f"{count_of(pairs, 'case')} {were(pairs)}"
        return f"Only {cases} scored under both versions; {rules.min_pairs} are needed to decide."
    if evidence.adjusted_p is None or evidence.estimate is None:
        return (
            f"{_sentence(missing or 'no test exists')} No difference is shown on {count_of(pairs, 'case')}."
        )
    return ""


def _with_locks(evidence: Evidence, rules: GateRules, told: str) -> tuple[Ruling, str]:
    if evidence.e_value is None or evidence.e_value < rules.e_min:
        shown = "unknown" if evidence.e_value is None else f"{evidence.e_value:.1f}"
        return Ruling.STAGE, (
            f"{told} Its gains are too small or too few to rule out rare breakages "
            f"(e-value {shown}, needed {rules.e_min:g}); a person or more cases must decide."
        )
    broken = [guardrail for guardrail in evidence.guardrails if guardrail.passed is False]
    if broken:
        reasons = "; ".join(f"{g.measure}: {g.because}" for g in broken)
        return (
            Ruling.STAGE,
            f"{told} It is better, but a guardrail stops it ({reasons}); a person must decide.",
        )
    return Ruling.SHIP, f"{told} It is better."


def _numbers(evidence: Evidence, compared: int) -> str:
    said = f"Better on {count_of(evidence.wins, 'case')}, worse on {evidence.losses}, tied on {evidence.ties}"
    if evidence.estimate is not None:
        said += f": {points(evidence.estimate)} points"
    if evidence.low is not None and evidence.high is not None:
        said += f" ({evidence.coverage:.0%} range {points(evidence.low)} to {points(evidence.high)})"
    if evidence.adjusted_p is not None:
        corrected = f", corrected for {compared} comparisons" if compared > 1 else ""
        said += f", {probability(evidence.adjusted_p)}{corrected}"
    return said + "."


def points(rate: float) -> str:
    """A difference of rates in signed percentage points.

    Examples:
        >>> points(0.125), points(-0.03), points(0.0)
        ('+12.5', '-3.0', '0.0')
    """
    value = round(100.0 * rate, 1)
    return f"{value:+.1f}" if value else "0.0"


def probability(p: float) -> str:
    """A p-value as people read it.

    Examples:
        >>> probability(0.0301), probability(0.00002), probability(1.0)
        ('p = 0.030', 'p < 0.001', 'p = 1.000')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
