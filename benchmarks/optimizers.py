"""The flywheel beside DSPy's random search, MIPROv2 light and gepa, on equal data with an equal budget.

    pip install gepa 'dspy[optuna]'; python -m benchmarks.optimizers [SEEDS] [BUDGET]

One endpoint on the loopback serves the embedded model, and a writer that is no model either: it
returns the prompt with one of five additions, of which one helps. All calls are counted at the
endpoint. 50 + 50 reflect cases are for search; ours has 200 gate cases more, `+gate` arms of the
others get those as validation. No arm sees the test cases.
"""

from __future__ import annotations

import importlib
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.optimizers_endpoint import Endpoint, serve
from flywheel.cycle import SystemClock, Wiring, run_cycle
from flywheel.demo import application
from flywheel.learn.insertion import layout
from flywheel.learn.refinement_material import Material
from flywheel.learn.templates import variables
from flywheel.llm.openai_chat import Endpoint as Address
from flywheel.llm.openai_chat import OpenAIChat
from flywheel.llm.refiner import AIPromptRefiner
from flywheel.llm.runner import Runner
from flywheel.ports import RunPlan
from flywheel.records.case import Case, ReflectCases, Role, Suite
from flywheel.records.cycle import FeedbackLoopInput, Phase
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind
from flywheel.records.verdict import Verdicts
from flywheel.store.open import open_store

MODEL = "embedded-medium"
TEXT = application.first_prompt()
HEAD, TAIL = layout(TEXT).head.strip(), layout(TEXT).tail


class Solved(Protocol):
    """A solved question as DSPy keeps it."""

    answer: str


@dataclass(frozen=True)
class Data:
    """Cases by use; the last is for nobody's search."""

    search: list[Case]
    validation: list[Case]
    gate: list[Case]
    test: list[Case]


@dataclass(frozen=True)
class Found:
    """What an arm ended with: rates on the test cases, what it claimed, what it spent."""

    before: float
    after: float
    claimed: float
    changed: bool
    calls: int
    tokens: int
    prompt_tokens: float


def split(seed: int) -> Data:
    """The same cases for every arm of a seed."""
    rng = random.Random(seed)
    reflect = [c for c in application.cases() if c.role is Role.REFLECT]
    rest = [c for c in application.cases() if c.role is Role.GATE]
    report = [c for c in application.cases() if c.role is Role.REPORT]
    rng.shuffle(reflect)
    rng.shuffle(rest)
    return Data(reflect[:50], reflect[50:100], rest[:200], rest[200:] + report)


def rate(endpoint: Endpoint, text: str, cases: Sequence[Case]) -> tuple[float, float]:
    """Pass rate of a text on cases, with the mean prompt tokens of a call."""
    before = endpoint.tokens
    plan = RunPlan("w", "router", content_hash(text), text, suite_of(), MODEL, "test", "report", 7)
    done = runner(endpoint).run(plan, cases)
    return sum(e.score or 0 for e in done) / len(done), (endpoint.tokens - before) / len(done)


def suite_of() -> Suite:
    """The suite of the sample application in the workspace of the benchmark."""
    return application.suite().model_copy(update={"workspace": "default"})


def chat(endpoint: Endpoint, name: str) -> OpenAIChat:
    """The real client."""
    return OpenAIChat(name, Address(name, endpoint.url))


def runner(endpoint: Endpoint) -> Runner:
    """Cases through the endpoint."""
    return Runner(lambda name: chat(endpoint, name), concurrency=2)


def ours(endpoint: Endpoint, data: Data, seed: int, budget: int, *, writer: bool) -> Found:
    """One cycle of the flywheel from an empty store; its baseline runs count."""
    before, _ = rate(endpoint, TEXT, data.test)
    endpoint.reset(seed)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 's.db'}")
        cases = [
            c.model_copy(update={"workspace": "default"}) for c in data.search + data.validation + data.gate
        ]
        store.cases.add(suite_of(), cases)
        version = content_hash(TEXT)
        store.prompts.add(PromptVersion(prompt="r", version=version, text=TEXT, variables=variables(TEXT)))
        event = ReleaseEvent(
            release_id="first",
            prompt="r",
            workspace="default",
            version=version,
            previous=None,
            kind=ReleaseKind.FIRST,
            state=JournalState.INTENT,
            created_at=SystemClock().now(),
        )
        store.releases.promote(None, event, None)
        plan = RunPlan("default", "r", version, TEXT, suite_of(), MODEL, "base", "baseline", 7, "baseline")
        store.executions.write(runner(endpoint).run(plan, [c for c in cases if c.role is Role.REFLECT]))
        request = FeedbackLoopInput(
            prompt="r",
            suite=application.SUITE_NAME,
            model=MODEL,
            time_window_days=None,
            max_cost_ratio=6,
            max_latency_ratio=50,
            budget_calls=budget - endpoint.calls,
            refiner="writer" if writer else None,
            seed=seed,
        )
        refiners = (AIPromptRefiner(chat(endpoint, "writer"), "writer"),) if writer else ()
        output = run_cycle(request, Wiring(store, runner(endpoint), proposers=lambda _request: refiners))
        live = store.prompts.get("default", "r", output.live or version)
        kept = store.cycles.finished(output.cycle_id, Phase.VALIDATE)
        verdicts = Verdicts.model_validate_json(kept or "{}").verdicts
        claims = [v.evidence for v in verdicts if v.evidence and v.proposal.version == output.live]
        store.close()
    calls, tokens = endpoint.calls, endpoint.tokens
    after, size = rate(endpoint, (live.text if live else None) or TEXT, data.test)
    claimed = (claims[0].shrunken_gain or claims[0].estimate or 0.0) if claims else 0.0
    return Found(before, after, claimed, output.live != version, calls, tokens, size)


def gepa_arm(endpoint: Endpoint, data: Data, seed: int, budget: int, *, gate: bool) -> Found:
    """One run of gepa by itself, with our runner as its evaluator."""
    from flywheel.llm.refiner_gepa import COMPONENT, GepaProposer, _Bridge, _Silent

    before, _ = rate(endpoint, TEXT, data.test)
    endpoint.reset(seed)
    validation = data.validation + (data.gate if gate else [])
    proposer = GepaProposer(runner(endpoint), chat(endpoint, "writer"), "writer", budget)
    bridge: Any = _Bridge(proposer, _material(), suite_of(), MODEL, TAIL, 7)
    result = importlib.import_module("gepa").optimize(
        seed_candidate={COMPONENT: HEAD},
        trainset=data.search,
        valset=validation,
        adapter=bridge,
        reflection_lm=bridge.reflect,
        max_metric_calls=budget - len(validation),
        seed=seed,
        logger=_Silent(),
    )
    calls, tokens = endpoint.calls, endpoint.tokens
    scores = result.val_aggregate_scores
    after, size = rate(endpoint, bridge.text_of(result.best_candidate), data.test)
    claimed = scores[result.best_idx] - scores[0]
    return Found(before, after, claimed, result.best_idx != 0, calls, tokens, size)


def _material() -> Material:
    control = PromptVersion(prompt="r", version=content_hash(TEXT), text=TEXT)
    return Material(control, suite_of(), ReflectCases(cases=()), (), (), None, model=MODEL)


def dspy_arm(endpoint: Endpoint, data: Data, seed: int, budget: int, *, mipro: bool, gate: bool) -> Found:
    """A DSPy optimizer in its own format; the instruction it starts from is our first prompt."""
    dspy: Any = importlib.import_module("dspy")
    dspy.configure(
        lm=dspy.LM(f"openai/{MODEL}", api_base=endpoint.url, api_key="none", cache=False),
        adapter=dspy.ChatAdapter(),
    )
    program = dspy.Predict(dspy.Signature("question -> answer", HEAD))

    def solved(cases: Sequence[Case]) -> list[Any]:
        return [
            dspy.Example(question=c.inputs["question"], answer=c.expected["field"]).with_inputs("question")
            for c in cases
            if isinstance(c.expected, dict)
        ]

    def right(example: Solved, got: object, _steps: object = None) -> float:
        return float(str(getattr(got, "answer", "")).strip() == example.answer)

    def measured(what: object, cases: Sequence[Case]) -> float:
        run = dspy.Evaluate(devset=solved(cases), metric=right, num_threads=2, display_progress=False)
        return float(run(what).score) / 100

    before = measured(program, data.test)
    validation = data.validation + (data.gate if gate else [])
    endpoint.reset(seed)
    start = measured(program, validation)
    if mipro:
        optimizer = dspy.MIPROv2(metric=right, auto="light", num_threads=2, seed=seed, verbose=False)
        best = optimizer.compile(program, trainset=solved(data.search), valset=solved(validation))
    else:
        sets = max(1, budget // len(validation) - 4)
        optimizer = dspy.BootstrapFewShotWithRandomSearch(
            metric=right, num_candidate_programs=sets, num_threads=2
        )
        best = optimizer.compile(program, trainset=solved(data.search), valset=solved(validation))
    calls, tokens = endpoint.calls, endpoint.tokens
    claimed = max(0.0, _best_score(best) - start)
    asked = endpoint.tokens
    after = measured(best, data.test)
    changed = best.dump_state() != program.dump_state()
    return Found(before, after, claimed, changed, calls, tokens, (endpoint.tokens - asked) / len(data.test))


def _best_score(program: object) -> float:
    """What the optimizer itself says of its winner: a whole validation, no minibatch."""
    own = getattr(program, "score", None)
    if own is not None:
        return float(own) / 100
    scored = getattr(program, "candidate_programs", None) or []
    return max((float(c["score"]) / 100 for c in scored), default=0.0)


ARMS: dict[str, Callable[[Endpoint, Data, int, int], Found]] = {
    "flywheel": lambda e, d, s, b: ours(e, d, s, b, writer=False),
    "flywheel --refiner": lambda e, d, s, b: ours(e, d, s, b, writer=True),
    "gepa": lambda e, d, s, b: gepa_arm(e, d, s, b, gate=False),
    "gepa +gate": lambda e, d, s, b: gepa_arm(e, d, s, b, gate=True),
    "DSPy random search": lambda e, d, s, b: dspy_arm(e, d, s, b, mipro=False, gate=False),
    "DSPy MIPROv2 light": lambda e, d, s, b: dspy_arm(e, d, s, b, mipro=True, gate=False),
    "DSPy MIPROv2 +gate": lambda e, d, s, b: dspy_arm(e, d, s, b, mipro=True, gate=True),
}


def main(seeds: int, budget: int, wanted: Sequence[str]) -> None:
    """Print one row per arm, means over the seeds, as soon as it is known."""
    print(
        "| arm | test before | after | claimed minus true | changed | harmed | calls "
        "| tokens | prompt tokens |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name, arm in ARMS.items():
        if wanted and name not in wanted:
            continue
        found = []
        for seed in range(seeds):
            with serve(MODEL) as endpoint:
                found.append(arm(endpoint, split(seed), seed, budget))
        n = len(found)
        cells = [
            f"{sum(f.before for f in found) / n:.1%}",
            f"{sum(f.after for f in found) / n:.1%}",
            f"{100 * sum(f.claimed - (f.after - f.before) for f in found) / n:+.1f}",
            f"{sum(f.changed for f in found)} of {n}",
            f"{sum(f.after < f.before for f in found)} of {n}",
            f"{sum(f.calls for f in found) / n:,.0f}",
            f"{sum(f.tokens for f in found) / n / 1000:,.0f} k",
            f"{sum(f.prompt_tokens for f in found) / n:,.0f}",
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    main(*(numbers + [3, 600][len(numbers) :]), [w for w in sys.argv[1:] if not w.isdigit()])
