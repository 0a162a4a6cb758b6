"""Our numbers against those of independent software."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from flywheel.stats import (
    Beta,
    Counts,
    benjamini_hochberg,
    betting_confidence_sequence,
    binary_e_value,
    bootstrap_interval,
    brier_score,
    calibration_error,
    cliffs_delta,
    clustered_mean,
    cohen_h,
    compare_proportions,
    e_bh,
    exact_spending_boundary,
    expected_loss,
    fit_isotonic,
    fit_temperature,
    hedges_g,
    holm,
    linear_trend,
    max_t_gate,
    mcnemar_exact,
    mcnemar_power,
    mixture_e_value,
    optimal_shares,
    paired_odds_ratio,
    paired_proportions,
    paired_sample_size,
    paired_t_test,
    prob_best,
    prob_better,
    sample_ratio_mismatch,
    signed_rank_test,
    spending_bounds,
    theil_sen,
    unpaired_sample_size,
    welch_t_test,
    wilson,
)

GOLDEN = Path(__file__).parents[1] / "golden"
P_VALUES = [0.001, 0.02, 0.04, 0.03, 0.5, 0.9]
E_VALUES = [100, 1, 45, 0.2, 30.0, 24]
DIFFERENCES = [0.1, 0.3, 0.2, -0.05, 0.4, 0.25, 0.15]
WELCH = ([0.9, 0.4, 0.7, 0.8, 1.0, 0.3, 0.6], [0.2, 0.5, 0.4, 0.6, 0.1])
TWO = np.array(
    [
        [0.5, 0.1],
        [0.2, -0.1],
        [0.4, 0.3],
        [0.3, 0.2],
        [0.1, 0.2],
        [0.2, -0.3],
        [0.6, 0.1],
        [-0.1, 0.2],
        [0.3, 0.1],
        [0.2, 0.0],
    ]
)
ROWS = [1, 1, 0, 0, 1, 1, 0, 1, 0.5, 0.5, 0]
GROUPS = [0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4]
STATED = np.array([0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.3, 0.2, 0.15])
PASSED = np.array([1, 1, 0, 1, 1, 0, 1, 0, 1, 0, 0, 1])
SERIES = (np.arange(10.0), [0.9, 0.91, 0.89, 0.88, 0.9, 0.86, 0.4, 0.85, 0.84, 0.83])
SCORES = [0.2, -0.1, 0.35, 0.05, -0.3, 0.5, 0.4, 0.1]
WATCHED = [1.0] * 30 + [-1.0] * 10 + [0.0] * 60


def entries() -> list[dict]:
    """All reference values, with their file."""
    return [
        {**row, "file": path.stem}
        for path in sorted(GOLDEN.glob("*.toml"))
        for row in tomllib.loads(path.read_text(encoding="utf-8"))["value"]
    ]


@cache
def ours() -> dict[tuple[str, str], float]:
    """What we compute, by file with name."""
    return {**_rates(), **_tests(), **_effects(), **_evidence(), **_beliefs(), **_streams()}


def _rates() -> dict:
    found = {}
    for k, n in ((8, 10), (0, 12), (56, 70)):
        found |= _range(("proportions", f"wilson {k}/{n}"), wilson(Counts(k, n)))
    for a, n, b, m in ((56, 70, 48, 80), (9, 10, 3, 10), (10, 10, 0, 20)):
        key = ("proportions", f"unpaired {a}/{n} {b}/{m}")
        found |= _range(key, compare_proportions(Counts(a, n), Counts(b, m)))
    for cells in ((12, 2, 36, 50), (1, 7, 8, 10), (5, 0, 0, 5), (0, 0, 20, 10), (59, 6, 14, 2)):
        found |= _range(
            ("proportions", f"paired {' '.join(str(c) for c in cells)}"), paired_proportions(*cells)
        )
    return found


def _tests() -> dict:
    found = {
        ("tests", f"mcnemar {w} {x}"): mcnemar_exact(w, x)
        for w, x in ((12, 2), (31, 11), (1, 0), (7, 7), (44, 19))
    }
    welch = welch_t_test(*WELCH)
    found |= {("tests", "welch t"): welch.statistic, ("tests", "welch p"): welch.p_value}
    found |= {("tests", "welch df"): welch.df, ("tests", "welch low"): welch.low}
    found[("tests", "welch high")] = welch.high
    interval, p = paired_t_test(DIFFERENCES)
    found |= {("tests", "paired t p"): p, **_range(("tests", "paired t"), interval)}
    found[("tests", "sign flip p")] = max_t_gate(np.array(DIFFERENCES)[:, None]).p_value[0]
    found |= {("tests", f"holm {i}"): v for i, v in enumerate(holm(P_VALUES))}
    found |= {("tests", f"bh {i}"): v for i, v in enumerate(benjamini_hochberg(P_VALUES))}
    found |= {("tests", f"ebh {i}"): float(v) for i, v in enumerate(e_bh(E_VALUES))}
    adjusted = max_t_gate(TWO).adjusted_p
    return found | {("tests", f"max-T adjusted {i}"): v for i, v in enumerate(adjusted)}


def _effects() -> dict:
    odds, clustered = paired_odds_ratio(12, 2), clustered_mean(ROWS, GROUPS)
    return {
        ("effects", "cohen h"): cohen_h(0.8, 0.7),
        ("effects", "hedges g"): hedges_g([3, 4, 5, 6], [1, 2, 3, 4]),
        **_range(("effects", "odds"), odds),
        ("effects", "cliff"): cliffs_delta([0.3, 0.9, 0.5, 0.5, 0.7], [0.1, 0.5, 0.6]),
        ("effects", "cluster se"): clustered.standard_error,
        **_range(("effects", "cluster"), clustered.interval),
        ("power", "mcnemar power 60 0.1 0.2"): mcnemar_power(60, 0.1, 0.2),
        ("power", "mcnemar power 100 0.05 0.15"): mcnemar_power(100, 0.05, 0.15),
        ("power", "paired n 0.05 0.15"): paired_sample_size(0.05, 0.15),
        ("power", "welch n 0.7 0.05"): unpaired_sample_size(0.7, 0.05),
    }


def _evidence() -> dict:
    found = {("evalues", f"binary {w} {x}"): binary_e_value(w, x) for w, x in ((6, 0), (31, 11), (10, 14))}
    found |= {("evalues", "scores"): mixture_e_value(SCORES)}
    found |= {("evalues", "margin"): mixture_e_value(SCORES, margin=0.05)}
    return found | _range(("evalues", "sequence"), betting_confidence_sequence(WATCHED))


def _beliefs() -> dict:
    a, b, c = Beta(9, 3), Beta(5, 7), Beta(6, 6)
    found = {
        ("beliefs", "better"): prob_better(a, b),
        ("beliefs", "loss"): expected_loss(a, b),
        ("beliefs", "best of three"): prob_best([a, b, c])[0],
        **_range(("beliefs", ""), a.interval()),
        ("calibration", "brier"): brier_score(STATED, PASSED).score,
        ("calibration", "ece"): calibration_error(STATED, PASSED).plug_in,
        ("calibration", "temperature"): fit_temperature(STATED, PASSED).value,
    }
    found |= {("beliefs", f"share {i}"): v for i, v in enumerate(optimal_shares([0.8, 0.6, 0.3]))}
    isotonic = fit_isotonic(STATED, PASSED)
    return found | {("calibration", f"isotonic {q}"): float(isotonic(q)) for q in (0.1, 0.5, 0.72, 0.99)}


def _streams() -> dict:
    line, sen = linear_trend(*SERIES), theil_sen(*SERIES)
    found = {("trend", "slope"): line.slope, ("trend", "p"): line.p_value, ("trend", "sen slope"): sen.slope}
    found |= {("trend", "low"): line.low, ("trend", "high"): line.high}
    found |= {("trend", "sen low"): sen.low, ("trend", "sen high"): sen.high}
    found[("trend", "srm")] = sample_ratio_mismatch([520, 480, 450])
    found[("trend", "wilcoxon p")] = signed_rank_test([0.1, 0.3, 0.2, -0.05, 0.4, 0.25]).p_value
    skewed = np.random.default_rng(5).gamma(2, 1, 40)
    found |= _range(("trend", "bca"), bootstrap_interval(skewed, resamples=20_000))
    exact = exact_spending_boundary([4, 8, 11, 14], [0.25, 0.5, 0.75, 1.0], 0.05)
    found |= {("sequential", f"boundary {i}"): v for i, v in enumerate(exact)}
    bounds = spending_bounds([0.25, 0.5, 0.75, 1.0], 0.025)
    return found | {("sequential", f"z bound {i}"): v for i, v in enumerate(bounds)}


def _range(key: tuple[str, str], interval) -> dict:
    file, name = key
    return {
        (file, f"{name} low".strip()): interval.low,
        (file, f"{name} high".strip()): interval.high,
    }


@pytest.mark.parametrize("entry", entries(), ids=lambda e: f"{e['file']}: {e['name']}")
def test_a_number_agrees_with_independent_software(entry: dict):
    """A number of ours equals the reference value within its stated tolerance."""
    got = ours()[(entry["file"], entry["name"])]

    assert got == pytest.approx(entry["value"], rel=0, abs=max(entry["tolerance"], 1e-12))


def test_every_number_we_compute_here_has_a_source():
    """Each value computed here is listed with its source, and each listed one is computed."""
    listed = {(e["file"], e["name"]) for e in entries()}

    assert listed == set(ours())
    assert all(e["source"] for e in entries())
