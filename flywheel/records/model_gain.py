"""What a candidate gains on each model, beside the one that decided the race."""

from __future__ import annotations

from enum import StrEnum

from flywheel.records.base import Count, Name, NonNegative, Record, Share


class ModelStanding(StrEnum):
    """Where a candidate stands on one model."""

    DECIDED = "decided"
    NOT_WORSE = "not_worse"
    GUARDRAIL = "guardrail"
    WORSE = "worse"
    NOT_SHOWN = "not_shown"
    NOT_RUN = "not_run"
    MEASURED = "measured"


class ModelGain(Record):
    """Candidate minus control on the same cases, both answered by one model.

    Attributes:
        standing: `decided` on the model of the race, `not_worse` where a loss of the margin is excluded,
            `guardrail` where latency or cost breaks its limit all the same, `worse` where a loss is
            shown, `not_shown` where neither is, `not_run` where too little was answered, `measured` on
            report cases, which decide nothing.
        because: one sentence with the numbers.
        pairs: cases scored under both versions; wins + losses + ties.
        before, after: mean scores of control with candidate on those cases; None when unknown.
        estimate, low, high: gain with its interval, rate units; None when it does not exist.
        coverage: of the interval, two-sided; corrected for the number of winners tested.
        e_value: of a bet against a loss of the margin or more; None on the model of the race, and on
            report cases.
        calls, cost_usd: of the candidate's arm on this model.
    """

    model: Name
    standing: ModelStanding
    because: str
    pairs: Count = 0
    wins: Count = 0
    losses: Count = 0
    ties: Count = 0
    before: Share | None = None
    after: Share | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    coverage: Share = 0.95
    e_value: NonNegative | None = None
    calls: Count = 0
    cost_usd: NonNegative | None = None


class AcrossModels(Record):
    """Whether a gain carries over: its mean over the models, with how much it differs between them.

    Attributes:
        models, cases: models compared; cases scored on every one of them.
        estimate, low, high: mean gain over these models, rate units; the model of the race took part in
            picking the candidate, so its share of the mean is on the high side.
        q, df: Cochran's Q of the gains, allowing for cases they share, with its degrees of freedom.
        p_value: of Q; small where the gain is not the same on all models.
        i_squared: share of the spread of the gains that chance does not explain.
        spread: standard deviation of the true gains between models, rate units.
        because: why a number is missing, else empty.
    """

    models: Count
    cases: Count
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    coverage: Share = 0.95
    q: NonNegative | None = None
    df: Count | None = None
    p_value: Share | None = None
    i_squared: Share | None = None
    spread: NonNegative | None = None
    because: str = ""
