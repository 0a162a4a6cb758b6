"""Classes of errors by their messages, for results that carry no error type."""

from __future__ import annotations

import re

_WORDS: dict[str, tuple[str, ...]] = {
    "timeout_errors": (r"time[- ]?out", "timed out", "deadline"),
    "llm_errors": (
        r"content[ _-]?(?:filter|policy)",
        r"context[ _-]?length",
        "maximum context",
        r"max_tokens|token limit",
        r"refus(?:al|es|ed to)",
        "finish_reason",
        "overloaded",
        "safety|hallucinat",
    ),
    "validation_errors": (
        "valid|schema|format|assert",
        r"\bjson\b",
        r"pars(?:e|ing)",
        r"expected .{0,40}\b(?:got|but)\b",
        r"missing (?:field|key)",
    ),
    "api_errors": (
        r"\b(?:4\d\d|5\d\d)\b",
        "rate.?limit|quota",
        "connection|network|bad gateway|service un",
        r"unauthori[sz]ed|api[ _-]?key",
        r"\b(?:dns|ssl|api)\b",
    ),
}
_CLASSES = tuple((name, re.compile("|".join(words), re.IGNORECASE)) for name, words in _WORDS.items())


def class_of_message(message: str) -> str:
    """Class of an error by what it says; the first that fits.

    Args:
        message: as the executor kept it; an empty one is a wrong answer.

    Returns:
        A field of `ErrorDistribution`.

    Examples:
        >>> class_of_message("429 Too Many Requests"), class_of_message("maximum context length is 8192")
        ('api_errors', 'llm_errors')
        >>> class_of_message(""), class_of_message("division by zero")
        ('wrong_answers', 'other_errors')
    """
    if not message.strip():
        return "wrong_answers"
    for name, pattern in _CLASSES:
        if pattern.search(message):
            return name
    return "other_errors"
