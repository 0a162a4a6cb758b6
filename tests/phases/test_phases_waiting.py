"""Candidates that wait, over several cycles; releases measured on report cases."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from cycle_world import COLOURS, NOW, add_prompt, draw

from flywheel.cycle import Wiring, do_analyze, do_collect, do_generate, do_validate, open_cycle, run_cycle
from flywheel.phases.earlier import earlier
from flywheel.records.case import Case, Role, Suite, role_of
from flywheel.records.cycle import FeedbackLoopInput, Phase
from flywheel.records.execution import Execution, Outcome
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.verdict import Ruling


class Calendar:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.day = 0

    def now(self):
        """Noon of the day."""
        return NOW + timedelta(days=self.day)


def add_week(store, week: int, wins: int, losses: int, total: int = 60) -> None:
    """Executions of both versions on cases of their own, all in one week."""
    runs = []
    for n in range(total):
        passed = {"v1": n >= wins, "v2": n < wins or n >= wins + losses}
        runs += [
            Execution(
                execution_id=f"w{week}-{n}-{version}",
                prompt="colours",
                version=version,
                case_id=f"w{week}-{n}",
                outcome=Outcome.PASSED if ok else Outcome.FAILED,
                started_at=NOW + timedelta(days=20 * week, hours=-1),
                source="jsonl",
            )
            for version, ok in passed.items()
        ]
    store.executions.write(runs)


@pytest.fixture
def weekly(store):
    """A prompt with two versions, and a cycle on any week's executions."""
    add_prompt(store, "colours", "Pick a colour. {question}")
    text = "Pick one colour. {question}"
    store.prompts.add(
        PromptVersion(
            prompt="colours",
            version=content_hash(text),
            text=text,
            labels=("v2",),
            variables=("question",),
            origin="manual",
        )
    )
    clock = Calendar()
    wiring = Wiring(store, None, clock)

    def cycle(week: int, wins: int, losses: int):
        clock.day = 20 * week
        add_week(store, week, wins, losses)
        return run_cycle(FeedbackLoopInput(prompt="colours"), wiring)

    return cycle


def test_evidence_of_several_cycles_ships_what_no_single_one_could(weekly):
    """Three weeks of 10 wins against 3 losses each: staged, staged, then released."""
    first, second, third = (weekly(week, 10, 3) for week in range(3))

    assert len(first.staged) == len(second.staged) == 1
    assert third.improvements_applied == 1
    assert "Over 3 experiments with 180 different cases" in third.because
    assert third.p_value <= 0.05


def test_the_same_cases_count_once(weekly, store):
    """A second look at the same executions adds nothing."""
    weekly(0, 10, 3)
    wiring = Wiring(store, None, Calendar())
    request = FeedbackLoopInput(prompt="colours", seed=5)
    context = open_cycle(request, wiring)
    proposals = do_generate(do_analyze(do_collect(context, wiring), wiring), wiring)

    (verdict,) = do_validate(proposals, wiring).verdicts

    assert verdict.ruling is Ruling.STAGE
    assert (verdict.evidence.fresh_pairs, verdict.evidence.fresh_e_value) == (0, None)


def test_a_candidate_that_turned_worse_is_not_shipped_by_its_past(weekly):
    """However strong the past, a cycle in which the candidate loses ships nothing."""
    weekly(0, 12, 3)
    weekly(1, 10, 3)

    third = weekly(2, 5, 6)

    assert third.improvements_applied == 0
    assert third.live == third.control


def test_past_experiments_teach_what_gains_to_expect(weekly, store):
    """Gains of earlier comparisons move the prior, this cycle's own does not."""
    weekly(0, 10, 3)
    context = open_cycle(FeedbackLoopInput(prompt="colours", seed=9), Wiring(store, None, Calendar()))

    past = earlier(context, store)

    assert past.prior.tests == 1
    assert past.pieces[0].evidence.standard_error > 0


def test_a_release_is_measured_on_report_cases(make_world):
    """Both versions run once on cases that decided nothing, and the gain on them is told."""
    world = make_world()
    cases = world.store.cases.cases("default", "colours", Role.REPORT)
    asked = {case.inputs["question"] for case in cases}

    output = run_cycle(world.request, world.wiring)

    on_report = [text for text in world.calls if text.rsplit("Question: ", 1)[1].split("\n")[0] in asked]
    assert output.report_pairs == len(cases)
    assert len(on_report) == 2 * len(cases)
    assert output.report_low < output.report_gain < output.report_high
    stage = next(s for s in output.workflow_stages if s.phase is Phase.TRACK)
    assert f"On {len(cases)} report cases" in stage.detail


def test_a_budget_stops_the_measurement_on_report_cases(make_world):
    """What would break the ceiling is not run, and the output says so."""
    free = make_world(racing=False)
    output = run_cycle(free.request.model_copy(update={"dry_run": True}), free.wiring)
    tight = free.request.model_copy(update={"budget_calls": output.calls + 1})

    output = run_cycle(tight, free.wiring)

    assert output.improvements_applied == 1
    assert (output.report_pairs, output.report_gain) == (0, None)
    stage = next(s for s in output.workflow_stages if s.phase is Phase.TRACK)
    assert "would break the budget" in stage.detail


def slightly_better(request) -> str:
    """Right on 60 % of the questions; any output format makes it right on a few more."""
    prompt = request.messages[-1].content
    question = prompt.rsplit("Question: ", 1)[1].split("\n")[0]
    right = COLOURS[int(question.split()[-1].rstrip("?")) % 3]
    bonus = 0.02 if "Output format" in prompt else 0.0
    return right if draw(question) < 0.6 + bonus else f"maybe {right}"


def test_a_waiting_candidate_meets_new_gate_cases(make_world):
    """A staged candidate is run again once the suite has gate cases it has not met, and never before."""
    world = make_world(slightly_better, racing=False, significance_level=0.001)
    (staged, *_) = run_cycle(world.request, world.wiring).staged

    assert staged not in proposed(world, seed=8)
    fresh = [
        Case(case_id=f"n{n}", suite="colours", inputs={"question": f"what is thing {n}?"}, expected="red")
        for n in range(600, 750)
    ]
    world.store.cases.add(Suite(suite="colours"), fresh)

    assert sum(role_of(c.inputs) is Role.GATE for c in fresh) >= 30
    assert proposed(world, seed=9)[0] == staged


def test_the_past_is_read_once_a_cycle(make_world):
    """Validate reads what earlier cycles measured; generate does so only where a candidate waits."""
    world = make_world(slightly_better, racing=False, significance_level=0.001)
    read = readings(world.store)

    first = run_cycle(world.request, world.wiring)
    once = len(read)
    proposed(world, seed=8)

    assert first.staged
    assert once == 1
    assert len(read) == 2
    assert "evidence.prompt =" in read[1]


def readings(store) -> list[str]:
    """Statements that read past comparisons from now on."""
    found: list[str] = []

    def look(_connection, _cursor, statement, _parameters, _context, _many):
        if "evidence.record_json, cycle.context_json" in statement:
            found.append(statement)

    sa.event.listen(store.database.engine, "before_cursor_execute", look)
    return found


def proposed(world, seed: int) -> list[str]:
    """Versions that another cycle would put to a test."""
    context = open_cycle(world.request.model_copy(update={"seed": seed}), world.wiring)
    proposals = do_generate(do_analyze(do_collect(context, world.wiring), world.wiring), world.wiring)
    return [p.version for p in proposals.proposals]
