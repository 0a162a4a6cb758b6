"""What people, or evaluators, said of a run of LangSmith, as score, rating or comment."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flywheel.capture.foreign_values import explained, number, outcome_of_score
from flywheel.capture.otel_names import FAILED_LABELS, PASSED_LABELS

SCORE_KEYS: Final = (
    "flywheel",
    "score",
    "correctness",
    "correct",
    "accuracy",
    "quality",
    "helpfulness",
    "user_score",
    "user-score",
    "thumbs",
    "thumbs_up",
    "user_feedback",
)
"""Keys of feedback that say how good a run was, the first one that is there decides."""

RATING_KEYS: Final = frozenset({"rating", "stars", "star_rating", "user_rating", "user-rating", "csat"})
"""Keys of feedback that count stars from 1 to 5."""

_MOST_COMMENTS: Final = 20


@dataclass(slots=True)
class Judged:
    """All that was said under one key.

    Attributes:
        count: points that carry a number.
        total: their sum.
        labels: how often each word was given.
        comments: in the order in which they came.
        correction: what should have been answered, None where nobody said so.
    """

    count: int = 0
    total: float = 0.0
    labels: dict[str, int] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    correction: object = None

    @property
    def mean(self) -> float | None:
        """Mean of the numbers; that of words that mean passed or failed where there are no numbers."""
        if self.count:
            return self.total / self.count
        known = {label: n for label, n in self.labels.items() if label in PASSED_LABELS | FAILED_LABELS}
        every = sum(known.values())
        if not every or len(known) < len(self.labels):
            return None
        return sum(n for label, n in known.items() if label in PASSED_LABELS) / every


def judged(run: Mapping[str, Any]) -> dict[str, Judged]:
    """What was said of a run, by key: single points where the run has them, else their statistics.

    Examples:
        >>> said = judged({"feedback_stats": {"correctness": {"n": 2, "avg": 0.5, "comments": ["so so"]}}})
        >>> said["correctness"].mean, said["correctness"].comments
        (0.5, ['so so'])
    """
    points = run.get("feedback")
    if isinstance(points, list) and points:
        return _of_points(point for point in points if isinstance(point, dict))
    stats = run.get("feedback_stats")
    if not isinstance(stats, dict):
        return {}
    return {str(key): _of_stats(one) for key, one in stats.items() if isinstance(one, dict)}


def verdict_fields(said: Mapping[str, Judged]) -> dict[str, Any]:
    """Outcome, score, rating, comment, expected: the fields of a line that feedback gives.

    A score is one of SCORE_KEYS, or the only number there is, and lies between 0
    and 1. Where several other keys have numbers none of them is taken for the
    score: what they mean is not known here.

    Examples:
        >>> fields = verdict_fields({"correctness": Judged(1, 1.0), "length": Judged(1, 0.2)})
        >>> fields["outcome"], fields["score"]
        ('passed', 1.0)
        >>> verdict_fields({"tone": Judged(1, 1.0), "length": Judged(1, 0.2)})["outcome"]
        'unscored'
    """
    means = {key: mean for key, one in said.items() if (mean := one.mean) is not None}
    stars = next((round(mean) for key, mean in means.items() if _is_rating(key, mean)), None)
    shares = {key: mean for key, mean in means.items() if key.lower() not in RATING_KEYS and 0 <= mean <= 1}
    by_name = {key.lower(): mean for key, mean in shares.items()}
    score = next((by_name[key] for key in SCORE_KEYS if key in by_name), None)
    if score is None and len(shares) == 1:
        score = next(iter(shares.values()))
    comments = [text for one in said.values() for text in one.comments]
    return {
        "outcome": outcome_of_score(score),
        "score": score,
        "rating": stars,
        "comment": explained("\n".join(dict.fromkeys(comments[:_MOST_COMMENTS]))),
        "expected": next((one.correction for one in said.values() if one.correction is not None), None),
    }


def told(said: Mapping[str, Judged]) -> dict[str, dict[str, Any]]:
    """What was said, as metadata: nothing of it is lost where it gives no score."""
    return {
        key: {
            name: value
            for name, value in (("mean", one.mean), ("n", one.count or None), ("labels", one.labels or None))
            if value is not None
        }
        for key, one in said.items()
    }


def _is_rating(key: str, mean: float) -> bool:
    return key.lower() in RATING_KEYS and 1 <= mean <= 5


def _of_points(points: Iterable[dict[str, Any]]) -> dict[str, Judged]:
    said: dict[str, Judged] = {}
    for point in points:
        one = said.setdefault(str(point.get("key")), Judged())
        score = _finite(point.get("score"))
        value = point.get("value")
        if score is not None:
            one.count += 1
            one.total += score
        elif isinstance(value, str) and value:
            one.labels[_label(value)] = one.labels.get(_label(value), 0) + 1
        comment = point.get("comment")
        if isinstance(comment, str) and comment.strip():
            one.comments.append(comment)
        if one.correction is None:
            one.correction = point.get("correction") or None
    return said


def _of_stats(given: dict[str, Any]) -> Judged:
    mean, count = _finite(given.get("avg")), _finite(given.get("n"))
    values, comments = given.get("values"), given.get("comments")
    one = Judged()
    if mean is not None:
        one.count = max(1, int(count or 1))
        one.total = mean * one.count
    for label, times in (values if isinstance(values, dict) else {}).items():
        found = _finite(times)
        one.labels[_label(str(label))] = int(found) if found is not None and found > 0 else 1
    one.comments = [text for text in (comments if isinstance(comments, list) else []) if _is_said(text)]
    return one


def _is_said(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip())


def _label(text: str) -> str:
    return text.strip().lower()


def _finite(given: object) -> float | None:
    value = number(given)
    if not isinstance(value, int | float):
        return None
    try:
        share = float(value)
    except OverflowError:
        return None
    return share if math.isfinite(share) and abs(share) < 1e12 else None
