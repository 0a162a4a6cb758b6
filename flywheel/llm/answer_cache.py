"""Answers that need not be asked for again: in memory, then in the store."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from flywheel.errors import StoreError
from flywheel.llm.together import Together
from flywheel.llm.ways import Way
from flywheel.ports import AnswerStore
from flywheel.records.chat import ChatAnswer, ChatRequest
from flywheel.records.provider import CacheSettings

AWAY = timedelta(seconds=30)
"""How long a store that did not answer is not asked again: each question would wait for it."""

KEY_VERSION = 1
"""Goes up when what an answer depends on changes."""


@dataclass(slots=True)
class CacheStatistics:
    """What happened to the questions so far.

    Attributes:
        memory, store: found there.
        missed: asked.
        shared: waited for an equal question that was under way.
        kept: answers kept; unfinished ones are not.
        unreachable: times the store did not answer; the question was asked instead.
    """

    memory: int = 0
    store: int = 0
    missed: int = 0
    shared: int = 0
    kept: int = 0
    unreachable: int = 0

    @property
    def hit_share(self) -> float | None:
        """Share of questions that were not sent, None before the first."""
        found = self.memory + self.store + self.shared
        return found / (found + self.missed) if found + self.missed else None


def key_of(request: ChatRequest, identity: str) -> str:
    """What an answer depends on, as one key.

    Args:
        request: messages, parameters, seed and replicate count; purpose, cycle and deadline do not.
        identity: of the model: its address and the provider's name for it.

    Examples:
        >>> from flywheel.records.chat import Message
        >>> request = ChatRequest(model="m", messages=(Message(role="user", content="?"),))
        >>> key_of(request, "m") == key_of(request.model_copy(update={"purpose": "judge"}), "m")
        True
        >>> key_of(request, "m") == key_of(request.model_copy(update={"replicate": 1}), "m")
        False
    """
    parts = [
        KEY_VERSION,
        identity,
        request.workspace,
        [[message.role, message.content] for message in request.messages],
        request.temperature,
        request.max_output_tokens,
        request.seed,
        request.response_format,
        request.replicate,
    ]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class AnswerCache:
    """Two tiers of answers, shared by all models of a process.

    Args:
        settings: how many, how long.
        store: the second tier; None has memory only.
        now: the time.
    """

    def __init__(
        self,
        settings: CacheSettings,
        store: AnswerStore | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings
        self.statistics = CacheStatistics()
        self._store = store
        self._finding = Together(self._find)
        self._keeping = Together(self._keep)
        self._now = now
        self._lock = threading.Lock()
        self._away_until: datetime | None = None
        self._memory: OrderedDict[str, tuple[datetime, ChatAnswer]] = OrderedDict()

    async def get(self, key: str, way: Way) -> ChatAnswer | None:
        """The kept answer, marked as such, or None."""
        oldest = self._oldest()
        with self._lock:
            found = self._memory.get(key)
            if found is not None and found[0] >= oldest:
                self._memory.move_to_end(key)
                self.statistics.memory += 1
                return found[1]
        answer = await self._stored(key, way) if self._reachable() else None
        if answer is not None:
            self._remember(key, answer)
        return answer

    def peek(self, key: str) -> ChatAnswer | None:
        """The answer in memory, counted as found only when there is one."""
        with self._lock:
            found = self._memory.get(key)
            if found is None:
                return None
            self.statistics.memory += 1
            return found[1]

    async def put(self, key: str, answer: ChatAnswer, way: Way) -> None:
        """Keep an answer if it is whole; when this returns it is in the store, unless that is away."""
        if answer.finish_reason != "stop" or not answer.text or answer.cached:
            return
        kept = answer.model_copy(update={"cached": True, "raw": None})
        self._remember(key, kept)
        self._count(kept=1)
        if self._reachable():
            try:
                await self._keeping.done((key, kept.model_dump_json(exclude_defaults=True)), way)
            except StoreError:
                self._gone()

    def sweep(self) -> None:
        """Forget stored answers that are too old to be given, if any was kept since."""
        store = self._reachable()
        if store is None or not self.statistics.kept:
            return
        try:
            store.drop_before(self._oldest())
        except StoreError:
            self._gone()

    def count_missed(self) -> None:
        """A question is sent."""
        self._count(missed=1)

    def count_shared(self) -> None:
        """A question waited for an equal one."""
        self._count(shared=1)

    async def _stored(self, key: str, way: Way) -> ChatAnswer | None:
        try:
            found = await self._finding.done(key, way)
            answer = None if found is None else ChatAnswer.model_validate_json(found)
        except StoreError:
            self._gone()
            return None
        except ValidationError:
            # Kept by another release of flywheel: it is asked again.
            return None
        if answer is not None:
            self._count(store=1)
        return answer

    def _find(self, keys: Sequence[str]) -> list[str | None]:
        store = self._reachable()
        found = store.get_many(keys, self._oldest()) if store else {}
        return [found.get(key) for key in keys]

    def _keep(self, answers: Sequence[tuple[str, str]]) -> list[None]:
        store = self._reachable()
        if store is not None:
            store.put_many(dict(answers), self._now())
        return [None] * len(answers)

    def _oldest(self) -> datetime:
        return self._now() - timedelta(hours=self.settings.keep_hours)

    def _reachable(self) -> AnswerStore | None:
        is_away = self._away_until is not None and self._now() < self._away_until
        return None if is_away else self._store

    def _gone(self) -> None:
        self._away_until = self._now() + AWAY
        self._count(unreachable=1)

    def _remember(self, key: str, answer: ChatAnswer) -> None:
        with self._lock:
            self._memory[key] = (self._now(), answer)
            self._memory.move_to_end(key)
            if len(self._memory) > self.settings.memory_entries:
                self._memory.popitem(last=False)

    def _count(self, **by: int) -> None:
        with self._lock:
            for name, number in by.items():
                setattr(self.statistics, name, getattr(self.statistics, name) + number)
