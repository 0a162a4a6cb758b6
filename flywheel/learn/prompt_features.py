"""What prompts that score high have in common, as far as anything separates them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import hypergeom

from flywheel.learn.prompt_analysis import analyze_prompt
from flywheel.records.columns import OUTCOMES, ExecutionColumns
from flywheel.stats.multiplicity import benjamini_hochberg
from flywheel.stats.proportions import Counts, Interval, compare_proportions

HIGH = 0.92
HIGH_IN_SLICE = 0.90
LEVEL = 0.05

_LAST_SCORED = OUTCOMES.index("error")
"""Passed, failed, error: the outcomes that say how a version did."""


def _says(pattern: str, text: str) -> bool:
    return bool(re.search(pattern, text, re.IGNORECASE | re.MULTILINE))


FEATURES: dict[str, Callable[[str], bool]] = {
    "output format": lambda t: all(i.kind != "missing_output_format" for i in analyze_prompt(t).issues),
    "solved questions": lambda t: all(i.kind != "missing_examples" for i in analyze_prompt(t).issues),
    "definitions of names": lambda t: bool(re.search(r"^\s*[-*]\s*\S+\s*:\s+\S+", t, re.MULTILINE)),
    "step by step": lambda t: _says(r"step[- ]by[- ]step|think (?:carefully|aloud)", t),
    "role": lambda t: bool(re.match(r"\s*you (?:are|help|act)\b", t, re.IGNORECASE)),
    "headings or marks": lambda t: bool(re.search(r"^#+ \S|</?\w+>|^```", t, re.MULTILINE)),
    "numbered steps": lambda t: len(re.findall(r"^\s*\d+[.)]\s", t, re.MULTILINE)) >= 2,
    "says what not to do": lambda t: _says(r"\b(?:do not|don't|never|nothing else)\b", t),
    "quality criteria": lambda t: bool(
        re.search(r"\b(?:accurate|complete|check (?:that|your)|criteria)\b", t, re.IGNORECASE)
    ),
    "more than 300 words": lambda t: len(t.split()) > 300,
}
"""Yes or no questions about a text."""


@dataclass(frozen=True, slots=True)
class ScoredVersion:
    """One version with how it did.

    Attributes:
        name: of the version.
        text: of the prompt.
        counts: passes of all scored executions.
        slices: the same by slice.
    """

    name: str
    text: str
    counts: Counts
    slices: Mapping[str, Counts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeatureFinding:
    """How much more often versions that score high have a feature.

    Attributes:
        high, low: versions with the feature, of those above the bar, of the others.
        difference: of the two shares with its 95 % interval.
        p_value: two-sided, Fisher's exact test; adjusted_p over all features.
    """

    feature: str
    high: Counts
    low: Counts
    difference: Interval
    p_value: float
    adjusted_p: float


@dataclass(frozen=True, slots=True)
class FeatureAnalysis:
    """Features of one bar, of all executions or of one slice.

    Attributes:
        findings: strongest first, separating or not.
        because: what can be said, in words.
    """

    slice: str | None
    bar: float
    high: tuple[str, ...]
    low: tuple[str, ...]
    findings: tuple[FeatureFinding, ...]
    because: str

    @property
    def separating(self) -> tuple[FeatureFinding, ...]:
        """Findings that hold after correction."""
        return tuple(f for f in self.findings if f.adjusted_p <= LEVEL)


def shared_features(
    versions: Sequence[ScoredVersion], bar: float = HIGH, slice_name: str | None = None
) -> FeatureAnalysis:
    """Which features versions above a bar share, against those below it.

    Args:
        versions: at least one on each side of the bar, or nothing can be compared.
        bar: pass rate from which a version scores high.
        slice_name: only executions of this slice; all when None.

    Returns:
        Every feature with interval and corrected p; `because` says so when nothing separates them.

    References:
        Fisher (1935), The Design of Experiments, section 21; Newcombe (1998), method 10.

    Examples:
        >>> good = ScoredVersion("a", "Reply with one word only: {q}", Counts(95, 100))
        >>> bad = ScoredVersion("b", "Answer {q}", Counts(60, 100))
        >>> shared_features([good, bad]).because
        'nothing separates 1 high from 1 low versions; at least 4 on each side are needed to show anything'
    """
    rated = [(v, v.counts if slice_name is None else v.slices.get(slice_name, Counts())) for v in versions]
    known = [(v, c.rate) for v, c in rated if c.rate is not None]
    high = [v for v, rate in known if rate >= bar]
    low = [v for v, rate in known if rate < bar]
    findings = _findings(high, low) if high and low else ()
    return FeatureAnalysis(
        slice_name,
        bar,
        tuple(v.name for v in high),
        tuple(v.name for v in low),
        findings,
        _because(findings, len(high), len(low)),
    )


def features_by_slice(
    versions: Sequence[ScoredVersion], bar: float = HIGH_IN_SLICE
) -> tuple[FeatureAnalysis, ...]:
    """The same for each slice, sorted by its name."""
    names = sorted({name for v in versions for name in v.slices})
    return tuple(shared_features(versions, bar, name) for name in names)


def _findings(high: Sequence[ScoredVersion], low: Sequence[ScoredVersion]) -> tuple[FeatureFinding, ...]:
    rows = []
    for name, has in FEATURES.items():
        above = Counts(sum(has(v.text) for v in high), len(high))
        below = Counts(sum(has(v.text) for v in low), len(low))
        rows.append((name, above, below, _fisher(above, below)))
    adjusted = benjamini_hochberg(np.array([row[3] for row in rows]))
    found = [
        FeatureFinding(name, a, b, compare_proportions(a, b), p, float(q))
        for (name, a, b, p), q in zip(rows, adjusted, strict=True)
    ]
    return tuple(sorted(found, key=lambda f: (f.adjusted_p, f.p_value, -abs(f.difference.estimate or 0))))


def _fisher(a: Counts, b: Counts) -> float:
    """Two-sided p: tables no likelier than the seen one."""
    total, with_feature = a.trials + b.trials, a.passes + b.passes
    support = np.arange(max(0, with_feature - b.trials), min(with_feature, a.trials) + 1)
    chances = hypergeom.pmf(support, total, with_feature, a.trials)
    seen = hypergeom.pmf(a.passes, total, with_feature, a.trials)
    return float(min(1.0, chances[chances <= seen * (1 + 1e-9)].sum()))


def _because(findings: Sequence[FeatureFinding], high: int, low: int) -> str:
    if not high or not low:
        side = "high" if not high else "low"
        return f"no version scores {side}, so there is nothing to compare"
    held = [f.feature for f in findings if f.adjusted_p <= LEVEL]
    if held:
        return f"{', '.join(held)}: told apart after correction over {len(findings)} features"
    told = f"nothing separates {high} high from {low} low versions"
    return f"{told}; at least 4 on each side are needed to show anything" if min(high, low) < 4 else told


def scored_versions(
    columns: ExecutionColumns, texts: Mapping[str, str], prefix: str = ""
) -> list[ScoredVersion]:
    """Versions with how often each passed, in all and by slice.

    Args:
        columns: executions of one prompt.
        texts: text of each version by its content hash; versions without text are left out.
        prefix: put before the names, to tell prompts apart.

    Returns:
        One for each version that has a text and scored executions.
    """
    scored = columns.outcome <= _LAST_SCORED
    passed = columns.outcome == 0
    found = []
    for place, version in enumerate(columns.version.names):
        rows = scored & (columns.version.codes == place)
        if version not in texts or not rows.any():
            continue
        by_slice = {
            name: Counts(int((passed & rows & here).sum()), int((rows & here).sum()))
            for code, name in enumerate(columns.slice.names)
            if (here := columns.slice.codes == code)[rows].any()
        }
        counts = Counts(int((passed & rows).sum()), int(rows.sum()))
        found.append(ScoredVersion(f"{prefix}{version[:12]}", texts[version], counts, by_slice))
    return found
