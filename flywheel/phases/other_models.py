"""Winners put to the models beside the one that decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.counting import count_of, were
from flywheel.learn.evidence import Arms, column
from flywheel.learn.other_models import (
    OnModels,
    across_models,
    decided_gain,
    futile,
    gain_on_model,
    not_run,
)
from flywheel.learn.planning import CallCost, Forecast, affordable_cases
from flywheel.learn.rulings import Judgement
from flywheel.learn.spending import calls_each, taken_by
from flywheel.learn.tables import quality, score_table_of, spent
from flywheel.phases.arms import BATCH, UNMEASURED, LiveArms, Setup, interleaved, usual_error
from flywheel.phases.before import call_cost
from flywheel.phases.ceilings import all_tokens, bounded, budget_words, cost_of, left_of, untold_price
from flywheel.records.case import Case
from flywheel.records.columns import ScoreTable
from flywheel.records.execution import Execution
from flywheel.records.model_gain import ModelGain, ModelStanding

FIRST_BATCH = 8
"""Cases after which it is known what a call costs on a model, where it was not known before."""


@dataclass(frozen=True, slots=True)
class Winner:
    """A candidate that goes on to the other models.

    Attributes:
        judgement: on the model that decides.
        table: its cases there, both arms.
    """

    judgement: Judgement
    table: ScoreTable


@dataclass(frozen=True, slots=True)
class OtherModels:
    """What the other models gave.

    Attributes:
        found: by candidate.
        executions: those that were run, all arms.
        degraded: models on which nothing could be compared, with the reason.
        unmeasured: models on which a budget left cases unmeasured.
        because: how many winners were not put to them, or an empty text.
    """

    found: Mapping[str, OnModels]
    executions: tuple[Execution, ...] = ()
    degraded: tuple[str, ...] = ()
    unmeasured: tuple[str, ...] = ()
    because: str = ""


@dataclass(slots=True)
class _OneModel:
    """One model while its cases run.

    Attributes:
        stopped: why it ended early, or an empty text.
        short: what a budget leaves unmeasured while a winner still runs, or an empty text.
    """

    arms: LiveArms
    winners: tuple[str, ...]
    planned: int
    stopped: str = ""
    short: str = ""
    running: list[str] = field(default_factory=list)


def run_other_models(setup: Setup, winners: Sequence[Winner], before: Sequence[Execution]) -> OtherModels:
    """Run the winners against the control on the gate cases of every other model.

    Control with winners answer the same cases, model by model. A winner stops
    on a model where not worse has become unlikely. What is left of a ceiling
    is shared evenly among the models still to come; a model for which it does
    not reach is not run. Executions kept from a killed process are not repeated.

    Args:
        setup: its proposals are the winners; its request names the models.
        winners: candidates with what they did on the model that decides.
        before: executions of this cycle's experiment so far, which count against the ceilings.

    Returns:
        Gains on all models by candidate, with the executions behind them.
    """
    request = setup.context.request
    ran: list[Execution] = list(before)
    seen: list[_OneModel] = []
    for place, model in enumerate(request.also_models):
        one = _run(setup, model, ran, len(request.also_models) - place)
        ran += one.arms.flat
        seen.append(one)
    found = {w.judgement.candidate: _gains(setup, w, seen, len(winners)) for w in winners}
    missing = {
        gain.model: gain.because
        for gains in found.values()
        for gain in gains.gains
        if gain.standing is ModelStanding.NOT_RUN
    }
    short = tuple(f"on {one.arms.model}: {one.short}" for one in seen if one.short and one.running)
    return OtherModels(found, tuple(ran[len(before) :]), tuple(missing.values()), short)


def none_run(reason: str, models: Sequence[str], winners: Sequence[Winner], first: str) -> OtherModels:
    """The same when nothing can be run: every other model is unknown, with one reason."""
    gains = tuple(not_run(model, reason) for model in models)
    found = {
        w.judgement.candidate: OnModels((decided_gain(first, w.judgement.evidence), *gains)) for w in winners
    }
    return OtherModels(found, (), tuple(gain.because for gain in gains))


def _run(setup: Setup, model: str, before: Sequence[Execution], models_left: int) -> _OneModel:
    """Both arms of every winner on one model, batch by batch within its share of the ceilings."""
    request, cases = setup.context.request, interleaved(setup.cases)
    names = tuple(p.version for p in setup.proposals)
    known = call_cost(setup.context, setup.store, model)
    whole = CallCost(all_tokens(known), None, known.usd)
    share = _part(left_of(request, before, None, calls_each(setup.suite.scorer)), models_left)
    planned = _fit(share, whole, len(names), len(cases))
    one = _OneModel(LiveArms(setup, model), names, planned, running=list(names))
    budget = f"the budget of {budget_words(request)}"
    if planned < len(cases):
        one.short = f"{budget} pays for {planned} of {len(cases)} cases"
    if planned < min(setup.rules.min_pairs, len(cases)):
        one.stopped = f"{budget} leaves {count_of(planned, 'case')}"
        return one
    done = 0
    while done < planned and one.running and not one.stopped:
        each = cost_of(one.arms.flat, whole)
        size = BATCH if _priced(share, each) else FIRST_BATCH
        left = _minus(share, one.arms.flat)
        batch = cases[done : min(planned, done + size)]
        batch = batch[: _fit(left, each, len(one.running), len(batch))]
        if not batch:
            one.stopped = one.short = f"{budget} ended it after {done} of {len(cases)} cases"
            break
        done += len(batch)
        setup.progress(
            f"{model}: cases {done + 1 - len(batch)}-{done} of {planned}, {1 + len(one.running)} arms"
        )
        _ask(setup, one, batch)
    return one


def _ask(setup: Setup, one: _OneModel, batch: Sequence[Case]) -> None:
    """One batch, after which a model may be stopped, or a winner."""
    one.arms.run([one.arms.control, *one.running], batch)
    ran = one.arms.flat
    if all(e.outcome in UNMEASURED for e in ran):
        asked = len({e.case_id for e in ran})
        one.stopped = (
            f"{count_of(asked, 'case')} {were(asked)} asked and none was answered ({usual_error(ran)})"
        )
        return
    one.stopped = untold_price(setup.context.request, ran)
    if one.stopped:
        one.short = one.stopped
    else:
        one.running = [n for n in one.running if not _futile(setup, one, n)]


def _gains(setup: Setup, winner: Winner, seen: Sequence[_OneModel], winners: int) -> OnModels:
    name, control = winner.judgement.candidate, setup.context.control or ""
    first = setup.context.request.model or ""
    gains = [decided_gain(first, winner.judgement.evidence)]
    columns = [_differences(setup, winner.table, control, name)]
    for one in seen:
        table = _answered(one, name)
        gains.append(_gain(setup, one, table, name, winners))
        if gains[-1].pairs:
            columns.append(_differences(setup, table, control, name))
    if len(columns) < 2:
        return OnModels(tuple(gains))
    return OnModels(tuple(gains), across_models(np.column_stack(columns), setup.rules.coverage))


def _gain(setup: Setup, one: _OneModel, table: ScoreTable, name: str, winners: int) -> ModelGain:
    model, executions = one.arms.model or "", one.arms.executions
    arms = Arms(one.arms.control, name, "live")
    found = gain_on_model(table, arms, model, setup.rules, winners)
    failed = [e for v in (one.arms.control, name) for e in executions[v] if e.outcome in UNMEASURED]
    if found.pairs < setup.rules.min_pairs and (one.stopped or failed):
        reason = one.stopped or f"{count_of(len(failed), 'call')} gave no answer ({usual_error(failed)})"
        return not_run(model, reason).model_copy(update=_spent(executions[name]))
    if one.stopped and found.standing is ModelStanding.NOT_SHOWN:
        found = found.model_copy(update={"because": f"{found.because} {_sentence(one.stopped)}"})
    return found.model_copy(update=_spent(executions[name]))


def _answered(one: _OneModel, name: str) -> ScoreTable:
    """Scores of control with candidate, without the cases that neither was given an answer to.

    Two errors on one case say nothing of either version, and must not pass for a tie.
    """
    control, candidate = (one.arms.executions[v] for v in (one.arms.control, name))
    lost = {e.case_id for e in control if e.outcome in UNMEASURED}
    lost &= {e.case_id for e in candidate if e.outcome in UNMEASURED}
    arms = {one.arms.control: control, name: candidate}
    return score_table_of({v: [e for e in ran if e.case_id not in lost] for v, ran in arms.items()})


def _differences(setup: Setup, table: ScoreTable, control: str, name: str) -> NDArray[np.float64]:
    """Candidate minus control in the order of the gate cases; NaN where a case is not in the table."""
    found = dict(zip(table.cases, column(table, name) - column(table, control), strict=True))
    return np.array([found.get(case.case_id, np.nan) for case in setup.cases], dtype=np.float64)


def _futile(setup: Setup, one: _OneModel, name: str) -> bool:
    control = {e.case_id: e for e in one.arms.executions[one.arms.control]}
    pairs = ((e, control[e.case_id]) for e in one.arms.executions[name] if e.case_id in control)
    scores = [(quality(a), quality(b)) for a, b in pairs if not {a.outcome, b.outcome} <= UNMEASURED]
    known = [a - b for a, b in scores if a is not None and b is not None]
    return futile(np.array(known, dtype=np.float64), one.planned, setup.rules, len(one.winners))


def _part(left: Forecast, models: int) -> Forecast:
    """An even share of what is left."""
    return replace(
        left,
        calls=None if left.calls is None else left.calls // models,
        input_tokens=None if left.input_tokens is None else left.input_tokens // models,
        usd=None if left.usd is None else left.usd / models,
    )


def _minus(share: Forecast, executions: Sequence[Execution]) -> Forecast:
    taken = [taken_by(e) for e in executions]
    tokens = sum(t.tokens or 0 for t in taken)
    return replace(
        share,
        calls=None if share.calls is None else share.calls - len(executions),
        input_tokens=None if share.input_tokens is None else share.input_tokens - tokens,
        usd=None if share.usd is None else share.usd - sum(t.usd or 0.0 for t in taken),
    )


def _fit(left: Forecast, each: CallCost, candidates: int, cases: int) -> int:
    return min(cases, affordable_cases(candidates, left, each)) if bounded(left, each) else cases


def _priced(share: Forecast, each: CallCost) -> bool:
    """Whether it is known what a call takes of every ceiling."""
    return (share.input_tokens is None or each.input_tokens is not None) and (
        share.usd is None or each.usd is not None
    )


def _spent(executions: Sequence[Execution]) -> dict[str, object]:
    used = spent(executions)
    return {"calls": used["calls"], "cost_usd": used["cost_usd"]}


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
