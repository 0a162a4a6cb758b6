"""The embedded model: a deterministic in-context reader behind the port of a chat model.

It is not a language model. It knows nothing but the prompt it is given and
answers by word similarity; docs/embedded-model.md says what it can show.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel.llm.embedded_index import Index, build_index
from flywheel.llm.embedded_question import split_conversation
from flywheel.llm.embedded_reader import Reading, read, shorten
from flywheel.llm.embedded_text import hash64, unit
from flywheel.llm.embedded_variants import EmbeddedVariant
from flywheel.llm.embedded_voice import DONT_KNOW, bare_share, word_answer
from flywheel.records.chat import ChatAnswer, ChatRequest

REMEMBERED_PROMPTS = 64
"""Readings kept; a cycle tests fewer than twenty versions at a time."""

CHARS_PER_TOKEN = 4
TEMPERATURE = 0.06
"""Of the softmax over similarities that gives the confidence."""

FAINT = 0.05
"""Similarity below which a demonstration without options is no answer."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    reading: Reading
    index: Index
    share: float
    chars: int


class EmbeddedModel:
    r"""A stand-in for a language model that needs no network, no key and no weights.

    It is NOT a language model: it reads the options, definitions,
    demonstrations and the demanded form out of the prompt, and picks the option
    whose words are most similar to the question's. The same request gives the
    same answer on every machine. Tokens, latency and cost are modelled from
    the variant; nothing sleeps.

    Args:
        variant: what it can read and how steady it is.

    Examples:
        >>> from flywheel.llm.embedded_variants import BY_NAME
        >>> from flywheel.records.chat import Message
        >>> model = EmbeddedModel(BY_NAME["embedded-large"])
        >>> prompt = "- dob: day of birth\n- city: her home\nReply with the name only.\nQ: Birth day?"
        >>> request = ChatRequest(model="embedded-large", messages=(Message(role="user", content=prompt),))
        >>> model.complete(request).text
        'dob'
    """

    remote = False
    """It computes in this process; calls at the same time would only queue."""

    def __init__(self, variant: EmbeddedVariant) -> None:
        self.variant = variant
        self._prepared: OrderedDict[bytes, _Prepared] = OrderedDict()
        self._lock = threading.Lock()

    def complete(self, request: ChatRequest) -> ChatAnswer:
        """One answer.

        Args:
            request: messages, seed and the most tokens the answer may have.
                Temperature and deadline change nothing.

        Returns:
            An answer whose confidence is a softmax over similarities, and
            whose tokens, cost and latency are modelled.
        """
        asked = split_conversation(request.messages)
        prepared = self._prepare(asked.reference)
        draw = (self.variant.name, asked.question, request.seed or 0)
        answer, confidence = self._pick(prepared, asked.question, draw)
        if answer is None:
            text = DONT_KNOW
        else:
            text = word_answer(answer, prepared.reading.demand, prepared.share, draw)
        return self._answer(request, text, confidence, prepared.chars + len(asked.question))

    async def acomplete(self, request: ChatRequest) -> ChatAnswer:
        """The same answer, computed in a thread while the event loop goes on."""
        return await asyncio.to_thread(self.complete, request)

    def _prepare(self, reference: str) -> _Prepared:
        key = hashlib.blake2b(reference.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        with self._lock:
            known = self._prepared.get(key)
            if known is not None:
                self._prepared.move_to_end(key)
                return known
        seen = shorten(reference, self.variant.context_chars)
        reading = read(seen)
        index = build_index(reading)
        shown = sum(d.answer in index.names for d in reading.demonstrations)
        share = bare_share(reading.demand, shown, self.variant)
        prepared = _Prepared(reading, index, share, len(seen))
        with self._lock:
            self._prepared[key] = prepared
            if len(self._prepared) > REMEMBERED_PROMPTS:
                self._prepared.popitem(last=False)
        return prepared

    def _pick(
        self, prepared: _Prepared, question: str, draw: tuple[object, ...]
    ) -> tuple[str | None, float | None]:
        index = prepared.index
        if index.names:
            score = index.similarities(question) + self.variant.noise * noise(index.keys, draw)
            best = int(np.argmax(score))
            return index.names[best], self._confidence(score, best)
        nearest, similarity = index.nearest_answer(question)
        if nearest < 0 or similarity < FAINT:
            return None, None
        return prepared.reading.demonstrations[nearest].answer, min(1.0, similarity)

    def _confidence(self, score: NDArray[np.float64], best: int) -> float:
        scaled = (score - score[best]) * (self.variant.overconfidence / TEMPERATURE)
        return float(1.0 / np.exp(scaled).sum())

    def _answer(
        self, request: ChatRequest, text: str, confidence: float | None, read_chars: int
    ) -> ChatAnswer:
        variant = self.variant
        finish = "stop"
        if request.max_output_tokens is not None and len(text) > request.max_output_tokens * CHARS_PER_TOKEN:
            text, finish = text[: request.max_output_tokens * CHARS_PER_TOKEN], "length"
        tokens_in = math.ceil(read_chars / CHARS_PER_TOKEN)
        tokens_out = math.ceil(len(text) / CHARS_PER_TOKEN)
        steady_ms = (
            variant.base_ms
            + variant.ms_per_1k_chars * read_chars / 1000
            + variant.ms_per_output_token * tokens_out
        )
        spread = 0.85 + 0.3 * unit("latency", variant.name, text, read_chars, request.seed or 0)
        return ChatAnswer(
            text=text,
            model=variant.name,
            finish_reason=finish,
            confidence=confidence,
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cost_usd=(
                tokens_in * variant.usd_per_1m_input_tokens + tokens_out * variant.usd_per_1m_output_tokens
            )
            / 1e6,
            latency_ms=round(steady_ms * spread, 3),
        )


def noise(keys: NDArray[np.uint64], draw: tuple[object, ...]) -> NDArray[np.float64]:
    """Roughly normal noise, mean 0 with standard deviation 1, one number for each key.

    The number of a key does not depend on the other keys, so adding text to a
    prompt does not reshuffle what the model thinks of unchanged options.

    Args:
        keys: stable numbers of the options, shape (n,).
        draw: parts of the hash; the same parts give the same noise.

    Returns:
        Sum of four uniforms, centred, shape (n,).

    References:
        Mixing function: Steele, Lea and Flood (2014), Fast splittable
        pseudorandom number generators, OOPSLA, SplitMix64.
    """
    mixed = keys ^ np.uint64(hash64("noise", *draw))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    parts = mixed.view(np.uint16).reshape(-1, 4).astype(np.float64) / 65536.0
    total: NDArray[np.float64] = parts.sum(axis=1)
    return (total - 2.0) * math.sqrt(3.0)
