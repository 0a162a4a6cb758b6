"""Commands that only look: report, patterns, rank, compare, status."""

from __future__ import annotations

import pytest


def test_report_sums_up_what_is_stored(triage):
    """The report counts every execution and leaves unknown cost unknown."""
    overall = triage("report", "--json").document["overall"]

    assert overall["total_tests"] == 120
    assert overall["success_rate"] == pytest.approx(0.6)
    assert overall["total_cost_usd"] is None


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("slice", {"billing", "login"}),
        ("model", {"small", "large"}),
        ("prompt", {"triage"}),
        ("agent", set()),
    ],
)
def test_report_by_gives_a_row_per_value(triage, by, names):
    """One row per value that executions name."""
    rows = triage("report", "--by", by, "--json").document["rows"]

    assert {row[by] for row in rows} == names


def test_report_by_version_is_worst_first(triage):
    """Versions come as content hashes, the weakest first."""
    rows = triage("report", "--by", "version", "--json").document["rows"]

    assert [round(row["success_rate"], 2) for row in rows] == [0.4, 0.8]
    assert all(len(row["version"]) == 64 for row in rows)


def test_report_of_nothing_names_the_next_step(flywheel):
    """An empty store is no error; the answer says how to fill it."""
    flywheel("init")

    answer = flywheel("report")

    assert answer.code == 0
    assert "flywheel import" in answer.out


def test_report_refuses_an_unknown_prompt(triage):
    """A misspelt prompt is exit 2 with the name that was meant."""
    answer = triage("report", "--prompt", "triaje")

    assert answer.code == 2
    assert "Did you mean 'triage'?" in answer.err


def test_patterns_come_most_damaging_first(triage):
    """Each pattern has a cause, a cure, a share, executions to look at; counts go down."""
    document = triage("patterns", "--json").document

    counts = [pattern["count"] for pattern in document["patterns"]]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == document["failures"] == 48
    assert all(p["cause"] and p["recommendation"] and p["examples"] for p in document["patterns"])


def test_patterns_can_be_narrowed(triage):
    """A slice narrows which failures count."""
    document = triage("patterns", "--slice", "login", "--json").document

    assert 0 < document["failures"] < 48


def test_compare_gives_a_row_per_slice(triage):
    """Every slice has its verdict with numbers; the total stands beside them."""
    answer = triage(
        "compare", "--prompt", "triage", "--control", "v1", "--candidate", "v2", "--by", "slice", "--json"
    )

    wanted = {"slice", "verdict", "estimate", "low", "high", "p", "adjusted_p", "pairs", "because"}
    document = answer.document
    assert answer.code == 0
    assert [row["slice"] for row in document["rows"]] == ["billing", "login"]
    assert all(wanted <= set(row) for row in document["rows"])
    assert document["overall"]["verdict"] == "ship"
    assert document["overall"]["pairs"] == 60
    assert document["releasable"] is True


def test_compare_says_when_a_text_is_missing(triage):
    """A version known by its label alone can be compared but not released."""
    from flywheel.records.execution import Execution
    from flywheel.store.open import open_store

    store = open_store("sqlite:///.flywheel/flywheel.db")
    store.executions.write(
        Execution(
            execution_id=f"old-{n}", prompt="triage", version="old", case_id=f"case-{n:02}", outcome="passed"
        )
        for n in range(60)
    )
    store.close()

    answer = triage("compare", "--prompt", "triage", "--control", "v1", "--candidate", "old")
    document = triage(
        "compare", "--prompt", "triage", "--control", "v1", "--candidate", "old", "--json"
    ).document

    assert "not released" in answer.out.replace("\n", " ")
    assert document["releasable"] is False
    assert document["rows"] == []


def test_compare_refuses_a_version_with_itself(triage):
    """Two names of one version are no comparison."""
    answer = triage("compare", "--prompt", "triage", "--control", "live", "--candidate", "v1")

    assert answer.code == 2
    assert "needs two" in answer.err


def test_compare_without_data_holds(triage, tmp_path):
    """A candidate that never ran is hold, with dashes for numbers, never zeros."""
    (tmp_path / "v3.txt").write_text("Something else: {question}")
    triage("prompt", "add", "triage", "v3.txt", "--label", "v3")

    document = triage(
        "compare", "--prompt", "triage", "--control", "v1", "--candidate", "v3", "--json"
    ).document

    assert document["overall"]["verdict"] == "hold"
    assert document["overall"]["estimate"] is None


def test_an_unknown_version_names_the_known_ones(triage):
    """A label nobody used is exit 2 and lists what there is."""
    answer = triage("compare", "--prompt", "triage", "--control", "v1", "--candidate", "v9")

    assert answer.code == 2
    assert "'v2'" in answer.err


def test_rank_orders_models_on_common_cases(triage):
    """Places, means with intervals, ties and the number of common cases."""
    rows = triage("rank", "--by", "model", "--json").document["rows"]

    assert [(row["place"], row["name"], row["pairs"]) for row in rows] == [(1, "large", 60), (2, "small", 60)]
    assert all(row["low"] < row["mean"] < row["high"] and row["tied_with"] == [] for row in rows)


def test_rank_of_unnamed_agents_is_empty(triage):
    """Executions that name no agent give no order, and say so."""
    assert triage("rank", "--by", "agent", "--json").document["rows"] == []
    assert "No execution says its agent" in triage("rank", "--by", "agent").out


def test_status_shows_where_every_prompt_stands(triage):
    """The live version with its own pass rate."""
    row = triage("status", "--json").document["prompts"][0]

    assert row["success_rate"] == pytest.approx(0.4)
    assert row["executions"] == 60


def test_workspaces_do_not_see_each_other(triage):
    """Another workspace is empty."""
    assert triage("status", "--workspace", "other", "--json").document["prompts"] == []


@pytest.mark.parametrize(
    "words",
    [
        ["report", "--by", "slice"],
        ["rank", "--by", "model"],
        ["patterns"],
        ["status"],
        ["compare", "--prompt", "triage", "--control", "v1", "--candidate", "v2", "--by", "slice"],
    ],
    ids=lambda words: words[0],
)
def test_pages_fit_eighty_columns(triage, words):
    """What is drawn for a person fits a narrow terminal."""
    answer = triage(*words)

    assert answer.code == 0
    assert max(map(len, answer.out.splitlines())) <= 80
