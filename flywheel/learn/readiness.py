"""Readiness for release: two limits that people know, beside the verdict that decides."""

from __future__ import annotations

from typing import Final

from flywheel.records.readiness import Readiness
from flywheel.records.verdict import Ruling, Verdict

MIN_GAIN: Final = 0.02
MIN_CONFIDENCE: Final = 0.80
"""Limits of the older rule: two points, 80 %."""

_DO: Final = {
    Ruling.SHIP: "It may be released: the verdict is ship",
    Ruling.STAGE: "A person decides: the verdict is stage",
    Ruling.HOLD: "Wait: the verdict is hold",
    Ruling.REJECT: "Do not release it: the verdict is reject",
}


def readiness(
    verdict: Verdict, min_gain: float = MIN_GAIN, min_confidence: float = MIN_CONFIDENCE
) -> Readiness:
    """The older rule's answer with a recommendation that follows the verdict.

    The rule is reported because people ask for it. Looked at every day for two
    weeks, with 200 executions of each version a day at a pass rate of 90 %, it
    lets a version through that is no better in 24 of 100 cases, and one that is
    two points worse in 5; the verdict lets one in forty through.

    Args:
        verdict: with its evidence.
        min_gain: rate units.
        min_confidence: of 1 - corrected p.

    References:
        tests/learn/test_learn_readiness.py simulates the rule.

    Examples:
        >>> from flywheel.records.proposal import Proposal
        >>> from flywheel.records.verdict import Evidence
        >>> found = Evidence(
        ...     control="a", candidate="b", source="live", method="joint gate", pairs=400,
        ...     estimate=0.03, adjusted_p=0.15,
        ... )
        >>> proposal = Proposal(parent="a", version="b", text="t", strategy="nudge", rationale="r")
        >>> verdict = Verdict(proposal=proposal, ruling="hold", because="too little", evidence=found)
        >>> readiness(verdict).recommendation
        'Wait: the verdict is hold. The rule of 2 points and 80 % would pass +3.0 points and 85 %.'
    """
    found = verdict.evidence
    gain = None if found is None else found.estimate
    confidence = None if found is None else found.confidence_score
    if gain is None or confidence is None:
        said = f"{_DO[verdict.ruling]}. Gain or confidence is unknown."
        return Readiness(is_ready=None, gain=gain, confidence=confidence, recommendation=said)
    passes = gain >= min_gain and confidence >= min_confidence
    rule = f"The rule of {100 * min_gain:g} points and {100 * min_confidence:g} % would"
    told = f"{100 * gain:+.1f} points and {100 * confidence:.0f} %"
    said = f"{_DO[verdict.ruling]}. {rule} {'pass' if passes else 'not pass'} {told}."
    return Readiness(is_ready=passes, gain=gain, confidence=confidence, recommendation=said)
