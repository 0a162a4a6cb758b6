"""The joint gate with the tests around it."""

from __future__ import annotations

import numpy as np
import pytest

from flywheel.stats import (
    Cusum,
    DropDetector,
    RegressionMonitor,
    calibration_error,
    change_points,
    clustered_mean,
    compare_paired,
    fit_prior,
    linear_trend,
    log_ratio_non_inferiority,
    max_t_gate,
    mixture_e_value,
    optimal_shares,
    pair_arrivals,
    plan_experiment,
    recalibrate,
    sample_ratio_mismatch,
    shrink_gain,
    signed_rank_test,
    welch_t_test,
)


def test_candidates_without_a_test_have_a_reason():
    """A candidate of ties, and one without any case, have no p-value but a reason; others keep theirs."""
    d = np.column_stack([np.r_[np.ones(30), np.zeros(10)], np.zeros(40), np.full(40, np.nan)])
    gate = max_t_gate(d, flips=999)

    assert gate.adjusted_p == (0.001, None, None)
    assert gate.because == ("", "every case is a tie", "no case was scored under both arms")
    assert gate.pairs == (40, 40, 0)


def test_missing_cases_count_for_the_candidate_that_ran_them():
    """A case that one candidate did not run still counts for the others."""
    d = np.random.default_rng(0).normal(0.2, 0.5, size=(60, 2))
    holes = d.copy()
    holes[::3, 1] = np.nan
    gate = max_t_gate(holes, flips=2000)

    assert gate.pairs == (60, 40)
    assert gate.p_value[0] == max_t_gate(d[:, :1], flips=2000).p_value[0]


def test_more_candidates_cost_more():
    """The same candidate among idle rivals needs a smaller p-value to pass."""
    rng = np.random.default_rng(1)
    good = rng.normal(0.08, 0.3, size=(80, 1))
    rivals = rng.normal(0.0, 0.3, size=(80, 7))

    alone = max_t_gate(good).adjusted_p[0]
    among = max_t_gate(np.hstack([good, rivals])).adjusted_p[0]

    assert alone < among <= 8 * alone + 0.01


def test_clusters_flip_whole():
    """Rows copied within clusters do not make evidence: the p-value is that of the clusters."""
    per_cluster = np.random.default_rng(2).normal(0.1, 0.4, size=(40, 1))
    rows, groups = np.repeat(per_cluster, 5, axis=0), np.repeat(np.arange(40), 5)

    clustered = max_t_gate(rows, clusters=groups)

    assert clustered.units == 40
    assert clustered.p_value == max_t_gate(per_cluster).p_value
    assert max_t_gate(rows).p_value[0] < clustered.p_value[0]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"differences": np.zeros(4)}, "cases, candidates"),
        ({"differences": np.full((3, 1), np.inf)}, "finite"),
        ({"differences": np.ones((4, 1)), "flips": 10}, "at least 100"),
        ({"differences": np.ones((4, 1)), "clusters": [1, 2]}, "one group per case"),
    ],
)
def test_the_gate_refuses_what_it_cannot_test(bad: dict, message: str):
    """Wrong shapes, infinities, too few flips and unmatched clusters are refused with what is needed."""
    with pytest.raises(ValueError, match=message):
        max_t_gate(**bad)


def test_degenerate_pairs_give_no_number():
    """No pairs, ties alone, and differences without variance give a reason in place of p."""
    assert compare_paired([], []).because == "no case was scored under both arms"
    assert compare_paired([0.0, 1.0], [0.0, 1.0]).p_value is None
    constant = compare_paired([0.5] * 40, [0.6] * 40)
    assert (constant.p_value, constant.low, constant.because) == (None, None, "every difference is the same")
    assert constant.estimate == pytest.approx(0.1)


def test_a_clean_sweep_is_evidence():
    """Pass or fail needs no variance: 40 wins of 40 are tested exactly, with a range that is not a point."""
    swept = compare_paired([0.0] * 40, [1.0] * 40)

    assert swept.p_value == pytest.approx(2 * 0.5**40)
    assert swept.low < 1.0 == swept.high


def test_scores_outside_the_range_are_refused():
    """A score above 1 is refused before anything is computed."""
    with pytest.raises(ValueError, match=r"outside \[0, 1\]"):
        compare_paired([0.5, 1.2], [0.5, 0.5])
    with pytest.raises(ValueError, match=r"outside \[-1, 1\]"):
        mixture_e_value([1.5])


def test_empty_arms_give_no_number():
    """Empty inputs give None with a reason, never 0 or 1."""
    assert welch_t_test([], [1.0, 0.0]).p_value is None
    assert welch_t_test([1.0, 1.0], [1.0, 1.0]).because == "no score varies within its arm"
    assert clustered_mean([1.0, 0.0], ["a", "a"]).standard_error is None
    assert calibration_error([], []).plug_in is None
    assert linear_trend([0, 1], [1, 2]).slope is None
    assert sample_ratio_mismatch([0, 0]) is None
    assert signed_rank_test([]).p_value is None
    assert mixture_e_value([np.nan]) is None
    assert log_ratio_non_inferiority([1.0], [1.0], limit=1.2).proven is None


def test_heavy_tails_do_not_hide_a_guardrail():
    """One call a thousand times slower does not decide whether latency grew."""
    rng = np.random.default_rng(6)
    control = rng.lognormal(6, 0.4, 200)
    candidate = control * rng.lognormal(0, 0.2, 200)
    candidate[0] *= 1000

    assert log_ratio_non_inferiority(control, candidate, limit=1.2).proven
    assert not log_ratio_non_inferiority(control, candidate * 1.3, limit=1.2).proven


def test_history_teaches_the_prior():
    """Many past tests without gains shrink the next gain more than the default prior does."""
    rng = np.random.default_rng(7)
    barren = fit_prior(rng.normal(0, 0.03, 300), np.full(300, 0.03))
    rich = fit_prior(rng.normal(0.08, 0.04, 300), np.full(300, 0.03))

    assert shrink_gain(0.06, 0.03, barren) < shrink_gain(0.06, 0.03) < shrink_gain(0.06, 0.03, rich)
    assert fit_prior([], []).tests == 0


def test_a_plan_says_what_cannot_be_shown():
    """With too few cases a plan is not enough, and names the gain they can show."""
    plan = plan_experiment(60)

    assert not plan.enough
    assert plan.detectable_gain > 0.1
    assert plan_experiment(5000).power >= 0.8
    assert plan_experiment(0).detectable_gain is None


def test_track_and_stop_needs_one_best():
    """Without a single best arm the shares are equal; with one, the weakest rival is run least."""
    assert optimal_shares([0.5, 0.5, 0.2]).tolist() == pytest.approx([1 / 3] * 3)
    shares = optimal_shares([0.9, 0.85, 0.3])
    assert shares[1] > shares[2]


def test_detectors_notice_a_fall():
    """A fall from 95 to 70 percent raises each detector within 200 scores, and NaN changes nothing."""
    rng = np.random.default_rng(8)
    fallen = (rng.random(200) < 0.70).astype(float)
    cusum = Cusum(usual=0.95, fallen=0.85)
    for score in fallen:
        cusum = cusum.update(float(score))

    assert cusum.alarm
    assert DropDetector(level=0.95).extend(fallen).alarm
    assert RegressionMonitor().extend(fallen - (rng.random(200) < 0.95)).alarm
    assert RegressionMonitor().update(float("nan")) == RegressionMonitor()


def test_detectors_refuse_nonsense():
    """A score outside its range, or levels in the wrong order, are refused."""
    with pytest.raises(ValueError, match="Nothing was counted"):
        RegressionMonitor().update(2.0)
    with pytest.raises(ValueError, match="Nothing was counted"):
        DropDetector(level=0.9).update(-0.1)
    with pytest.raises(ValueError, match="fallen < usual"):
        Cusum(usual=0.8, fallen=0.9)


def test_a_steady_series_has_no_change():
    """Noise without a change gives no change points; a change is found where it is."""
    noise = np.random.default_rng(9).normal(0, 1, 80)

    assert change_points(noise) == ()
    (found,) = change_points(np.r_[noise[:40], noise[40:] + 3])
    assert abs(found.index - 40) <= 2


def test_recalibration_is_scored_on_other_rows():
    """An overconfident agent is corrected, the worth is measured on rows the fit did not see."""
    rng = np.random.default_rng(10)
    truth = rng.uniform(0.3, 0.9, 3000)
    stated = np.clip(truth + 0.15, 0, 1)
    done = recalibrate(stated, rng.random(3000) < truth, "isotonic")

    assert done.error_after.debiased < done.error_before.debiased / 2
    assert done.fitted_on + done.scored_on == 3000
    assert recalibrate(stated[:10], [1] * 10) is None
    with pytest.raises(ValueError, match="isotonic, logistic, temperature"):
        recalibrate(stated, [1] * 3000, "magic")


def test_arrivals_pair_inside_their_stratum():
    """Arrivals pair in order inside a stratum, and unscored ones are skipped."""
    scores = [1.0, 0.0, np.nan, 0.5, 1.0, 0.0]
    arms = [True, False, True, True, False, True]
    strata = ["a", "b", "a", "b", "a", "b"]

    assert pair_arrivals(scores, arms, strata).tolist() == [0.5, 0.0]
    assert pair_arrivals([], []).size == 0
    with pytest.raises(ValueError, match="one of each per arrival"):
        pair_arrivals([1.0], [True, False])
