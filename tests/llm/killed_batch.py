"""Runs a batch on a remote model, until it is done or killed: python killed_batch.py STORE BASE_URL CASES."""

from __future__ import annotations

import sys

from flywheel.llm.gateway import Gateway, Keeping
from flywheel.llm.providers import merged
from flywheel.llm.runner import Runner
from flywheel.ports import RunPlan
from flywheel.records.case import Case, Suite
from flywheel.store.open import open_store


def run(address: str, base_url: str, number: int) -> int:
    """Put the cases through; gives how many passed."""
    store = open_store(address)
    tables = {"providers": {"main": {"base_url": base_url, "concurrency": 4}}}
    plan = RunPlan("w", "p", "v", "{q}", Suite(suite="s"), "main/m", "s1")
    said = [f"question {n}" for n in range(number)]
    cases = [Case(case_id=text, suite="s", inputs={"q": text}, expected="dob") for text in said]
    with Gateway(merged(tables, "killed"), {}, Keeping(store.model_calls, store.responses)) as gateway:
        executions = Runner(gateway.model, concurrency=4).run(plan, cases)
    store.close()
    return sum(execution.outcome == "passed" for execution in executions)


if __name__ == "__main__":
    print(run(sys.argv[1], sys.argv[2], int(sys.argv[3])))
