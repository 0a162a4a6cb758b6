"""Speed of the gate, of one update of a sequential test, of one belief."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.peers import beside
from flywheel.stats import RegressionMonitor, SequentialGate, SequentialMcNemar, max_t_gate, mixture_e_value
from flywheel.stats.beta import Beta, prob_better


def run() -> list[dict[str, object]]:
    """Time each operation, best of several; seconds on this machine.

    Returns:
        One row per operation: what, size, seconds of one call.
    """
    rng = np.random.default_rng(0)
    differences = rng.integers(-1, 2, size=(2000, 8)).astype(np.float64)
    rows = [
        _row("joint gate, 10,000 sign flips", "2,000 cases x 8", lambda: max_t_gate(differences), 5),
        _row("mixture e-value, scores", "2,000 cases", lambda: mixture_e_value(differences[:, 0] / 3), 20),
        _row("chance to be better", "two beliefs", lambda: prob_better(Beta(80, 20), Beta(70, 30)), 50),
    ]
    monitor = RegressionMonitor().extend(rng.choice([-1.0, 0.0, 1.0], 100))
    rows.append(_row("regression monitor, one pair", "1 pair", lambda: monitor.update(-1.0), 2000))
    rows.append(_sequential())
    rows.append(_gate_look())
    return rows


def table(rows: list[dict[str, object]]) -> str:
    """The rows as a Markdown table."""
    lines = ["| operation | size | one call |", "|---|---|---|"]
    lines += [f"| {row['what']} | {row['size']} | {_readable(float(str(row['seconds'])))} |" for row in rows]
    return "\n".join(lines)


def _sequential() -> dict[str, object]:
    """One discordant pair with a look, in the middle of a test planned for 300 pairs at 15 % discordance."""

    def whole() -> None:
        test = SequentialMcNemar(n_max=300)
        for i in range(300):
            test.add(int(i % 7 == 0), 0, int(i % 7 != 0))
            test.look()

    return _row("exact sequential test, one pair with its look", "300 pairs", whole, 5, calls=300)


def _gate_look() -> dict[str, object]:
    batch = np.random.default_rng(1).choice([-1.0, 0.0, 1.0], size=(10, 8))

    def whole() -> None:
        gate = SequentialGate(arms=8, n_max=300, flips=4000)
        for _ in range(30):
            gate.add(batch)
            gate.look()

    what = "sequential gate, ten cases with a look"
    return _row(what, "300 cases x 8, 4,000 paths", whole, 3, calls=30)


def _row(what: str, size: str, call: Callable[[], object], repeats: int, calls: int = 1) -> dict[str, object]:
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - started)
    return {"what": what, "size": size, "seconds": best / calls}


def _readable(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def main() -> None:
    """Print the table."""
    print(beside())
    print(table(run()))


if __name__ == "__main__":
    main()
