"""`flywheel alerts`, and the commands that raise some."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flywheel.records.alert import Alert
from flywheel.store.open import open_store

LOG = '[channels.log]\nkind = "file"\npath = "alerts.jsonl"\n'


@pytest.fixture
def staged(triage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The command line after a cycle that put a change before a person, with a file as channel."""
    monkeypatch.delenv("FLYWHEEL_ALERTS_FILE", raising=False)
    (tmp_path / ".flywheel" / "alerts.toml").write_text(LOG)
    triage("cycle", "--prompt", "triage", "--all-time", "--strategy", "monitoring")
    return triage


def told(folder: Path) -> list[tuple[str, str]]:
    """Severity with subject of what reached the file."""
    lines = (folder / ".flywheel" / "alerts.jsonl").read_text().splitlines()
    return [(line["severity"], line["subject"]) for line in map(json.loads, lines)]


def test_a_change_that_waits_is_an_alert_until_it_is_decided(staged, tmp_path: Path):
    """It is told once, also when the cycle is read again, and ends with the decision."""
    staged("cycle", "--prompt", "triage", "--all-time", "--strategy", "monitoring")
    (open_alert,) = staged("alerts", "list", "--json").document["alerts"]

    assert told(tmp_path) == [("medium", "triage: review")]
    assert "flywheel review list" in open_alert["message"]
    assert "triage: review" in staged("status").out
    review = staged("review", "list", "--json").document["reviews"][0]["review_id"]
    staged("review", "approve", review, "--by", "ann")
    assert staged("status", "--json").document["alerts_open"] == []


def test_releases_are_news_and_rollbacks_are_not(triage, tmp_path: Path):
    """A release is told and over, a rollback is told as high and waits for a person."""
    (tmp_path / ".flywheel" / "alerts.toml").write_text(LOG)
    triage("cycle", "--prompt", "triage", "--all-time")
    triage("rollback", "triage", "--why", "the tone is wrong")

    assert [severity for severity, _ in told(tmp_path)] == ["info", "high"]
    (waiting,) = triage("alerts", "list", "--json").document["alerts"]
    assert (waiting["subject"], "the tone is wrong" in waiting["message"]) == ("triage: rolled back", True)


def test_the_console_hears_of_what_is_medium(triage):
    """Without a file it is one line on stderr, and stdout stays what it was."""
    answer = triage("cycle", "--prompt", "triage", "--all-time", "--strategy", "monitoring", "--json")

    assert "MEDIUM triage: review: A change waits" in answer.err
    assert answer.document["done"] == 1


def test_an_alert_is_shown_taken_on_and_resolved(staged):
    """The first digits of its id are enough; an unknown one is exit 2."""
    alert_id = staged("alerts", "list", "--json").document["alerts"][0]["alert_id"]
    short = alert_id[:6]

    assert staged("alerts", "show", short, "--json").document["notices"][0]["state"] == "delivered"
    assert "delivered" in staged("alerts", "show", short).out
    taken = staged("alerts", "acknowledge", short, "--by", "ann", "--json").document["alert"]
    assert taken["acknowledged_by"] == "ann"
    assert "ann has it" in " ".join(staged("alerts", "list").out.split())
    assert staged("alerts", "resolve", short, "--json").document["alert"]["resolved_at"]
    assert staged("alerts", "list", "--json").document["alerts"] == []
    assert len(staged("alerts", "list", "--all", "--json").document["alerts"]) == 1
    assert staged("alerts", "show", "nothing").code == 2


def test_a_mistake_in_the_file_stops_before_anything_runs(triage, tmp_path: Path):
    """A long cycle does not end with a channel nobody can read."""
    (tmp_path / ".flywheel" / "alerts.toml").write_text('[channels.log]\nkind = "file"\npaht = "x"\n')

    answer = triage("cycle", "--prompt", "triage", "--all-time")

    assert (answer.code, "channels.log" in answer.err) == (2, True)
    assert triage("status", "--json").document["cycles"] == []


def test_testing_says_what_arrived(flywheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Every channel is tried without a store; one that cannot work is exit 1 with its reason."""
    monkeypatch.delenv("CHAT_URL", raising=False)
    (tmp_path / "alerts.toml").write_text(LOG + '[channels.chat]\nkind = "webhook"\nurl_env = "CHAT_URL"\n')
    monkeypatch.setenv("FLYWHEEL_ALERTS_FILE", "alerts.toml")

    answer = flywheel("alerts", "test", "--json")

    states = {one["channel"]: one["state"] for one in answer.document["channels"]}
    assert (answer.code, states) == (1, {"log": "delivered", "chat": "failed"})
    assert flywheel("alerts", "test", "--channel", "log").code == 0
    assert "CHAT_URL" in flywheel("alerts", "test").out.replace("\n", " ")
    assert flywheel("alerts", "test", "--channel", "lgo").code == 2


def test_what_was_left_is_delivered(staged, tmp_path: Path):
    """`deliver` sends what an ended process left, and says so in its exit code where it cannot."""
    store = open_store(f"sqlite:///{tmp_path / '.flywheel' / 'flywheel.db'}")
    waiting = store.alerts.open("default")[0]
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE alert_notice SET state = 'waiting'")
    store.close()

    assert staged("alerts", "deliver", "--json").document["sent"][0]["alert_id"] == waiting.alert_id
    assert told(tmp_path) == [("medium", "triage: review")] * 2
    assert staged("alerts", "deliver").code == 0


def test_a_cycle_that_fails_is_an_alert(triage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """One of many that cannot be done is told as high, and over when it can be done again."""
    (tmp_path / ".flywheel" / "alerts.toml").write_text(LOG)
    store = open_store(f"sqlite:///{tmp_path / '.flywheel' / 'flywheel.db'}")
    failed = Alert.model_validate(
        {
            "alert_id": "f1",
            "severity": "high",
            "subject": "triage: cycle",
            "message": "The cycle failed",
            "raised_at": "2026-03-01T12:00:00Z",
        }
    )
    store.alerts.send(failed)
    store.close()

    triage("cycle", "--prompt", "triage", "--all-time", "--dry-run")

    assert triage("alerts", "list", "--json").document["alerts"] == []


def test_rejected_lines_of_an_import_are_an_alert_until_the_file_comes_in_whole(flywheel, tmp_path: Path):
    """The command raises what the flow raises, says so in a line and in JSON; a dry run raises nothing."""
    good, runs = '{"execution_id": "r1", "prompt": "triage", "outcome": "passed"}\n', tmp_path / "runs.jsonl"
    runs.write_text(good + "no json\n")

    dry = flywheel("import", "jsonl", "runs.jsonl", "--dry-run", "--json").document
    first = flywheel("import", "jsonl", "runs.jsonl")
    (again,) = flywheel("import", "jsonl", "runs.jsonl", "--json").document["alerts"]

    assert dry["alerts"] == []
    assert "Alert kept: import of runs.jsonl. See: flywheel alerts list" in first.out
    assert (again["severity"], again["subject"], again["times"]) == ("low", "import of runs.jsonl", 2)
    runs.write_text(good)
    assert flywheel("import", "jsonl", "runs.jsonl", "--json").document["alerts"] == []
    assert flywheel("alerts", "list", "--json").document["alerts"] == []


def test_an_import_does_not_start_with_a_mistake_in_the_alerts_file(flywheel, tmp_path: Path):
    """Nothing is stored that nobody could be told of."""
    (tmp_path / ".flywheel").mkdir()
    (tmp_path / ".flywheel" / "alerts.toml").write_text("[chanels.log]\n")
    (tmp_path / "runs.jsonl").write_text('{"prompt": "triage", "outcome": "passed"}\n')

    assert flywheel("import", "jsonl", "runs.jsonl").code == 2
    assert not (tmp_path / ".flywheel" / "flywheel.db").exists()


def test_an_alert_that_is_over_is_nobodys_any_more(triage):
    """Taking it on says so and changes nothing."""
    triage("cycle", "--prompt", "triage", "--all-time")
    (news,) = triage("alerts", "list", "--all", "--json").document["alerts"]

    answer = triage("alerts", "acknowledge", news["alert_id"], "--by", "ann")

    assert answer.out.startswith("It is over since ")
    (after,) = triage("alerts", "list", "--all", "--json").document["alerts"]
    assert after["acknowledged_by"] is None
