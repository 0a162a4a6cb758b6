"""The comparison of optimizers: a world without gains has none, shares have intervals, cases have one use."""

import subprocess
import sys

import pytest

from benchmarks.optimizers_arms import Found
from benchmarks.optimizers_endpoint import WRITER, Endpoint, Served
from benchmarks.optimizers_models import PASS_RATE
from benchmarks.optimizers_table import table
from benchmarks.optimizers_worlds import nothing_to_gain, right_answer, sample
from flywheel.records.chat import ChatRequest, Message


def ask(endpoint: Endpoint, text: str, question: str) -> str:
    """The answer of the model behind the endpoint."""
    message = Message(role="user", content=text.replace("{question}", question))
    return (
        Served(endpoint, "embedded-medium").complete(ChatRequest(model="m", messages=(message,), seed=7)).text
    )


@pytest.fixture(scope="module")
def world():
    """The world without gains."""
    return nothing_to_gain()


def test_the_first_prompt_passes_as_often_as_it_is_said_to(world):
    """Where nothing can be gained, the first prompt passes 70 % of the cases, within chance."""
    endpoint = Endpoint(world, world.answering(3))
    cases = world.split(0).test

    right = sum(ask(endpoint, world.text, str(c.inputs["question"])) == right_answer(c) for c in cases)

    assert right / len(cases) == pytest.approx(PASS_RATE, abs=0.09)


def test_no_other_prompt_is_better_there(world):
    """Whatever a prompt adds, its true rate is that of the first one or lower, and both happen."""
    model = world.answering(3)
    rates = [model.rate(f"{world.head} Hint {i}.") for i in range(200)]

    assert max(rates) == PASS_RATE
    assert 60 < sum(rate < PASS_RATE for rate in rates) < 140


def test_equal_prompts_differ_on_some_cases(world):
    """Two prompts of the same worth differ on about 15 % of the cases, as versions of a prompt do."""
    model = world.answering(3)
    worth = [t for i in range(20) if model.rate(t := f"Hint {i}.\n\nQuestion: ") == PASS_RATE]
    cases = world.split(0).test
    endpoint = Endpoint(world, model)
    answers = [
        [ask(endpoint, t + "{question}", str(c.inputs["question"])) == right_answer(c) for c in cases]
        for t in worth[:2]
    ]

    differ = sum(a != b for a, b in zip(*answers, strict=True)) / len(cases)
    assert differ == pytest.approx(0.15, abs=0.07)


def test_a_case_has_one_use():
    """Search, validation, gate and test share no case, and follow from the seed."""
    data = sample().split(4)
    uses = [{c.case_id for c in part} for part in (data.search, data.validation, data.gate, data.test)]

    assert sum(map(len, uses)) == len(set.union(*uses))
    assert [len(part) for part in uses[:3]] == [50, 50, 200]
    assert sample().split(4) == data


def test_every_call_is_counted():
    """A question and an idea of the writer are two calls, with a token for every four characters."""
    world = sample()
    endpoint = Endpoint(world, world.answering(0))
    ask(endpoint, world.text, "Where does she live?")
    Served(endpoint, WRITER).complete(
        ChatRequest(model=WRITER, messages=(Message(role="user", content="x" * 40),))
    )

    asked = len(world.text.replace("{question}", "Where does she live?"))
    assert (endpoint.calls, endpoint.tokens) == (2, asked // 4 + 10)


def test_the_table_says_what_is_worse_with_an_interval():
    """One release of two is worse by a point or more: the share stands with its Wilson interval."""

    def found(seed, after, *, arm="gepa", changed=True):
        return Found("w", arm, seed, 0.5, after, 0.1, changed, 600, 6000, 100.0)

    rows = table(
        [found(0, 0.4), found(1, 0.7), found(0, 0.5, arm="flywheel", changed=False)], "w"
    ).splitlines()

    assert rows[2].startswith(
        "| flywheel | 1 | 50.0% | +0.0 | - | - | 0 of 1 (0% to 79%) | - | - | 600 | 6 k |"
    )
    assert rows[3].startswith("| gepa | 2 | 50.0% | +5.0 ± 15.0 | -10.0 | +5.0 ± 15.0 | 2 of 2 (34% to 100%)")
    assert rows[3].count("1 of 2 (9% to 91%)") == 2


def test_a_benchmark_without_its_file_says_so():
    """`python -m benchmarks grouping` ends well and says what is missing and how to make it."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "grouping"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0
    assert "Skipped: it needs a file of labelled failures" in done.stdout
    assert "python -m benchmarks.labelled_failures failures.jsonl" in done.stdout
