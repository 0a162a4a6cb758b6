"""Recommendations with what judges made of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from flywheel.errors import InputError, UnknownName
from flywheel.ports import RecommendationStore, WriteCounts
from flywheel.records.recommendation import Recommendation, RecommendationOutcome
from flywheel.store.open import SqlStore

START = datetime(2026, 11, 2, 9, tzinfo=UTC)


def given(number: int, agent: str = "ann", **fields: object) -> Recommendation:
    """One recommendation an hour."""
    whole = {
        "recommendation_id": f"r{number}",
        "agent": agent,
        "type": "billing",
        "content": {"say": "Refund it."},
        "confidence": 0.8,
        "created_at": START + timedelta(hours=number),
        **fields,
    }
    return Recommendation.model_validate(whole)


def judged(number: int, status: str = "approved", judge: str | None = "eve", **fields: object):
    """What a judge made of it half an hour later."""
    whole = {
        "recommendation_id": f"r{number}",
        "status": status,
        "judged_by": judge,
        "evaluated_at": START + timedelta(hours=number, minutes=30),
        **fields,
    }
    return RecommendationOutcome.model_validate(whole)


def test_a_recommendation_reads_back_equal(store: SqlStore) -> None:
    """With all its fields; the same again changes nothing, another content replaces."""
    kept: RecommendationStore = store.recommendations
    full = given(1, correlation_id="c1", workflow="refunds", reasoning="Twice charged.", evidence=[1, None])

    assert kept.add([full, given(2), given(2)]) == WriteCounts(stored=2, unchanged=1)
    assert kept.add([full, given(2, confidence=0.1)]) == WriteCounts(replaced=1, unchanged=1)
    assert kept.get("default", "r1") == full
    assert kept.get("other", "r1") is None
    assert kept.of_agent("default", "ann", 5) == [given(2, confidence=0.1), full]
    assert kept.of_workflow("default", "refunds") == [full]


def test_a_judge_has_one_outcome_of_a_recommendation(store: SqlStore) -> None:
    """A newer one of the same judge replaces the older; two judges have one each."""
    kept = store.recommendations
    kept.add([given(1)])
    first = judged(1, "pending")
    second = judged(1, "partial", overall=55, qualities={"tone": 40.0}, feedback="Too short.")
    unknown = judged(1, "rejected", judge=None)

    assert kept.evaluate([first]) == WriteCounts(stored=1)
    assert kept.evaluate([second, unknown]) == WriteCounts(stored=1, replaced=1)
    assert kept.evaluate([second]) == WriteCounts(unchanged=1)
    assert kept.outcomes("default", ["r1"]) == [second, unknown]


def test_an_outcome_of_nothing_is_refused(store: SqlStore) -> None:
    """The recommendation is named, how many others are missing too, and nothing is stored."""
    kept = store.recommendations
    kept.add([given(1)])

    with pytest.raises(UnknownName, match=r"'r7' in workspace 'default'.*1 others.*No outcome was stored"):
        kept.evaluate([judged(1), judged(7), judged(8)])
    assert kept.outcomes("default", ["r1", "r7"]) == []


def test_half_a_character_is_refused(store: SqlStore) -> None:
    """No database keeps a lone surrogate; nothing is stored."""
    with pytest.raises(InputError, match=r"'r1' holds half a character.*Nothing was stored"):
        store.recommendations.add([given(2), given(1, content="\ud800")])
    assert store.recommendations.get("default", "r2") is None


def test_columns_are_in_the_order_of_time(store: SqlStore) -> None:
    """A row for each judge, one with unknown success where nobody judged, none of another workspace."""
    kept = store.recommendations
    kept.add([given(1), given(2, agent="bob", type="tone"), given(3), given(1, workspace="other")])
    kept.evaluate([judged(3, "partial", overall=60)])
    kept.evaluate([judged(1, "rejected"), judged(1, judge=None), judged(2, workspace="default")])

    columns = kept.columns("default")

    assert [columns.agent.names[code] for code in columns.agent.codes] == ["ann", "ann", "bob", "ann"]
    assert [columns.type.names[code] for code in columns.type.codes] == [
        "billing",
        "billing",
        "tone",
        "billing",
    ]
    np.testing.assert_array_equal(columns.success, [0.0, 1.0, 1.0, 0.5])
    np.testing.assert_array_equal(columns.quality, [np.nan, np.nan, np.nan, 0.6])
    assert columns.recommendation[0] == columns.recommendation[1] != columns.recommendation[3]
    assert sorted(columns.judge.codes.tolist()) == [-1, 0, 0, 0]
    later = kept.columns("default", since=START + timedelta(hours=2))
    assert len(later) == 2
    assert len(kept.columns("nowhere")) == 0


def test_what_nobody_judged_is_a_row_of_unknowns(store: SqlStore) -> None:
    """Success, quality and the time of judgement are NaN; the time of the recommendation is known."""
    store.recommendations.add([given(1, confidence=None)])

    columns = store.recommendations.columns("default")

    assert np.isnan([columns.success, columns.quality, columns.evaluated, columns.confidence]).all()
    assert columns.created.tolist() == [(START + timedelta(hours=1)).timestamp()]


def test_a_cleanup_takes_words_and_leaves_marks(store: SqlStore) -> None:
    """Old recommendations go with their feedback; the columns of what was judged stay as they were."""
    kept = store.recommendations
    kept.add([given(1), given(2), given(3), given(1, workspace="other")])
    kept.evaluate([judged(1, overall=90, qualities={"tone": 90.0}, feedback="Good."), judged(3)])
    before = kept.columns("default")

    assert kept.delete_before("default", START + timedelta(hours=3)) == 2
    assert kept.delete_before("default", START + timedelta(hours=3)) == 0

    after = kept.columns("default")
    np.testing.assert_array_equal(after.success, before.success[~np.isnan(before.success)])
    assert kept.get("default", "r1") is None
    assert kept.get("other", "r1") is not None
    assert kept.outcomes("default", ["r1"]) == [judged(1, overall=90)]


def test_a_replaced_recommendation_takes_its_outcomes_along(store: SqlStore) -> None:
    """Who gave it is put right in the columns too."""
    kept = store.recommendations
    kept.add([given(1)])
    kept.evaluate([judged(1)])
    kept.add([given(1, agent="bob")])

    assert kept.columns("default").agent.names == ("bob",)


def test_thousands_of_ids_go_in_one_call(store: SqlStore) -> None:
    """More than a database takes as parameters of one statement."""
    kept = store.recommendations
    many = [given(number) for number in range(1_200)]

    assert kept.add(many).stored == 1_200
    assert kept.evaluate(judged(number) for number in range(1_200)).stored == 1_200
    assert kept.add(many).unchanged == 1_200
    assert kept.columns("default").success.sum() == 1_200
