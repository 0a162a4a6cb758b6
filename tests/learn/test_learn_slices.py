"""The slice search finds what was planted, nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from flywheel.learn.attributes import AttributeTable, attributes_of, bucketed, times_of
from flywheel.learn.slices import SearchLimits, search_slices
from flywheel.records.columns import Coded
from flywheel.records.execution import Execution


def table(rng: np.random.Generator, rows: int, sizes: tuple[int, ...]) -> dict[str, Coded]:
    """Attributes with uniformly drawn values."""
    return {
        f"a{i}": Coded(rng.integers(0, size, rows).astype(np.int32), tuple(f"v{j}" for j in range(size)))
        for i, size in enumerate(sizes)
    }


def where(finding) -> set[tuple[str, str]]:
    """Conditions of a finding."""
    return {(c.attribute, c.value) for c in finding.where}


def test_planted_places_are_found_the_most_damaging_first():
    """One single condition and one pair are all that is reported, without subsets of them."""
    rng = np.random.default_rng(1)
    columns = table(rng, 50_000, (3, 5, 7, 10, 20))
    rate = np.full(50_000, 0.1)
    rate[columns["a1"].codes == 2] += 0.08
    rate[(columns["a2"].codes == 3) & (columns["a3"].codes == 4)] += 0.4

    found = search_slices(AttributeTable(columns, rng.random(50_000) < rate))

    assert [where(f) for f in found] == [{("a1", "v2")}, {("a2", "v3"), ("a3", "v4")}]
    assert all(f.low > 0 and f.adjusted_p < 0.001 for f in found)


def test_damage_is_the_number_of_failures_above_the_rest():
    """Excess failures are counted against the rate elsewhere."""
    codes = np.repeat(np.array([0, 1], dtype=np.int32), 500)
    failed = np.concatenate([np.arange(500) < 200, np.arange(500) < 50])

    (found,) = search_slices(AttributeTable({"model": Coded(codes, ("bad", "good"))}, failed))

    assert where(found) == {("model", "bad")}
    assert found.excess == pytest.approx(150)
    assert found.difference == pytest.approx(0.3)


@pytest.mark.slow
def test_without_any_effect_hardly_anything_is_found():
    """The chance of any false finding stays near the level when all rates are equal."""
    hits = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        columns = table(rng, 5_000, (2, 3, 5, 7, 10, 20))
        hits += bool(search_slices(AttributeTable(columns, rng.random(5_000) < 0.15)))

    assert hits <= 10


def test_one_outcome_alone_gives_nothing():
    """When all fail, or none, there is no worse place."""
    columns = {"model": Coded(np.arange(100, dtype=np.int32) % 2, ("a", "b"))}

    assert search_slices(AttributeTable(columns, np.ones(100, dtype=bool))) == ()
    assert search_slices(AttributeTable(columns, np.zeros(100, dtype=bool))) == ()


def test_few_executions_are_not_judged():
    """A place with less than the least support is not looked at."""
    codes = np.array([0] * 20 + [1] * 480, dtype=np.int32)
    failed = codes == 0

    rules = SearchLimits(min_executions=30)
    found = search_slices(AttributeTable({"agent": Coded(codes, ("rare", "common"))}, failed), rules)

    assert found == ()


def test_hour_tags_and_input_features_are_attributes():
    """What a person tagged, when it ran, how the input looks can all be a place."""
    runs = [
        Execution.model_validate(
            {
                "execution_id": f"e{n}",
                "outcome": "failed" if n % 2 else "passed",
                "inputs": {"q": "is 7 prime?" if n % 2 else "hello"},
                "metadata": {"region": "eu" if n % 2 else "us", "answer": "x"},
                "started_at": f"2026-01-01T0{n % 2}:00:00Z",
            }
        )
        for n in range(40)
    ]

    columns = attributes_of(runs).columns

    assert columns["hour"].names == ("00h UTC", "01h UTC")
    assert columns["metadata.region"].names == ("us", "eu")
    assert "metadata.answer" not in columns
    assert columns["numbers in the input"].names == ("none", "1 or 2")


def test_unknown_numbers_are_in_no_bucket():
    """NaN is unknown, never the lowest bucket."""
    assert bucketed(np.array([np.nan, 1.0, 2.0])).codes[0] == -1


def test_a_bad_day_is_a_slice():
    """What fails on one day only is found there; over many days the months are told apart."""
    day, hour = np.divmod(np.arange(2_400), 24)
    moments = 86_400.0 * (20_000 + day) + 3_600.0 * hour

    found = times_of(moments[: 24 * 40])
    months = times_of(moments)

    assert len(found["day"].names) == 40
    assert found["day"].names[0] == "2024-10-04"
    assert found["hour"].names[:2] == ("00h UTC", "01h UTC")
    assert months["month"].names == ("2024-10", "2024-11", "2024-12", "2025-01")
    failed = (day[: 24 * 40] == 7) & (hour[: 24 * 40] > 3)
    worst, *_ = search_slices(AttributeTable({"day": found["day"]}, failed), SearchLimits(min_executions=20))
    assert worst.where[0].value == "2024-10-11"


def test_an_unknown_time_stays_unknown():
    """A run without a start is on no day."""
    found = times_of(np.array([np.nan, 0.0]))

    assert found["day"].codes.tolist() == [-1, 0]
