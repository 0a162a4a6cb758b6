"""A candidate on every model asked, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flywheel.cli.drawing import UNKNOWN, chance, interval, make_table, percent, points
from flywheel.records.model_gain import AcrossModels, ModelGain, ModelStanding

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("model", "before", "after", "points", "interval", "cases", "verdict")

WORDS = {
    ModelStanding.DECIDED: "decides",
    ModelStanding.NOT_WORSE: "not worse",
    ModelStanding.GUARDRAIL: "guardrail",
    ModelStanding.WORSE: "worse",
    ModelStanding.NOT_SHOWN: "not shown",
    ModelStanding.NOT_RUN: "not run",
    ModelStanding.MEASURED: "measured",
}

COLOURS = {
    ModelStanding.DECIDED: "bold",
    ModelStanding.NOT_WORSE: "green",
    ModelStanding.GUARDRAIL: "cyan",
    ModelStanding.WORSE: "red",
    ModelStanding.NOT_SHOWN: "yellow",
    ModelStanding.NOT_RUN: "yellow",
    ModelStanding.MEASURED: "dim",
}


PLAIN = (ModelStanding.DECIDED, ModelStanding.NOT_WORSE, ModelStanding.MEASURED)
"""Standings whose row says all there is to say."""


def model_rows(gains: Sequence[ModelGain], across: AcrossModels | None) -> list[tuple[str, ...]]:
    """One row per model in the order of COLUMNS, the mean over them last; what does not exist is a dash.

    Examples:
        >>> model_rows([ModelGain(model="m", standing="not_run", because="no key")], None)
        [('m', '-', '-', '-', '-', '0', 'not run')]
    """
    rows: list[tuple[str, ...]] = [
        (
            gain.model,
            percent(gain.before),
            percent(gain.after),
            points(gain.estimate),
            interval(gain.low, gain.high),
            f"{gain.pairs:,}",
            WORDS[gain.standing],
        )
        for gain in gains
    ]
    if across is not None and across.estimate is not None:
        mean = (f"mean over {across.models}", UNKNOWN, UNKNOWN, points(across.estimate))
        rows.append((*mean, interval(across.low, across.high), f"{across.cases:,}", ""))
    return rows


def carries_over(across: AcrossModels | None) -> str:
    """Whether the gain is the same on all models, in one sentence; empty where that is unknown.

    Examples:
        >>> carries_over(AcrossModels(models=3, cases=90, q=9.2, df=2, p_value=0.01, i_squared=0.78))
        'The gain differs between the models: Q = 9.2 on 2, p = 0.010, I2 78 %.'
    """
    if across is None or across.q is None or across.p_value is None:
        return ""
    differ = across.p_value <= DIFFERS
    said = (
        "The gain differs between the models" if differ else "The gain is not shown to differ between models"
    )
    p = chance(across.p_value)
    numbers = f"Q = {across.q:.1f} on {across.df}, p {p if p.startswith('<') else f'= {p}'}"
    spread = "" if across.spread is None else f", true gains spread by {100 * across.spread:.1f} points"
    return f"{said}: {numbers}, I2 {percent(across.i_squared, 0)}{spread}."


DIFFERS = 0.10
"""P up to which a difference is named; Q has little power with few models, so 0.10 is the custom."""


def draw_models(
    console: Console, name: str, gains: Sequence[ModelGain], across: AcrossModels | None = None
) -> None:
    """The table of one candidate with what its models disagree on; nothing where one model was asked.

    Args:
        console: where to.
        name: of the candidate.
        gains: one per model.
        across: their mean.
    """
    from rich.text import Text

    if not gains:
        return
    table = make_table(f"{name} on each model", COLUMNS, right=COLUMNS[1:6])
    colours = [*(COLOURS[gain.standing] for gain in gains), "dim"]
    for row, colour in zip(model_rows(gains, across), colours, strict=False):
        table.add_row(*row[:-1], Text(row[-1], style=colour))
    console.print(table)
    for gain in gains:
        if gain.standing not in PLAIN:
            said = gain.because if gain.standing is ModelStanding.NOT_RUN else f"{gain.model}: {gain.because}"
            console.print(Text(said, style="dim"))
    if told := carries_over(across):
        console.print(Text(told, style="dim"))


def own_prompt_lines(prompt: str, version: str, gains: Sequence[ModelGain]) -> list[str]:
    """What a person can do where a candidate wins on one model and harms another.

    Args:
        prompt: name of the prompt.
        version: the candidate's, as people quote it.
        gains: one per model.

    Examples:
        >>> worse = ModelGain(model="m2", standing="worse", because="")
        >>> own_prompt_lines("triage", "9c5c4e46d720", [worse])[1]
        'flywheel prompt show triage > triage-m2.txt; flywheel prompt add triage-m2 triage-m2.txt --live'
    """
    worse = [g.model for g in gains if g.standing is ModelStanding.WORSE]
    if not worse:
        return []
    own = [_own_name(prompt, model) for model in worse]
    said = (
        f"{version} harms {', '.join(worse)}. To keep its gain for the others, give such a model a prompt of "
        "its own, with today's text, and let the application ask for it by that name:"
    )
    return [
        said,
        *(
            f"flywheel prompt show {prompt} > {name}.txt; flywheel prompt add {name} {name}.txt --live"
            for name in own
        ),
        "Then approve the staged version for the others, and run cycles for each prompt by itself.",
    ]


def _own_name(prompt: str, model: str) -> str:
    return f"{prompt}-{model}".replace(":", "-").replace("/", "-")
