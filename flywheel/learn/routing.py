"""Which model to ask: the share of requests each one gets, by which each is given its own."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flywheel.errors import NotEnoughData
from flywheel.learn.counting import count_of
from flywheel.records.model_belief import ModelBelief, ModelChoice, ModelOption
from flywheel.stats.allocation import thompson_shares
from flywheel.stats.pooling import chance_above

COLD_OUTCOMES = 30
"""Outcomes of the leading model below which nobody can say who leads, so that no ceiling holds."""

TINY = 1e-12
"""Share below which nobody is given anything."""


@dataclass(frozen=True, slots=True)
class RouteRules:
    """What a choice weighs.

    Attributes:
        floor: pass rate a model must reach; None asks for none.
        sureness: chance of reaching it from which a model may be asked.
        cost_weight: passes that one USD is worth: 2 gives up two points for a request cheaper by 0.01 USD.
        latency_weight: passes that one second is worth: 0.05 gives up five points for a second.
        explore: most of the requests that may go to another model than the one expected to do best;
            0 is safe mode.
    """

    floor: float | None = None
    sureness: float = 0.8
    cost_weight: float = 0.0
    latency_weight: float = 0.0
    explore: float = 0.05


def route(
    beliefs: Sequence[ModelBelief],
    slice_name: str | None = None,
    key: str | None = None,
    rules: RouteRules | None = None,
    seed: int = 0,
) -> ModelChoice:
    """The model to ask for a request.

    Each model's share of the requests is the chance that it is the best: its
    pass rate less what its price and its time are worth. A model's pass rate is
    that over all slices until it has 50 outcomes in the slice, or fewer where the
    slices differ much, then that of the slice. At most `explore` of the requests
    go to others than the best one, as soon as that has 30 outcomes. Models that
    are not sure enough to reach the floor get nothing; where none is, the one most
    likely to reach it gets all.

    Args:
        beliefs: of one prompt.
        slice_name: of the request; None, or one nobody knows, is judged over all slices.
        key: whom the request is for; the same key gets the same model while the beliefs stand.
        rules: what the choice weighs.
        seed: of the draw; requests without a key that differ in it get their shares.

    Raises:
        NotEnoughData: no model has a belief.

    References:
        Thompson (1933), Biometrika 25:285-294; weighted rendezvous hashing: Thaler, Ravishankar (1998),
        IEEE/ACM Trans. Networking 6:1-14, with -ln(u)/weight as the score.

    Examples:
        >>> belief = ModelBelief(
        ...     model="small", outcomes=200, passed=120, failed=80, mean=0.6, low=0.53, high=0.67
        ... )
        >>> better = belief.model_copy(update={"model": "large", "passed": 180, "failed": 20, "mean": 0.9})
        >>> choice = route([belief, better])
        >>> choice.model, round(choice.propensity, 3)
        ('large', 1.0)
    """
    how = rules or RouteRules()
    own = options_of(beliefs, slice_name, how)
    if not own:
        raise NotEnoughData("a belief in a model", 0, 1)
    choice = pick(own, key, how, seed)
    about = {"workspace": beliefs[0].workspace, "prompt": beliefs[0].prompt, "slice": slice_name}
    return choice.model_copy(update=about)


def pick(
    options: Sequence[ModelOption], key: str | None = None, rules: RouteRules | None = None, seed: int = 0
) -> ModelChoice:
    """One of the options, by its share; the cheap part of a choice, when the options are at hand.

    Args:
        options: at least one, as `options_of` gives them.
        key: whom the request is for.
        rules: what the options were made with.
        seed: of the draw where there is no key.
    """
    how = rules or RouteRules()
    names, shares = [one.model for one in options], [one.share for one in options]
    chosen = options[drawn(shares, names, f"{seed}" if key is None else f"key:{key}")]
    return ModelChoice(
        key=key,
        model=chosen.model,
        propensity=chosen.share,
        explores=chosen.model != options[0].model,
        options=tuple(options),
        because=_because(chosen, options[0], options, how),
    )


def options_of(
    beliefs: Sequence[ModelBelief], slice_name: str | None, rules: RouteRules
) -> tuple[ModelOption, ...]:
    """Every model with its share, the one that would be asked without exploring first.

    Args:
        beliefs: of one prompt.
        slice_name: of the request.
        rules: what the choice weighs.
    """
    whole = {one.model: one for one in beliefs if one.slice is None}
    here = {one.model: one for one in beliefs if one.slice == slice_name} if slice_name else {}
    names = sorted(whole)
    if not names:
        return ()
    # Where nobody knows the slice a model is shown as it is over all slices.
    shown = [here.get(name, whole[name]) for name in names]
    judged = [one if one.outcomes >= one.own_from else whole[one.model] for one in shown]
    cost = [_expected(here.get(name), whole[name], "cost_usd") for name in names]
    latency = [_expected(here.get(name), whole[name], "latency_ms") for name in names]
    bonus = -(rules.cost_weight * _dearest(cost) + rules.latency_weight * _dearest(latency) / 1000.0)
    reaches = (
        None
        if rules.floor is None
        else chance_above([one.passed for one in shown], [one.failed for one in shown], rules.floor)
    )
    allowed = np.ones(len(names), dtype=bool) if reaches is None else allowed_by(reaches, rules.sureness)
    shares, leader = capped_shares(judged, bonus, allowed, rules.explore)
    rows = [
        ModelOption(
            model=name,
            share=float(shares[i]),
            mean=shown[i].mean,
            low=shown[i].low,
            high=shown[i].high,
            outcomes=here[name].outcomes if name in here else (0 if slice_name else whole[name].outcomes),
            reaches_floor=None if reaches is None else float(reaches[i]),
            cost_usd=cost[i],
            latency_ms=latency[i],
            because="" if allowed[i] else f"not sure enough to reach {rules.floor:.0%}",
        )
        for i, name in enumerate(names)
    ]
    return tuple(sorted(rows, key=lambda row: (row.model != names[leader], -row.share, row.model)))


def allowed_by(reaches: NDArray[np.float64], sureness: float) -> NDArray[np.bool_]:
    """Who may be asked: whoever surely reaches the floor, else whoever most likely does.

    Examples:
        >>> allowed_by(np.array([0.9, 0.3]), 0.8).tolist(), allowed_by(np.array([0.5, 0.3]), 0.8).tolist()
        ([True, False], [True, False])
    """
    sure = reaches >= sureness
    return sure if bool(sure.any()) else np.arange(reaches.size) == int(np.argmax(reaches))


def capped_shares(
    judged: Sequence[ModelBelief], bonus: NDArray[np.float64], allowed: NDArray[np.bool_], explore: float
) -> tuple[NDArray[np.float64], int]:
    """Shares of k models with the position of the leading one.

    Args:
        judged: their beliefs.
        bonus: added to each pass rate, shape (k,).
        allowed: who may be asked, shape (k,), at least one.
        explore: most that all but the leading one get together.
    """
    passed = np.array([one.passed for one in judged])
    failed = np.array([one.failed for one in judged])
    outcomes = np.array([one.outcomes for one in judged])
    return shares_of(passed, failed, outcomes, (bonus, allowed), explore)


def shares_of(
    passed: NDArray[np.float64],
    failed: NDArray[np.float64],
    outcomes: NDArray[np.int64],
    limits: tuple[NDArray[np.float64], NDArray[np.bool_]],
    explore: float,
) -> tuple[NDArray[np.float64], int]:
    """Shares by Thompson sampling under a ceiling on exploring, with the position of the leader.

    Args:
        passed: pseudo-counts of passes, shape (k,).
        failed: of failures, the same.
        outcomes: what each rests on, shape (k,).
        limits: bonus with who is allowed, each of shape (k,).
        explore: most that all but the leader get together.

    Examples:
        >>> both = np.array([0.0, 0.0]), np.array([True, True])
        >>> passed, failed = np.array([60.0, 50.0]), np.array([40.0, 50.0])
        >>> shares_of(passed, failed, np.array([100, 100]), both, 0.05)[0].round(2).tolist()
        [0.95, 0.05]
    """
    bonus, allowed = limits
    value = np.where(allowed, passed / (passed + failed) + bonus, -np.inf)
    leader = int(np.argmax(value))
    shares = np.zeros(passed.size)
    if explore <= 0.0:
        shares[leader] = 1.0
        return shares, leader
    shares[allowed] = thompson_shares(passed[allowed], failed[allowed], bonus[allowed])
    others = 1.0 - shares[leader]
    if others > explore and outcomes[leader] >= COLD_OUTCOMES:
        shares *= explore / others
        shares[leader] = 1.0 - explore
    return shares, leader


def drawn(shares: ArrayLike, names: Sequence[str], key: str) -> int:
    """Who gets a key: each name its share of all keys, and when shares move few keys change hands.

    Args:
        shares: shape (k,), sums to 1.
        names: of the k.
        key: any text.

    Examples:
        >>> [drawn([0.5, 0.5], ["a", "b"], key) for key in ("u1", "u2", "u3", "u4")]
        [0, 0, 1, 1]
    """
    weights = np.asarray(shares, dtype=np.float64)
    scores = [
        math.inf if weight < TINY else -math.log(_uniform(f"{name}\x00{key}")) / weight
        for name, weight in zip(names, weights, strict=True)
    ]
    return int(np.argmin(scores))


def _uniform(text: str) -> float:
    """A number in (0, 1) that belongs to a text."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2**64


def _expected(here: ModelBelief | None, whole: ModelBelief, name: str) -> float | None:
    """Mean of the slice where it rests on enough, else of the model."""
    own = getattr(here, name) if here is not None else None
    if here is not None and own is not None and own.n >= here.own_from:
        return own.mean  # type: ignore[no-any-return]
    return getattr(whole, name).mean  # type: ignore[no-any-return]


def _dearest(known: Sequence[float | None]) -> NDArray[np.float64]:
    """Prices in which an unknown one counts as the highest that is known; zeros when none is."""
    most = max((price for price in known if price is not None), default=0.0)
    return np.array([most if price is None else price for price in known], dtype=np.float64)


def _because(
    chosen: ModelOption, leader: ModelOption, options: Sequence[ModelOption], rules: RouteRules
) -> str:
    said = f"{leader.model} is expected to pass {leader.mean:.1%} ({leader.low:.1%} to {leader.high:.1%})"
    rest = [one for one in options if one is not leader and not one.because]
    if rest:
        said += f", with a share of {leader.share:.0%} of the requests"
    if chosen is not leader:
        said += f"; this request is one of the {1 - leader.share:.0%} that ask another, to learn"
    if leader.reaches_floor is not None and leader.reaches_floor < rules.sureness:
        said += (
            f"; no model is sure enough to reach {rules.floor:.0%}: "
            f"the chance of this one is {leader.reaches_floor:.0%}"
        )
    elif len(rest) < len(options) - 1:
        left = len(options) - 1 - len(rest)
        said += f"; {count_of(left, 'model')} left out by the floor of {rules.floor:.0%}"
    return f"{said}."
