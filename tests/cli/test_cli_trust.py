"""`flywheel trust` shows agents, takes recommendations in, compares scores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

TYPES = ("billing", "login")


@pytest.fixture
def team(flywheel, tmp_path: Path):
    """Ann is right every time, bob every third; zoe judges zoe; eve judges everybody, over weeks."""
    with (tmp_path / "given.jsonl").open("w") as given, (tmp_path / "judged.jsonl").open("w") as judged:
        for n in range(40):
            day = f"2024-10-{1 + n % 28:02}T{n // 28:02}:00:00Z"
            for agent in ("ann", "bob", "zoe"):
                fields = {"recommendation_id": f"{agent}{n}", "agent": agent, "type": TYPES[n % 2]}
                given.write(json.dumps({**fields, "content": "Refund it.", "created_at": day}) + "\n")
                status = "approved" if agent != "bob" or n % 3 == 0 else "rejected"
                outcome = {"recommendation_id": f"{agent}{n}", "status": status, "evaluated_at": day}
                judged.write(json.dumps({**outcome, "judged_by": "zoe" if agent == "zoe" else "eve"}) + "\n")
    assert flywheel("trust", "record", "--file", "given.jsonl", "--json").document["stored"] == 120
    assert flywheel("trust", "evaluate", "--file", "judged.jsonl", "--json").document["stored"] == 120
    return flywheel


def test_agents_are_shown_with_both_scores(team):
    """Trusted first; who judged itself has no score and is told; `show` may be left out."""
    document = team("trust", "--json").document
    drawn = team("trust").out

    assert team("trust", "show", "--json").document["agents"] == document["agents"]
    assert [one["agent"] for one in document["agents"]] == ["ann", "bob", "zoe"]
    assert [one["trusted"] for one in document["agents"]] == [True, False, False]
    assert document["agents"][0]["known_score"] < document["agents"][0]["score"]
    assert document["agents"][2]["score"] is None
    assert document["own_judgements"] == 40
    assert "40 judgements by the agent itself left out" in drawn
    assert "3 agents, 1 trusted" in drawn


def test_one_agent_is_shown_by_context(team):
    """Parts with reasons for what is unknown, contexts, earlier scores; --require makes it exit code 1."""
    team("trust", "update")
    document = team("trust", "bob", "--json").document
    drawn = team("trust", "bob").out

    assert {one["context"] for one in document["contexts"]} == set(TYPES)
    assert document["timeliness"]["because"] == "no latency is known"
    assert len(document["past"]) == 1
    assert "bob is not trusted" in drawn
    assert "computed before" in drawn
    assert team("trust", "bob", "--require").code == 1
    assert team("trust", "ann", "--require").code == 0


def test_an_unknown_agent_is_refused_with_the_nearest(team):
    """Exit code 2 with the name that was meant."""
    answer = team("trust", "anne")

    assert answer.code == 2
    assert "Did you mean 'ann'?" in answer.err


def test_files_can_be_brought_in_again(team):
    """The same files change nothing."""
    given = team("trust", "record", "--file", "given.jsonl", "--json").document
    judged = team("trust", "evaluate", "--file", "judged.jsonl", "--json").document

    assert (given["stored"], given["unchanged"]) == (0, 120)
    assert (judged["stored"], judged["unchanged"]) == (0, 120)


def test_one_recommendation_is_recorded_then_judged(flywheel):
    """The id is told; the same text again is the same recommendation; a new mark replaces."""
    words = ("trust", "record", "Ask ann@example.com.", "--agent", "bot", "--type", "tone", "--json")
    first = flywheel(*words).document
    again = flywheel(*words).document
    (name,) = first["recommendation_ids"]
    judge = ("trust", "evaluate", name, "--status", "partial", "--quality", "tone=40", "--judge", "ann")

    assert (first["stored"], again["unchanged"]) == (1, 1)
    assert "1 stored" in flywheel(*judge).out
    assert "1 replaced" in flywheel(*judge, "--overall", "20").out
    document = flywheel("trust", "bot", "--json").document
    assert document["contexts"][0]["context"] == "tone"


def test_what_is_private_is_taken_out(flywheel):
    """An e-mail address in a recommendation is masked before it is stored."""
    flywheel("trust", "record", "Ask ann@example.com.", "--agent", "bot", "--id", "r1")

    stored = b"".join(file.read_bytes() for file in Path(".flywheel").iterdir() if file.is_file())
    assert b"ann@example.com" not in stored
    assert b"Ask <email>." in stored


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("record",), "Got neither; need a TEXT with --agent, or --file FILE"),
        (("record", "Wait."), "--agent is missing"),
        (("record", "--file", "none.jsonl"), "'none.jsonl' cannot be read"),
        (("record", "--file", "bad.jsonl"), "bad.jsonl, line 2, field 'confidence': got 7"),
        (("evaluate", "--file", "bad.jsonl"), "bad.jsonl, line 1, field 'recommendation_id'"),
        (("evaluate", "r1", "--status", "good"), "status: got 'good'"),
        (("evaluate", "r1", "--status", "approved", "--quality", "tone"), "need NAME=NUMBER"),
        (("evaluate", "r1", "--status", "approved"), "No recommendation 'r1' in workspace 'default'"),
        (("show", "--shrink", "half"), "shrink: got 'half'"),
    ],
)
def test_wrong_use_says_what_is_needed(flywheel, tmp_path: Path, words, said):
    """Exit code 2, the place of the mistake, nothing stored."""
    flywheel("init")
    (tmp_path / "bad.jsonl").write_text(
        '{"agent": "a", "content": 1}\n{"agent": "a", "content": 1, "confidence": 7}\n'
    )

    answer = flywheel("trust", *words)

    assert answer.code == 2
    assert said in " ".join(answer.err.split())
    assert flywheel("trust", "--json").document["agents"] == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (r'{"agent": "a", "content": {"in": ["\ud800"]}}', "field 'content': got half a character"),
        (r'{"agent": "a", "\ud800": 1}', "line 1: got half a character"),
        ("[" * 5_000, "is nested too deeply"),
        ('{"agent": "a", "content": "cut', "is not JSON"),
        ("[1]", "need a JSON object"),
    ],
)
def test_a_line_that_no_store_keeps_is_named(flywheel, tmp_path: Path, line: str, said: str):
    """Half a character, deep nesting, a cut line end with exit code 2, not with a traceback."""
    (tmp_path / "odd.jsonl").write_text(line + "\n")

    answer = flywheel("trust", "record", "--file", "odd.jsonl")

    assert answer.code == 2
    assert "odd.jsonl, line 1" in answer.err
    assert said in " ".join(answer.err.split())


def test_bytes_that_are_no_text_are_refused(flywheel):
    """What a shell hands on from bytes that are no UTF-8 is named, not crashed on."""
    answer = flywheel("trust", "record", "\udcff", "--agent", "bot")

    assert answer.code == 2
    assert "half a character" in answer.err


def test_files_without_times_can_be_brought_in_again(flywheel, tmp_path: Path):
    """What does not say when keeps the time of its first coming in; a changed judgement replaces."""
    (tmp_path / "given.jsonl").write_text(
        '{"agent": "a", "content": "x", "recommendation_id": "r1"}\n{"agent": "b", "content": "y"}\n'
    )
    (tmp_path / "judged.jsonl").write_text(
        '{"recommendation_id": "r1", "status": "approved", "qualities": {"use": 8}, "judged_by": "a@b.com"}\n'
    )
    words = ("trust", "record", "--file", "given.jsonl", "--json")
    judge = ("trust", "evaluate", "--file", "judged.jsonl", "--json")
    given = [flywheel(*words).document for _ in range(2)]
    judged = [flywheel(*judge).document for _ in range(2)]
    (tmp_path / "judged.jsonl").write_text(
        '{"recommendation_id": "r1", "status": "rejected", "judged_by": "a@b.com"}\n'
    )

    assert [one["unchanged"] for one in given] == [0, 2]
    assert [one["unchanged"] for one in judged] == [0, 1]
    assert flywheel(*judge).document["replaced"] == 1


def test_a_line_ends_only_where_json_lines_end(flywheel, tmp_path: Path):
    """A line separator of Unicode inside a text breaks no line."""
    line = '{"agent": "a", "content": "first\u2028second\x85third"}\n'
    (tmp_path / "given.jsonl").write_text(line, encoding="utf-8")

    assert flywheel("trust", "record", "--file", "given.jsonl", "--json").document["stored"] == 1


def test_nobody_to_trust_is_no_trust(flywheel):
    """A check of an empty store is exit code 1: that nothing is known is no yes."""
    flywheel("init")

    assert flywheel("trust", "--require").code == 1


def test_scores_are_compared_on_the_stream(team):
    """Each with its loss; without outcomes there is nothing to compare."""
    document = team("trust", "compare", "--json").document
    nothing = team("trust", "compare", "--workspace", "other")

    assert document["outcomes"] == 80
    assert {one["score"] for one in document["scores"]} >= {"bayesian", "moving average", "literal update"}
    assert "No outcome to predict here" in nothing.out
    assert "decides" in team("trust", "compare").out


def test_judges_are_held_against_each_other(team):
    """A judge with whom nobody shares a recommendation has no skill to show; two who share have one each."""
    alone = team("trust", "judges", "--json").document["judges"]
    team("trust", "evaluate", "ann1", "--status", "approved", "--judge", "max")
    both = {one["judge"]: one for one in team("trust", "judges", "--json").document["judges"]}

    assert [one["accuracy"] for one in alone] == [None]
    assert both["max"]["shared"] == both["eve"]["shared"] == 1
    assert "says little" in both["max"]["because"]
    assert "eve" in team("trust", "judges").out


def test_a_cleanup_leaves_trust_as_it_was(team):
    """Old recommendations go, their marks stay."""
    before = team("trust", "--json").document["agents"]
    document = team("trust", "cleanup", "--days", "1", "--json").document

    assert document["recommendations"] == 120
    after = team("trust", "--json").document["agents"]
    assert [one["score"] for one in after] == [one["score"] for one in before]


def test_workspaces_are_apart(team):
    """Agents of one workspace are not seen from another."""
    assert team("trust", "--workspace", "other", "--json").document["agents"] == []
    assert "No agent has an outcome here" in team("trust", "--workspace", "other").out


def test_executions_of_agents_count(flywheel, tmp_path: Path):
    """Imported executions that name an agent are evidence too, with latency and errors."""
    lines = [
        {
            "execution_id": f"e{n}",
            "agent": "bot",
            "case_id": f"c{n % 5}",
            "latency_ms": 20,
            "outcome": outcome,
        }
        for n, outcome in enumerate(["passed"] * 20 + ["error"] * 5)
    ]
    (tmp_path / "runs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    flywheel("import", "jsonl", "runs.jsonl")

    (bot,) = flywheel("trust", "--json").document["agents"]

    assert bot["outcomes"] == 20
    assert bot["reliability"]["value"] < bot["accuracy"]["value"]
    assert bot["timeliness"]["value"] > 0.9
    assert bot["consistency"]["low"] is not None
