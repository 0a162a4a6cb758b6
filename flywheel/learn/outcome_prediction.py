"""How well the outcome of a recommendation is foretold from the earlier ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.judged import Prepared
from flywheel.records.columns import Coded
from flywheel.records.learned import CoveragePoint, PredictionReport
from flywheel.stats.factor_logistic import FactorFit, fit_factors
from flywheel.stats.proportions import Counts, wilson

SPREADS = {
    "agent": 1.0,
    "type": 1.0,
    "agent and type": 0.7,
    "confidence": 1.0,
    "agreeing": 1.0,
    "workflow": 0.5,
}
"""How far each factor is expected to move the log-odds."""

MIN_LEARNED, MIN_HELD_OUT = 40, 20
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Targets:
    """What a prediction should reach: such accuracy on such a share of the outcomes."""

    accuracy: float = 0.8
    coverage: float = 0.7


def predict(rows: Prepared, targets: Targets | None = None, seed: int = 0) -> PredictionReport:
    """Learn from the earlier recommendations, foretell the later ones.

    Agent, type, the two together, stated confidence, agreement and workflow
    each move the log-odds of success. The target counts as met only where the
    surest part as large as the asked coverage is as accurate as asked, and the
    prediction is shown to be better than always giving the earlier success rate:
    a base rate of 90 % alone makes any constant 90 % accurate.

    Args:
        rows: judged recommendations.
        targets: what is asked.
        seed: of the resampling.

    Returns:
        A report without numbers, with a because, where there are too few.

    References:
        Brier (1950), Monthly Weather Review 78:1-3; Geifman, El-Yaniv (2017), NeurIPS 30 (coverage
        against accuracy); Efron (1979), Annals of Statistics 7:1-26.
    """
    asked = targets or Targets()
    early, late = rows.earlier, ~rows.earlier
    counts = int(early.sum()), int(late.sum())
    if counts[0] < MIN_LEARNED or counts[1] < MIN_HELD_OUT:
        return PredictionReport(
            learned=counts[0],
            held_out=counts[1],
            target_accuracy=asked.accuracy,
            target_coverage=asked.coverage,
            because=f"{sum(counts)} recommendations are judged; {MIN_LEARNED} to learn from with "
            f"{MIN_HELD_OUT} later ones are needed.",
        )
    chance = chances(rows)[late]
    came = rows.success[late].astype(np.float64)
    return _report(counts, chance, came, (float(rows.success[early].mean()), asked, seed))


def chances(rows: Prepared) -> NDArray[np.float64]:
    """Chance of success of every recommendation, learned from the earlier ones alone, shape (n,).

    Args:
        rows: judged recommendations.
    """
    factors = factors_of(rows)
    fit = learned_effects(rows, factors)
    return fit.chance([one.codes for one in factors.values()])


def learned_effects(rows: Prepared, factors: dict[str, Coded]) -> FactorFit:
    """Effects of the factors on the log-odds of success, from the earlier recommendations.

    Args:
        rows: judged recommendations.
        factors: of the same rows.
    """
    return fit_factors(
        [one.codes[rows.earlier] for one in factors.values()],
        [len(one.names) for one in factors.values()],
        rows.success[rows.earlier],
        [SPREADS[name] for name in factors],
    )


def factors_of(rows: Prepared) -> dict[str, Coded]:
    """What the prediction rests on: the attributes, and agent with type together.

    Args:
        rows: judged recommendations.
    """
    agent, kind = rows.attributes["agent"], rows.attributes["type"]
    both = np.where(
        (agent.codes >= 0) & (kind.codes >= 0), agent.codes * max(1, len(kind.names)) + kind.codes, -1
    )
    pairs = tuple(f"{a}, {t}" for a in agent.names for t in kind.names)
    return {**rows.attributes, "agent and type": Coded(both.astype(np.int32), pairs)}


def _report(
    counts: tuple[int, int],
    chance: NDArray[np.float64],
    came: NDArray[np.float64],
    given: tuple[float, Targets, int],
) -> PredictionReport:
    base, asked, seed = given
    right = (chance >= 0.5) == (came > 0.5)
    accuracy = wilson(Counts(int(right.sum()), right.size))
    loss, base_loss = (chance - came) ** 2, (base - came) ** 2
    skill, low, high = _skill(loss, base_loss, seed)
    surest = np.argsort(-np.abs(chance - 0.5), kind="stable")
    running = np.cumsum(right[surest]) / np.arange(1, right.size + 1)
    at = float(running[max(1, round(asked.coverage * right.size)) - 1])
    reaching = np.flatnonzero(running >= asked.accuracy)
    met = at >= asked.accuracy and low is not None and low > 0.0
    return PredictionReport(
        learned=counts[0],
        held_out=counts[1],
        accuracy=accuracy.estimate,
        accuracy_low=accuracy.low,
        accuracy_high=accuracy.high,
        base_accuracy=float((came > 0.5).mean() if base >= 0.5 else (came <= 0.5).mean()),
        brier=float(loss.mean()),
        base_brier=float(base_loss.mean()),
        skill=skill,
        skill_low=low,
        skill_high=high,
        curve=tuple(
            CoveragePoint(
                coverage=tenth / 10, accuracy=float(running[max(1, round(tenth / 10 * right.size)) - 1])
            )
            for tenth in range(1, 11)
        ),
        accuracy_at_target=at,
        coverage_at_target=float((reaching[-1] + 1) / right.size) if reaching.size else 0.0,
        target_accuracy=asked.accuracy,
        target_coverage=asked.coverage,
        met=bool(met),
        because=_because(at, low, asked),
    )


def _skill(
    loss: NDArray[np.float64], base_loss: NDArray[np.float64], seed: int
) -> tuple[float | None, float | None, float | None]:
    """Share of the base error that is taken off, with its bootstrap interval."""
    total = float(base_loss.sum())
    if total <= 0.0:
        return None, None, None
    rng = np.random.default_rng(seed)
    drawn = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        weights = rng.poisson(1.0, loss.size)
        drawn[i] = 1.0 - float(weights @ loss) / max(float(weights @ base_loss), 1e-12)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return 1.0 - float(loss.sum()) / total, float(low), float(high)


def _because(at: float, low: float | None, asked: Targets) -> str:
    said = f"On the surest {asked.coverage:.0%} of the later outcomes {at:.1%} are foretold rightly; "
    said += f"{asked.accuracy:.0%} are asked."
    if low is None:
        return f"{said} All outcomes are alike, so nothing shows skill."
    if low > 0.0:
        return f"{said} The prediction is better than the success rate alone."
    return f"{said} It is not shown to be better than the success rate alone."
