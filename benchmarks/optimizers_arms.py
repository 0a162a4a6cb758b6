"""The arms: each searches from the first prompt of a world within a budget, then meets the test cases."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.optimizers_dspy import Program, dspy_search
from benchmarks.optimizers_endpoint import WRITER, Endpoint, Served
from benchmarks.optimizers_models import Indifferent
from benchmarks.optimizers_worlds import MODEL, Data, World
from flywheel.cycle import SystemClock, Wiring, run_cycle
from flywheel.learn.refinement_material import Material
from flywheel.learn.templates import variables
from flywheel.llm.refiner import AIPromptRefiner
from flywheel.llm.runner import Runner
from flywheel.ports import RunPlan
from flywheel.records.case import Case, ReflectCases, Role
from flywheel.records.cycle import FeedbackLoopInput, Phase
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind
from flywheel.records.verdict import Verdicts
from flywheel.store.open import open_store

KNOWN_RATE = 20
"""Test cases asked of a model that says its true rate itself."""


@dataclass(frozen=True)
class Result:
    """What a search ended with: the winner, or None where nothing was changed."""

    winner: str | Program | None
    claimed: float
    calls: int
    tokens: int


@dataclass(frozen=True)
class Found:
    """One run of one arm: rates on the test cases, what it claimed, what it spent."""

    world: str
    arm: str
    seed: int
    before: float
    after: float
    claimed: float
    changed: bool
    calls: int
    tokens: int
    prompt_tokens: float
    budget: int = 600


@dataclass
class Bench:
    """One world with its seed; test results of the first prompt are kept, because they never change."""

    world: World
    seed: int
    budget: int
    kept: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.data = self.world.split(self.seed)
        self.endpoint = Endpoint(self.world, self.world.answering(self.seed))

    def run(self, arm: str) -> Found:
        """Search, then measure on the test cases."""
        search, first = ARMS[arm]
        start: str | Program = self.world.text if first is None else Program(self.endpoint, None)
        before, size = self._kept(start)
        self.endpoint.reset(self.seed)
        result = search(self)
        after, size = (before, size) if result.winner is None else self._rate(result.winner)
        return Found(
            world=self.world.name,
            arm=arm,
            seed=self.seed,
            before=before,
            after=after,
            claimed=result.claimed,
            changed=result.winner is not None,
            calls=result.calls,
            tokens=result.tokens,
            prompt_tokens=size,
            budget=self.budget,
        )

    def _kept(self, start: str | Program) -> tuple[float, float]:
        key = (type(start).__name__, ",".join(c.case_id for c in self.data.test))
        if key not in self.kept:
            self.kept[key] = self._rate(start)
        return self.kept[key]

    def _rate(self, what: str | Program) -> tuple[float, float]:
        """Pass rate on the test cases with the mean prompt tokens of a call."""
        answering, cases = self.endpoint.answering, self.data.test
        if isinstance(answering, Indifferent):
            cases = cases[:KNOWN_RATE]
        before = self.endpoint.tokens
        rate = what.quick_rate(cases) if isinstance(what, Program) else self._plain_rate(what, cases)
        size = (self.endpoint.tokens - before) / len(cases)
        return (answering.last_rate if isinstance(answering, Indifferent) else rate), size

    def _plain_rate(self, text: str, cases: Sequence[Case]) -> float:
        done = self.runner().run(self.plan(text, "test"), cases)
        return sum(e.score or 0 for e in done) / len(done)

    def runner(self) -> Runner:
        """Cases through the endpoint."""
        return Runner(lambda name: Served(self.endpoint, name))

    def plan(self, text: str, session: str) -> RunPlan:
        """Runs of a text outside experiments."""
        return RunPlan(
            "default", "r", content_hash(text), text, self.world.suite, MODEL, session, session, 7, session
        )


def ours(bench: Bench, *, writer: bool) -> Result:
    """One cycle of the flywheel from an empty store; its baseline runs count."""
    world, data, endpoint = bench.world, bench.data, bench.endpoint
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 's.db'}")
        cases = data.search + data.validation + data.gate
        store.cases.add(world.suite, cases)
        version = content_hash(world.text)
        store.prompts.add(
            PromptVersion(prompt="r", version=version, text=world.text, variables=variables(world.text))
        )
        store.releases.promote(None, _first_release(version), None)
        reflect = [c for c in cases if c.role is Role.REFLECT]
        store.executions.write(bench.runner().run(bench.plan(world.text, "baseline"), reflect))
        request = FeedbackLoopInput(
            prompt="r",
            suite=world.suite.suite,
            model=MODEL,
            time_window_days=None,
            max_cost_ratio=6,
            max_latency_ratio=50,
            budget_calls=bench.budget - endpoint.calls,
            refiner=WRITER if writer else None,
            seed=bench.seed,
        )
        refiners = (AIPromptRefiner(Served(endpoint, WRITER), WRITER),) if writer else ()
        output = run_cycle(request, Wiring(store, bench.runner(), proposers=lambda _request: refiners))
        live = store.prompts.get("default", "r", output.live or version)
        kept = store.cycles.finished(output.cycle_id, Phase.VALIDATE)
        store.close()
    if live is None or live.text is None or output.live == version:
        return Result(None, 0.0, endpoint.calls, endpoint.tokens)
    verdicts = Verdicts.model_validate_json(kept or "{}").verdicts
    claims = [v.evidence for v in verdicts if v.evidence and v.proposal.version == output.live]
    claimed = (claims[0].shrunken_gain or claims[0].estimate or 0.0) if claims else 0.0
    return Result(live.text, claimed, endpoint.calls, endpoint.tokens)


def _first_release(version: str) -> ReleaseEvent:
    return ReleaseEvent(
        release_id="first",
        prompt="r",
        workspace="default",
        version=version,
        previous=None,
        kind=ReleaseKind.FIRST,
        state=JournalState.INTENT,
        created_at=SystemClock().now(),
    )


def gepa(bench: Bench, *, gate: bool) -> Result:
    """One run of gepa by itself, with our runner as its evaluator."""
    from flywheel.llm.refiner_gepa import COMPONENT, GepaProposer, _Bridge, _Silent

    world, data, endpoint = bench.world, bench.data, bench.endpoint
    validation = validating(data, gate=gate)
    proposer = GepaProposer(bench.runner(), Served(endpoint, WRITER), WRITER, bench.budget)
    control = PromptVersion(prompt="r", version=content_hash(world.text), text=world.text)
    material = Material(control, world.suite, ReflectCases(cases=()), (), (), None, model=MODEL)
    bridge: Any = _Bridge(proposer, material, world.suite, MODEL, world.tail, 7)
    result = importlib.import_module("gepa").optimize(
        seed_candidate={COMPONENT: world.head},
        trainset=data.search,
        valset=validation,
        adapter=bridge,
        reflection_lm=bridge.reflect,
        max_metric_calls=bench.budget - len(validation),
        seed=bench.seed,
        logger=_Silent(),
    )
    calls, tokens, scores = endpoint.calls, endpoint.tokens, result.val_aggregate_scores
    if result.best_idx == 0:
        return Result(None, 0.0, calls, tokens)
    return Result(bridge.text_of(result.best_candidate), scores[result.best_idx] - scores[0], calls, tokens)


def dspy_arm(bench: Bench, *, mipro: bool, gate: bool) -> Result:
    """A DSPy optimizer in its own format; the instruction it starts from is the first prompt."""
    endpoint = bench.endpoint
    program = Program(endpoint, None)
    searched = dspy_search(
        program,
        (bench.data.search, validating(bench.data, gate=gate)),
        bench.seed,
        budget=None if mipro else bench.budget,
    )
    winner = searched.winner if searched.changed else None
    return Result(winner, searched.claimed, endpoint.calls, endpoint.tokens)


def validating(data: Data, *, gate: bool) -> list[Case]:
    """What the others validate on: 50 reflect cases, or those with the 200 gate cases."""
    return data.validation + (data.gate if gate else [])


Search = Callable[[Bench], Result]

ARMS: dict[str, tuple[Search, type | None]] = {
    "flywheel": (lambda b: ours(b, writer=False), None),
    "flywheel --refiner": (lambda b: ours(b, writer=True), None),
    "gepa": (lambda b: gepa(b, gate=False), None),
    "gepa +gate": (lambda b: gepa(b, gate=True), None),
    "DSPy random search": (lambda b: dspy_arm(b, mipro=False, gate=False), Program),
    "DSPy MIPROv2 light": (lambda b: dspy_arm(b, mipro=True, gate=False), Program),
    "DSPy MIPROv2 +gate": (lambda b: dspy_arm(b, mipro=True, gate=True), Program),
}
"""Each with the form its first prompt has: text, or a program of DSPy."""

NEEDS = {"gepa": "gepa", "DSPy random search": "dspy", "DSPy MIPROv2": "optuna"}
"""Package an arm needs, by the start of its name."""
