"""Counts of what a session captured, mergeable over its processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

_NOTHING: Final[Mapping[str, Any]] = {}

MAX_REFUSED: Final = 5
"""Refused values that are named; the others are only counted."""


class Tally:
    """How much was captured, in this process or in several.

    Attributes:
        outcomes: executions by outcome.
        further: executions that repeat a test (`rerun`), are a part of one (`subtest`), failed as expected
            (`xfailed`) or passed in spite of it (`xpassed`); executions that say inputs, output, expectation
            or score (`with data`); model calls (`model calls`) with their known tokens (`tokens`); refused
            values (`refused`).
        prompts: that the executions are about.
        redacted: private texts that were taken out, by kind.
        refused: the first of them, in words.

    Examples:
        >>> tally = Tally()
        >>> tally.add({"outcome": "failed", "retries": 1, "metadata": {}})
        >>> tally.add({"outcome": "passed", "inputs": 1, "metadata": {}})
        >>> tally.total, dict(tally.further)
        (2, {'rerun': 1, 'with data': 1})
    """

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.further: Counter[str] = Counter()
        self.prompts: set[str] = set()
        self.redacted: Counter[str] = Counter()
        self.refused: list[str] = []

    @property
    def total(self) -> int:
        """All executions."""
        return sum(self.outcomes.values())

    def add(self, line: Mapping[str, Any], shared: Mapping[str, Any] = _NOTHING) -> None:
        """Count one execution, with the fields it shares with others."""
        self.outcomes[line["outcome"]] += 1
        prompt = line.get("prompt") or shared.get("prompt")
        if prompt is not None:
            self.prompts.add(prompt)
        metadata = line["metadata"]
        if "retries" in line:
            self.further["rerun"] += 1
        for mark in ("subtest", "xfailed", "xpassed"):
            if mark in metadata:
                self.further[mark] += 1
        if "inputs" in line or "output" in line or "expected" in line or "score" in line:
            self.further["with data"] += 1
        if "model_calls" in metadata:
            self.further["model calls"] += metadata["model_calls"]
            self.further["tokens"] += (line.get("input_tokens") or 0) + (line.get("output_tokens") or 0)

    def refuse(self, values: list[str]) -> None:
        """Count values that no execution can hold."""
        self.further["refused"] += len(values)
        self.refused = [*self.refused, *values][:MAX_REFUSED]

    def merge(self, other: Mapping[str, Any]) -> None:
        """Add what another process counted, as `handed` gave it."""
        self.outcomes.update(other["outcomes"])
        self.further.update(other["further"])
        self.prompts.update(other["prompts"])
        self.redacted.update(other["redacted"])
        self.refused = [*self.refused, *other["refused"]][:MAX_REFUSED]

    def handed(self) -> dict[str, Any]:
        """Plain values that pytest-xdist can send."""
        return {
            "outcomes": dict(self.outcomes),
            "further": dict(self.further),
            "prompts": sorted(self.prompts),
            "redacted": dict(self.redacted),
            "refused": self.refused,
        }
