"""Static analysis of a prompt: a score with issues, each with its place in the text plus a cure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flywheel.learn.templates import variables
from flywheel.records.findings import PromptAnalysis, PromptIssue

LONG_WORDS = 3_000
SHORT_WORDS = 8
MANY_NAMES = 8
"""Bare names in a list, from which on a model has to guess what they mean."""

MAX_PER_KIND = 3
"""Issues of one kind that cost points; more of the same teach nothing new."""

_VARIABLE = re.compile(r"\{\{[ \t]*[^\W\d]\w*[ \t]*\}\}|\{[^\W\d]\w*\}")
_FORMAT = re.compile(
    r"output format|format of (?:the|your) (?:answer|output|reply)"
    r"|(?:answer|reply|respond|return|output|write)"
    r"[^.\n]{0,40}\b(?:only|exactly|json|yaml|xml|csv|one word|single|a number|yes or no|true or false|format"
    r"|nothing else|in the form)|\bnothing else\b|\bas (?:a )?json\b"
    r"|[\"'\[]yes[\"'\]][^.\n]{0,20}[\"'\[]no[\"'\]]",
    re.IGNORECASE,
)
_SHOWN = re.compile(
    r"^(?:Q|Question|Input|User|Example(?: \d+)?)\s*:.+\n(?:.*\n){0,3}?"
    r"^(?:A|Answer|Output|Assistant)\s*:[ \t]*\S",
    re.MULTILINE | re.IGNORECASE,
)
_EXAMPLE = re.compile(
    r"\bfor example\b|\be\.g\.|^#* ?examples?\b|solved questions", re.IGNORECASE | re.MULTILINE
)
_VAGUE = re.compile(
    r"\betc\b\.?|\band so on\b|\bas (?:appropriate|needed|necessary)\b"
    r"|\bif (?:necessary|appropriate|possible)\b"
    r"|\b(?:try to|maybe|perhaps|somehow|various|several|some kind of|stuff|properly|reasonable|suitable)\b",
    re.IGNORECASE,
)
_OPPOSITES: tuple[tuple[str, str, str], ...] = (
    (
        r"\b(?:be|keep it|answer) (?:very )?(?:brief|concise|short)\b|\bin one sentence\b",
        r"\b(?:in (?:great |full )?detail|detailed|thorough(?:ly)?|comprehensive|at length|elaborate)\b",
        "asks for a short answer as well as for a detailed one",
    ),
    (
        r"\b(?:no|without) (?:any )?explanations?\b|\bnothing else\b|\bdo not explain\b|\banswer only\b",
        r"\bstep[- ]by[- ]step\b|\bexplain (?:your|why|how)\b|\bshow your (?:work|reasoning)\b|\bjustify\b",
        "forbids an explanation as well as asking for one",
    ),
    (
        r"\b(?:only|valid|as|in) json\b",
        r"\b(?:in|as|use) (?:markdown|plain text|prose|a table)\b",
        "asks for two output formats",
    ),
    (
        r"\b(?:never|do not|don't) guess\b",
        r"\b(?:always give an answer|best guess|make a guess|guess if)\b",
        "forbids guessing as well as asking for a guess",
    ),
)
_MUST = re.compile(r"\b(always|must|never|must not|do not|don't) (\w+ \w+)", re.IGNORECASE)
_NAME_LINE = re.compile(r"^[ \t]*[-*•][ \t]*([\w./-]{2,40})[ \t]*$", re.MULTILINE)
_BROKEN = re.compile(r"\{[^\W\d]\w*(?=[\s.,;?!]|$)|\{[ \t]+[^\W\d]\w*[ \t]*\}(?!\})")
_GUARDED = re.compile(r"""[<"'`\[]\s*$|[>:|]\s*\n?\s*$|```\w*\s*$""")


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: str
    severity: str
    penalty: float
    look: Callable[[str], Iterator[tuple[int, int, str, str]]]


def analyze_prompt(text: str) -> PromptAnalysis:
    """Weaknesses that can be seen without running a prompt.

    A suspicion, not a measurement: only executions say whether an issue
    costs anything. At most three issues of a kind cost points.

    Args:
        text: of a prompt version, with its variables.

    Returns:
        Score 100 minus the penalties, at least 0, with every issue in the order of the text.

    Examples:
        >>> found = analyze_prompt("Answer the question, try to be brief.")
        >>> [issue.kind for issue in found.issues if issue.severity == "critical"]
        ['missing_placeholders', 'missing_output_format']
        >>> found.score < 60
        True
    """
    issues: list[PromptIssue] = []
    for rule in _RULES:
        for start, end, message, cure in list(rule.look(text))[:MAX_PER_KIND]:
            issues.append(
                PromptIssue(
                    kind=rule.kind,
                    severity=rule.severity,
                    start=start,
                    end=end,
                    quote=text[start:end][:120],
                    message=message,
                    cure=cure,
                    penalty=rule.penalty,
                )
            )
    score = max(0.0, 100.0 - sum(issue.penalty for issue in issues))
    return PromptAnalysis(score=score, issues=tuple(sorted(issues, key=lambda i: (i.start, -i.penalty))))


Place = tuple[int, int, str, str]


def _no_placeholder(text: str) -> Iterator[Place]:
    if not variables(text):
        cure = "Put a variable where the input goes, such as {question}."
        yield 0, 0, "it has no place for an input", cure


def _broken_placeholder(text: str) -> Iterator[Place]:
    for match in _BROKEN.finditer(text):
        cure = "Write {name} with a closing brace, without spaces; or {{ name }}."
        yield match.start(), match.end(), f"{match[0]!r} looks like a variable that is not one", cure


def _no_format(text: str) -> Iterator[Place]:
    if not _FORMAT.search(text) and not _SHOWN.search(text):
        cure = "Say what form the answer must have, and that nothing else may be written."
        yield len(text), len(text), "it does not say what form the answer must have", cure


def _contradiction(text: str) -> Iterator[Place]:
    for first, second, message in _OPPOSITES:
        a, b = re.search(first, text, re.IGNORECASE), re.search(second, text, re.IGNORECASE)
        if a and b:
            later = max(a, b, key=lambda m: m.start())
            yield later.start(), later.end(), f"it {message}: {a[0]!r}, {b[0]!r}", "Keep one of the two."
    asked: dict[str, tuple[bool, re.Match[str]]] = {}
    for match in _MUST.finditer(text):
        positive = match[1].lower() in ("always", "must")
        seen = asked.setdefault(match[2].lower(), (positive, match))
        if seen[0] != positive:
            told = f"it says {seen[1][0]!r} as well as {match[0]!r}"
            yield match.start(), match.end(), told, "Keep one, or say when each holds."


def _vague(text: str) -> Iterator[Place]:
    for match in _VAGUE.finditer(text):
        cure = "Say exactly what is meant, or leave it out."
        yield match.start(), match.end(), f"{match[0]!r} leaves open what to do", cure


def _undefined_names(text: str) -> Iterator[Place]:
    names = list(_NAME_LINE.finditer(text))
    if len(names) >= MANY_NAMES:
        told = f"it lists {len(names)} names without saying what they mean"
        yield names[0].start(), names[-1].end(), told, "Add a short meaning to each, or to those mixed up."


def _no_examples(text: str) -> Iterator[Place]:
    if not _SHOWN.search(text) and not _EXAMPLE.search(text):
        yield len(text), len(text), "it shows no solved question", "Show two to five, hard ones first."


def _length(text: str) -> Iterator[Place]:
    words = len(text.split())
    if words > LONG_WORDS:
        cure = "Keep what the failures need; every word is paid for in each call."
        yield 0, len(text), f"it has {words:,} words", cure
    elif words < SHORT_WORDS:
        yield 0, len(text), f"it has {words} words", "Say what the task is, for whom, with what limits."


def _open_to_injection(text: str) -> Iterator[Place]:
    """A variable amid instructions without a mark around it."""
    for match in _VARIABLE.finditer(text):
        before, after = text[: match.start()], text[match.end() :]
        closed = bool(re.match(r"\s*[>\"'`\]]", after)) or after.lstrip().startswith(("</", "```", '"""'))
        last = not _words_follow(after)
        if (_GUARDED.search(before) and (closed or last)) or (last and before.endswith("\n")):
            continue
        told = f"instructions stand right beside {match[0]}: an input can pose as one"
        yield (
            match.start(),
            match.end(),
            told,
            "Put it last, behind a label, or between marks such as <input>.",
        )


def _words_follow(after: str) -> bool:
    """Whether more than a label such as `Answer:` follows, or another marked variable."""
    rest = _VARIABLE.sub("", after)
    return bool(re.search(r"\w+\s+\w+\s+\w+", rest))


_RULES = (
    _Rule("missing_placeholders", "critical", 30, _no_placeholder),
    _Rule("broken_placeholder", "warning", 10, _broken_placeholder),
    _Rule("missing_output_format", "critical", 25, _no_format),
    _Rule("contradiction", "critical", 20, _contradiction),
    _Rule("injection", "critical", 15, _open_to_injection),
    _Rule("missing_examples", "warning", 10, _no_examples),
    _Rule("undefined_names", "warning", 10, _undefined_names),
    _Rule("length", "warning", 8, _length),
    _Rule("ambiguity", "warning", 4, _vague),
)
