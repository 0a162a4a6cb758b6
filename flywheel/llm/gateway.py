"""The way from a model's name to the model with all its layers."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

from flywheel.errors import InputError
from flywheel.llm.answer_cache import AnswerCache
from flywheel.llm.breaker import Breaker
from flywheel.llm.budget import SpendGuard
from flywheel.llm.embedded import EmbeddedModel
from flywheel.llm.embedded_variants import BY_NAME
from flywheel.llm.endpoint import Endpoint, Price
from flywheel.llm.guarded import Guarded, Guards
from flywheel.llm.ledger import Ledger
from flywheel.llm.limits import Limits
from flywheel.llm.names import NamedModel, resolve
from flywheel.llm.providers import read_config
from flywheel.llm.retrying import Patience, Retrying
from flywheel.llm.routing import Route, Stop, WholeAnswers
from flywheel.llm.served import ServedModel, Shared
from flywheel.llm.single_flight import SingleFlight
from flywheel.ports import AnswerStore, AsyncChatModel, CallStore
from flywheel.records.model_call import Spend
from flywheel.records.provider import ModelsConfig, PriceRow, Provider

if TYPE_CHECKING:
    from flywheel.llm.openai_chat import OpenAIChat

FAILOVER_WAIT_S = 10.0
"""With a fallback at hand a server that asks to wait longer is not waited for."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where the ledger and the answers are kept; None keeps nothing beyond the process.

    Attributes:
        calls: for the ledger and the ceilings of spend.
        answers: second tier of the cache.
    """

    calls: CallStore | None = None
    answers: AnswerStore | None = None


class Gateway:
    """Models by name, sharing one cache, one ledger, one set of limits.

    Args:
        config: providers, models, ceilings.
        environ: keys by the names the configuration gives.
        keeping: the store's part.

    Examples:
        >>> with Gateway(read_config({}), {}) as gateway:
        ...     gateway.model("embedded-small").variant.context_chars
        30000
    """

    def __init__(
        self, config: ModelsConfig, environ: Mapping[str, str], keeping: Keeping | None = None
    ) -> None:
        self.config = config
        self._environ = environ
        self._keeping = keeping or Keeping()
        calls = self._keeping.calls
        self.ledger = Ledger(calls.write if calls else None)
        self.spend = SpendGuard(config.caps, self._spent)
        self.cache = self._made_cache()
        self._shared = Shared(self.ledger, self.spend, SingleFlight(), self.cache)
        self._lock = threading.RLock()
        self._models: dict[str, AsyncChatModel] = {}
        self._limits: dict[str, Limits] = {}
        self._stops: dict[str, tuple[Stop, OpenAIChat]] = {}

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.aclose()

    def model(self, name: str) -> AsyncChatModel:
        """A model by its name; nothing is sent yet.

        Args:
            name: `embedded-...`, `PROVIDER/MODEL`, a name of the models file, or `openai:MODEL`.

        Returns:
            The embedded model, or one with kept answers, fallbacks, tries, breaker, limits and ledger.

        Raises:
            UnknownName: no such model.
            InputError: its key is not set.
        """
        with self._lock:
            if name not in self._models:
                self._models[name] = self._made(name)
            return self._models[name]

    def close(self) -> None:
        """Bring the ledger to the store, give the connections back."""
        self._bring_home()
        for _, adapter in self._stops.values():
            adapter.close()

    async def aclose(self) -> None:
        """As `close`, without holding the event loop up."""
        await asyncio.to_thread(self._bring_home)
        for _, adapter in self._stops.values():
            await adapter.aclose()

    @property
    def used_remote(self) -> bool:
        """Whether a model outside of this process was made."""
        return bool(self._stops)

    def bill(self) -> str:
        """What the calls took, in one sentence, with how many were not sent.

        Examples:
            >>> Gateway(read_config({}), {}).bill()
            'Models took 0 calls, 0 tokens, 0.0000 USD; 0 answers were kept ones.'
        """
        spend = self.ledger.spend
        usd = f"{spend.usd:.4f} USD" + f" plus {spend.unpriced:,} calls of unknown price" * bool(
            spend.unpriced
        )
        if spend.unpriced and not spend.usd:
            usd = "USD unknown, because no price is kept"
        line = f"Models took {spend.calls:,} calls, {spend.tokens:,} tokens, {usd}"
        if self.cache is not None:
            found = self.cache.statistics
            line += f"; {found.memory + found.store + found.shared:,} answers were kept ones"
        waiting = self.ledger.waiting
        return f"{line}." + (f" {waiting:,} rows of the ledger are not stored yet." if waiting else "")

    def breaker_states(self) -> dict[str, str]:
        """State of the breaker of every remote model that was made."""
        return {
            name: stop.once.guards.breaker.state
            for name, (stop, _) in self._stops.items()
            if isinstance(stop.once, Guarded)
        }

    def _bring_home(self) -> None:
        self.ledger.flush()
        if self.cache is not None:
            self.cache.sweep()

    def _made(self, name: str) -> AsyncChatModel:
        if name in BY_NAME:
            return EmbeddedModel(BY_NAME[name])
        named = resolve(self.config, name, self._environ)
        if named.provider.kind == "embedded":
            return self.model(named.entry.model)
        stops = [self._stop(named, alone=not named.entry.fallbacks)]
        for fallback in named.entry.fallbacks:
            other = resolve(self.config, fallback, self._environ)
            if other.provider.kind == "embedded":
                whole = WholeAnswers(EmbeddedModel(BY_NAME[other.entry.model]))
                stops.append(Stop(fallback, whole, whole))
            else:
                stops.append(self._stop(other, alone=False))
        endpoint = self._stops[name][1].endpoint
        return ServedModel(named.entry, endpoint, Route(stops, named.provider.deadline_s), self._shared)

    def _stop(self, named: NamedModel, *, alone: bool) -> Stop:
        provider, entry = named.provider, named.entry
        if entry.name in self._stops:
            return self._stops[entry.name][0]
        endpoint = Endpoint(
            model=entry.model,
            base_url=provider.base_url or "",
            api_key=self._key(named),
            timeout_s=provider.timeout_s,
            deadline_s=provider.deadline_s,
            connections=provider.concurrency,
            price=price_of(entry.price),
        )
        adapter = _openai_chat(entry.name, endpoint)
        guards = Guards(
            breaker=Breaker(entry.name, self.config.breaker),
            limits=self._limits_of(provider),
            spend=self.spend,
            ledger=self.ledger,
            provider=provider.name,
            price=entry.price,
            deadline_s=provider.deadline_s,
        )
        guarded = Guarded(entry.name, adapter, guards)
        patience = Patience(
            provider.max_tries,
            provider.deadline_s,
            longest_wait_s=None if alone else FAILOVER_WAIT_S,
            # Without a fallback a first cooldown is sat out; a model that fails again fails at once.
            breaker_wait_s=self.config.breaker.cooldown_s + 1.0 if alone else 0.0,
        )
        stop = Stop(entry.name, Retrying(guarded, patience), guarded)
        self._stops[entry.name] = (stop, adapter)
        return stop

    def _key(self, named: NamedModel) -> str | None:
        variable = named.provider.api_key_env
        if variable is None:
            return None
        key = self._environ.get(variable) or None
        if key is None and named.needs_key:
            msg = (
                f"Model {named.entry.name!r} needs the key of provider {named.provider.name!r} in "
                f"{variable}; it is not set. Nothing was sent. Set it, or use embedded-medium."
            )
            raise InputError(msg)
        return key

    def _limits_of(self, provider: Provider) -> Limits:
        if provider.name not in self._limits:
            self._limits[provider.name] = Limits(
                provider.name,
                requests_per_minute=provider.requests_per_minute,
                tokens_per_minute=provider.tokens_per_minute,
                concurrency=provider.concurrency,
            )
        return self._limits[provider.name]

    def _made_cache(self) -> AnswerCache | None:
        settings = self.config.cache
        if not settings.enabled:
            return None
        if settings.redis_url_env:
            url = self._environ.get(settings.redis_url_env)
            if not url:
                msg = (
                    f"cache.redis_url_env names {settings.redis_url_env!r}, which is not set. Nothing was "
                    "sent. Set it to the address of Redis, or take the line out of the models file."
                )
                raise InputError(msg)
            return AnswerCache(settings, _redis_answers(url, settings.keep_hours))
        return AnswerCache(settings, self._keeping.answers if settings.store else None)

    def _spent(self) -> Spend:
        if self._keeping.calls is None:
            return self.ledger.spend
        since = datetime.now(UTC) - timedelta(hours=self.config.caps.window_hours)
        return self._keeping.calls.spent(since)


def open_gateway(environ: Mapping[str, str], keeping: Keeping | None = None) -> Gateway:
    """A gateway with the configuration of the environment.

    Raises:
        InputError: the models file cannot be read.
    """
    return Gateway(read_config(environ), environ, keeping)


def price_of(row: PriceRow | None) -> Price | None:
    """The price as the adapter reckons with it."""
    if row is None:
        return None
    return Price(row.input_usd_per_1m, row.output_usd_per_1m, row.cached_input_usd_per_1m)


def _openai_chat(name: str, endpoint: Endpoint) -> OpenAIChat:
    """The adapter; this is the door at which langchain is loaded, more than a second of work."""
    module = importlib.import_module("flywheel.llm.openai_chat")
    made: OpenAIChat = module.OpenAIChat(name, endpoint)
    return made


def _redis_answers(url: str, keep_hours: float) -> AnswerStore:
    """Redis is an extra."""
    try:
        module = importlib.import_module("flywheel.llm.redis_answers")
    except ModuleNotFoundError as error:
        msg = (
            "cache.redis_url_env needs the package 'redis', which is not installed. Nothing was sent. "
            "Install it with: pip install 'flywheel[redis]', or take the line out of the models file."
        )
        raise InputError(msg) from error
    made: AnswerStore = module.RedisAnswers(url, keep_hours)
    return made
