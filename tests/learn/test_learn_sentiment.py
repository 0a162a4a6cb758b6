"""Sentiment of comments: a weak count beside ratings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.learn.sentiment import BAD, GOOD, sentiment, voices, voices_in_words
from flywheel.records.columns import Scope
from flywheel.records.execution import Execution
from flywheel.records.voices import Voices
from flywheel.stats.means import Moments
from flywheel.store.open import open_store


@pytest.mark.parametrize(
    ("comment", "sign"),
    [
        ("This was really helpful, thank you", 1),
        ("Not helpful.", -1),
        ("it isn't wrong", 1),
        ("I don't think this is a good answer", 0),
        ("never works", -1),
        ("the answer is WRONG", -1),
        ("no problem, works great", 1),
        ("Doesn\u2019t help, useless", -1),
        ("\U0001f44d", 1),
        ("", None),
        ("die Antwort ist falsch", None),
    ],
)
def test_comments_are_heard(comment: str, sign: int | None):
    """Negation turns the words after it; what has no known word is unknown, and some are heard wrongly."""
    found = sentiment(comment)

    if sign is None:
        assert found is None
    elif sign == 0:
        # Four words lie between the negation and what it turns: a known weakness.
        assert found == 1
    else:
        assert found is not None
        assert found * sign > 0


@given(st.text(max_size=200))
def test_any_text_is_heard_within_the_range(text: str):
    """Whatever is written, the answer is unknown or between -1 and 1."""
    found = sentiment(text)

    assert found is None or -1 <= found <= 1


def test_no_word_is_on_both_sides():
    """A word is pleased or displeased, never both."""
    assert not GOOD & BAD


def test_nothing_said_is_unknown():
    """Without comments and ratings there is no mean and no sentiment."""
    found = voices([("  ", 3)], Moments())

    assert found == Voices()
    assert found.sentiment is None
    assert voices_in_words(found) == ""


def test_the_store_counts_what_people_say(tmp_path):
    """Ratings, comments, retries and slow answers of a scope; skipped executions say nothing."""
    store = open_store(f"sqlite:///{tmp_path / 'v.db'}")
    rows = [
        Execution(
            execution_id=f"v{n}", prompt="p", outcome="passed", latency_ms=100.0, rating=4, comment="great"
        )
        for n in range(8)
    ]
    rows.append(Execution(execution_id="slow", prompt="p", outcome="failed", latency_ms=9000.0, retries=2))
    rows.append(Execution(execution_id="bad", prompt="p", outcome="failed", comment="wrong", rating=1))
    rows.append(Execution(execution_id="skip", prompt="p", outcome="skipped", comment="wrong", rating=1))
    store.executions.write(rows)
    found = store.executions.voices(Scope(prompt="p"))
    store.close()

    assert (found.rated, found.commented, found.positive, found.negative) == (9, 9, 8, 1)
    assert found.mean_rating == pytest.approx(33 / 9)
    assert (found.retried, found.timed, found.slow) == (1, 9, 1)
