"""Beliefs about agents in contexts: laws, golden values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.stats.crowd import dawid_skene
from flywheel.stats.hierarchy import FORGETTING, Groups, Stream, agent_beliefs, predicted_success
from flywheel.stats.known_scores import count_scores, ema_scores, ema_update, seed_scores, seed_update

ROWS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 3), st.integers(0, 2), st.floats(0.1, 1.0)),
    min_size=1,
    max_size=60,
)


def stream_of(rows: list[tuple[float, int, int, float]]) -> Stream:
    """Success, agent, context, weight."""
    success, agent, context, weight = zip(*rows, strict=True)
    return Stream.of(success, agent, context, weight)


@given(ROWS, st.sampled_from([*FORGETTING, 0.9]))
def test_running_sums_are_those_of_a_loop(rows, gamma):
    """One filter over all groups gives what a loop over rows with a dictionary gives."""
    stream = stream_of(rows)
    before, final = Groups(stream.agent).running(stream.success, gamma)

    sums: dict[int, float] = {}
    for position, (agent, success) in enumerate(zip(stream.agent.tolist(), stream.success, strict=True)):
        assert before[position] == pytest.approx(sums.get(agent, 0.0), abs=1e-9)
        sums[agent] = gamma * sums.get(agent, 0.0) + success
    for agent, total in sums.items():
        assert final[agent] == pytest.approx(total, abs=1e-9)


@given(ROWS)
def test_predictions_are_chances_that_know_no_future(rows):
    """They lie in (0, 1), and the chance of a row depends on nothing that came after it."""
    whole = predicted_success(stream_of(rows))

    assert ((whole > 0) & (whole < 1)).all()
    half = len(rows) // 2 + 1
    np.testing.assert_allclose(predicted_success(stream_of(rows[:half])), whole[:half], atol=1e-9)


@given(ROWS)
def test_beliefs_are_proper(rows):
    """Rates in (0, 1), no more outcomes than there were, weights that sum to one."""
    stream = stream_of(rows)
    found = agent_beliefs(stream)

    for beliefs in (found.agents, found.cells, found.fast, found.slow):
        assert ((beliefs.mean > 0) & (beliefs.mean < 1)).all()
        assert (beliefs.n_eff <= stream.weight.sum() + 1e-9).all()
    assert found.weights.sum() == pytest.approx(1.0)
    assert min(FORGETTING) <= found.forgetting <= 1.0


@given(ROWS)
def test_a_success_never_lowers_a_rate(rows):
    """The plain rate and the moving average of an agent rise with a further success."""
    more = [*rows, (1.0, rows[0][1], 0, 1.0)]
    agent = rows[0][1]

    assert ema_scores(stream_of(more))[1][agent] > ema_scores(stream_of(rows))[1][agent]
    again = [*more, (1.0, agent, 0, 1.0)]
    assert count_scores(stream_of(again))[-1] >= count_scores(stream_of(more))[-1]


@given(ROWS)
def test_moving_averages_of_all_are_those_of_each(rows):
    """The filter gives what the one-outcome updates give, for both rules."""
    stream = stream_of(rows)
    ema, seed = ema_scores(stream), seed_scores(stream)

    now: dict[int, tuple[float, float]] = {}
    for row, (agent, success) in enumerate(zip(stream.agent.tolist(), stream.success.tolist(), strict=True)):
        one, other = now.get(agent, (0.5, 0.5))
        assert (ema[0][row], seed[0][row]) == pytest.approx((one, other))
        now[agent] = ema_update(one, success), seed_update(other, success - 0.5)
    for agent, (one, other) in now.items():
        assert (ema[1][agent], seed[1][agent]) == pytest.approx((one, other))


def test_a_single_outcome_by_hand():
    """Before any outcome the chance is one half; the known score from zero is s / (n + k)."""
    stream = Stream.of([1.0] * 8 + [0.0] * 2, [0] * 10, [0] * 10)

    assert predicted_success(stream)[0] == pytest.approx(0.5)
    longer = Stream.of([*stream.success, 1.0], [0] * 11, [0] * 11)
    assert count_scores(longer, (0.0, 10.0))[-1] == pytest.approx(8 / 20)
    assert count_scores(longer)[-1] == pytest.approx(9 / 12)


def test_forgetting_is_found_where_agents_change():
    """Agents that turn over make the grid forget; steady ones that differ make it remember."""
    rng = np.random.default_rng(0)
    n = 1_200
    agent = np.arange(n) % 4
    turning = np.where((np.arange(n) // 200 + agent) % 2 == 0, 0.95, 0.3)
    changing = agent_beliefs(Stream.of((rng.random(n) < turning).astype(float), agent, np.zeros(n)))
    rates = np.array([0.9, 0.3, 0.6, 0.45])[agent]
    steady = agent_beliefs(Stream.of((rng.random(n) < rates).astype(float), agent, np.zeros(n)))

    assert changing.forgetting < 0.985 < steady.forgetting


def test_a_newcomer_borrows_in_a_context():
    """A cell nobody saw much takes its agent, moved by what the context does to the others."""
    rng = np.random.default_rng(1)
    agent = np.repeat(np.arange(6), 200)
    context = np.tile([0, 1], 600)
    rate = np.where(context == 0, 0.9, 0.4)
    keep = ~((agent == 5) & (context == 1))
    stream = Stream.of((rng.random(1_200) < rate)[keep], agent[keep], context[keep])
    more = Stream.of([*stream.success, 0.0], [*stream.agent, 5], [*stream.context, 1])
    found = agent_beliefs(more)

    (cell,) = np.flatnonzero((found.cell_agent == 5) & (found.cell_context == 1))
    assert 0.2 < found.cells.mean[cell] < 0.75
    assert found.agents.mean[5] > 0.75
    assert found.cells.n_eff[cell] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (([1.0], [0, 1], [0]), "as many of each"),
        (([2.0], [0], [0]), "fractions"),
        (([math.nan], [0], [0]), "unknown"),
    ],
)
def test_what_is_no_stream_is_refused(columns, words):
    """Columns of different length, success outside of [0, 1]."""
    with pytest.raises(ValueError, match=words):
        Stream.of(*columns)


def test_an_empty_stream_has_no_beliefs():
    """It predicts nothing, and asking for beliefs says why there are none."""
    empty = Stream.of([], [], [])

    assert predicted_success(empty).size == 0
    with pytest.raises(ValueError, match="needs one"):
        agent_beliefs(empty)


def test_dawid_skene_is_the_textbook_iteration():
    """The same posterior as the update written as loops, on judges of three skills."""
    rng = np.random.default_rng(2)
    true = rng.random(40) < 0.6
    right = rng.random((40, 3)) < [0.95, 0.7, 0.55]
    labels = np.where(right, true[:, None], ~true[:, None]).astype(float)
    item, judge = (codes.ravel() for codes in np.indices(labels.shape))
    found = dawid_skene(item, judge, labels.ravel(), rounds=30)

    good = labels.mean(axis=1)
    for _ in range(30):
        share = (good.sum() + 1) / (len(good) + 2)
        hit = [
            (sum(g * y for g, y in zip(good, labels[:, j], strict=True)) + 4) / (good.sum() + 6)
            for j in range(3)
        ]
        miss = [
            (sum((1 - g) * (1 - y) for g, y in zip(good, labels[:, j], strict=True)) + 4)
            / ((1 - good).sum() + 6)
            for j in range(3)
        ]
        yes = share * np.prod([np.where(labels[:, j] > 0, hit[j], 1 - hit[j]) for j in range(3)], axis=0)
        no = (1 - share) * np.prod(
            [np.where(labels[:, j] > 0, 1 - miss[j], miss[j]) for j in range(3)], axis=0
        )
        good = yes / (yes + no)
    np.testing.assert_allclose(found.true, good, atol=1e-4)
    assert found.accuracy.argmax() == 0


def test_good_judges_outvote_many_bad_ones():
    """Two that are nearly always right carry it against five that guess."""
    rng = np.random.default_rng(0)
    true = rng.random(400) < 0.6
    skill = np.array([0.95, 0.9, 0.6, 0.55, 0.5, 0.52, 0.58])
    labels = np.where(rng.random((400, 7)) < skill, true[:, None], ~true[:, None])
    item, judge = (codes.ravel() for codes in np.indices(labels.shape))

    found = dawid_skene(item, judge, labels.ravel())

    assert ((found.true > 0.5) == true).mean() > 0.05 + ((labels.mean(axis=1) > 0.5) == true).mean()
    np.testing.assert_allclose(found.accuracy, skill, atol=0.08)
    with pytest.raises(ValueError, match="one at least"):
        dawid_skene([], [], [])
