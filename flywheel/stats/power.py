"""How many cases an experiment needs, or what the cases at hand can show."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, bdtrc, gammaln, ndtr, ndtri


@dataclass(frozen=True, slots=True)
class Design:
    """What an experiment is asked to find.

    Attributes:
        gain: smallest difference worth finding, rate units.
        alpha: two-sided error rate.
        power: chance of finding the gain.
        discordance: share of cases on which two equal versions differ.
        cluster_size: rows per independent unit.
        icc: intraclass correlation of those rows.
    """

    gain: float = 0.05
    alpha: float = 0.05
    power: float = 0.80
    discordance: float = 0.15
    cluster_size: float = 1.0
    icc: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Size of a sequential paired experiment.

    Attributes:
        n_max: pairs at which it ends at the latest.
        n_needed: pairs the design asks for.
        enough: whether the cases at hand suffice.
        detectable_gain: smallest gain found with the asked power at n_max; None when there is none below 1.
        power: chance of finding the asked gain at n_max.
        unpaired_n: cases per arm of a fixed Welch design of that power; None when that is alpha or less.
    """

    n_max: int
    n_needed: int
    enough: bool
    detectable_gain: float | None
    power: float
    unpaired_n: int | None


SEQUENTIAL_PRICE = 1.1
"""Early looks cost 3 to 5 % more pairs at equal power; the rest covers rounding of exact tests."""


def plan_experiment(cases: int, design: Design | None = None, base_rate: float = 0.7) -> Plan:
    """Size an experiment for the cases at hand.

    Args:
        cases: paired cases that can run.
        design: what to find; 5 points at 80 % power when None.
        base_rate: pass rate of the live version, for the unpaired comparison.

    Returns:
        The plan; when the cases do not suffice it says what they can show.

    Examples:
        >>> plan = plan_experiment(300)
        >>> plan.n_needed, plan.enough, round(plan.detectable_gain, 3), round(plan.power, 2)
        (516, False, 0.065, 0.57)
    """
    wanted = Design() if design is None else design
    inflation = SEQUENTIAL_PRICE * (1 + (wanted.cluster_size - 1) * wanted.icc)
    discordance = max(wanted.discordance, abs(wanted.gain))
    n_needed = math.ceil(inflation * _paired_n(wanted.gain, discordance, wanted.alpha, wanted.power))
    n_max = max(0, min(cases, n_needed))
    effective = n_max / inflation
    power = paired_power(effective, wanted.gain, discordance, wanted.alpha)
    unpaired = None
    if power > wanted.alpha and 0 < base_rate + wanted.gain < 1:
        unpaired = unpaired_sample_size(base_rate, wanted.gain, wanted.alpha, min(power, 0.9999))
    reach = detectable_gain(effective, wanted.discordance, wanted.alpha, wanted.power)
    return Plan(n_max, n_needed, cases >= n_needed, reach, power, unpaired)


def paired_sample_size(gain: float, discordance: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """Pairs to find a gain when both versions run on the same cases.

    Args:
        gain: difference of rates, not 0, at most discordance.
        discordance: share of cases on which the versions differ.
        alpha: two-sided.
        power: chance of finding it.

    References:
        Connor (1987), Biometrics 43:207-211.

    Examples:
        >>> paired_sample_size(0.05, 0.15)
        469
        >>> paired_sample_size(0.02, 0.15)
        2941
    """
    return math.ceil(_paired_n(gain, discordance, alpha, power))


def paired_power(pairs: float, gain: float, discordance: float, alpha: float = 0.05) -> float:
    """Chance of finding a gain with so many pairs, by the normal approximation.

    Examples:
        >>> round(paired_power(469, 0.05, 0.15), 3)
        0.8
    """
    if pairs <= 0 or gain == 0:
        return alpha / 2
    d = max(discordance, abs(gain))
    spread = math.sqrt(max(d - gain**2, 1e-12))
    return float(ndtr((abs(gain) * math.sqrt(pairs) - ndtri(1 - alpha / 2) * math.sqrt(d)) / spread))


def mcnemar_power(pairs: int, gain: float, discordance: float, alpha: float = 0.05) -> float:
    """Exact chance that the exact McNemar test finds a gain.

    Args:
        pairs: cases.
        gain: difference of rates, at most discordance in size.
        discordance: share of cases on which the versions differ.
        alpha: two-sided.

    Returns:
        Chance of p <= alpha in the direction of the gain.

    References:
        Duffy (1984), Biometrics 40:1005-1015 (exact unconditional power).

    Examples:
        >>> round(mcnemar_power(300, 0.05, 0.15), 3)
        0.564
    """
    if abs(gain) > discordance or not 0 < discordance <= 1:
        msg = f"gain {gain!r} with discordance {discordance!r}; need |gain| <= discordance <= 1"
        raise ValueError(msg)
    m = np.arange(pairs + 1)
    log_weight = (
        gammaln(pairs + 1)
        - gammaln(m + 1)
        - gammaln(pairs - m + 1)
        + m * math.log(discordance)
        + ((pairs - m) * math.log1p(-discordance) if discordance < 1 else np.where(m == pairs, 0.0, -np.inf))
    )
    share = (discordance + abs(gain)) / (2 * discordance)
    allowed = np.array([_rejecting_losses(int(k), alpha) for k in m])
    # Wins w reject when the losses m - w are few enough.
    power = np.where(allowed >= 0, bdtrc(m - allowed - 1.0, m, share), 0.0)
    power = np.where(allowed >= m, 1.0, power)
    return float((np.exp(log_weight) * power).sum())


def detectable_gain(
    pairs: float, discordance: float, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """Smallest gain that so many pairs find with the asked power.

    Returns:
        Rate units; None when not even a gain of 1 would be found.

    Examples:
        >>> round(detectable_gain(469, 0.15), 4)
        0.05
    """
    if paired_power(pairs, 1.0, discordance, alpha) < power:
        return None
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if paired_power(pairs, middle, discordance, alpha) < power:
            low = middle
        else:
            high = middle
    return high


def unpaired_sample_size(base_rate: float, gain: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """Cases per arm to find a gain when each arm runs on its own cases (Welch, two-sided).

    Args:
        base_rate: pass rate of the control, in (0, 1).
        gain: difference of rates, not 0.
        alpha: two-sided.
        power: chance of finding it.

    References:
        Chow, Shao, Wang (2008), Sample Size Calculations in Clinical Research, section 4.2.

    Examples:
        >>> unpaired_sample_size(0.7, 0.05)
        1248
    """
    other = base_rate + gain
    if gain == 0 or not (0 < base_rate < 1 and 0 <= other <= 1):
        msg = f"base_rate {base_rate!r} with gain {gain!r}; need rates in (0, 1) that differ"
        raise ValueError(msg)
    variance = base_rate * (1 - base_rate) + other * (1 - other)
    return math.ceil((float(ndtri(1 - alpha / 2)) + float(ndtri(power))) ** 2 * variance / gain**2)


def _paired_n(gain: float, discordance: float, alpha: float, power: float) -> float:
    if gain == 0 or abs(gain) > discordance:
        msg = f"gain {gain!r} with discordance {discordance!r}; need 0 < |gain| <= discordance"
        raise ValueError(msg)
    z_alpha, z_beta = float(ndtri(1 - alpha / 2)), float(ndtri(power))
    spread = math.sqrt(max(discordance - gain**2, 0.0))
    return ((z_alpha * math.sqrt(discordance) + z_beta * spread) / gain) ** 2


def _rejecting_losses(discordant: int, alpha: float) -> int:
    """Most losses among discordant cases at which the exact test still rejects; -1 for none."""
    counts = np.arange(discordant // 2 + 1)
    rejected = np.flatnonzero(2 * bdtr(counts, discordant, 0.5) <= alpha)
    return int(rejected[-1]) if rejected.size else -1
