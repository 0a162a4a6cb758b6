"""Beliefs, learned patterns, judged recommendations in the store; the model an application asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from learned_world import records, world

import flywheel
from flywheel.errors import StoreUnreachable, UnknownName
from flywheel.learn.meta_learning import MetaLearner
from flywheel.learn.routing import RouteRules
from flywheel.phases.effectiveness import update_beliefs
from flywheel.phases.learned import refresh_patterns
from flywheel.records.execution import Execution
from flywheel.records.model_belief import Measure, ModelBelief
from flywheel.records.recommendation import RecommendationOutcome, RecommendationStatus
from flywheel.records.strategy import LearningStrategy
from flywheel.store.live_model import BestModelSettings, best_model, choose_model, forget_live_models
from flywheel.store.open import SqlStore, open_store

PATIENCE_S = 60.0
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    forget_live_models()
    yield
    forget_live_models()


def runs(model: str, passed: int, of: int, start: int = 0) -> list[Execution]:
    """Executions of prompt `triage` with one model on two slices."""
    return [
        Execution(
            execution_id=f"{model}-{i}",
            prompt="triage",
            model=model,
            slice=("billing", "login")[i % 2],
            outcome="passed" if i - start < passed else "failed",
            cost_usd=0.01 if model == "large" else 0.001,
            started_at=NOW + timedelta(minutes=i),
        )
        for i in range(start, start + of)
    ]


def settings_for(store: SqlStore, **rules: float) -> BestModelSettings:
    """Fresh beliefs, no exploring."""
    return BestModelSettings(
        store=store, ttl_s=0.0, first_wait_s=PATIENCE_S, rules=RouteRules(explore=0.0, **rules)
    )


def test_beliefs_read_back_equal_and_are_replaced(store: SqlStore) -> None:
    """By workspace, prompt, model and slice; the newest counts."""
    whole = ModelBelief(
        prompt="triage", model="a", outcomes=9, passed=7.5, failed=3.5, mean=0.68, low=0.4, high=0.9,
        own_from=7, cost_usd=Measure(n=3, mean=0.1, low=0.05, high=0.2),
    )  # fmt: skip
    sliced = whole.model_copy(update={"slice": "billing"})
    store.learned.keep_beliefs([whole, sliced], NOW)
    store.learned.keep_beliefs([whole.model_copy(update={"mean": 0.7})], NOW + timedelta(days=1))

    first, second = store.learned.beliefs("default", "triage")

    assert first == whole.model_copy(update={"mean": 0.7, "updated_at": NOW + timedelta(days=1)})
    assert second == sliced.model_copy(update={"updated_at": NOW})
    assert store.learned.beliefs("default") == store.learned.beliefs("other", "triage") == []


def test_an_update_again_writes_nothing(store: SqlStore) -> None:
    """The same executions move no belief; a few more stay below the threshold; a collapse does not."""
    strategy = LearningStrategy()
    store.executions.write([*runs("large", 90, 100), *runs("small", 60, 100)])

    first = update_beliefs(store, "default", "triage", strategy, NOW)
    again = update_beliefs(store, "default", "triage", strategy, NOW + timedelta(days=1))
    store.executions.write(runs("large", 3, 4, start=100))
    little = update_beliefs(store, "default", "triage", strategy, NOW + timedelta(days=2))
    store.executions.write(runs("large", 0, 200, start=200))
    fallen = update_beliefs(store, "default", "triage", strategy, NOW + timedelta(days=3))

    assert [len(one.kept.moved) for one in (first, again, little)] == [6, 0, 0]
    assert 0 < little.kept.largest < 0.1
    assert {one.model for one in fallen.kept.moved} == {"large"}
    kept = {(b.model, b.slice): b.updated_at for b in store.learned.beliefs("default", "triage")}
    assert kept["small", None] == NOW
    assert kept["large", None] == NOW + timedelta(days=3)


def test_judged_recommendations_come_once_each(store: SqlStore) -> None:
    """Judges are averaged, pending is no judgement, what a cleanup took keeps its outcome."""
    given, judged = records(6)
    status = RecommendationStatus.PENDING
    pending = [one.model_copy(update={"status": status}) for one in judged[5:]]
    second = RecommendationOutcome(
        recommendation_id="r0000", status="rejected", judged_by="max", evaluated_at=NOW
    )
    store.recommendations.add(given)
    store.recommendations.evaluate([*judged[:5], *pending, second])
    store.recommendations.delete_before("default", given[1].created_at)

    found = store.learned.judged("default")

    names = [found.agent.names[code] for code in found.agent.codes]
    assert names == ["bob", "ann", "bob", "ann", "ann"]
    assert found.success.tolist() == [1.0, 0.0, 1.0, 1.0, 0.5]
    assert found.content.codes[-1] == -1
    assert found.content.codes[0] >= 0
    assert found.confidence.tolist() == [0.6, 0.9, 0.6, 0.9, 0.9]
    assert len(store.learned.judged("elsewhere")) == 0


def test_patterns_are_kept_retired_and_come_back(store: SqlStore) -> None:
    """Retired when found no more; the time of the first finding stays through it all."""
    learner = MetaLearner()
    found = learner.patterns(world(600, 6, seed=1).judged)
    day = [NOW + timedelta(days=n) for n in range(3)]

    store.learned.keep_patterns("default", found, day[0])
    retired = store.learned.keep_patterns("default", found[1:], day[1])
    gone = store.learned.patterns("default", retired=True)
    store.learned.keep_patterns("default", found, day[2])

    assert retired == 1
    assert [(one.pattern_key, one.retired_at) for one in gone] == [(found[0].pattern_key, day[1])]
    back = {one.pattern_key: one for one in store.learned.patterns("default")}[found[0].pattern_key]
    assert (back.first_seen, back.last_seen, back.retired_at) == (day[0], day[2], None)
    assert back.model_copy(update={"first_seen": None, "last_seen": None}) == found[0]
    assert store.learned.patterns("default", retired=True) == store.learned.patterns("other") == []
    kind = found[0].kind.value
    assert {one.kind.value for one in store.learned.patterns("default", kind)} == {kind}


def test_a_refresh_finds_what_judges_said(store: SqlStore) -> None:
    """From recommendation to rule: ann is an expert, whoever stands alone is to be doubted."""
    given, judged = records(400)
    store.recommendations.add(given)
    store.recommendations.evaluate(judged)

    done = refresh_patterns(store, MetaLearner(), NOW)
    again = refresh_patterns(store, MetaLearner(), NOW + timedelta(days=1))

    assert (done.judged, done.retired, again.retired) == (400, 0, 0)
    assert again.patterns == done.patterns
    said = [one.says for one in done.rules]
    assert any(line.startswith("Follow recommendations of an expert where agent = ann") for line in said)
    assert any(line.startswith("Doubt recommendations where agreeing = 1:") for line in said)


def test_an_application_is_told_the_best_model(store: SqlStore) -> None:
    """From kept beliefs alone: nothing before they are kept, then the best one, cheaper where that counts."""
    store.executions.write([*runs("large", 95, 100), *runs("small", 80, 100)])
    there = settings_for(store)
    with pytest.raises(UnknownName, match="flywheel route triage --update"):
        best_model("triage", settings=there)
    assert best_model("triage", default="small", settings=there) == "small"

    update_beliefs(store, "default", "triage", LearningStrategy(), NOW)
    forget_live_models()

    assert best_model("triage", slice="billing", key="user-7", settings=there) == "large"
    assert best_model("triage", settings=settings_for(store, cost_weight=50.0)) == "small"
    choice = choose_model("triage", "billing", settings=there)
    assert (choice.model, choice.propensity, choice.prompt) == ("large", 1.0, "triage")
    assert (flywheel.best_model, flywheel.choose_model) == (best_model, choose_model)


def test_a_prompt_without_beliefs_is_judged_by_all_together(store: SqlStore) -> None:
    """A new prompt does not begin from nothing."""
    store.executions.write([*runs("large", 95, 100), *runs("small", 50, 100)])
    update_beliefs(store, "default", None, LearningStrategy(), NOW)

    assert best_model("brand new", settings=settings_for(store)) == "large"


def test_keys_are_shared_out_and_stay(store: SqlStore) -> None:
    """Two models that are alike share the keys; asking again changes none of them."""
    store.executions.write([*runs("one", 80, 100), *runs("two", 80, 100)])
    update_beliefs(store, "default", "triage", LearningStrategy(), NOW)
    open_to_all = BestModelSettings(store=store, first_wait_s=PATIENCE_S, rules=RouteRules(explore=1.0))

    first, again = (
        [best_model("triage", key=f"u{i}", settings=open_to_all) for i in range(200)] for _ in range(2)
    )

    assert first == again
    assert 0.3 < np.mean([name == "one" for name in first]) < 0.7


def test_a_dead_store_costs_one_wait(tmp_path: Path) -> None:
    """The default is given at once, and what was known stays known."""
    path = tmp_path / "runs.db"
    nowhere = BestModelSettings(store=f"sqlite:///{path}")
    assert best_model("triage", default="small", settings=nowhere) == "small"
    with pytest.raises(StoreUnreachable, match="Give best_model a default"):
        best_model("triage", settings=nowhere)
    assert not path.exists()

    store = open_store(f"sqlite:///{path}")
    store.executions.write(runs("large", 95, 100))
    update_beliefs(store, "default", "triage", LearningStrategy(), NOW)
    there = settings_for(store)
    assert best_model("triage", settings=there) == "large"
    store.close()
    for file in tmp_path.glob("runs.db*"):
        file.unlink()
    path.mkdir()
    for _ in range(20):
        assert best_model("triage", settings=there) == "large"
        threading.Event().wait(0.01)
