"""Every refinement strategy earns its place: in some world it wins through the real cycle."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from cycle_world import FixedClock

from flywheel.cycle import Wiring, run_cycle
from flywheel.demo import application
from flywheel.learn.templates import variables
from flywheel.llm.registry import chat_model
from flywheel.llm.runner import Runner
from flywheel.ports import RunPlan
from flywheel.records.case import AnswerOption, Case, Suite
from flywheel.records.cycle import FeedbackLoopInput, Phase
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind
from flywheel.records.verdict import Ruling, Verdict, Verdicts
from flywheel.store.open import SqlStore, open_store

NAMES = [option.name for option in application.suite().options]
LIST = "\n".join(f"- {name}" for name in NAMES)
FORMAT = "Reply with the name of the field only, with nothing else."
TAIL = "Question: {question}"
CASES = application.cases()[::2]


def turn(text: str, model: str, cases: Sequence[Case], *, defined: bool = False) -> dict[str, Verdict]:
    """One real cycle over field questions with a prompt of one's own; verdicts by strategy."""
    store = open_store("sqlite://")
    version = release(store, text)
    options = application.suite().options
    named = options if defined else tuple(AnswerOption(name=o.name) for o in options)
    suite = Suite(suite="fields", options=named)
    store.cases.add(suite, [c.model_copy(update={"suite": "fields", "workspace": "default"}) for c in cases])
    runner = Runner(chat_model)
    plan = RunPlan("default", "router", version, text, suite, model, "base", "baseline", 3, "baseline")
    store.executions.write(runner.run(plan, store.cases.cases("default", "fields")))
    asked = FeedbackLoopInput(
        prompt="router",
        suite="fields",
        model=model,
        time_window_days=None,
        max_cost_ratio=50,
        max_latency_ratio=50,
        racing=False,
        seed=3,
        dry_run=True,
    )
    output = run_cycle(asked, Wiring(store, runner, FixedClock()))
    payload = store.cycles.finished(output.cycle_id, Phase.VALIDATE)
    assert payload is not None
    return {v.proposal.strategy: v for v in Verdicts.model_validate_json(payload).verdicts}


def release(store: SqlStore, text: str) -> str:
    """A first live version."""
    version = content_hash(text)
    store.prompts.add(PromptVersion(prompt="router", version=version, text=text, variables=variables(text)))
    store.releases.promote(
        None,
        ReleaseEvent(
            release_id="first",
            prompt="router",
            workspace="default",
            version=version,
            previous=None,
            kind=ReleaseKind.FIRST,
            state=JournalState.INTENT,
            created_at=FixedClock().now(),
        ),
        None,
    )
    return version


def gain(verdict: Verdict) -> float:
    """The estimate of a verdict that ships."""
    assert verdict.ruling is Ruling.SHIP, verdict.because
    assert verdict.evidence is not None
    return verdict.evidence.estimate or 0.0


@pytest.mark.integration
def test_format_rule_demonstrations_contrast_and_passed_answers_help_where_nothing_is_defined():
    """Without a data dictionary, what executions teach is enough for four strategies to ship."""
    found = turn(f"Which field has the answer?\n\n{LIST}\n\n{TAIL}", "embedded-medium", CASES)

    for strategy in ("output_format", "demonstrations", "contrast", "passing_demonstrations"):
        assert gain(found[strategy]) > 0.02, strategy


@pytest.mark.integration
def test_definitions_help_where_names_say_little():
    """Meanings of the mixed-up names ship."""
    prompt = f"Which field has the answer? {FORMAT}\n\n{LIST}\n\n{TAIL}"

    found = turn(prompt, "embedded-medium", application.cases(), defined=True)

    assert gain(found["definitions"]) > 0.02


@pytest.mark.integration
def test_ordering_helps_a_model_that_loses_the_middle():
    """A format rule in the middle of a long prompt is not read by a small context; at the end it is."""
    half = len(NAMES) // 2
    first, second = (
        "\n".join(f"- {n}: a field of the record" for n in part) for part in (NAMES[:half], NAMES[half:])
    )
    prompt = f"Which field has the answer?\n\n{first}\n\n{FORMAT}\n\n{second}\n\n{TAIL}"

    found = turn(prompt, "embedded-nano", CASES)

    assert gain(found["ordering"]) > 0.02


@pytest.mark.integration
def test_shortening_helps_a_model_that_loses_the_middle():
    """Without its repetitions the same prompt fits into a small context, and costs less."""
    courtesy = "Please note that we count on you in everything you do for the people who call us every day. "
    prompt = (
        f"Which field has the answer?\n\n{courtesy * 60}\n\n{FORMAT}\n\n{courtesy * 60}\n\n{LIST}\n\n{TAIL}"
    )

    found = turn(prompt, "embedded-nano", CASES)

    assert gain(found["shortening"]) > 0.02
    assert len(found["shortening"].proposal.text or "") < len(prompt) / 2
