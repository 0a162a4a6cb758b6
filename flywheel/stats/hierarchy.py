"""Success rates of agents in contexts: discounted Beta-binomial beliefs that borrow from each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import lfilter
from scipy.special import expit, logit

Floats = NDArray[np.float64]

FORGETTING = (1.0, 0.99, 0.97, 0.93)
"""Weight of an outcome after each later one of the same group; 1 never forgets."""

FORGETTING_ODDS = (0.6, 0.2, 0.12, 0.08)
"""Belief in each before any outcome: where nothing drifts, little is lost by being able to forget."""

AGENT_PRIORS = (2.0, 8.0, 32.0)
CELL_PRIORS = (6.0, 24.0, np.inf)
"""Outcomes that the level above counts for; infinitely many is a context without a say."""

_EDGE = 1e-6
_NEGLIGIBLE = 1e-4


@dataclass(frozen=True, slots=True)
class Stream:
    """Outcomes of agents in contexts, in the order of time, n of them.

    Attributes:
        success: float64 in [0, 1].
        weight: float64 in [0, 1], how much an outcome counts.
        agent, context: int, codes from 0.
    """

    success: Floats
    weight: Floats
    agent: NDArray[np.int64]
    context: NDArray[np.int64]

    @classmethod
    def of(
        cls, success: ArrayLike, agent: ArrayLike, context: ArrayLike, weight: ArrayLike | None = None
    ) -> Stream:
        """A stream of anything that numpy reads; all outcomes weigh 1 unless said otherwise."""
        y = np.asarray(success, np.float64).ravel()
        w = np.ones(y.size) if weight is None else np.asarray(weight, np.float64).ravel()
        a, c = (np.asarray(codes, np.int64).ravel() for codes in (agent, context))
        sizes = {y.size, w.size, a.size, c.size}
        if len(sizes) != 1:
            msg = f"columns have {sorted(sizes)} rows; need as many of each"
            raise ValueError(msg)
        if y.size and not (y.min() >= 0.0 and y.max() <= 1.0 and w.min() >= 0.0 and w.max() <= 1.0):
            msg = "success and weight are fractions in [0, 1]; leave unknown outcomes out"
            raise ValueError(msg)
        return cls(y, w, a, c)

    def __len__(self) -> int:
        return self.success.size


@dataclass(frozen=True, slots=True)
class Beliefs:
    """Beta beliefs of m groups after the last outcome; two arrays with what they rest on.

    Attributes:
        passed, failed: pseudo-counts, shape (m,), > 0.
        n_eff: discounted outcomes behind each, shape (m,); 0 is the prior alone.
    """

    passed: Floats
    failed: Floats
    n_eff: Floats

    @property
    def mean(self) -> Floats:
        """Expected success rates, shape (m,)."""
        return np.asarray(self.passed / (self.passed + self.failed))


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """What a stream says of its agents.

    Attributes:
        population: success rate of all.
        agents: belief per agent code.
        cells: belief per cell, in the order of cell_agent with cell_context.
        cell_agent, cell_context: codes of each cell that has outcomes.
        fast, slow: beliefs per agent that forget quickest, never; the fast borrow from the slow.
        weights: of the settings of the grid, sums to 1.
        forgetting: expected forgetting factor.
    """

    population: float
    agents: Beliefs
    cells: Beliefs
    cell_agent: NDArray[np.int64]
    cell_context: NDArray[np.int64]
    fast: Beliefs
    slow: Beliefs
    weights: Floats
    forgetting: float


class Groups:
    """Rows of each group one after another, so that running sums are one filter.

    Args:
        codes: group of each row, int from 0, shape (n,).
    """

    def __init__(self, codes: NDArray[np.int64]) -> None:
        self.count = int(codes.max()) + 1 if codes.size else 0
        self.order = np.argsort(codes, kind="stable")
        sizes = np.bincount(codes, minlength=self.count)
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        self._start = np.repeat(starts, sizes)
        self.position = np.arange(codes.size) - self._start
        self._last = (starts + sizes - 1)[sizes > 0]
        self._filled = sizes > 0
        self._longest = int(sizes.max(initial=0))

    def running(self, values: Floats, gamma: float) -> tuple[Floats, Floats]:
        """Discounted sums of a column within each group.

        Returns:
            Before each row, in the order of the rows, shape (n,); after the last row of each
            group, shape (count,), 0 for a group without rows.
        """
        ordered = values[self.order]
        through = np.cumsum(ordered) if gamma == 1.0 else lfilter([1.0], [1.0, -gamma], ordered)
        carried = np.concatenate([[0.0], through])[self._start]
        if gamma != 1.0:
            carried *= (gamma ** np.arange(1.0, self._longest + 1.0))[self.position]
        after = through - carried
        before = np.empty_like(after)
        before[self.order] = np.maximum(0.0, (after - ordered) / gamma)
        final = np.zeros(self.count)
        final[self._filled] = np.maximum(0.0, after[self._last])
        return before, final


@dataclass(frozen=True, slots=True)
class _Level:
    """Discounted sums of one grouping: before each row, after the last."""

    passed: Floats
    trials: Floats
    final_passed: Floats
    final_trials: Floats

    @classmethod
    def of(cls, groups: Groups, stream: Stream, gamma: float) -> _Level:
        passed, final_passed = groups.running(stream.success * stream.weight, gamma)
        trials, final_trials = groups.running(stream.weight, gamma)
        return cls(passed, trials, np.minimum(final_passed, final_trials), final_trials)


def agent_beliefs(stream: Stream) -> Hierarchy:
    """Beliefs about agents and their contexts after a stream.

    A cell borrows from its agent, moved on the logit scale by what the context
    does to everybody; an agent borrows from all agents. How much, with how
    quickly old outcomes are forgotten, is averaged over a small grid by how
    well each setting predicted the stream so far.

    Args:
        stream: outcomes in the order of time.

    Returns:
        Beliefs of agents and cells; a mixture over the grid is matched by one Beta in mean and variance.

    Raises:
        ValueError: the stream is empty.

    References:
        Gelman et al. (2013), Bayesian Data Analysis, sections 5.1 to 5.4; forgetting of
        Josang, Ismail (2002), 15th Bled eCommerce Conference; averaging of Raftery, Karny,
        Ettler (2010), Technometrics 52:52-66.

    Examples:
        >>> found = agent_beliefs(Stream.of([1, 1, 1, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1, 0, 2], [0] * 8))
        >>> found.agents.mean.round(2).tolist()
        [0.79, 0.34, 0.69]
    """
    if not len(stream):
        msg = "no outcomes; a belief needs one"
        raise ValueError(msg)
    model = _Model(stream)
    scores, after = [], []
    for odds, setting in zip(_ODDS, model.settings(), strict=True):
        scores.append(odds + _row_scores(setting.before, stream).sum())
        after.append(setting.after)
    weights = np.exp(np.array(scores) - max(scores))
    weights /= weights.sum()
    kept = np.flatnonzero(weights > _NEGLIGIBLE)
    shares = weights[kept] / weights[kept].sum()
    agents, cells = zip(*(after[number] for number in kept), strict=True)
    middle = len(CELL_PRIORS) * (len(AGENT_PRIORS) // 2)
    slow = after[middle][0]
    return Hierarchy(
        population=model.population,
        agents=_matched(agents, shares),
        cells=_matched(cells, shares),
        cell_agent=model.cell_agent,
        cell_context=model.cell_context,
        fast=_towards(after[_GRID.index((min(FORGETTING), *_GRID[middle][1:]))][0], slow, model.population),
        slow=slow,
        weights=weights,
        forgetting=float(weights @ [gamma for gamma, _agent, _cell in _GRID]),
    )


def predicted_success(stream: Stream) -> Floats:
    """Chance of success of each outcome as it was before the outcome was known.

    Args:
        stream: outcomes in the order of time.

    Returns:
        float64 in (0, 1), shape (n,): the same model as `agent_beliefs`, at each moment.

    References:
        Dawid (1984), Journal of the Royal Statistical Society A 147:278-292.

    Examples:
        >>> predicted_success(Stream.of([1, 1, 1, 1], [0, 0, 0, 1], [0] * 4)).round(2).tolist()
        [0.5, 0.75, 0.85, 0.83]
    """
    if not len(stream):
        return np.empty(0)
    total, share = np.full(len(stream), -np.inf), np.full(len(stream), -np.inf)
    for odds, setting in zip(_ODDS, _Model(stream).settings(), strict=True):
        score = _row_scores(setting.before, stream)
        so_far = np.cumsum(score) - score + odds
        total = np.logaddexp(total, so_far)
        share = np.logaddexp(share, so_far + np.log(setting.before))
    return np.asarray(np.exp(share - total))


_GRID = tuple(product(FORGETTING, AGENT_PRIORS, CELL_PRIORS))
_ODDS = np.log(np.repeat(FORGETTING_ODDS, len(AGENT_PRIORS) * len(CELL_PRIORS)))


@dataclass(frozen=True, slots=True)
class _Setting:
    """One setting of the grid: chance before each row, beliefs after the last."""

    before: Floats
    after: tuple[Beliefs, Beliefs]


class _Model:
    """Sums of a stream that all settings of the grid share."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        contexts = int(stream.context.max()) + 1
        keys, cell = np.unique(stream.agent * contexts + stream.context, return_inverse=True)
        self.cell_agent, self.cell_context = keys // contexts, keys % contexts
        self._by_agent, self._by_cell = Groups(stream.agent), Groups(cell.astype(np.int64).ravel())
        passed = np.cumsum(stream.success * stream.weight)
        trials = np.cumsum(stream.weight)
        self.population = float((passed[-1] + 1.0) / (trials[-1] + 2.0))
        self._mean = (passed - stream.success * stream.weight + 1.0) / (trials - stream.weight + 2.0)
        # What a context does to everybody is learned against a strong pull towards the mean.
        level = _Level.of(Groups(stream.context), stream, 1.0)
        pull = 20.0
        shifted = (level.passed + pull * self._mean) / (level.trials + pull)
        self._shift = _logit(shifted) - _logit(self._mean)
        self._seen = level.final_trials + pull
        last = (level.final_passed + pull * self.population) / (level.final_trials + pull)
        self._last_shift = _logit(last) - _logit(np.array(self.population))

    def settings(self) -> Iterator[_Setting]:
        """Settings in the order of the grid."""
        for gamma in FORGETTING:
            agent = _Level.of(self._by_agent, self.stream, gamma)
            cell = _Level.of(self._by_cell, self.stream, gamma)
            for of_agent in AGENT_PRIORS:
                agents = _posterior(agent, np.full(self._by_agent.count, self.population), of_agent)
                moved = expit(_logit(agents.mean[self.cell_agent]) + self._last_shift[self.cell_context])
                rate = (agent.passed + of_agent * self._mean) / (agent.trials + of_agent)
                middle = expit(_logit(rate) + self._shift)
                for of_cell in CELL_PRIORS:
                    before = middle
                    if np.isfinite(of_cell):
                        before = (cell.passed + of_cell * middle) / (cell.trials + of_cell)
                    yield _Setting(
                        np.clip(before, _EDGE, 1 - _EDGE), (agents, self._cells(agents, cell, moved, of_cell))
                    )

    def _cells(self, agents: Beliefs, cell: _Level, moved: Floats, strength: float) -> Beliefs:
        """Cells as they borrow from their agents; with an infinite strength they are their agents."""
        if np.isfinite(strength):
            return _posterior(cell, moved, strength)
        # What the agent is and what the context does are both unsure: on the logit scale variances add.
        of_agent, of_context = (agents.passed + agents.failed)[self.cell_agent], self._seen[self.cell_context]
        size = 1.0 / (1.0 / of_agent + 1.0 / of_context)
        return Beliefs(moved * size, (1.0 - moved) * size, cell.final_trials)


def _posterior(level: _Level, prior: Floats, strength: float) -> Beliefs:
    passed = level.final_passed + strength * prior
    failed = level.final_trials - level.final_passed + strength * (1.0 - prior)
    return Beliefs(passed, failed, level.final_trials)


def _towards(fast: Beliefs, slow: Beliefs, population: float) -> Beliefs:
    """Quick beliefs that borrow from the slow ones in place of the population.

    Otherwise every agent better than the rest would seem to fall.
    """
    moved = AGENT_PRIORS[len(AGENT_PRIORS) // 2] * (slow.mean - population)
    return Beliefs(fast.passed + moved, fast.failed - moved, fast.n_eff)


def _logit(rate: Floats) -> Floats:
    return np.asarray(logit(np.clip(rate, _EDGE, 1 - _EDGE)))


def _row_scores(chance: Floats, stream: Stream) -> Floats:
    y = stream.success
    if ((y == 0.0) | (y == 1.0)).all():
        return np.asarray(stream.weight * np.log(np.where(y > 0.5, chance, 1.0 - chance)))
    return np.asarray(stream.weight * (y * np.log(chance) + (1.0 - y) * np.log1p(-chance)))


def _matched(beliefs: tuple[Beliefs, ...], weights: Floats) -> Beliefs:
    """One Beta for each mixture, of the same mean and variance."""
    means = np.array([one.mean for one in beliefs])
    sizes = np.array([one.passed + one.failed for one in beliefs])
    mean = weights @ means
    variance = weights @ (means * (1.0 - means) / (sizes + 1.0) + (means - mean) ** 2)
    size = np.maximum(mean * (1.0 - mean) / np.maximum(variance, 1e-300) - 1.0, 1e-3)
    n_eff = weights @ np.array([one.n_eff for one in beliefs])
    return Beliefs(mean * size, (1.0 - mean) * size, n_eff)
