"""What an analysis can say about failures: where they live, why they happen, what to do."""

from __future__ import annotations

from pydantic import Field

from flywheel.records.base import Count, Name, NonNegative, Record, Share, UtcDatetime


class Condition(Record):
    """One attribute with one value, such as model = gpt-4."""

    attribute: Name
    value: str


class Contrast(Record):
    """Where a failure pattern is at home, against everywhere else.

    Attributes:
        where: conditions that hold together; empty means everywhere.
        count: failures of the pattern there.
        executions: scored executions there.
        rate: share of the executions there that fail this way.
        base_rate: the same share elsewhere.
        lift, lift_low, lift_high: rate over base rate with its 95 % interval; where nothing fails so
            elsewhere only the lower end exists.
        p_value: that the rate is no higher than elsewhere, corrected for the places looked at.
        adjusted_p: corrected over the patterns as well; the one that decides.
    """

    where: tuple[Condition, ...] = ()
    count: Count
    executions: Count
    rate: Share
    base_rate: Share | None = None
    lift: NonNegative | None = None
    lift_low: NonNegative | None = None
    lift_high: NonNegative | None = None
    p_value: Share | None = None
    adjusted_p: Share | None = None


class ContrastPair(Record):
    """The same input once passed, once failed: the evidence a cause is read from."""

    failed_id: Name
    passed_id: Name
    inputs: str
    expected: str
    failed_output: str
    passed_output: str


class RootCause(Record):
    """A cause with a fix, written by a model from evidence that is kept beside it."""

    cause: str
    fix: str
    model: Name
    pairs: tuple[ContrastPair, ...] = ()
    failed_ids: tuple[str, ...] = ()


class SliceFinding(Record):
    """Attributes under which results are worse than in the rest.

    Attributes:
        executions, failures: where the conditions hold.
        rate, rest_rate: failure rates there, plus where they do not hold.
        difference, low, high: of the two rates, with its 95 % interval.
        excess: failures above what the rest's rate would give; the damage.
        p_value: of this combination, against the rest of its best single condition.
        adjusted_p: corrected over all combinations looked at.
        tier: `proven` when adjusted, else `candidate`.
    """

    where: tuple[Condition, ...]
    executions: Count
    failures: Count
    rate: Share
    rest_rate: Share
    difference: float
    low: float
    high: float
    excess: float
    p_value: Share
    adjusted_p: Share
    tier: str = "proven"


class PromptIssue(Record):
    """One weakness of a prompt text with its place.

    Attributes:
        start, end: characters of the text; equal when something is missing at that place.
        severity: critical, warning, hint.
        penalty: points taken from 100.
    """

    kind: Name
    severity: Name
    start: Count
    end: Count
    quote: str
    message: str
    cure: str
    penalty: NonNegative


class PromptAnalysis(Record):
    """Static score of a prompt, 100 without issues."""

    score: float = Field(ge=0, le=100)
    issues: tuple[PromptIssue, ...] = ()

    @property
    def critical_issues(self) -> int:
        """How many issues are critical."""
        return sum(issue.severity == "critical" for issue in self.issues)


class Insight(Record):
    """One thing worth knowing, with what to do about it.

    Attributes:
        kind: pattern, slice, flaky or prompt.
        damage: failures it stands for, of the failures looked at.
        confidence: how sure it is that the next look shows it again.
        executions: ids to look at.
        patterns: keys of failure patterns it speaks of.
        proposals: versions that were proposed from it.
    """

    insight_id: Name
    kind: Name
    title: str
    because: str
    recommendation: str
    damage: NonNegative
    confidence: Share
    state: str = "new"
    executions: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    proposals: tuple[str, ...] = ()


class FlakyTest(Record):
    """How far one test can be relied on, from its outcomes on unchanged versions.

    Attributes:
        status: flaky, broken, healthy or unknown.
        probability: posterior chance that it passes as well as fails without any change.
        failure_rate, low, high: of one run, posterior mean with 95 % interval.
        flips: changes of outcome between runs on the same version.
        reruns: runs after which a flaky failure would have shown a pass with the asked certainty; None
            when no number of reruns is enough, or none is needed.
    """

    case_id: Name
    status: Name
    probability: Share
    runs: Count
    failures: Count
    flips: Count
    failure_rate: Share
    low: Share
    high: Share
    reruns: Count | None = None
    versions: Count = 1
    last_failed: UtcDatetime | None = None
    because: str = ""


class FailureForecast(Record):
    """Chance that a test fails in its next run."""

    case_id: Name
    probability: Share
    runs: Count
    last_failed: bool
