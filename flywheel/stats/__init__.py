"""Arithmetic on arrays or counts, with numpy plus scipy only.

Names are loaded when they are first asked for, so that importing the room
costs nothing.

Examples:
    >>> from flywheel.stats import mcnemar_exact
    >>> round(mcnemar_exact(12, 2), 4)
    0.0129
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flywheel.stats.agreement import Confusion, cohen_kappa, prediction_powered_mean, rogan_gladen
    from flywheel.stats.allocation import optimal_shares, stopping_evidence, thompson_choice, top_two_choice
    from flywheel.stats.arrivals import pair_arrivals
    from flywheel.stats.balance import sample_ratio_mismatch
    from flywheel.stats.beta import Beta, expected_loss, prob_best, prob_better
    from flywheel.stats.bootstrap import bootstrap_interval, clustered_bootstrap_interval
    from flywheel.stats.calibration import brier_score, calibration_error, reliability_bins
    from flywheel.stats.changepoints import change_points
    from flywheel.stats.clusters import clustered_mean
    from flywheel.stats.confidence_sequence import betting_confidence_sequence, predictive_probability
    from flywheel.stats.crowd import CrowdTruth, dawid_skene
    from flywheel.stats.detectors import Cusum, DropDetector, RegressionMonitor
    from flywheel.stats.effects import cliffs_delta, cohen_dz, cohen_h, hedges_g, paired_odds_ratio
    from flywheel.stats.evalues import binary_e_value, mixture_e_value
    from flywheel.stats.gate import GateResult, max_t_gate
    from flywheel.stats.group_sequential import sequential_non_inferiority, spending_bounds
    from flywheel.stats.halving import sequential_halving
    from flywheel.stats.hierarchy import Hierarchy, Stream, agent_beliefs, predicted_success
    from flywheel.stats.known_scores import count_scores, ema_scores, ema_update, seed_scores, seed_update
    from flywheel.stats.means import Moments, mean_interval
    from flywheel.stats.multiplicity import benjamini_hochberg, e_bh, holm, optional_holm
    from flywheel.stats.paired import PairedComparison, compare_paired, mcnemar_exact, paired_t_test
    from flywheel.stats.power import (
        Design,
        Plan,
        detectable_gain,
        mcnemar_power,
        paired_power,
        paired_sample_size,
        plan_experiment,
        unpaired_sample_size,
    )
    from flywheel.stats.proportions import Counts, Interval, compare_proportions, paired_proportions, wilson
    from flywheel.stats.ranks import signed_rank_test
    from flywheel.stats.ratios import log_ratio_non_inferiority
    from flywheel.stats.recalibration import fit_isotonic, fit_temperature, recalibrate
    from flywheel.stats.sequential_gate import SequentialGate
    from flywheel.stats.shrinkage import (
        GainPrior,
        default_prior,
        fit_prior,
        paired_standard_error,
        shrink_gain,
    )
    from flywheel.stats.spending import (
        SequentialMcNemar,
        SequentialP,
        exact_spending_boundary,
        sequential_p_value,
    )
    from flywheel.stats.trend import linear_trend, theil_sen
    from flywheel.stats.welch import welch_t_test

__all__ = [
    "Beta",
    "Confusion",
    "Counts",
    "CrowdTruth",
    "Cusum",
    "Design",
    "DropDetector",
    "GainPrior",
    "GateResult",
    "Hierarchy",
    "Interval",
    "Moments",
    "PairedComparison",
    "Plan",
    "RegressionMonitor",
    "SequentialGate",
    "SequentialMcNemar",
    "SequentialP",
    "Stream",
    "agent_beliefs",
    "benjamini_hochberg",
    "betting_confidence_sequence",
    "binary_e_value",
    "bootstrap_interval",
    "brier_score",
    "calibration_error",
    "change_points",
    "cliffs_delta",
    "clustered_bootstrap_interval",
    "clustered_mean",
    "cohen_dz",
    "cohen_h",
    "cohen_kappa",
    "compare_paired",
    "compare_proportions",
    "count_scores",
    "dawid_skene",
    "default_prior",
    "detectable_gain",
    "e_bh",
    "ema_scores",
    "ema_update",
    "exact_spending_boundary",
    "expected_loss",
    "fit_isotonic",
    "fit_prior",
    "fit_temperature",
    "hedges_g",
    "holm",
    "linear_trend",
    "log_ratio_non_inferiority",
    "max_t_gate",
    "mcnemar_exact",
    "mcnemar_power",
    "mean_interval",
    "mixture_e_value",
    "optimal_shares",
    "optional_holm",
    "pair_arrivals",
    "paired_odds_ratio",
    "paired_power",
    "paired_proportions",
    "paired_sample_size",
    "paired_standard_error",
    "paired_t_test",
    "plan_experiment",
    "predicted_success",
    "prediction_powered_mean",
    "predictive_probability",
    "prob_best",
    "prob_better",
    "recalibrate",
    "reliability_bins",
    "rogan_gladen",
    "sample_ratio_mismatch",
    "seed_scores",
    "seed_update",
    "sequential_halving",
    "sequential_non_inferiority",
    "sequential_p_value",
    "shrink_gain",
    "signed_rank_test",
    "spending_bounds",
    "stopping_evidence",
    "theil_sen",
    "thompson_choice",
    "top_two_choice",
    "unpaired_sample_size",
    "welch_t_test",
    "wilson",
]

_HOME: dict[str, str] = {
    "CrowdTruth": "crowd",
    "dawid_skene": "crowd",
    "Hierarchy": "hierarchy",
    "Stream": "hierarchy",
    "agent_beliefs": "hierarchy",
    "predicted_success": "hierarchy",
    "count_scores": "known_scores",
    "ema_scores": "known_scores",
    "ema_update": "known_scores",
    "seed_scores": "known_scores",
    "seed_update": "known_scores",
    "Confusion": "agreement",
    "cohen_kappa": "agreement",
    "prediction_powered_mean": "agreement",
    "rogan_gladen": "agreement",
    "optimal_shares": "allocation",
    "stopping_evidence": "allocation",
    "thompson_choice": "allocation",
    "top_two_choice": "allocation",
    "pair_arrivals": "arrivals",
    "sample_ratio_mismatch": "balance",
    "Beta": "beta",
    "expected_loss": "beta",
    "prob_best": "beta",
    "prob_better": "beta",
    "bootstrap_interval": "bootstrap",
    "clustered_bootstrap_interval": "bootstrap",
    "brier_score": "calibration",
    "calibration_error": "calibration",
    "reliability_bins": "calibration",
    "change_points": "changepoints",
    "clustered_mean": "clusters",
    "betting_confidence_sequence": "confidence_sequence",
    "predictive_probability": "confidence_sequence",
    "Cusum": "detectors",
    "DropDetector": "detectors",
    "RegressionMonitor": "detectors",
    "cliffs_delta": "effects",
    "cohen_dz": "effects",
    "cohen_h": "effects",
    "hedges_g": "effects",
    "paired_odds_ratio": "effects",
    "binary_e_value": "evalues",
    "mixture_e_value": "evalues",
    "GateResult": "gate",
    "max_t_gate": "gate",
    "sequential_non_inferiority": "group_sequential",
    "spending_bounds": "group_sequential",
    "sequential_halving": "halving",
    "Moments": "means",
    "mean_interval": "means",
    "benjamini_hochberg": "multiplicity",
    "e_bh": "multiplicity",
    "holm": "multiplicity",
    "optional_holm": "multiplicity",
    "PairedComparison": "paired",
    "compare_paired": "paired",
    "mcnemar_exact": "paired",
    "paired_t_test": "paired",
    "Design": "power",
    "Plan": "power",
    "detectable_gain": "power",
    "mcnemar_power": "power",
    "paired_power": "power",
    "paired_sample_size": "power",
    "plan_experiment": "power",
    "unpaired_sample_size": "power",
    "Counts": "proportions",
    "Interval": "proportions",
    "compare_proportions": "proportions",
    "paired_proportions": "proportions",
    "wilson": "proportions",
    "signed_rank_test": "ranks",
    "log_ratio_non_inferiority": "ratios",
    "fit_isotonic": "recalibration",
    "fit_temperature": "recalibration",
    "recalibrate": "recalibration",
    "SequentialGate": "sequential_gate",
    "GainPrior": "shrinkage",
    "default_prior": "shrinkage",
    "fit_prior": "shrinkage",
    "paired_standard_error": "shrinkage",
    "shrink_gain": "shrinkage",
    "SequentialMcNemar": "spending",
    "SequentialP": "spending",
    "exact_spending_boundary": "spending",
    "sequential_p_value": "spending",
    "linear_trend": "trend",
    "theil_sen": "trend",
    "welch_t_test": "welch",
}


def __getattr__(name: str) -> object:
    """Load a public name from its module."""
    if name not in _HOME:
        msg = f"module 'flywheel.stats' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"flywheel.stats.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """Public names."""
    return sorted(_HOME)
