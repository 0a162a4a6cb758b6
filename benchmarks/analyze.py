"""How long the analyze phase takes, how much memory it needs, as executions grow.

Usage: python benchmarks/analyze.py [--sizes 1000 10000 100000 1000000] [--keep FOLDER]

Each size gets a SQLite store of its own with one prompt, 7 models, 7 slices, 20 agents, inputs, outputs,
tokens, latency, cost; 20 % fail, one model x slice twice as often, half of them
with an error message of many forms.
The measured process does nothing but open the store, then analyze.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.peers import beside
from flywheel.cycle import Wiring, do_collect, open_cycle
from flywheel.phases.analyze import analyze
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.execution import Execution
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind
from flywheel.store.open import open_store

TEXT = "Answer yes or no.\n\nQuestion: {question}"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
ERRORS = ("ReadTimeout", "RateLimitError", "APIConnectionError", "JSONDecodeError", "no_final_answer")


class _Now:
    def now(self) -> datetime:
        return NOW


def executions(count: int) -> Iterator[Execution]:
    """Made-up executions with a known worst place: model-3 x slice-5."""
    rng = random.Random(7)
    version = content_hash(TEXT)
    for i in range(count):
        model, part = f"model-{rng.randrange(7)}", f"slice-{rng.randrange(7)}"
        bad = 0.4 if (model, part) == ("model-3", "slice-5") else 0.2
        failed = rng.random() < bad
        right = ("yes", "no")[i % 2]
        wrong = ("no", "yes")[i % 2]
        error = rng.choice(ERRORS) if failed and rng.random() < 0.5 else None
        yield Execution(
            execution_id=f"e{i}",
            prompt="bench",
            version=version,
            case_id=f"c{i % 50_000}",
            slice=part,
            model=model,
            agent=f"agent-{rng.randrange(20)}",
            inputs={"question": f"Is statement {i % 50_000} of part {part} true, given {rng.random():.6f}?"},
            output=None if error else (wrong if failed else right),
            expected=right,
            outcome="error" if error else ("failed" if failed else "passed"),
            error_type=error,
            error_message=f"request {i} to host-{i % 9} gave up after {rng.random() * 60:.1f} s"
            if error
            else None,
            latency_ms=rng.lognormvariate(6, 0.5),
            input_tokens=rng.randrange(50, 2000),
            output_tokens=rng.randrange(1, 400),
            cost_usd=rng.random() / 100,
            started_at=NOW - timedelta(seconds=5 * (count - i) % 500_000),
        )


def make(address: str, count: int) -> None:
    """A store with executions of one live version."""
    store = open_store(address)
    version = PromptVersion(
        prompt="bench", version=content_hash(TEXT), text=TEXT, labels=("v1",), variables=("question",)
    )
    store.prompts.add(version)
    event = ReleaseEvent(
        release_id="first",
        prompt="bench",
        workspace="default",
        version=version.version,
        previous=None,
        kind=ReleaseKind.FIRST,
        state=JournalState.INTENT,
        created_at=NOW,
    )
    store.releases.promote(None, event, None)
    store.executions.write(executions(count))
    store.close()


def measure(address: str) -> None:
    """Print seconds of the analyze phase with the peak memory of the process."""
    store = open_store(address)
    wiring = Wiring(store, None, _Now())
    request = FeedbackLoopInput(prompt="bench", time_window_days=None)
    feedback = do_collect(open_cycle(request, wiring), wiring)
    started, cpu = time.perf_counter(), time.process_time()
    analysis = analyze(feedback, store)
    print(
        json.dumps(
            {
                "executions": analysis.report.total_tests,
                "seconds": round(time.perf_counter() - started, 2),
                "cpu_s": round(time.process_time() - cpu, 2),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "patterns": len(analysis.patterns),
                "worst_slice": [f"{c.attribute}={c.value}" for c in analysis.slice_findings[0].where]
                if analysis.slice_findings
                else [],
            }
        )
    )


def main() -> None:
    """One line of JSON per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--keep", type=Path, default=None)
    parser.add_argument("--measure", default=None)
    asked = parser.parse_args()
    if asked.measure:
        measure(asked.measure)
        return
    print(beside())
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.keep or Path(scratch)
        for size in asked.sizes:
            address = f"sqlite:///{folder / f'bench-{size}.db'}"
            if not (folder / f"bench-{size}.db").exists():
                make(address, size)
            subprocess.run([sys.executable, "-m", "benchmarks.analyze", "--measure", address], check=True)


if __name__ == "__main__":
    main()
