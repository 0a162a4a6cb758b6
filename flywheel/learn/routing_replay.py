"""What routing would have done on recorded answers, beside what is simple or impossible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.counting import count_of
from flywheel.learn.effectiveness import BeliefRules, own_from
from flywheel.learn.routing import RouteRules, allowed_by, drawn, shares_of
from flywheel.records.columns import ScoreTable
from flywheel.stats.gap import average_gap_recovered
from flywheel.stats.paired import paired_t_test
from flywheel.stats.pooling import CellCounts, PooledBeliefs, chance_above, counted, pooled
from flywheel.stats.proportions import Interval

REFRESH = 20
"""Cases after which the beliefs are read anew, as an application reads them anew after a while."""

MIN_CASES = 30


@dataclass(frozen=True, slots=True)
class Requests:
    """Recorded answers of k models to n requests, in the order they are asked.

    Attributes:
        scores: float64, shape (n, k), in [0, 1].
        context: int64, shape (n,), codes from 0 on.
        contexts: how many.
        cost_usd, latency_ms: float64, shape (k,), expected of a request; NaN is unknown.
    """

    scores: NDArray[np.float64]
    context: NDArray[np.int64]
    contexts: int
    cost_usd: NDArray[np.float64]
    latency_ms: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """One way of choosing.

    Attributes:
        name: of the way.
        rate: mean score of what it chose, with its interval.
        recovered: share of the gap between random and best per slice; None without a gap.
        cost_usd, latency_ms: mean of a request; None when unknown.
    """

    name: str
    rate: Interval
    recovered: float | None
    cost_usd: float | None
    latency_ms: float | None


@dataclass(frozen=True, slots=True)
class Replay:
    """Routing replayed on the cases that every model answered.

    Attributes:
        cases, models, slices: what was replayed.
        rows: router, random, best single, best per slice, oracle.
        calls: share of the requests that the router gave to each model.
        over_best: router minus best single, paired by case.
        cost_saved: share of the cost of the best single model; None when a cost is unknown.
        weak, strong: models between which the gap is measured; None without a gap.
        gap_recovered: average share of it (APGR), beliefs from one half, measured on the other.
        because: why there is nothing, else empty.
    """

    cases: int
    models: tuple[str, ...]
    slices: int
    rows: tuple[ReplayRow, ...] = ()
    calls: dict[str, float] = field(default_factory=dict)
    over_best: Interval | None = None
    cost_saved: float | None = None
    weak: str | None = None
    strong: str | None = None
    gap_recovered: float | None = None
    because: str = ""


def replay(
    table: ScoreTable,
    rules: RouteRules | None = None,
    beliefs: BeliefRules | None = None,
    orders: int = 5,
    seed: int = 0,
) -> Replay:
    """Ask the cases of a table one after the other, learning from the chosen answers alone.

    The best single model, the best per slice and the oracle are picked by
    hindsight, so they are bounds and no rivals: nobody can choose so in use.

    Args:
        table: models as arms; cases that every one answered count.
        rules: what a choice weighs.
        beliefs: how evidence becomes belief.
        orders: shuffled orders of the cases, averaged.
        seed: of the orders.

    References:
        Ong et al. (2024), arXiv 2406.18665 (APGR); baselines as in LLMRouterBench, arXiv 2601.07206.
    """
    common = np.asarray(~np.isnan(table.scores).any(axis=1), dtype=np.bool_)
    slices = sorted({name for name, known in zip(table.slices, common, strict=True) if known and name})
    about = (int(common.sum()), table.arms, len(slices))
    if about[0] < MIN_CASES or len(table.arms) < 2:
        said = f"{count_of(len(table.arms), 'model')} answered the same {count_of(about[0], 'case')}"
        return Replay(*about, because=f"{said}; two models with {MIN_CASES} common cases are needed.")
    requests = _requests(table, common, slices)
    rng = np.random.default_rng(seed)
    chosen = np.zeros_like(requests.scores)
    for turn in range(orders):
        order = rng.permutation(about[0])
        one = Requests(
            requests.scores[order],
            requests.context[order],
            requests.contexts,
            requests.cost_usd,
            requests.latency_ms,
        )
        chosen[order, play(one, table.arms, rules, beliefs, f"{seed}.{turn}")] += 1.0 / orders
    return _report(about, requests, chosen, rng)


def play(
    requests: Requests,
    models: Sequence[str],
    rules: RouteRules | None = None,
    beliefs: BeliefRules | None = None,
    seed: str = "0",
) -> NDArray[np.int64]:
    """Which model each request is given, when only the chosen answers are learned from.

    Args:
        requests: in the order they are asked.
        models: names of the k.
        rules: what a choice weighs.
        beliefs: how evidence becomes belief.
        seed: of the draws.

    Returns:
        int64, shape (n,), positions of models.
    """
    how, belief = rules or RouteRules(), beliefs or BeliefRules()
    n, k = requests.scores.shape
    chosen = np.zeros(n, dtype=np.int64)
    counts = counted([], [], [], (k, requests.contexts))
    bonus = _bonus(requests, how)
    known = pooled(counts)
    shares: dict[int, NDArray[np.float64]] = {}
    for i in range(n):
        if i % REFRESH == 0:
            known, shares = pooled(counts, belief.concentration), {}
        c = int(requests.context[i])
        if c not in shares:
            shares[c] = _shares(known, c, bonus, how)
        a = chosen[i] = drawn(shares[c], models, f"{seed}.{i}")
        counts.passed[a, c] *= belief.keep
        counts.failed[a, c] *= belief.keep
        counts.passed[a, c] += requests.scores[i, a]
        counts.failed[a, c] += 1.0 - requests.scores[i, a]
        counts.outcomes[a, c] += 1
    return chosen


def _shares(
    known: PooledBeliefs, c: int, bonus: NDArray[np.float64], rules: RouteRules
) -> NDArray[np.float64]:
    own = known.outcomes[:, c] >= own_from(known.concentration)
    passed = np.where(own, known.passed[:, c], known.arm_passed)
    failed = np.where(own, known.failed[:, c], known.arm_failed)
    outcomes = np.where(own, known.outcomes[:, c], known.outcomes.sum(axis=1))
    allowed = np.ones(passed.size, dtype=bool)
    if rules.floor is not None:
        reaches = chance_above(known.passed[:, c], known.failed[:, c], rules.floor)
        allowed = allowed_by(reaches, rules.sureness)
    return shares_of(passed, failed, outcomes, (bonus, allowed), rules.explore)[0]


def _bonus(requests: Requests, rules: RouteRules) -> NDArray[np.float64]:
    """What price and time of each model take off; an unknown one counts as the highest known."""
    lost = np.zeros(requests.scores.shape[1])
    for weight, of in (
        (rules.cost_weight, requests.cost_usd),
        (rules.latency_weight / 1000.0, requests.latency_ms),
    ):
        if weight and not bool(np.isnan(of).all()):
            lost += weight * np.where(np.isnan(of), np.nanmax(of), of)
    return -lost


def _requests(table: ScoreTable, common: NDArray[np.bool_], slices: Sequence[str]) -> Requests:
    place = {name: i for i, name in enumerate(slices)}
    codes = [
        place.get(name or "", len(slices)) for name, known in zip(table.slices, common, strict=True) if known
    ]
    return Requests(
        np.clip(table.scores[common], 0.0, 1.0),
        np.array(codes, dtype=np.int64),
        len(slices) + 1,
        _means(table.cost_usd[common]),
        _means(table.latency_ms[common]),
    )


def _means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of each column; NaN where a column has none."""
    n = (~np.isnan(values)).sum(axis=0)
    return np.where(n > 0, np.nansum(values, axis=0) / np.maximum(n, 1), np.nan)


def _report(
    about: tuple[int, tuple[str, ...], int],
    requests: Requests,
    chosen: NDArray[np.float64],
    rng: np.random.Generator,
) -> Replay:
    scores, k = requests.scores, requests.scores.shape[1]
    single = int(np.argmax(scores.mean(axis=0)))
    per_slice = _best_per_context(requests)
    ways = {
        "router": chosen,
        "random": np.full_like(scores, 1.0 / k),
        "best single": np.eye(k)[np.full(len(scores), single)],
        "best per slice": np.eye(k)[per_slice],
        "oracle": np.eye(k)[np.argmax(scores, axis=1)],
    }
    got = {name: (scores * shares).sum(axis=1) for name, shares in ways.items()}
    gap = float(got["best per slice"].mean() - got["random"].mean())
    rows = tuple(
        ReplayRow(
            name=name,
            rate=_within(paired_t_test(got[name])[0]),
            recovered=None if gap <= 1e-9 else float((got[name].mean() - got["random"].mean()) / gap),
            cost_usd=_spent(shares, requests.cost_usd),
            latency_ms=_spent(shares, requests.latency_ms),
        )
        for name, shares in ways.items()
    )
    costs = {row.name: row.cost_usd for row in rows}
    router, best = costs["router"], costs["best single"]
    weak, strong, recovered = _gap(requests, rng)
    return Replay(
        *about,
        rows=rows,
        calls=dict(zip(about[1], chosen.mean(axis=0).tolist(), strict=True)),
        over_best=paired_t_test(got["router"] - got["best single"])[0],
        cost_saved=None if router is None or not best else 1.0 - router / best,
        weak=None if weak is None else about[1][weak],
        strong=None if strong is None else about[1][strong],
        gap_recovered=recovered,
    )


def _within(found: Interval) -> Interval:
    """The range of a rate, which ends at 0 and 1."""
    if found.low is None or found.high is None:
        return found
    return replace(found, low=max(0.0, found.low), high=min(1.0, found.high))


def _spent(shares: NDArray[np.float64], of: NDArray[np.float64]) -> float | None:
    used = shares.sum(axis=0) > 0
    if bool(np.isnan(of[used]).any()):
        return None
    return float((shares[:, used] * of[used]).sum(axis=1).mean())


def _best_per_context(requests: Requests) -> NDArray[np.int64]:
    """The model with the highest mean in the context of each request."""
    k = requests.scores.shape[1]
    sums = np.stack(
        [np.bincount(requests.context, requests.scores[:, j], minlength=requests.contexts) for j in range(k)]
    )
    return np.asarray(np.argmax(sums, axis=0)[requests.context], dtype=np.int64)


def _gap(requests: Requests, rng: np.random.Generator) -> tuple[int | None, int | None, float | None]:
    """Weak and strong model with the average share of their gap that beliefs of one half recover."""
    means = requests.scores.mean(axis=0)
    strong = int(np.argmax(means))
    others = [j for j in range(means.size) if j != strong]
    cost = requests.cost_usd
    # The weak one is what would be asked to save: the cheapest, or the worst where no price is known.
    by = means if bool(np.isnan(cost).any()) else cost
    weak = min(others, key=lambda j: float(by[j]))
    half = rng.permutation(len(requests.scores))
    learned, held = half[: half.size // 2], half[half.size // 2 :]
    known = _learned(requests, learned)
    gain = known.mean[strong] - known.mean[weak]
    recovered = average_gap_recovered(
        gain[requests.context[held]], requests.scores[held, weak], requests.scores[held, strong]
    )
    return (weak, strong, recovered) if recovered is not None else (None, None, None)


def _learned(requests: Requests, rows: NDArray[np.int64]) -> PooledBeliefs:
    k = requests.scores.shape[1]
    parts = [
        counted(
            np.full(rows.size, j), requests.context[rows], requests.scores[rows, j], (k, requests.contexts)
        )
        for j in range(k)
    ]
    total: CellCounts = sum(parts[1:], start=parts[0])
    return pooled(total, None)
