"""How long trust in a thousand agents takes, beside one pass over their outcomes.

`python -m benchmarks.trust [OUTCOMES] [AGENTS]`
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from flywheel.learn.trust import TrustScorer
from flywheel.records.columns import Scope
from flywheel.records.trust import TrustSettings
from flywheel.stats.hierarchy import Stream, agent_beliefs, predicted_success
from flywheel.store.open import SqlStore, open_store
from flywheel.store.recommendation_rows import OUTCOME

CONTEXTS = 10
BATCH = 50_000
COLUMNS = ("confidence", "status", "overall", "created_us", "evaluated_us", "recommendation_id", "agent")


def main() -> None:
    """Print a table."""
    outcomes = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    agents = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000
    stream = made(outcomes, agents)
    print(f"{outcomes:,} outcomes of {agents:,} agents in {CONTEXTS} contexts")
    bare = timed("numpy: two bincounts over agent x context", lambda: counted(stream))
    timed("agent_beliefs: 36 settings of the grid", lambda: agent_beliefs(stream), bare)
    timed("predicted_success: every outcome before it is known", lambda: predicted_success(stream), bare)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(str(Path(folder) / "trust.db"))
        fill(store, stream)
        fetch = timed("the driver: rows of the outcomes", lambda: fetched(store))
        columns = store.recommendations.columns("default")
        executions = store.executions.agent_columns(Scope())
        timed("the columns", lambda: store.recommendations.columns("default"), fetch)
        scorer = TrustScorer(TrustSettings(judge_limit=1e9))
        now = datetime.now(UTC)
        timed("the report from columns", lambda: scorer.scores(columns, executions, now), fetch)
        store.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:,.0f} MiB")


def made(outcomes: int, agents: int) -> Stream:
    """Outcomes of agents that differ in skill, in contexts that differ in difficulty."""
    rng = np.random.default_rng(1)
    agent, context = rng.integers(agents, size=outcomes), rng.integers(CONTEXTS, size=outcomes)
    odds = rng.normal(1.0, 1.0, agents)[agent] + rng.normal(0.0, 0.5, CONTEXTS)[context]
    passed = rng.random(outcomes) < 1.0 / (1.0 + np.exp(-odds))
    return Stream.of(passed.astype(float), agent, context)


def counted(stream: Stream) -> np.ndarray:
    """Rates of all cells: the least that any score has to do."""
    cell = stream.agent * CONTEXTS + stream.context
    return np.bincount(cell, stream.success) / np.maximum(np.bincount(cell), 1)


def fill(store: SqlStore, stream: Stream) -> None:
    """Outcomes as a cleanup leaves them, without their recommendations."""
    insert = sa.insert(OUTCOME)
    for start in range(0, len(stream), BATCH):
        part = slice(start, start + BATCH)
        columns = zip(
            stream.agent[part].tolist(),
            stream.context[part].tolist(),
            stream.success[part].tolist(),
            strict=True,
        )
        rows = [
            {
                "workspace": "default",
                "recommendation_id": f"r{start + number}",
                "agent": f"agent-{agent}",
                "type": f"type-{context}",
                "created_us": (start + number) * 1_000_000,
                "evaluated_us": (start + number) * 1_000_000,
                "judged_by": f"judge-{number % 50}",
                "status": "approved" if success else "rejected",
                "content_hash": b"",
            }
            for number, (agent, context, success) in enumerate(columns)
        ]
        with store.database.write() as connection:
            connection.execute(insert, rows)


def fetched(store: SqlStore) -> int:
    """Rows of the driver, of which nothing is made."""
    names = ", ".join((*COLUMNS, "type", "workflow", "correlation_id", "judged_by"))
    query = (
        f"SELECT {names} FROM recommendation_outcome WHERE workspace = 'default' ORDER BY evaluated_us, seq"
    )
    with store.database.read() as connection:
        cursor = connection.exec_driver_sql(query).cursor
        return sum(len(chunk) for chunk in iter(lambda: cursor.fetchmany(1_000), []))


def timed(what: str, work: Callable[[], object], bare: float | None = None) -> float:
    """Run once to warm up where it is quick, then measure; print wall, CPU, ratio of CPU to bare."""
    wall, spent = time.perf_counter(), time.process_time()
    work()
    wall, spent = time.perf_counter() - wall, time.process_time() - spent
    ratio = "" if bare is None else f"  {spent / bare:6.1f} x"
    print(f"{what:<55} {wall:8.3f} s wall {spent:8.3f} s CPU{ratio}")
    return spent


if __name__ == "__main__":
    main()
