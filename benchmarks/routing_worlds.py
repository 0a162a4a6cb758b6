"""Requests to models whose true pass rates are known, in three settings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from flywheel.learn.effectiveness import BeliefRules
from flywheel.learn.routing import RouteRules
from flywheel.learn.routing_replay import Requests, play


@dataclass(frozen=True)
class Setting:
    """Models with their pass rates.

    Attributes:
        low, high: pass rates are drawn evenly between them; where both are None, from a Beta with mean 1/3.
        fall: what the best model loses half-way, in log-odds.
        spread: standard deviation of a model over the slices, in log-odds.
    """

    low: float | None = None
    high: float | None = None
    fall: float = 0.0
    spread: float = 0.15
    requests: int = 2_000
    models: int = 8
    slices: int = 5


SETTINGS = {
    "stationary": Setting(),
    "degrades": Setting(fall=1.5),
    "close": Setting(low=0.70, high=0.85),
}


def rates_of(setting: Setting, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """True pass rates by request and model, with the slice of each request."""
    if setting.low is None or setting.high is None:
        whole = np.clip(rng.beta(1.2, 2.5, setting.models), 0.02, 0.95)
    else:
        whole = rng.uniform(setting.low, setting.high, setting.models)
    cells = logit(whole)[:, None] + rng.normal(0, setting.spread, (setting.models, setting.slices))
    place = rng.integers(0, setting.slices, setting.requests)
    odds = cells[:, place].T.copy()
    odds[setting.requests // 2 :, int(np.argmax(whole))] -= setting.fall
    return expit(odds), place


def regret(
    setting: Setting, seed: int, rules: RouteRules | None = None, beliefs: BeliefRules | None = None
) -> float:
    """What routing loses against always asking the best model of the slice, over what random choice loses."""
    rng = np.random.default_rng(seed)
    rates, place = rates_of(setting, rng)
    answers = (rng.random(rates.shape) < rates).astype(float)
    unknown = np.full(setting.models, np.nan)
    requests = Requests(answers, place, setting.slices, unknown, unknown)
    chosen = play(requests, [f"m{i}" for i in range(setting.models)], rules, beliefs, str(seed))
    best = rates.max(axis=1)
    lost = best - rates[np.arange(len(rates)), chosen]
    return float(lost.sum() / (best - rates.mean(axis=1)).sum())
