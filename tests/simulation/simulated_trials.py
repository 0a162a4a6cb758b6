"""Trials in simulated worlds, counted; run as a program it prints the tables of docs/statistics.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from simulated_worlds import HARD, MEDIUM, Prior, as_table, draw_scores, wilson_range

from flywheel.learn.experiments import GateRules, judge
from flywheel.learn.racing import RacePlan, Standing, judge_race, race
from flywheel.learn.replication import replicate
from flywheel.records.verdict import Ruling
from flywheel.stats import max_t_gate, unpaired_sample_size, welch_t_test

PLANNED = 300
"""Cases of every experiment, unless a row says otherwise."""


@dataclass(frozen=True)
class Shipped:
    """What one experiment shipped: true gain, raw estimate, reported gain; None when nothing shipped."""

    gain: float | None = None
    raw: float = 0.0
    reported: float = 0.0
    cases: int = PLANNED
    calls: int = 0


@dataclass(frozen=True)
class Summary:
    """Many experiments of one kind.

    Attributes:
        ships: experiments that shipped; share and range follow.
        real, harmful: shipped changes that are really better, or worse.
        true, raw, reported: mean gains of the shipped changes, rate units.
        cases, calls: means per experiment.
    """

    name: str
    trials: int
    ships: int
    real: int
    harmful: int
    true: float
    raw: float
    reported: float
    cases: float
    calls: float

    @property
    def ship_share(self) -> float:
        """Share of experiments that shipped."""
        return self.ships / self.trials

    @property
    def ship_range(self) -> tuple[float, float]:
        """Its 95 % range."""
        return wilson_range(self.ships, self.trials)

    @property
    def real_share(self) -> float:
        """Share of shipped changes that are really better."""
        return self.real / max(1, self.ships)

    @property
    def real_range(self) -> tuple[float, float]:
        """Its 95 % range."""
        return wilson_range(self.real, max(1, self.ships))


def summarise(name: str, shipped: list[Shipped]) -> Summary:
    """Count experiments."""
    done = [s for s in shipped if s.gain is not None]
    return Summary(
        name=name,
        trials=len(shipped),
        ships=len(done),
        real=sum(s.gain > 0 for s in done),
        harmful=sum(s.gain < 0 for s in done),
        true=float(np.mean([s.gain for s in done])) if done else float("nan"),
        raw=float(np.mean([s.raw for s in done])) if done else float("nan"),
        reported=float(np.mean([s.reported for s in done])) if done else float("nan"),
        cases=float(np.mean([s.cases for s in shipped])),
        calls=float(np.mean([s.calls for s in shipped])),
    )


def gate_trial(rng: np.random.Generator, gains: np.ndarray, cases: int = PLANNED) -> Shipped:
    """All candidates on all gate cases, one joint verdict; the largest gain that ships is released."""
    names = [f"c{i}" for i in range(gains.size)]
    rules = GateRules(flips=1000, seed=int(rng.integers(1 << 30)))
    judged = judge(as_table(draw_scores(rng, cases, gains)), "control", names, rules, "live")
    calls = cases * (gains.size + 1)
    ships = [(j.evidence.estimate, i) for i, j in enumerate(judged) if j.ruling is Ruling.SHIP]
    if not ships:
        return Shipped(cases=cases, calls=calls)
    raw, best = max(ships)
    return Shipped(float(gains[best]), raw, judged[best].evidence.shrunken_gain, cases, calls)


def race_trial(
    rng: np.random.Generator, gains: np.ndarray, plan: RacePlan, discordance: float = 0.15, fresh: int = 0
) -> Shipped:
    """A race with looks, its winner confirmed on fresh cases where some are asked for."""
    scores = draw_scores(rng, plan.n_max, gains, discordance)
    d = scores[:, 1:] - scores[:, :1]
    rules = GateRules(seed=int(rng.integers(1 << 30)))
    finished = race(d, [f"c{i}" for i in range(gains.size)], rules, plan)
    calls = finished.cases + sum(r.stopped_at or 0 for r in finished.runners)
    won = [(r.estimate, i) for i, r in enumerate(finished.runners) if r.standing is Standing.WON]
    if not won:
        return Shipped(cases=finished.cases, calls=calls)
    raw, best = max(won)
    judged = judge_race(as_table(scores[: finished.cases]), "control", finished, rules, "live")[best]
    if fresh:
        again = draw_scores(rng, fresh, gains[best : best + 1], discordance)
        calls += 2 * fresh
        judged = replicate(judged, replace(as_table(again), arms=("control", f"c{best}")), rules)
    if judged.ruling is not Ruling.SHIP:
        return Shipped(cases=finished.cases, calls=calls)
    return Shipped(float(gains[best]), raw, judged.evidence.shrunken_gain, finished.cases, calls)


def welch_peeking_trial(rng: np.random.Generator, gains: np.ndarray) -> Shipped:
    """The compatible rule, looked at after every 10 cases per arm from 30, each arm on its own cases."""
    control = draw_scores(rng, PLANNED, np.array([]))[:, 0]
    for gain in gains:
        candidate = draw_scores(rng, PLANNED, np.array([gain]))[:, 1]
        for n in range(30, PLANNED + 1, 10):
            result = welch_t_test(candidate[:n], control[:n])
            if result.p_value is not None and result.p_value <= 0.05 and result.estimate > 0:
                return Shipped(float(gain), result.estimate, result.estimate, n, 2 * n)
    return Shipped()


def welch_fixed_trial(rng: np.random.Generator, gains: np.ndarray, cases: int = 30) -> Shipped:
    """The compatible rule once, 30 cases per arm: the best significant candidate is released."""
    control = draw_scores(rng, cases, np.array([]))[:, 0]
    ships = []
    for i, gain in enumerate(gains):
        candidate = draw_scores(rng, cases, np.array([gain]))[:, 1]
        result = welch_t_test(candidate, control)
        if result.p_value is not None and result.p_value <= 0.05 and result.estimate > 0:
            ships.append((result.estimate, i))
    calls = cases * (gains.size + 1)
    if not ships:
        return Shipped(cases=cases, calls=calls)
    raw, best = max(ships)
    return Shipped(float(gains[best]), raw, raw, cases, calls)


def best_mean_trial(rng: np.random.Generator, gains: np.ndarray, cases: int = 100) -> Shipped:
    """What optimizers do: release the candidate with the best mean on the same 100 cases."""
    scores = draw_scores(rng, cases, gains)
    means = scores.mean(axis=0)
    best = int(np.argmax(means[1:]))
    raw = float(means[1 + best] - means[0])
    calls = cases * (gains.size + 1)
    return (
        Shipped(float(gains[best]), raw, raw, cases, calls) if raw > 0 else Shipped(cases=cases, calls=calls)
    )


LOOKS = RacePlan(n_max=PLANNED, flips=1000)
TENTH = RacePlan(n_max=PLANNED, look_every=10, flips=1000)
EACH_PAIR = RacePlan(n_max=PLANNED, look_every=1, flips=1000)

Trial = Callable[[np.random.Generator, np.ndarray], Shipped]

SAME_VERSIONS: dict[str, tuple[Trial, int, int]] = {
    "race, 1 candidate, look every 10": (lambda rng, g: race_trial(rng, g, TENTH), 1, 6000),
    "race, 1 candidate, look every pair": (lambda rng, g: race_trial(rng, g, EACH_PAIR), 1, 4000),
    "race, 8 candidates, look every 10": (lambda rng, g: race_trial(rng, g, TENTH), 8, 2500),
    "joint gate, 1 candidate": (gate_trial, 1, 4000),
    "joint gate, 8 candidates": (gate_trial, 8, 4000),
    "Welch p < .05, 1 candidate, look every 10": (welch_peeking_trial, 1, 1500),
    "Welch p < .05, 8 candidates, look every 10": (welch_peeking_trial, 8, 400),
    "best mean of 8 on 100 cases": (best_mean_trial, 8, 4000),
}
"""Procedures where nothing is better: trial, candidates, experiments."""

MIXED_WORLD: dict[str, tuple[Trial, int]] = {
    "joint gate": (gate_trial, 3000),
    "race, then 100 fresh cases": (lambda rng, g: race_trial(rng, g, LOOKS, fresh=100), 2500),
    "Welch p < .05, 30 per arm": (welch_fixed_trial, 2000),
    "best mean on 100 cases": (best_mean_trial, 3000),
}
"""Procedures with eight candidates a cycle whose gains follow a prior: trial, experiments."""


def same_versions(name: str) -> Summary:
    """Nothing is better: how often is something released?"""
    trial, candidates, count = SAME_VERSIONS[name]
    rng = np.random.default_rng([101, list(SAME_VERSIONS).index(name)])
    return summarise(name, [trial(rng, np.zeros(candidates)) for _ in range(count)])


def mixed_world(prior: Prior, name: str) -> Summary:
    """Some candidates are better: what is released?"""
    trial, count = MIXED_WORLD[name]
    rng = np.random.default_rng([102, list(MIXED_WORLD).index(name), len(prior.name)])
    return summarise(name, [trial(rng, prior.draw(rng, 8)) for _ in range(count)])


@dataclass(frozen=True)
class Saving:
    """Calls of a race against calls of a fixed Welch design of equal power."""

    planned: int
    discordance: float
    gain: float
    power: float
    pairs: float
    welch: int

    @property
    def factor(self) -> float:
        """How many times fewer calls."""
        return self.welch / self.pairs


def saving(planned: int, discordance: float, gain: float, trials: int = 6000) -> Saving:
    """One candidate with a known gain, raced; two calls per pair on either side."""
    rng = np.random.default_rng(round(1e6 * gain + planned + 100 * discordance))
    plan = RacePlan(n_max=planned)
    shipped = [race_trial(rng, np.array([gain]), plan, discordance) for _ in range(trials)]
    total = summarise("", shipped)
    power = min(total.ship_share, MOST_POWER)
    return Saving(
        planned,
        discordance,
        gain,
        total.ship_share,
        total.cases,
        unpaired_sample_size(0.7, gain, 0.05, power),
    )


MOST_POWER = 0.999
"""Power of the Welch design where the race found (nearly) every gain: equal power 1 has no design."""

SAVINGS = {
    (100, 0.15, 0.10): 2.8,
    (100, 0.15, 0.20): 4.1,
    (300, 0.05, 0.05): 10.3,
    (300, 0.15, 0.02): 3.6,
    (300, 0.15, 0.05): 3.3,
    (300, 0.15, 0.10): 4.4,
    (300, 0.15, 0.20): 3.2,
    (300, 0.25, 0.10): 2.4,
    (1000, 0.05, 0.02): 10.6,
    (1000, 0.15, 0.05): 4.5,
    (1000, 0.15, 0.10): 5.1,
    (1000, 0.25, 0.05): 2.3,
}
"""Planned cases, discordance, gain; how many times fewer calls the design of the race aims at."""


def rare_breakages(trials: int = 1500, cases: int = 100) -> tuple[float, float]:
    """Scores with 97 % gains of 2 points, 3 % breakages, mean 0: ships without and with the second lock."""
    rng = np.random.default_rng(104)
    alone = locked = 0
    for _ in range(trials):
        broken = rng.random(cases) < 0.03
        old = rng.uniform(0.66, 0.9, cases)
        scores = np.column_stack([old, np.where(broken, old - 0.65, old + 0.0201)])
        rules = GateRules(flips=400, seed=int(rng.integers(1 << 30)))
        (judged,) = judge(as_table(scores), "control", ["c0"], rules, "live")
        p = judged.evidence.adjusted_p
        alone += p is not None and p <= 0.05 and judged.evidence.estimate > 0
        locked += judged.ruling is Ruling.SHIP
    return alone / trials, locked / trials


def clustered_rows(trials: int = 2000) -> tuple[float, float]:
    """60 inputs with 5 related rows each and no gain: wins by rows, then by inputs."""
    rng = np.random.default_rng(105)
    groups = np.repeat(np.arange(60), 5)
    wins = [0, 0]
    for _ in range(trials):
        d = (0.3 * rng.standard_normal(60)[groups] + 0.3 * rng.standard_normal(300))[:, None]
        seed = int(rng.integers(1 << 30))
        for i, clusters in enumerate((None, groups)):
            gate = max_t_gate(d, 400, seed, clusters)
            wins[i] += gate.p_value[0] <= 0.05 and gate.statistic[0] > 0
    return wins[0] / trials, wins[1] / trials


def percent(share: float, interval: tuple[float, float]) -> str:
    """A share with its range, in percent."""
    return f"{100 * share:.1f} % ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"


def print_tables() -> None:
    """All tables, as Markdown."""
    _print_rows(
        "procedure | experiments | released something",
        (_released(same_versions(name)) for name in SAME_VERSIONS),
    )
    header = "procedure | released | really better | harmful | calls | raw | reported | true"
    for prior in (MEDIUM, HARD):
        _print_rows(f"{prior.name}: {header}", (_mixed(mixed_world(prior, name)) for name in MIXED_WORLD))
    header = "planned | discordance | gain | power | pairs | Welch per arm | fewer calls"
    _print_rows(header, (_saved(saving(*setting)) for setting in SAVINGS))
    print("\nrare breakages: without / with the second lock", rare_breakages())
    print("clusters: by rows / by inputs", clustered_rows())


def _print_rows(header: str, rows: Iterable[str]) -> None:
    print(f"\n| {header} |\n{'|---' * (header.count('|') + 1)}|")
    for row in rows:
        print(f"| {row} |", flush=True)


def _released(row: Summary) -> str:
    return f"{row.name} | {row.trials:,} | {percent(row.ship_share, row.ship_range)}"


def _mixed(row: Summary) -> str:
    gains = " | ".join(f"{100 * g:.1f}" for g in (row.raw, row.reported, row.true))
    better = percent(row.real_share, row.real_range)
    harmful = 100 * row.harmful / max(1, row.ships)
    return (
        f"{row.name} | {100 * row.ship_share:.1f} % | {better} | {harmful:.1f} % | {row.calls:,.0f} | {gains}"
    )


def _saved(row: Saving) -> str:
    found = f"{row.power:.2f} | {row.pairs:.0f} | {row.welch:,} | {row.factor:.1f}x"
    return f"{row.planned} | {row.discordance:.0%} | +{100 * row.gain:.0f} | {found}"


if __name__ == "__main__":
    print_tables()
