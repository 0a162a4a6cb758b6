"""`flywheel plan`: what an experiment could show, at what price, before anything is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.drawing import UNKNOWN, make_table, percent, styled
from flywheel.cli.names import each_model_once, known_prompt
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples
from flywheel.cli.strategies import StrategyOption, asked_strategy
from flywheel.errors import InputError, UnknownName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from flywheel.phases.before import Expectation
    from flywheel.records.cycle import CycleContext

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "flywheel plan --prompt triage --suite triage --gain 0.05",
        "flywheel plan --prompt triage --suite triage --model openai:gpt-4o-mini --noise-floor",
    )
)
def plan(
    *,
    prompt: Annotated[str, typer.Option("--prompt", metavar="NAME", help="Prompt to improve.")],
    suite: Annotated[str, typer.Option("--suite", metavar="S", help="Suite whose gate cases decide.")],
    gain: Annotated[
        float,
        typer.Option("--gain", min=0.001, max=1, help="Smallest gain worth a release; 0.05 is 5 points."),
    ] = 0.05,
    candidates: Annotated[int, typer.Option("--candidates", min=1, max=32, help="Versions to test.")] = 8,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="M", help="Model that answers; repeatable, the first decides."),
    ] = None,
    noise_floor: Annotated[
        bool,
        typer.Option(
            "--noise-floor", help="Run the live version twice on the gate cases (A/A); needs --model."
        ),
    ] = False,
    strategy: StrategyOption = "balanced",
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Headroom, power, noise and cost of an experiment; "do not optimize" is a possible answer.

    Exit code 1 when the answer is: not worth it.
    """
    from flywheel.cycle import SystemClock, Wiring, new_context
    from flywheel.phases.before import Question, expectation, forecast_others
    from flywheel.phases.screening import screened_below
    from flywheel.records.cycle import FeedbackLoopInput

    door = open_door(store, workspace, as_json)
    chosen = asked_strategy(strategy)
    known_prompt(door.store, door.workspace, prompt)
    if door.store.cases.suite(door.workspace, suite) is None:
        raise UnknownName(f"No suite {suite!r} in workspace {door.workspace!r}. See: flywheel suite list")
    if noise_floor and not model:
        raise InputError("--noise-floor runs the live version and needs --model. Nothing was run.")
    models = each_model_once(model or [])
    request = FeedbackLoopInput(
        prompt=prompt,
        workspace=door.workspace,
        suite=suite,
        model=models[0] if models else None,
        also_models=models[1:],
        time_window_days=None,
        **chosen,
    )
    clock = SystemClock()
    context = new_context(request, Wiring(door.store, clock=clock), clock.now())
    gate = door.store.cases.gate(door.workspace, suite)
    runs = _again(door, context) if noise_floor else None
    look = expectation(context, Question(candidates, gain, runs=runs), gate, door.store)
    others = forecast_others(context, len(gate.cases), door.store)
    document = {
        **_document(look, len(gate.cases), gain, candidates),
        "screened_below": screened_below(context, candidates, len(gate.cases)),
        "other_models": [
            {"model": name, "calls": each.calls, "input_tokens": each.input_tokens, "usd": each.usd}
            for name, each in others
        ],
    }
    door.answer(document, lambda console: _draw(console, document))
    if not look.worthwhile:
        raise typer.Exit(1)


def _again(door: Door, context: CycleContext) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores of two runs of the live version on the gate cases."""
    from flywheel.cli.model_runs import runner_at
    from flywheel.phases.noise import run_twice

    request = context.request
    suite = door.store.cases.suite(request.workspace, request.suite or "")
    if suite is None or context.control is None:
        raise InputError(f"No version of {request.prompt!r} is live, so there is nothing to run twice.")
    gate = door.store.cases.gate(request.workspace, suite.suite)
    with runner_at(door, request) as runner:
        if runner is None:
            raise InputError("--noise-floor runs cases and needs --model. Nothing was run.")
        return run_twice(
            context, suite, gate, door.store, runner, lambda text: door.err.print(text, style="dim")
        )


def _document(look: Expectation, cases: int, gain: float, candidates: int) -> Document:
    figures, forecast = look.outlook, look.outlook.forecast
    power = figures.plan
    return {
        "worthwhile": look.worthwhile,
        "because": look.because,
        "gate_cases": cases,
        "candidates": candidates,
        "gain": gain,
        "live": figures.live.estimate,
        "low": figures.live.low,
        "high": figures.live.high,
        "headroom": figures.headroom,
        "noise_floor": figures.noise_floor,
        "power": power.power if power else None,
        "cases_needed": power.n_needed if power else None,
        "detectable_gain": power.detectable_gain if power else None,
        "calls": forecast.calls,
        "input_tokens": forecast.input_tokens,
        "output_tokens": forecast.output_tokens,
        "usd": forecast.usd,
        "gate_looks": look.wear.looks,
        "gate_worn": look.wear.worn,
    }


def _draw(console: Console, document: Document) -> None:
    verdict = "worth an experiment" if document["worthwhile"] else "do not optimize now"
    console.print(verdict.upper(), style="bold")
    console.print(styled("{}", document["because"]))
    table = make_table(None, ("", "value"), right=("value",))
    for name, value in (
        ("gate cases", _number(document["gate_cases"])),
        ("live version passes", percent(document["live"])),
        ("most that can be gained", percent(document["headroom"])),
        ("two runs of one version differ by up to", percent(document["noise_floor"])),
        ("chance to find the gain asked for", percent(document["power"], 0)),
        ("cases to find it in 80 %", _number(document["cases_needed"])),
        ("calls, at most", _number(document["calls"])),
        ("input tokens, at most", _number(document["input_tokens"])),
        ("USD, at most", UNKNOWN if document["usd"] is None else f"{document['usd']:.2f}"),
        *(
            (f"calls of a winner on {other['model']}, at most", _number(other["calls"]))
            for other in document["other_models"]
        ),
        *(
            [("candidates are screened first with fewer calls than", _number(document["screened_below"]))]
            if document["screened_below"]
            else []
        ),
        ("earlier looks at these gate cases", _number(document["gate_looks"])),
    ):
        table.add_row(name, value)
    console.print(table)


def _number(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"
