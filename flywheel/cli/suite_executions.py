"""Suites made of stored executions, each of which becomes a case."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from flywheel.cli.doors import Document, Door
from flywheel.cli.names import known_prompt
from flywheel.learn.counting import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.records.case import Suite


def add_from_executions(
    door: Door, suite: Suite, *, failures: bool, prompt: str | None, window_days: float | None
) -> None:
    """Keep the cases of stored executions as a suite, or add them to one; say which made none and why.

    Args:
        door: of the command.
        suite: as it is, or as it will be made.
        failures: only failed executions and errors.
        prompt: only executions of this prompt.
        window_days: only the last so many days.
    """
    from flywheel.cli.report import since
    from flywheel.learn.regression_cases import case_from_execution, cases_to_keep
    from flywheel.records.columns import NOT_NEW, Scope
    from flywheel.store.case_sources import newest_per_case, no_cases

    store = door.own_store
    if prompt is not None:
        known_prompt(store, door.workspace, prompt)
    scope = Scope(
        workspace=door.workspace,
        prompt=prompt,
        since=since(window_days),
        exclude_sources=NOT_NEW,
    )
    runs = newest_per_case(store.executions.database, scope, failures=failures)
    missing = no_cases(store.executions.database, scope, failures=failures)
    made = [case for run in runs if (case := case_from_execution(run, suite)) is not None]
    fresh, stayed = cases_to_keep(made, store.cases.cases(door.workspace, suite.suite))
    counts = store.cases.add(suite, fresh)
    roles = Counter(case.role.value for case in made)
    document: Document = {
        "suite": suite.suite,
        "cases": len(made),
        "stored": counts.stored,
        "replaced": counts.replaced,
        "unchanged": counts.unchanged + stayed,
        "options": len(suite.options),
        "roles": dict(sorted(roles.items())),
        "no_case": [asdict(one) for one in missing],
    }

    def draw(console: Console) -> None:
        console.print(
            f"{count_of(len(made), 'case')} from executions in {suite.suite!r}: {counts.stored:,} stored, "
            f"{counts.replaced:,} replaced, {counts.unchanged + stayed:,} unchanged."
        )
        said = ", ".join(f"{count:,} {role}" for role, count in sorted(roles.items()))
        console.print(f"roles by hash of the inputs: {said or 'none'}", style="dim")
        for one in missing:
            console.print(
                f"no case: {count_of(one.executions, 'execution')}, {one.reason}, such as {one.example!r}"
            )

    door.answer(document, draw)
