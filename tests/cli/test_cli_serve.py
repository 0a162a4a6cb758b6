"""`flywheel serve` as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

LIMIT_S = 120.0
PROGRAM = [sys.executable, "-m", "flywheel", "serve"]


def test_it_serves_until_it_is_told_to_stop(triage, tmp_path: Path):
    """The address is printed once it listens; Ctrl-C ends it in order, with exit code 0."""
    command = [*PROGRAM, "--port", "0", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        told = []
        while not told or told[-1].rstrip() != "}":
            line = running.stdout.readline()
            assert line, running.stderr.read()
            told.append(line)
        document = json.loads("".join(told))
        # A proxy of the environment does not know this machine.
        with httpx2.Client(base_url=document["address"], timeout=LIMIT_S, trust_env=False) as client:
            page, live = client.get("/"), client.get("/api/v1/prompts/triage")
        running.send_signal(signal.SIGINT)
        rest, said = running.communicate(timeout=LIMIT_S)

    assert (page.status_code, live.json()["prompt"]) == (200, "triage")
    assert document["workspace"] == "default"
    assert (running.returncode, rest, "Traceback" in said) == (0, "", False)


def test_wrong_use_and_a_missing_store_start_nothing(flywheel, monkeypatch: pytest.MonkeyPatch):
    """Exit 3 without a store; exit 2 for another address without a token, and for one that is taken."""
    missing = flywheel("serve", "--store", "nothing.db")
    flywheel("init")
    everywhere = flywheel("serve", "--host", "0.0.0.0")  # noqa: S104 - it is refused
    monkeypatch.setenv("FLYWHEEL_TOKENS", "support=a-token-for-support-only")
    nowhere = flywheel("serve", "--host", "192.0.2.1", "--port", "0")

    assert (missing.code, everywhere.code, nowhere.code) == (3, 2, 2)
    assert "there is no token" in everywhere.err
    assert "Cannot listen at '192.0.2.1'" in nowhere.err
    assert not Path("nothing.db").exists()


def test_a_token_is_made_and_shown_once(flywheel):
    """The token alone is on stdout; the file has its hash only; a store is not needed."""
    plain = flywheel("serve", "--make-token", "support")
    document = flywheel("serve", "--make-token", "sales", "--json").document

    kept = Path(".flywheel/tokens.toml").read_text()
    assert len(plain.out.strip()) >= 40
    assert plain.out.strip() not in kept
    assert document["token"] not in kept
    assert (document["workspace"], kept.count("sha256")) == ("sales", 2)
    assert os.listdir(".flywheel") == ["tokens.toml"]  # noqa: PTH208 - names alone
    assert flywheel("serve", "--make-token", "").code == 2
