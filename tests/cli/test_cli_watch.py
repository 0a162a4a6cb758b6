"""`flywheel watch`: what a person sees, what a program gets, what a schedule needs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from quality_world import day, executions, stream

from flywheel.store.open import SqlStore, open_store

RECORDED = Path(
    os.environ.get("FLYWHEEL_RECORDED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
)
DRIFT = RECORDED / "llm_drift_gpt_2023" / "runs.jsonl"
AT = ("--at", day(40).isoformat())


@pytest.fixture
def fallen(store: SqlStore, store_address: str) -> str:
    """Address of a store, on either database, where slice s1 of prompt `p` fell from 97 to 70 %."""
    rates = np.full((40, 2), 0.97)
    rates[34:, 1] = 0.7
    store.executions.write(executions(stream(rates, per_day=120, grid=(2, 1))))
    return store_address


def recent(address: str, rates: list[float]) -> None:
    """Executions that end now, a rate for each day."""
    columns = stream(rates, per_day=40)
    shift = timedelta(seconds=datetime.now(UTC).timestamp() - day(len(rates)).timestamp())
    moved = [one.model_copy(update={"started_at": one.started_at + shift}) for one in executions(columns)]
    kept = open_store(address)
    kept.executions.write(moved)
    kept.close()


def test_a_person_sees_what_fell_since_when(flywheel, fallen):
    """A row per prompt with whatever fired, the reason, the promise; exit code 1."""
    answer = flywheel("watch", "--store", fallen, *AT)

    assert answer.code == 1
    assert "in s1" in answer.out
    assert "critical, fallen" in answer.out
    assert "fall: 6" in answer.out
    assert "at most 1 false one in 1000 days over 3 streams" in " ".join(answer.out.split())
    assert "They decide nothing." in " ".join(answer.out.split())


def test_a_program_gets_every_number(flywheel, fallen):
    """One document: readings with intervals, chances, evidence; unknown is null."""
    answer = flywheel("watch", "--store", fallen, *AT, "--json")

    document = answer.document
    assert answer.code == 1
    assert [one["slice"] for one in document["readings"]] == [None, "s0", "s1"]
    worst = document["readings"][2]
    assert (worst["level"], worst["fall"]["state"], worst["severity"]) == ("critical", "fallen", "critical")
    assert worst["low"] < worst["rate"] < worst["high"]
    assert worst["fall"]["run_length"] > 1_000
    assert document["degraded"][-1] == "p in s1"
    assert document["detectors"] == 3


@pytest.mark.parametrize(
    ("by", "rows"), [("prompt", ["all"]), ("slice", ["s0", "s1"]), ("model", ["all"]), ("cell", ["all"])]
)
def test_a_table_by_part(flywheel, fallen, by, rows, monkeypatch):
    """A row per value; a prompt that has no such parts is shown as a whole."""
    monkeypatch.setenv("COLUMNS", "100")
    out = flywheel("watch", "--store", fallen, *AT, "--by", by).out

    lines = [line.strip() for line in out.splitlines()]
    first = next(number for number, line in enumerate(lines) if line.startswith("───")) + 1
    table = lines[first : lines.index("", first)]
    assert [line.split()[0] for line in table] == rows


def test_levels_of_ones_own_decide(flywheel, fallen):
    """With critical at 30 % the fall alone is left; it still is exit code 1."""
    levels = ["excellent=0.6", "target=50%", "warning=0.4", "critical=0.3"]
    given = [word for level in levels for word in ("--level", level)]

    (_, _, worst) = flywheel("watch", "--store", fallen, *AT, *given, "--json").document["readings"]

    assert (worst["level"], worst["fall"]["state"], worst["severity"]) == ("excellent", "fallen", "high")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--level", "warn=0.8"), "Did you mean 'warning'"),
        (("--level", "warning=much"), "need warning=0.9"),
        (("--level", "critical=0.99"), "need excellent >= target"),
        (("--window", "12h"), "need whole days"),
        (("--every", "soon"), "need 90s, 30m"),
        (("--at", "yesterday"), "need a time"),
        (("--prompt", "q"), "No prompt 'q'"),
    ],
)
def test_what_cannot_be_used_is_refused(flywheel, fallen, words, said):
    """Exit code 2 with what is needed; nothing was read."""
    answer = flywheel("watch", "--store", fallen, *words)

    assert answer.code == 2
    assert said in answer.err


def test_a_store_that_is_away_is_exit_three(flywheel):
    """Neither a file nor a server."""
    assert flywheel("watch", "--once", "--store", "nothing.db").code == 3
    assert flywheel("watch", "--once", "--store", "postgresql://me@127.0.0.1:1/x").code == 3


def test_an_empty_store_says_what_to_do(flywheel):
    """Nothing to watch is no failure."""
    flywheel("init")

    answer = flywheel("watch", "--once")

    assert answer.code == 0
    assert "flywheel import" in answer.out


def test_what_fires_is_an_alert_once(flywheel, store_address):
    """Two looks over the same executions: one alert; a look at the past raises none."""
    recent(store_address, [0.97] * 30 + [0.4] * 5)
    past = flywheel("watch", "--store", store_address, "--at", "2026-01-02")
    first = flywheel("watch", "--once", "--store", store_address)
    second = flywheel("watch", "--once", "--store", store_address)
    listed = flywheel("alerts", "list", "--store", store_address, "--json").document

    assert (past.code, first.code, second.code) == (0, 1, 1)
    assert "CRITICAL p: quality" in first.err
    assert "CRITICAL" not in second.err
    assert [(one["subject"], one["times"]) for one in listed["alerts"]] == [("p: quality", 1)]


def test_settings_come_from_the_alerts_file(flywheel, fallen, tmp_path, monkeypatch):
    """The table [watch] holds; the command line goes over it."""
    (tmp_path / "alerts.toml").write_text("[watch]\nwindow_days = 3\n[watch.levels]\ncritical = 0.5\n")
    monkeypatch.setenv("FLYWHEEL_ALERTS_FILE", str(tmp_path / "alerts.toml"))

    found = flywheel("watch", "--store", fallen, *AT, "--json").document["settings"]
    over = flywheel("watch", "--store", fallen, *AT, "--json", "--window", "5d").document["settings"]

    assert (found["window_days"], found["levels"]["critical"], found["levels"]["target"]) == (3, 0.5, 0.95)
    assert (over["window_days"], over["levels"]["critical"]) == (5, 0.5)
    (tmp_path / "alerts.toml").write_text("[watch]\nwindow = 3\n")
    assert flywheel("watch", "--store", fallen, *AT).code == 2


def test_it_goes_on_until_ctrl_c_and_says_only_what_changed(tmp_path):
    """A table, silence while nothing changes, a line for a fall, a clean end."""
    address = str(tmp_path / "w.db")
    recent(address, [0.97] * 30)
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from flywheel.cli.main import main; main()"
    )
    command = [sys.executable, "-c", code, "watch", "--every", "1s", "--store", address]
    environ = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=pipe, stderr=pipe, text=True) as running:
        while "decide nothing" not in running.stdout.readline():
            assert running.poll() is None
        time.sleep(2.5)
        kept = open_store(address)
        kept.executions.write(
            [
                one.model_copy(update={"started_at": datetime.now(UTC), "execution_id": f"new{number}"})
                for number, one in enumerate(executions(stream([0.0], per_day=400)))
            ]
        )
        kept.close()
        changed = running.stdout.readline()
        running.send_signal(signal.SIGINT)
        rest, said = running.communicate(timeout=60)

    assert "p: critical, fallen, was " in changed
    assert rest == ""
    assert "Stopped after" in said
    assert "Traceback" not in said
    assert running.returncode == 0


@pytest.mark.skipif(not DRIFT.is_file(), reason="no recorded data; set FLYWHEEL_RECORDED_DATA")
def test_recorded_answers_without_history_show_levels_alone(flywheel):
    """As collected, at two moments: critical cells are shown, a fall is unknown with the reason."""
    flywheel("import", "jsonl", str(DRIFT), "--mapping", "recorded-runs")
    report = flywheel("watch", "--at", "2023-07-25", "--json").document
    cells = {(one["model"], one["slice"]): one for one in report["readings"] if one["model"]}

    assert cells["gpt-4-0314", "prime:composite"]["level"] == "critical"
    assert cells["gpt-4-0613", "prime:composite"]["level"] == "excellent"
    assert all("a reference needs" in one["fall"]["because"] for one in report["readings"])


@pytest.mark.skipif(not DRIFT.is_file(), reason="no recorded data; set FLYWHEEL_RECORDED_DATA")
def test_the_recorded_drift_of_a_model_is_found(flywheel, tmp_path):
    """gpt-4 of March for two weeks, then that of June: primes fell, within a day; composites did not."""
    rows = [json.loads(line) for line in DRIFT.read_text(encoding="utf-8").splitlines()]
    parts = {name: [row for row in rows if row["model"] == f"gpt-4-{name}"] for name in ("0314", "0613")}
    with (tmp_path / "runs.jsonl").open("w", encoding="utf-8") as file:
        for begin, days, part in ((0, 14, parts["0314"]), (14, 7, parts["0613"])):
            mixed = np.random.default_rng(0).permutation(len(part))
            for number, at in enumerate(mixed):
                moment = day(begin + days * number / len(part)).isoformat()
                row = {**part[at], "model": part[at]["model_family"], "timestamp": moment}
                file.write(json.dumps(row) + "\n")
    flywheel("import", "jsonl", "runs.jsonl", "--mapping", "recorded-runs")

    report = flywheel("watch", "--at", day(21).isoformat(), "--json").document

    found = {one["slice"]: one for one in report["readings"]}
    primes = found["prime:prime"]
    assert (primes["fall"]["state"], primes["severity"]) == ("fallen", "critical")
    assert abs(datetime.fromisoformat(primes["fall"]["began_at"]) - day(14)) < timedelta(days=1)
    assert datetime.fromisoformat(primes["fall"]["shown_at"]) < day(15.5)
    assert found["prime:composite"]["fall"]["state"] == "usual"


def test_a_release_that_is_worse_is_told_and_undone_when_asked(flywheel, tmp_path):
    """By hand it is only told; a manual release is never undone by itself."""
    for name, text in (("a", "One word: {q}"), ("b", "One word, please: {q}")):
        (tmp_path / f"{name}.txt").write_text(text)
    flywheel("init")
    flywheel("prompt", "add", "p", "a.txt", "--label", "v1", "--live")
    address = "sqlite:///.flywheel/flywheel.db"
    recent(address, [0.95] * 10)
    flywheel("prompt", "add", "p", "b.txt", "--label", "v2", "--live")
    kept = open_store(address)
    now = datetime.now(UTC)
    rows = executions(stream([0.3], per_day=200), version="v2")
    kept.executions.write(
        one.model_copy(update={"started_at": now + timedelta(milliseconds=5)}) for one in rows
    )
    before = kept.releases.live("default", "p").version
    kept.close()
    time.sleep(0.01)

    answer = flywheel("watch", "--once", "--roll-back", "--json")

    (found,) = answer.document["releases"]
    assert answer.code == 1
    assert (found["state"], found["may_roll_back"], found["version"]) == ("regressed", False, before)
    assert "flywheel rollback p --why TEXT" in answer.err
    kept = open_store(address)
    assert kept.releases.live("default", "p").version == before
    kept.close()
