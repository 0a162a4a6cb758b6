"""`flywheel suite`: named sets of cases with their scorer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, open_door
from flywheel.cli.drawing import make_table, one_line, say_nothing_there
from flywheel.cli.names import nearest
from flywheel.cli.options import JsonOption, PromptOption, StoreOption, WorkspaceOption, examples
from flywheel.errors import InputError, UnknownName
from flywheel.learn.counting import count_of
from flywheel.records.base import MOST_DAYS

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.records.case import Case

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Suites: named sets of cases.")

SuiteArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the suite.")]


class ScorerName(StrEnum):
    """How an answer is held against its expectation."""

    EXACT = "exact"
    NORMALISED = "normalised"
    CONTAINS = "contains"
    NUMERIC = "numeric"
    REGEX = "regex"
    JSON_SCHEMA = "json_schema"
    SET = "set"
    LIST = "list"
    CODE = "code"
    JUDGE = "judge"


@app.command(
    "add",
    epilog=examples(
        "flywheel suite add triage cases.jsonl --options options.json",
        "flywheel suite add regressions --from-executions --failures --prompt triage",
        "flywheel suite add sums cases.jsonl --scorer numeric --set relative=0.01",
    ),
)
def add(
    *,
    name: SuiteArgument,
    file: Annotated[
        Path | None, typer.Argument(metavar="CASES.jsonl", help="One case a line: inputs, expected, slice.")
    ] = None,
    from_executions: Annotated[
        bool, typer.Option("--from-executions", help="Cases from stored executions instead of a file.")
    ] = False,
    failures: Annotated[
        bool, typer.Option("--failures", help="With --from-executions: only failed ones and errors.")
    ] = False,
    prompt: PromptOption = None,
    window_days: Annotated[
        float | None,
        typer.Option("--window-days", min=0.001, max=MOST_DAYS, metavar="D", help="Only the last D days."),
    ] = None,
    options: Annotated[
        Path | None,
        typer.Option("--options", metavar="FILE", help="Permitted answers with their meaning, as JSON."),
    ] = None,
    scorer: Annotated[
        ScorerName, typer.Option("--scorer", help="How an answer is scored.")
    ] = ScorerName.EXACT,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Parameter of the scorer; @FILE reads it; repeatable."
        ),
    ] = None,
    description: Annotated[
        str, typer.Option("--description", metavar="TEXT", help="What the suite is about.")
    ] = "",
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="SOURCE=FIELD", help="Column of the file for a field; repeatable."),
    ] = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep cases as a suite: those of a file, all or none, or those of stored executions. Safe to repeat."""
    from flywheel.cli.scorer_parameters import checked_scorer, parse_parameters
    from flywheel.cli.suite_executions import add_from_executions
    from flywheel.cli.suite_files import parse_mapping, read_cases, read_options
    from flywheel.records.case import Suite
    from flywheel.records.scorer import Scorer

    door = open_door(store, workspace, as_json)
    _check_source(file, from_executions, others=failures or prompt is not None or window_days is not None)
    suite = Suite(
        suite=name,
        workspace=door.workspace,
        scorer=Scorer(scorer.value),
        parameters=parse_parameters(parameters or []),
        options=read_options(options) if options else (),
        description=description,
    )
    checked_scorer(suite)
    if file is None:
        # A suite that is there keeps its scorer and options unless new ones are given.
        known = door.own_store.cases.suite(door.workspace, name) if options is None else None
        add_from_executions(
            door,
            known or suite,
            failures=failures,
            prompt=prompt,
            window_days=window_days,
        )
        return
    cases = read_cases(file, name, door.workspace, parse_mapping(mapping or []))
    counts = door.own_store.cases.add(suite, cases)
    roles = Counter(case.role.value for case in cases)
    document: Document = {
        "suite": name,
        "cases": len(cases),
        "stored": counts.stored,
        "replaced": counts.replaced,
        "unchanged": counts.unchanged,
        "options": len(suite.options),
        "roles": dict(sorted(roles.items())),
    }

    def draw(console: Console) -> None:
        console.print(
            f"{count_of(len(cases), 'case')} in {name!r}: {counts.stored:,} stored, "
            f"{counts.replaced:,} replaced, {counts.unchanged:,} unchanged."
        )
        said = ", ".join(f"{count:,} {role}" for role, count in sorted(roles.items()))
        console.print(f"roles by hash of the inputs: {said}", style="dim")

    door.answer(document, draw)


@app.command("list", epilog=examples("flywheel suite list"))
def list_suites(
    store: StoreOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """All suites of the workspace."""
    door = open_door(store, workspace, as_json)
    rows = [
        {
            "suite": suite.suite,
            "cases": len(door.store.cases.cases(door.workspace, suite.suite)),
            "scorer": suite.scorer.value,
            "options": len(suite.options),
            "description": suite.description,
        }
        for suite in door.store.cases.suites(door.workspace)
    ]

    def draw(console: Console) -> None:
        if not rows:
            say_nothing_there(console, "No suites yet.", "Add one: flywheel suite add NAME CASES.jsonl")
            return
        table = make_table(
            None, ("suite", "cases", "scorer", "options", "description"), right=("cases", "options")
        )
        for row in rows:
            table.add_row(*(str(value) for value in row.values()))
        console.print(table)

    door.answer({"workspace": door.workspace, "suites": rows}, draw)


@app.command("show", epilog=examples("flywheel suite show triage", "flywheel suite show triage --limit 50"))
def show(
    *,
    name: SuiteArgument,
    limit: Annotated[int, typer.Option("--limit", min=0, metavar="N", help="Cases to show.")] = 10,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """One suite: its scorer, its slices with roles, the first cases."""
    door = open_door(store, workspace, as_json)
    suite = door.store.cases.suite(door.workspace, name)
    if suite is None:
        names = [s.suite for s in door.store.cases.suites(door.workspace)]
        raise UnknownName(
            f"No suite {name!r} in workspace {door.workspace!r}. {nearest(name, names)} "
            f"Add it with: flywheel suite add {name} CASES.jsonl"
        )
    cases = door.store.cases.cases(door.workspace, name)
    slices = Counter(case.slice for case in cases)
    roles = Counter(case.role.value for case in cases)
    document: Document = {
        **suite.model_dump(mode="json"),
        "roles": dict(sorted(roles.items())),
        "slices": {key or "": count for key, count in slices.most_common()},
        "case_count": len(cases),
        "cases": [{**c.model_dump(mode="json"), "role": c.role.value} for c in cases[:limit]],
    }

    def draw(console: Console) -> None:
        said = ", ".join(f"{count:,} {role}" for role, count in sorted(roles.items()))
        console.print(
            f"{name}: {count_of(len(cases), 'case')} ({said}), scorer {suite.scorer.value}"
            f"{_parameters(suite.parameters)}, {count_of(len(suite.options), 'option')}"
        )
        table = make_table(None, ("case", "role", "inputs", "expected", "from"))
        for case in cases[:limit]:
            parts = (case.case_id, case.role.value, _said(case.inputs), _said(case.expected), _from(case))
            table.add_row(*map(one_line, parts))
        console.print(table)

    door.answer(document, draw)


def _check_source(file: Path | None, from_executions: bool, *, others: bool) -> None:
    """Either a file or stored executions."""
    if (file is None) != from_executions:
        raise InputError(
            "A suite needs either a file of cases or --from-executions"
            f"{', not both' if from_executions else ''}. Nothing was stored. See: flywheel suite add --help"
        )
    if others and not from_executions:
        raise InputError(
            "--failures, --prompt and --window-days choose among stored executions, and a file was given. "
            "Nothing was stored. Use them with --from-executions."
        )


def _from(case: Case) -> str:
    """The outcome and execution a case was made from, with its session and day."""
    from flywheel.learn.regression_cases import provenance_of

    facts = provenance_of(case)
    if facts is None:
        return ""
    what = facts.get("outcome"), facts.get("execution_id")
    parts = (*(what if any(what) else (facts.get("probe"), facts.get("kind"))), facts.get("session_id"))
    day = str(facts.get("started_at") or "")[:10]
    return " ".join(str(part) for part in (*parts, day) if part)


def _parameters(parameters: Mapping[str, object]) -> str:
    said = ", ".join(f"{key}={one_line(_said(value))}" for key, value in parameters.items())
    return f" ({said})" if said else ""


def _said(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
