"""Whether a comment sounds pleased: a few English words with negation, which is weak evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flywheel.records.voices import Voices
from flywheel.stats.means import Moments, mean_interval

_GOOD_WORDS = """
accurate amazing appreciate awesome best brilliant clear concise correct correctly excellent fantastic
fast fine good great happy helped helpful impressive like liked love loved nice perfect perfectly pleased
precise quick right satisfied solved spot-on super thank thanks useful wonderful works worked
"""
GOOD = frozenset(_GOOD_WORDS.split())
"""Words of people who are pleased."""

_BAD_WORDS = """
annoying awful bad broken bug confused confusing crap disappointed disappointing error fail failed fails
frustrated frustrating garbage hallucinated hallucination hate horrible inaccurate incomplete incorrect
irrelevant mistake misleading nonsense outdated poor problem ridiculous rubbish sad slow stupid terrible
unclear unhelpful useless waste worse worst wrong
"""
BAD = frozenset(_BAD_WORDS.split())
"""Words of people who are not."""

_NEGATIONS_WORDS = """
ain't aren't barely can't cannot couldn't didn't doesn't don't hardly isn't lacks neither never no nobody
none nor not nothing wasn't weren't without won't wouldn't
"""
NEGATIONS = frozenset(_NEGATIONS_WORDS.split())
"""Words that turn one of the next three round."""

REACH = 3
"""Words after a negation that it turns round."""

_WORD = re.compile(r"[a-z]+(?:['-][a-z]+)*")
_END = re.compile(r"[.!?;,\n]|\bbut\b|\bhowever\b")
_FACES = (
    (re.compile(r":-?\)|[\U0001F44D\u2764\U0001F600-\U0001F60A]"), 1),
    (re.compile(r":-?\(|[\U0001F44E\U0001F61E\U0001F620\U0001F621]"), -1),
)


def sentiment(comment: str | None) -> float | None:
    """How pleased a comment sounds, from -1 to 1.

    Args:
        comment: English; what is in another language is mostly unknown.

    Returns:
        Pleased words minus displeased ones over both; a negation turns the next
        three words of its clause round. None without a comment or a known word.
        It hears no irony and knows no subject: a hint beside ratings, never a reason.

    References:
        Pang, Lee (2008), Opinion Mining and Sentiment Analysis, section 4.1; Das, Chen (2001), on negation.

    Examples:
        >>> sentiment("Great answer, thanks!"), sentiment("not helpful at all"), sentiment("not bad")
        (1.0, -1.0, 1.0)
        >>> sentiment("fast but wrong"), sentiment("see ticket 12"), sentiment(None)
        (0.0, None, None)
    """
    if comment is None:
        return None
    text = comment.lower().replace("\u2019", "'")
    found = [sign for face, sign in _FACES for _ in face.findall(text)]
    for clause in _END.split(text):
        turned = 0
        for word in _WORD.findall(clause):
            if word in NEGATIONS:
                turned = REACH
                continue
            sign = (word in GOOD) - (word in BAD)
            if sign:
                found.append(-sign if turned else sign)
            turned = max(0, turned - 1)
    return sum(found) / len(found) if found else None


def voices(
    comments: Iterable[tuple[str, int]], ratings: Moments, retried: int = 0, timed: int = 0, slow: int = 0
) -> Voices:
    """What people say, counted.

    Args:
        comments: distinct texts with how often each was written.
        ratings: moments of the ratings from 1 to 5.
        retried: executions that were tried again.
        timed: executions with a latency.
        slow: of those, the slow ones.

    Examples:
        >>> found = voices([("great", 2), ("wrong", 1), ("ok then", 4)], Moments.of([5, 4]))
        >>> found.commented, found.positive, found.negative, found.neutral, found.mean_rating
        (7, 2, 1, 4, 4.5)
    """
    counts = {1: 0, -1: 0, 0: 0}
    for text, count in comments:
        if text.strip():
            heard = sentiment(text) or 0.0
            counts[(heard > 0) - (heard < 0)] += count
    spread = mean_interval(ratings)
    told = counts[1] + counts[-1]
    return Voices(
        rated=ratings.n,
        mean_rating=_stars(spread.estimate),
        rating_low=_stars(spread.low),
        rating_high=_stars(spread.high),
        commented=sum(counts.values()),
        positive=counts[1],
        negative=counts[-1],
        neutral=counts[0],
        sentiment=(counts[1] - counts[-1]) / told if told else None,
        retried=retried,
        timed=timed,
        slow=slow,
    )


def voices_in_words(found: Voices) -> str:
    """What people say, in a line; empty where nobody said anything.

    Examples:
        >>> voices_in_words(Voices(commented=3, positive=2, neutral=1, sentiment=1.0))
        '3 comments: 2 sound pleased, 0 displeased, 1 neither (by English words, weak)'
    """
    parts = []
    if found.mean_rating is not None:
        ends = (
            ""
            if found.rating_low is None or found.rating_high is None
            else f" ({found.rating_low:.2f} to {found.rating_high:.2f})"
        )
        parts.append(f"rating {found.mean_rating:.2f} of 5{ends} by {found.rated:,}")
    if found.commented:
        parts.append(
            f"{found.commented:,} comments: {found.positive:,} sound pleased, {found.negative:,} displeased, "
            f"{found.neutral:,} neither (by English words, weak)"
        )
    if found.retried:
        parts.append(f"{found.retried:,} tried again")
    if found.slow:
        parts.append(f"{found.slow:,} of {found.timed:,} took over three times the mean")
    return "; ".join(parts)


def _stars(value: float | None) -> float | None:
    """Inside the scale, which a normal interval may leave."""
    return None if value is None else min(5.0, max(1.0, value))
