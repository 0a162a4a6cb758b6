"""`flywheel cycle --if-due`."""

from __future__ import annotations

CYCLE = ("cycle", "--prompt", "triage", "--all-time", "--if-due")


def test_a_cycle_that_is_due_runs_once(triage):
    """Six in ten failed, so the cycle runs; asked again without new tests nothing starts."""
    first = triage(*CYCLE, "--json")
    again = triage(*CYCLE, "--json")

    (judged,) = first.document["due"]
    assert first.code == again.code == 0
    assert (judged["is_due"], judged["trigger"], judged["failure_rate"]) == (True, "failure_rate", 0.6)
    assert first.document["cycles"][0]["output"]["shipped"]
    assert again.document["cycles"] == []
    assert again.document["due"][0]["because"].startswith("0 scored executions since the last cycle")


def test_the_page_says_why(triage):
    """Each prompt has its line, those that are not due too."""
    triage(*CYCLE)

    answer = triage("cycle", "--prompt", "tri*", "--all-time", "--if-due")

    assert answer.code == 0
    assert answer.out.startswith("triage: not due: 0 scored executions")
    assert answer.err == ""


def test_who_asks(triage, tmp_path):
    """A finished test run is the trigger when nothing more urgent is; an unknown one is refused."""
    own = '[strategies.patient]\npreset = "balanced"\nmax_failure_rate = 0.9\n'
    (tmp_path / ".flywheel" / "strategies.toml").write_text(own)
    gentle = ("--strategy", "patient", "--trigger")

    refused = triage(*CYCLE, *gentle, "nightly")
    alone = triage("cycle", "--prompt", "triage", "--all-time", "--trigger", "nightly")
    answer = triage(*CYCLE, *gentle, "test_completion", "--json")

    assert (refused.code, alone.code) == (2, 2)
    assert "need one of manual, test_completion, schedule" in " ".join(refused.err.split())
    assert answer.document["due"][0]["trigger"] == "test_completion"
