"""Whole cycles on suites whose scorer is not a comparison of texts."""

from __future__ import annotations

import hashlib

import pytest
from cycle_world import add_prompt

from flywheel.cycle import Wiring, run_cycle
from flywheel.llm.registry import chat_model
from flywheel.llm.runner import Runner
from flywheel.records.case import Case, Role, Suite
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.execution import Outcome

MODEL = "embedded-large"
TEXT = "Name what the caller needs.\n\nQuestion: {question}\nAnswer:"
TOPICS = {
    "charged twice on the invoice": (4101, ["billing", "ledger"]),
    "forgot the password of the portal": (4202, ["login", "portal"]),
    "parcel never arrived at the door": (4303, ["courier", "depot", "ledger"]),
    "wants to cancel the contract": (4404, ["contracts"]),
}
WORDS = [
    "today",
    "yesterday",
    "again",
    "please",
    "really",
    "still",
    "now",
    "urgently",
    "often",
    "suddenly",
    "somehow",
    "here",
]


def questions():
    """Four topics in a hundred wordings each, with what they are about."""
    for topic in TOPICS:
        for number in range(100):
            draw = hashlib.sha256(f"{topic}{number}".encode()).digest()
            padding = " ".join(WORDS[byte % len(WORDS)] for byte in draw[:4])
            yield f"The customer {topic} {padding}, case {number}?", topic


@pytest.mark.integration
@pytest.mark.parametrize(
    ("scorer", "parameters", "place"),
    [("numeric", {"absolute": 0.5}, 0), ("list", {"pass_at": 1.0, "measure": "f1"}, 1)],
    ids=["numeric", "list"],
)
def test_a_cycle_improves_a_prompt_by_any_scorer(store, scorer, parameters, place):
    """From no evidence to a released version: the suite's scorer gives the scores of every phase."""
    suite = Suite(suite="calls", scorer=scorer, parameters=parameters)
    cases = [
        Case(
            case_id=f"{number:03}",
            suite="calls",
            slice=topic.split()[0],
            inputs={"question": text},
            expected=TOPICS[topic][place],
        )
        for number, (text, topic) in enumerate(questions())
    ]
    store.cases.add(suite, cases)
    first = add_prompt(store, "needs", TEXT)
    request = FeedbackLoopInput(
        prompt="needs",
        suite="calls",
        model=MODEL,
        time_window_days=None,
        # The first text is so short that any demonstration makes it many times as dear.
        max_cost_ratio=100,
        max_latency_ratio=100,
    )

    output = run_cycle(request, Wiring(store, Runner(chat_model)))

    live = store.releases.live("default", "needs")
    assert output.success
    assert output.improvements_applied == 1, output.because
    assert output.live == live.version != first.version
    arms = store.executions.in_session("default", "needs", f"experiment/{output.cycle_id}")
    assert {e.case_id for e in arms} == {c.case_id for c in cases if c.role is Role.GATE}
    rates = {}
    for version in (first.version, live.version):
        mine = [e for e in arms if e.version == version]
        rates[version] = sum(e.outcome is Outcome.PASSED for e in mine) / len(mine)
    assert rates[live.version] > rates[first.version] + 0.3
    assert output.performance_delta > 0.2
