"""`flywheel models`, and a cycle on a remote model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "llm"))

from chat_stub import Reply, chat_stub, completion

KEYS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "GROQ_API_KEY", "GEMINI_API_KEY", "ANTHROPIC_API_KEY")


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch):
    for name in (*KEYS, "FLYWHEEL_LLM_BASE_URL", "FLYWHEEL_LLM_API_KEY", "FLYWHEEL_MODELS_FILE"):
        monkeypatch.delenv(name, raising=False)


def write_models(stub, **tables):
    """A models file of the user with one server."""
    Path(".flywheel").mkdir(exist_ok=True)
    Path(".flywheel/models.toml").write_text(
        f'[providers.own]\nbase_url = "{stub.base_url}"\n[models."own/m"]\n'
        "price = {input_usd_per_1m = 1.0, output_usd_per_1m = 10.0}\n"
        + "".join(f"[{name}]\n{body}\n" for name, body in tables.items()),
        encoding="utf-8",
    )


def test_models_are_listed_with_price_and_key(flywheel, monkeypatch):
    """Every model is there, with where its price is from and whether its key is set."""
    monkeypatch.setenv("GROQ_API_KEY", "gsk-secret")
    answer = flywheel("models", "--json")

    rows = {row["name"]: row for row in answer.document["models"]}
    assert len(rows) == 14
    assert rows["groq/llama-3.3-70b-versatile"]["is_ready"]
    assert not rows["openai/gpt-4.1"]["is_ready"]
    assert rows["openai/gpt-4.1"]["price_as_of"] == "2026-11-20"
    assert "gsk-secret" not in answer.out
    assert "openai/gpt-5-mini" in flywheel("models").out


def test_a_check_asks_those_that_can_be_asked(flywheel):
    """A server of one's own says which models it has; a vendor without a key is not asked."""
    with chat_stub(Reply(completion())) as stub:
        write_models(stub)
        answer = flywheel("models", "--check", "--json")

        assert stub.requests == []
    checks = {row["name"]: row["check"] for row in answer.document["providers"]}
    assert (answer.code, checks["own"]["detail"]) == (0, "answers, 1 models")
    assert checks["own"]["missing"] == ["own/m"]
    assert "GROQ_API_KEY is not set" in checks["groq"]["detail"]


def test_a_check_that_fails_says_how(flywheel):
    """A server of the user's file that is not there is exit code 3."""
    with chat_stub(Reply(completion())) as stub:
        write_models(stub)
    answer = flywheel("models", "--check", "--json")

    checks = {row["name"]: row["check"] for row in answer.document["providers"]}
    assert (answer.code, checks["own"]["kind"], checks["ollama"]["kind"]) == (3, "connection", None)


def test_a_server_of_the_environment_is_shown_for_every_name_that_goes_there(flywheel, monkeypatch):
    """Shipped names go there without the vendor's price and keep their target; a person reads both."""
    with chat_stub(Reply(completion())) as stub:
        write_models(stub)
        usual = {row["name"]: row for row in flywheel("models", "--json").document["models"]}
        monkeypatch.setenv("FLYWHEEL_LLM_BASE_URL", stub.base_url.replace("//", "//ann:hunter2@"))
        answer = flywheel("models", "--check", "--json")
        page = " ".join(flywheel("models").out.split())

    rows = {row["name"]: row for row in answer.document["models"]}
    moved, own = rows["openai/gpt-4.1"], rows["own/m"]
    address = stub.base_url.replace("//", "//ann:***@")
    assert (moved["provider"], moved["base_url"], moved["is_ready"]) == ("environment", address, True)
    assert (moved["input_usd_per_1m"], moved["quality_target"]) == (None, 0.95)
    assert usual["openai/gpt-4.1"]["base_url"] == "https://api.openai.com/v1"
    assert (own["base_url"], own["input_usd_per_1m"]) == (stub.base_url, 1.0)
    assert rows["embedded-nano"]["base_url"] is None
    checks = {row["name"]: row["check"]["detail"] for row in answer.document["providers"]}
    assert checks["environment"].startswith("answers")
    assert f"FLYWHEEL_LLM_BASE_URL is set: every name goes to {address}" in page
    assert "shipped names go there too" in page
    assert "held to their own target" in page
    assert "hunter2" not in page + answer.out


def test_a_wrong_file_is_wrong_use(flywheel):
    """The message names the field; nothing else happens."""
    Path(".flywheel").mkdir()
    Path(".flywheel/models.toml").write_text("[providers.x]\nbase_uri = 'http://h'\n")
    answer = flywheel("models")

    assert (answer.code, "providers.x.base_uri" in answer.err) == (2, True)


def test_a_cycle_on_a_remote_model_keeps_its_ledger(triage, tmp_path):
    """The forecast is said first, the bill last, the ledger is in the store, and a ceiling is kept."""
    cases = [
        {"case_id": str(n), "inputs": {"question": f"question {n}"}, "expected": "dob"} for n in range(40)
    ]
    Path("cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    assert triage("suite", "add", "s", "cases.jsonl").code == 0
    asked = ("cycle", "--prompt", "triage", "--suite", "s", "--model", "own/m", "--all-time", "--dry-run")
    with chat_stub(Reply(completion())) as stub:
        write_models(stub)
        ran = triage(*asked)
        sent = len(stub.requests)
        real = triage(*[word for word in asked if word != "--dry-run"])
        again = triage(*asked, "--again")
        write_models(stub, caps="calls = 1")
        capped = triage(*asked, "--again", "--seed", "7", "--json")

        assert len(stub.requests) == 2 * sent > 80
    spent = triage("models", "--spent", "--json").document["models"]
    assert (ran.code, real.code, again.code, capped.code) == (0, 0, 0, 0)
    assert "Forecast for 'triage' with 'own/m': 22 calls" in ran.err
    assert f"Models took {sent} calls" in ran.err
    assert f"Models took 0 calls, 0 tokens, 0.0000 USD; {sent} answers were kept ones." in flat(real.err)
    assert f"Models took {sent} calls" in again.err  # a new cycle measures anew
    assert spent == [
        {
            "model": "own/m",
            "outcomes": {"answered": 2 * sent, "cached": sent},
            "spend": {
                "calls": 2 * sent,
                "tokens": 26 * sent,
                "usd": pytest.approx(62e-6 * sent),
                "unpriced": 0,
            },
            "mean_latency_ms": pytest.approx(spent[0]["mean_latency_ms"]),
            "p50_latency_ms": spent[0]["p50_latency_ms"],
            "p95_latency_ms": spent[0]["p95_latency_ms"],
        }
    ]
    assert capped.document["cycles"][0]["output"]["improvements_applied"] == 0


def flat(text):
    """What was wrapped, on one line."""
    return " ".join(text.split())
