"""How well failures are grouped by their cause: our groups beside Drain3's on the same failures.

Usage: python -m benchmarks.grouping FAILURES.jsonl [--pools 120] [--bugs 6] [--seed 7]

FAILURES.jsonl comes from labelled_failures.py. Each pool is the failures of a few faults of one package;
means over all pools are printed. Drain3 is measured where it is installed.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.peers import beside
from flywheel.learn.clustering import cluster_of
from flywheel.learn.failure_text import read_failure
from flywheel.learn.message_templates import message_template
from flywheel.learn.patterns import pattern_of_each
from flywheel.records.execution import Execution

Grouper = Callable[[Sequence[Execution]], list[str]]

NO_FILE = """Skipped: it needs a file of labelled failures. Make one, which takes some minutes, and name it:
  pip install toolz simplejson jsonschema pyflakes
  python -m benchmarks.labelled_failures failures.jsonl --faults 24 --seed 7
  python -m benchmarks.grouping failures.jsonl"""


def main() -> None:
    """One row per method: ARI, homogeneity, completeness, V, pair F1, groups per fault, ms a failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("failures", type=Path, nargs="?")
    parser.add_argument("--pools", type=int, default=120)
    parser.add_argument("--bugs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    if asked.failures is None:
        print(NO_FILE)
        return
    print(beside("drain3"))
    lines = [json.loads(line) for line in asked.failures.read_text(encoding="utf-8").splitlines()]
    pools = make_pools(lines, asked.pools, asked.bugs, random.Random(asked.seed))
    faults = len({line["fault"] for line in lines})
    print(f"{len(lines)} failures of {faults} faults; {len(pools)} pools of {asked.bugs} faults")
    print(f"{'method':34} {'ARI':>6} {'homog':>6} {'compl':>6} {'V':>6} {'F1':>6} {'per':>5} {'ms':>6}")
    for name, group in methods().items():
        started = time.process_time()
        found = [(group(executions), labels) for executions, labels in pools]
        spent = 1000 * (time.process_time() - started) / sum(len(labels) for _, labels in found)
        rows = [scores(groups, labels) for groups, labels in found]
        means = [sum(row[i] for row in rows) / len(rows) for i in range(6)]
        print(f"{name:34} " + " ".join(f"{m:6.3f}" for m in means[:5]) + f" {means[5]:5.1f} {spent:6.2f}")


def make_pools(
    lines: Sequence[dict[str, str]], count: int, bugs: int, rng: random.Random
) -> list[tuple[list[Execution], list[str]]]:
    """Failures of a few faults of one package, in a random order."""
    by_package: dict[str, dict[str, list[dict[str, str]]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        by_package[line["package"]][line["fault"]].append(line)
    packages = sorted(p for p in by_package if len(by_package[p]) >= bugs)
    pools = []
    for number in range(count):
        faults = by_package[packages[number % len(packages)]]
        pool = [line for fault in rng.sample(sorted(faults), bugs) for line in faults[fault]]
        rng.shuffle(pool)
        pools.append(([execution(i, line) for i, line in enumerate(pool)], [line["fault"] for line in pool]))
    return pools


def execution(number: int, line: dict[str, str]) -> Execution:
    """The failure as it would be captured."""
    kind = read_failure(line["message"]).error_type
    return Execution(
        execution_id=f"e{number}",
        case_id=line["test"],
        outcome="failed" if kind in (None, "AssertionError", "Failed") else "error",
        error_type=kind,
        error_message=line["message"],
    )


def methods() -> dict[str, Grouper]:
    """Every way of grouping, by name."""
    found: dict[str, Grouper] = {
        "exception type": lambda pool: [e.error_type or "" for e in pool],
        "raw headline": lambda pool: [headline(e) for e in pool],
        "type + masked headline": lambda pool: [
            f"{e.error_type}|{message_template(headline(e))}" for e in pool
        ],
        "ours, exact groups": lambda pool: [cluster_of(e).key for e in pool],
        "ours, failure patterns": lambda pool: list(pattern_of_each(pool)),
    }
    try:
        from drain3 import TemplateMiner
        from drain3.template_miner_config import TemplateMinerConfig
    except ImportError:
        return found

    def drain(text: Callable[[Execution], str]) -> Grouper:
        def group(pool: Sequence[Execution]) -> list[str]:
            miner = TemplateMiner(config=TemplateMinerConfig())
            return [str(miner.add_log_message(text(e))["cluster_id"]) for e in pool]

        return group

    found["drain3 default, headline"] = drain(headline)
    found["drain3 default, whole message"] = drain(lambda e: " ".join((e.error_message or "").split()))
    return found


def headline(failure: Execution) -> str:
    """The line that says what happened."""
    return read_failure(failure.error_message or "").headline


def scores(groups: Sequence[str], labels: Sequence[str]) -> tuple[float, ...]:
    """ARI, homogeneity, completeness, V, F1 over pairs, groups per label."""
    n = len(labels)
    cells, rows, columns = Counter(zip(groups, labels, strict=True)), Counter(groups), Counter(labels)

    def pairs(counts: Counter[str] | Counter[tuple[str, str]]) -> int:
        return sum(c * (c - 1) // 2 for c in counts.values())

    def entropy(counts: Counter[str]) -> float:
        return -sum(c / n * math.log(c / n) for c in counts.values())

    both, ours, true, all_pairs = pairs(cells), pairs(rows), pairs(columns), max(1, n * (n - 1) // 2)
    chance = ours * true / all_pairs
    top = (ours + true) / 2 - chance
    ari = (both - chance) / top if top else 1.0
    joint = -sum(c / n * math.log(c / n) for c in cells.values())
    shared = entropy(rows) + entropy(columns) - joint
    homogeneity = shared / entropy(columns) if entropy(columns) else 1.0
    completeness = shared / entropy(rows) if entropy(rows) else 1.0
    v = 2 * homogeneity * completeness / (homogeneity + completeness) if homogeneity + completeness else 0.0
    f1 = 2 * both / (ours + true) if ours + true else 1.0
    return ari, homogeneity, completeness, v, f1, len(rows) / len(columns)


if __name__ == "__main__":
    main()
