"""The models file, and what a name means."""

from __future__ import annotations

import pytest

from flywheel.errors import InputError, PolicyError, UnknownName
from flywheel.llm.names import resolve
from flywheel.llm.prices import price_table
from flywheel.llm.providers import config_file, entry_of, merged, read_config

SHIPPED = merged({}, "")


def test_seven_models_are_known_without_a_file():
    """They are spread over four vendors, each with a dated price, a quality and a response-time target."""
    models = SHIPPED.models.values()

    assert len(models) == 7
    assert {m.provider for m in models} == {"openai", "groq", "gemini", "anthropic"}
    assert all(0.89 <= m.quality_target <= 0.96 for m in models)
    assert all(m.response_ms_target and m.price and m.price.as_of and m.price.source for m in models)


def test_all_providers_of_the_page_are_there():
    """Vendors name a variable for their key; servers of one's own need none."""
    keys = {name: p.api_key_env for name, p in SHIPPED.providers.items()}

    assert set(keys) == {"openai", "groq", "gemini", "anthropic", "ollama", "vllm", "embedded"}
    assert {name for name, key in keys.items() if key is None} == {"ollama", "vllm", "embedded"}


def test_a_file_goes_over_what_is_shipped(tmp_path):
    """Fields of the file win, the others stay."""
    file = tmp_path / "models.toml"
    file.write_text(
        '[providers.groq]\nconcurrency = 3\n[models."groq/x"]\nfallbacks = ["openai/gpt-5-mini"]\n'
    )
    for environ in ({"FLYWHEEL_MODELS_FILE": str(file)}, {"FLYWHEEL_HOME": str(tmp_path)}):
        config = read_config(environ)
        groq = config.providers["groq"]
        assert (groq.concurrency, groq.api_key_env) == (3, "GROQ_API_KEY")
        assert (len(config.models), config.own_models) == (8, {"groq/x"})


def test_a_moved_provider_keeps_neither_key_nor_price():
    """The vendor's key is not sent to another address, whose prices are unknown."""
    config = merged({"providers": {"openai": {"base_url": "http://proxy/v1"}}}, "f")

    assert config.providers["openai"].api_key_env is None
    assert config.models["openai/gpt-4.1"].price is None
    assert entry_of(config, "openai/gpt-5-mini").price is None
    assert entry_of(SHIPPED, "openai/gpt-5-mini").price == price_table()["openai/gpt-5-mini"]


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"providers": {"x": {"base_url": "http://h", "api_key": "sk-1"}}}, "keys never stand in this file"),
        ({"providers": {"x": {"base_uri": "http://h"}}}, r"providers\.x\.base_uri"),
        ({"caches": {}}, "caches"),
        ({"models": {"x/y": {"provider": "openai", "price": {"input_usd_per_1m": -1}}}}, "price"),
        ({"caps": {"usd": -1}}, r"caps\.usd"),
    ],
)
def test_a_wrong_file_says_where(tables, words):
    """Unknown tables and fields, wrong values and keys in the file are named; the key itself is not."""
    with pytest.raises(InputError, match=words) as caught:
        merged(tables, "f")
    assert "sk-1" not in str(caught.value)


@pytest.mark.parametrize("fallbacks", [["nobody/x"], ["a"]])
def test_a_fallback_must_be_another_model(fallbacks):
    """A name that means nothing, or the model itself, is refused when the file is read."""
    with pytest.raises(PolicyError, match="is no other model"):
        merged({"models": {"a": {"provider": "openai", "fallbacks": fallbacks}}}, "f")


def test_a_model_of_no_provider_is_refused():
    """A typing error in a provider's name is found when the file is read."""
    with pytest.raises(UnknownName, match="names provider 'opnai'"):
        merged({"models": {"a": {"provider": "opnai"}}}, "f")


def test_a_file_that_is_not_there_or_not_toml(tmp_path):
    """Both are errors that name the file."""
    with pytest.raises(InputError, match="is not a file"):
        config_file({"FLYWHEEL_MODELS_FILE": str(tmp_path / "none.toml")})
    (tmp_path / "models.toml").write_text("[providers")
    with pytest.raises(InputError, match="cannot be read"):
        read_config({"FLYWHEEL_HOME": str(tmp_path)})


@pytest.mark.parametrize(
    ("name", "environ", "base_url", "key"),
    [
        ("groq/x", {}, "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
        ("groq/x", {"FLYWHEEL_LLM_BASE_URL": "http://own/v1"}, "http://own/v1", None),
        ("own/x", {"FLYWHEEL_LLM_BASE_URL": "http://own/v1"}, "http://mine/v1", None),
        (
            "openai/x",
            {"OPENAI_BASE_URL": "http://h/v1", "OPENAI_API_KEY": "k"},
            "http://h/v1",
            "OPENAI_API_KEY",
        ),
        ("qwen", {"OPENAI_API_KEY": "k"}, "https://api.openai.com/v1", "OPENAI_API_KEY"),
        ("ollama/qwen3:8b", {}, "http://127.0.0.1:11434/v1", None),
    ],
)
def test_a_name_means_one_server(name, environ, base_url, key):
    """The order of the page decides, and no key leaves its address."""
    config = merged({"providers": {"own": {"base_url": "http://mine/v1"}}, "models": {"own/x": {}}}, "f")
    provider = resolve(config, name, environ).provider

    assert (provider.base_url, provider.api_key_env) == (base_url, key)


@pytest.mark.parametrize("name", ["gpt-9", "embedded-huge", "embedded/gpt", "nobody/x", "groq/"])
def test_a_name_that_means_nothing_lists_those_that_do(name):
    """The message names shipped models and providers."""
    with pytest.raises(UnknownName, match=r"embedded-medium.*openai/gpt-4\.1.*ollama"):
        resolve(SHIPPED, name, {})
