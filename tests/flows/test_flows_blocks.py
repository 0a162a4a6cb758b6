"""Blocks: where the store is, which model answers."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger
from pydantic import SecretStr, ValidationError

from blocks.model import ChatModelBlock, model_block
from blocks.provider import ProviderBlock
from blocks.store import FlywheelStore, store_block
from flows.learning_cycle import learning_cycle
from flywheel.cli.prompt_keeping import make_live
from flywheel.errors import InputError, StoreUnreachable, UnknownName
from flywheel.llm.providers import merged
from flywheel.ports import RunPlan
from flywheel.records.case import Case, Suite
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.store.open import open_store
from tasks.wiring import Places, wired

sys.path.insert(0, str(Path(__file__).parents[1] / "llm"))

from chat_stub import Reply, chat_stub, completion

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.integration]


def test_store_without_address_is_that_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FLYWHEEL_DATABASE_URL decides where a block leaves the address out."""
    monkeypatch.setenv("FLYWHEEL_DATABASE_URL", f"sqlite:///{tmp_path / 'env.db'}")
    with store_block("environment").open() as store:
        assert store.database.file == tmp_path / "env.db"


def test_address_with_a_password_is_refused() -> None:
    """Parameters of a run are kept in plain text, so that a password has no place there."""
    with pytest.raises(InputError, match="plain text") as refused:
        store_block("postgresql://ada:hunter2@db/flywheel")
    assert "hunter2" not in str(refused.value)


def test_store_address_is_masked() -> None:
    """The address of a block, which may hold a password, is in no repr."""
    assert "hunter2" not in repr(FlywheelStore(address=SecretStr("postgresql://ada:hunter2@db/fw")))


def test_unreachable_store_says_so(tmp_path: Path) -> None:
    """A file where a folder should be is a StoreUnreachable, which tasks try again."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnreachable), store_block(str(tmp_path / "file" / "store.db")).open():
        pass


def test_default_blocks_need_no_saved_document(prefect: None) -> None:
    """`default` works on a server that was never bootstrapped."""
    assert store_block("default").address is None
    assert model_block("default").model is None


def test_misspelt_block_is_refused(prefect: None) -> None:
    """A wrong name never turns into another store."""
    with pytest.raises(InputError, match="There is no block flywheel-store/defualt"):
        store_block("defualt")


def test_saved_block_is_found_by_name(prefect: None, tmp_path: Path) -> None:
    """A saved block gives back its secret address."""
    FlywheelStore(address=SecretStr(f"sqlite:///{tmp_path / 'saved.db'}")).save("saved")
    with store_block("saved").open() as store:
        assert store.database.file == tmp_path / "saved.db"


def test_model_block_keeps_address_and_key_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block with an address of its own never sends the environment's key there."""
    monkeypatch.setenv("FLYWHEEL_LLM_API_KEY", "of-the-environment")
    chat = ChatModelBlock(base_url="http://127.0.0.1:9/v1").chat("openai:small")
    assert "of-the-environment" not in repr(vars(chat))


def test_model_block_refuses_an_unknown_embedded_model() -> None:
    """A misspelt model is refused before anything is run."""
    with pytest.raises(UnknownName, match="embedded-tiny"):
        ChatModelBlock().chat("embedded-tiny")
    with pytest.raises(ValidationError):
        ChatModelBlock(concurrency=0)


def test_provider_block_brings_its_key_to_the_model(prefect: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A saved provider's key is used by the chat model block that names it, and is in no repr."""
    monkeypatch.delenv("FLYWHEEL_LLM_BASE_URL", raising=False)
    monkeypatch.setenv("GROQ_API_KEY", "of-the-environment")
    ProviderBlock(provider="groq", api_key=SecretStr("gsk-hunter2"), concurrency=3).save(
        "ours", overwrite=True
    )
    block = ChatModelBlock(providers=["ours"])
    chat = block.chat("groq/llama-3.3-70b-versatile")
    assert chat.endpoint.api_key == "gsk-hunter2"
    assert chat.endpoint.connections == 3
    assert "hunter2" not in repr(vars(chat)) + repr(block)


def test_misspelt_provider_block_is_refused(prefect: None) -> None:
    """A wrong name never falls back to another key."""
    with pytest.raises(InputError, match="There is no block flywheel-provider/ourz"):
        ChatModelBlock(providers=["ourz"]).gateway()


def test_moved_provider_block_sends_no_key_of_the_environment() -> None:
    """Another address without a key of its own gets none."""
    moved, keys = ProviderBlock(provider="groq", base_url="http://127.0.0.1:9/v1").over(merged({}, ""))
    assert (moved.providers["groq"].api_key_env, keys) == (None, {})


def test_a_live_phase_keeps_its_ledger_in_the_store(prefect: None, tmp_path: Path) -> None:
    """Calls a task makes through its blocks are in the ledger of the store block, cycle and all."""
    address = str(tmp_path / "live.db")
    cases = [Case(case_id=str(n), suite="s", inputs={"q": f"question {n}"}, expected="dob") for n in range(3)]
    plan = RunPlan("w", "p", "v", "{q}", Suite(suite="s"), "small", "s1", cycle_id="c1")
    with chat_stub(Reply(completion())) as stub:
        ChatModelBlock(base_url=stub.base_url, api_key=SecretStr("k")).save("remote", overwrite=True)
        for _ in range(2):
            places = Places(store=address, models="remote")
            with disable_run_logger(), wired(places, lambda *_: None, live=True) as wiring:
                assert wiring.runner is not None
                outcomes = {e.outcome for e in wiring.runner.run(plan, cases)}
        assert [request["headers"]["authorization"] for request in stub.requests] == ["Bearer k"] * 3
    assert outcomes == {"passed"}
    store = open_store(address)
    (row,) = store.model_calls.summary(datetime(2020, 1, 1, tzinfo=UTC), "w")
    assert (row.outcomes, store.model_calls.of_cycle("w", "c1").calls) == ({"answered": 3, "cached": 3}, 3)
    store.close()


def test_a_suite_with_a_judge_is_judged_in_a_flow(prefect: None, tmp_path: Path) -> None:
    """A cycle as tasks asks model and judge through the blocks; every call is in the ledger of its cycle."""
    address = str(tmp_path / "judged.db")
    store = open_store(address)
    version = PromptVersion(prompt="tone", version=content_hash("{q}"), text="{q}", variables=("q",))
    store.prompts.add(version)
    make_live(store, version)
    suite = Suite(suite="tone", scorer="judge", parameters={"model": "openai:big"})
    store.cases.add(suite, [Case(case_id=str(n), suite="tone", inputs={"q": f"q {n}"}) for n in range(12)])
    verdict = json.dumps({"reason": "It is polite.", "score": 0.0})
    with chat_stub(Reply(completion(verdict))) as stub:
        ChatModelBlock(base_url=stub.base_url, api_key=SecretStr("k")).save("judging", overwrite=True)
        asked = {"prompts": ["tone"], "suite": "tone", "model": "openai:small", "dry_run": True}
        state = learning_cycle(**asked, store=address, models="judging", return_state=True)
        (outcome,) = state.result(raise_on_failure=False)
        sent = [request["body"]["model"] for request in stub.requests]
    scored = store.executions.in_session("default", "tone", f"baseline/{outcome.output.cycle_id}")
    rows = store.model_calls.summary(datetime(2020, 1, 1, tzinfo=UTC), by="purpose")
    spent = store.model_calls.of_cycle("default", outcome.output.cycle_id)
    store.close()
    assert scored
    assert {e.metadata["scored"]["reason"] for e in scored} == {"It is polite."}
    assert all(e.started_at is not None for e in scored)
    assert sent.count("small") >= len(scored)
    assert sent.count("big") >= 1
    assert {row.group for row in rows} >= {"baseline", "judge"}
    assert spent.calls == len(sent)
