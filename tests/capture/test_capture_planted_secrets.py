"""No planted secret is in anything that is kept or said, whichever way it came in."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from captured_runs import run_apart
from planted_secrets import Planted, planted
from recorder_world import hidden, spooled
from secret_ways import (
    SUITE_OF_SECRETS,
    csv_file,
    everything_in,
    jsonl_file,
    junit_file,
    leaks,
    otel_file,
    rejected_file,
)
from typer.testing import CliRunner

from flywheel.capture.importing import ImportSettings, import_file
from flywheel.capture.recorder import RecorderSettings, recorder
from flywheel.cli.main import app
from flywheel.records.columns import Scope
from flywheel.store.open import SqlStore, open_store

pytest_plugins = ["pytester"]

SECRETS = list(planted(10_000, seed=7))
PARTS = {
    "store": SECRETS[:2_500],
    "spool": SECRETS[2_500:4_500],
    "pytest": SECRETS[4_500:5_500],
    "jsonl": SECRETS[5_500:7_000],
    "csv": SECRETS[7_000:7_800],
    "junit": SECRETS[7_800:8_600],
    "otel": SECRETS[8_600:9_300],
    "rejected": SECRETS[9_300:],
}
FILES = {"jsonl": jsonl_file, "csv": csv_file, "junit": junit_file, "otel": otel_file}
LOOKS = (
    ("patterns",),
    ("patterns", "--json"),
    ("report",),
    ("report", "--json"),
    ("report", "--by", "model", "--json"),
    ("sessions", "--json"),
    ("flaky", "--json"),
    ("status", "--json"),
)


def test_the_search_finds_what_is_there():
    """A secret, a part of a long key and a secret in JSON are found, so that finding none means something."""
    key = next(one for one in SECRETS if one.kind == "openai")
    mail = Planted("email", "ann@Uni-Köln.de", "")

    assert leaks(f"see {key.value[:30]} ...".encode(), [key])
    assert leaks(json.dumps(mail.value).encode(), [mail])
    assert leaks(b"nothing here at all", SECRETS) == []


def test_no_secret_is_left_by_the_recorder(
    store: SqlStore, store_address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    """Neither in the store nor in its spool, its log, or the reason of a refused call."""
    away = tmp_path / "file"
    away.write_text("no folder")
    settings = RecorderSettings(spool=tmp_path / "spool", strict=False)
    with caplog.at_level(logging.DEBUG):
        for key, address in (("store", store), ("spool", f"sqlite:///{away}/runs.db")):
            with recorder("triage", store=address, settings=settings) as rec:
                for position, one in enumerate(PARTS[key]):
                    rec.record(**hidden(position, one.text))
                rec.record(outcome="passed", score=PARTS[key][0].text)
            caplog.records.append(logging.makeLogRecord({"msg": str(rec.problem)}))

    assert store.executions.counts(Scope()).stored == len(PARTS["store"])
    said = "\n".join(record.getMessage() for record in caplog.records).encode()
    disk = b"".join(path.read_bytes() for path in spooled(settings))
    assert disk.count(b"\n") == len(PARTS["spool"])
    assert leaks(everything_in(store, store_address) + disk + said, SECRETS) == []


def test_no_secret_is_left_by_a_run_of_pytest(pytester: pytest.Pytester):
    """Neither in the lines that the plugin writes nor in what it prints."""
    texts = [one.text for one in PARTS["pytest"]]
    pytester.path.joinpath("texts.json").write_text(json.dumps(texts))
    pytester.makepyfile(SUITE_OF_SECRETS)

    result = run_apart(pytester, "-q", "--tb=no", "--no-summary")

    lines = pytester.path.joinpath("runs.jsonl").read_bytes()
    assert lines.count(b"\n") == len(texts)
    printed = "\n".join([*result.outlines, *result.errlines]).encode()
    assert leaks(lines + printed, PARTS["pytest"]) == []


@pytest.mark.parametrize("format_", FILES)
def test_no_secret_is_left_by_an_import(format_: str, store: SqlStore, store_address: str, tmp_path: Path):
    """Neither in the store nor in the quarantine, on the screen, or in what later commands print."""
    path = FILES[format_](tmp_path / f"runs.{format_}", PARTS[format_])
    settings = ImportSettings(format=format_, prompt="triage", quarantine_folder=tmp_path / "home")
    said = [repr(import_file(path, store, settings))]
    said += [_called(tmp_path, store_address, *words) for words in LOOKS]

    assert store.executions.counts(Scope()).stored > len(PARTS[format_]) * 0.9
    kept = everything_in(store, store_address) + _quarantine(tmp_path)
    assert leaks(kept + "\n".join(said).encode(), PARTS[format_]) == []


def test_no_secret_is_left_of_rejected_lines(store: SqlStore, store_address: str, tmp_path: Path):
    """Neither in the quarantine nor beside it in the reasons, nor in the reasons that are printed."""
    path = rejected_file(tmp_path / "bad.jsonl", PARTS["rejected"])
    said = [
        _called(tmp_path, store_address, "import", "jsonl", str(path), *more)
        for more in ((), ("--json",), ("--dry-run",))
    ]

    reasons = list((tmp_path / "home").rglob("*.reasons.jsonl"))
    assert len(reasons) == 1
    assert reasons[0].read_bytes().count(b"\n") == len(PARTS["rejected"])
    kept = everything_in(store, store_address) + _quarantine(tmp_path)
    assert leaks(kept + "\n".join(said).encode(), PARTS["rejected"]) == []


@pytest.mark.parametrize("shift", range(0, 60, 7))
def test_a_secret_where_a_long_line_is_read_in_two_is_taken_out(tmp_path: Path, shift: int):
    """Whether the limit of a line cuts the secret or not."""
    secret = next(one for one in SECRETS if one.kind == "openai")
    line = '{"outcome": "passed", "comment": "' + "a " * 400
    line = line[: 800 - shift] + " " + secret.value + ' b", "output": "' + "c " * 9_000 + '"}'
    path = tmp_path / "long.jsonl"
    path.write_text(f"{line}\n")
    settings = ImportSettings(quarantine_folder=tmp_path / "home", line_limit=800)

    import_file(path, open_store("sqlite://"), settings)

    kept = _quarantine(tmp_path)
    assert kept.count(b"c ") == 9_000
    assert leaks(kept, [secret]) == []


def _quarantine(tmp_path: Path) -> bytes:
    return b"".join(p.read_bytes() for p in (tmp_path / "home").rglob("*") if p.is_file())


def _called(tmp_path: Path, address: str, *words: str) -> str:
    """All that a command prints."""
    result = CliRunner().invoke(
        app, [*words, "--store", address], env={"FLYWHEEL_HOME": str(tmp_path / "home")}
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in {0, 1}, result.output
    return f"{result.stdout}\n{result.stderr}"
