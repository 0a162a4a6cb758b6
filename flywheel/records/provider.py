"""Providers of language models: where they are, what they cost, how hard they may be asked."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from flywheel.records.base import Count, Name, NonNegative, Record, Share

AtLeastOne = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]


class PriceRow(Record):
    """What a provider charges for a model, USD per million tokens, on a day."""

    input_usd_per_1m: NonNegative
    output_usd_per_1m: NonNegative
    cached_input_usd_per_1m: NonNegative | None = None
    as_of: date | None = None
    source: str = ""


class Provider(Record):
    """A server of models.

    Attributes:
        base_url: address up to and including `/v1`; None for the embedded models.
        api_key_env: name of the environment variable that holds the key; None where no key is needed.
        timeout_s: longest silence between two bytes.
        deadline_s: longest time for one answer with all its tries.
        max_tries: attempts for one answer.
        concurrency: most calls under way at once.
        requests_per_minute, tokens_per_minute: limits of the account; None is none.
    """

    name: Name
    kind: Literal["openai", "embedded"] = "openai"
    base_url: str | None = None
    api_key_env: str | None = None
    timeout_s: Positive = 60.0
    deadline_s: Positive = 180.0
    max_tries: AtLeastOne = 4
    concurrency: AtLeastOne = 8
    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None


class ModelEntry(Record):
    """A model by the name it has here.

    Attributes:
        provider: name of its provider.
        model: name the provider knows it by.
        fallbacks: names of models asked in this order when it does not answer.
        price: None is unknown.
        quality_target: pass rate it should reach.
        response_ms_target: time its answer should take.
    """

    name: Name
    provider: Name
    model: Name
    fallbacks: tuple[Name, ...] = ()
    price: PriceRow | None = None
    quality_target: Share | None = None
    response_ms_target: Positive | None = None


class BreakerSettings(Record):
    """When a model that fails is left alone.

    Attributes:
        failures: in a row, after which nothing is sent.
        cooldown_s: until one call tries again; doubles up to longest_cooldown_s while that fails.
    """

    failures: AtLeastOne = 5
    cooldown_s: Positive = 30.0
    longest_cooldown_s: Positive = 300.0


class CacheSettings(Record):
    """Which answers are kept, where, for how long.

    Attributes:
        enabled: off asks every time.
        memory_entries: most answers in memory.
        store: keep answers in the store too, so that other processes find them.
        redis_url_env: name of the variable with the address of a Redis that takes the store's place.
        keep_hours: age from which an answer is asked for again.
    """

    enabled: bool = True
    memory_entries: AtLeastOne = 4096
    store: bool = True
    redis_url_env: str | None = None
    keep_hours: Positive = 168.0


class SpendCaps(Record):
    """Ceilings over all calls of all processes on one store; None is no ceiling.

    Attributes:
        calls, tokens, usd: most of each inside the window.
        window_hours: length of the window, which ends now.
    """

    calls: Count | None = None
    tokens: Count | None = None
    usd: NonNegative | None = None
    window_hours: Positive = 24.0

    @property
    def any_set(self) -> bool:
        """Whether there is a ceiling at all."""
        return (self.calls, self.tokens, self.usd) != (None, None, None)


class ModelsConfig(Record):
    """Everything about models from one file, over what is shipped."""

    providers: dict[str, Provider] = Field(default_factory=dict)
    models: dict[str, ModelEntry] = Field(default_factory=dict)
    breaker: BreakerSettings = BreakerSettings()
    cache: CacheSettings = CacheSettings()
    caps: SpendCaps = SpendCaps()
    own_models: frozenset[str] = frozenset()
    """Names the user's own file declares; they win over addresses of the environment."""
