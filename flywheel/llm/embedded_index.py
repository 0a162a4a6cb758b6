"""Similarity of a question to what a prompt lists."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel.llm.embedded_bags import Bag, bag_of_name, bag_of_text
from flywheel.llm.embedded_reader import Reading
from flywheel.llm.embedded_text import hash64
from flywheel.llm.embedded_types import KINDS, asked_kinds, held_kinds

NEAREST = 10
"""Demonstrations that vote."""

LABEL_WEIGHT = 0.2
TEXT_WEIGHT = 0.25
LESSON_WEIGHT = 0.55
"""Shares in an option's similarity: its name; name with description; both with its demonstrations."""

SHOWN_WEIGHT = 0.8
"""Weight of a demonstration's word in what an option is known by, against a word of its definition."""

VOTE_WEIGHT = 0.2
"""What the nearest demonstration adds, were it equal to the question."""

KIND_WEIGHT = 0.06
"""What an option gains by holding the kind of answer asked for, and loses by holding only others."""


@dataclass(frozen=True, slots=True)
class _Postings:
    """Texts by feature: for each feature the texts that have it with their weights."""

    rows: dict[str, NDArray[np.intp]]
    weights: dict[str, NDArray[np.float64]]
    size: int

    def similarities(self, query: Sequence[tuple[str, float]]) -> NDArray[np.float64]:
        """Cosines in [0, 1], shape (size,); the query must have length 1."""
        known = [(feature, weight) for feature, weight in query if feature in self.rows]
        if not known:
            return np.zeros(self.size)
        rows = np.concatenate([self.rows[feature] for feature, _ in known])
        weights = np.concatenate([self.weights[feature] * weight for feature, weight in known])
        return np.bincount(rows, weights=weights, minlength=self.size).astype(np.float64, copy=False)


@dataclass(frozen=True, slots=True)
class Index:
    """A reading, ready to be compared with questions.

    Attributes:
        names: answers to choose from, n of them.
        keys: stable 64-bit numbers of the names, shape (n,).
        answers: position in names of each demonstration's answer, -1 for none, shape (m,).
        kinds: whether a name holds each of KINDS, shape (len(KINDS), n), 0 or 1.
    """

    names: tuple[str, ...]
    keys: NDArray[np.uint64]
    answers: NDArray[np.intp]
    kinds: NDArray[np.float64]
    _options: _Postings
    _solved: _Postings
    _idf: dict[str, float]
    _rarest: float

    def similarities(self, question: str) -> NDArray[np.float64]:
        """Similarity of the question to every name, shape (n,), at least 0.

        A name scores by its own words, by its words with its description, by
        both with the demonstrations it answers, by the kind of answer it holds,
        and by the nearest of its demonstrations.
        """
        query = self._query(question)
        score = self._options.similarities(query)
        kinds = asked_kinds(question)
        asked = [i for i, kind in enumerate(KINDS) if kind in kinds]
        if asked:
            right = self.kinds[asked].max(axis=0)
            score += KIND_WEIGHT * (right - (1.0 - right) * self.kinds.max(axis=0))
        solved = self._solved.similarities(query)
        if len(solved):
            nearest = np.argsort(-solved, kind="stable")[:NEAREST]
            nearest = nearest[self.answers[nearest] >= 0]
            votes = np.zeros(len(self.names))
            np.maximum.at(votes, self.answers[nearest], solved[nearest] ** 1.5)
            score += VOTE_WEIGHT * votes
        return score

    def nearest_answer(self, question: str) -> tuple[int, float]:
        """Position of the nearest demonstration with its similarity; (-1, 0.0) without demonstrations."""
        solved = self._solved.similarities(self._query(question))
        if not len(solved):
            return -1, 0.0
        best = int(np.argmax(solved))
        return best, float(solved[best])

    def _query(self, question: str) -> list[tuple[str, float]]:
        bag = bag_of_text(question)
        weighted = [(f, w * self._idf.get(f, self._rarest)) for f, w in bag.items()]
        length = math.sqrt(sum(w * w for _, w in weighted)) or 1.0
        return [(f, w / length) for f, w in weighted]


def build_index(reading: Reading) -> Index:
    """The index of a reading; terms that stand in few entries weigh more.

    References:
        Salton and Buckley (1988), Term-weighting approaches in automatic text
        retrieval, Information Processing & Management 24(5):513-523.
    """
    names = tuple(option.name for option in reading.options)
    place = {name: i for i, name in enumerate(names)}
    labels = [bag_of_name(name) for name in names]
    texts = [bag_of_name(o.name, o.description) for o in reading.options]
    solved = [bag_of_text(d.question) for d in reading.demonstrations]
    counts = Counter(feature for bag in (*texts, *solved) for feature in bag)
    total = len(texts) + len(solved)
    idf = {feature: math.log((1 + total) / (0.5 + count)) for feature, count in counts.items()}
    lessons = [dict(bag) for bag in texts]
    for demonstration, bag in zip(reading.demonstrations, solved, strict=True):
        if demonstration.answer in place:
            _learn(lessons[place[demonstration.answer]], bag)
    held = [held_kinds(o.name, o.description) for o in reading.options]
    return Index(
        names=names,
        keys=np.array([hash64(name) for name in names], dtype=np.uint64),
        answers=np.array([place.get(d.answer, -1) for d in reading.demonstrations], dtype=np.intp),
        kinds=np.array([[float(kind in kinds) for kinds in held] for kind in KINDS]),
        _options=_postings(
            [_mixed(parts, idf) for parts in zip(labels, texts, lessons, strict=True)], len(names)
        ),
        _solved=_postings([_scaled(bag, idf) for bag in solved], len(solved)),
        _idf=idf,
        _rarest=math.log(2 * (1 + total)),
    )


def _learn(known: Bag, shown: Bag) -> None:
    for feature, weight in shown.items():
        known[feature] = max(known.get(feature, 0.0), SHOWN_WEIGHT * weight)


def _scaled(bag: Bag, idf: dict[str, float]) -> Bag:
    """The bag as a vector of length 1, rare features weighing more."""
    weighted = {feature: weight * idf.get(feature, 0.0) for feature, weight in bag.items()}
    length = math.sqrt(sum(weight * weight for weight in weighted.values())) or 1.0
    return {feature: weight / length for feature, weight in weighted.items()}


def _mixed(parts: tuple[Bag, Bag, Bag], idf: dict[str, float]) -> Bag:
    """One vector whose product with a question is the weighted sum of the three cosines."""
    mixed: Bag = {}
    for share, part in zip((LABEL_WEIGHT, TEXT_WEIGHT, LESSON_WEIGHT), parts, strict=True):
        for feature, weight in _scaled(part, idf).items():
            mixed[feature] = mixed.get(feature, 0.0) + share * weight
    return mixed


def _postings(vectors: Sequence[Bag], size: int) -> _Postings:
    rows: dict[str, list[int]] = {}
    weights: dict[str, list[float]] = {}
    for row, vector in enumerate(vectors):
        for feature, weight in vector.items():
            rows.setdefault(feature, []).append(row)
            weights.setdefault(feature, []).append(weight)
    return _Postings(
        {f: np.array(r, dtype=np.intp) for f, r in rows.items()},
        {f: np.array(w) for f, w in weights.items()},
        size,
    )
