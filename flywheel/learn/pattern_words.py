"""Failure patterns in words: title, cause, cure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from flywheel.learn.clustering import Cluster
from flywheel.learn.constants import ConstantAnswer
from flywheel.learn.failure_text import read_failure
from flywheel.learn.outages import Outage
from flywheel.records.execution import Execution
from flywheel.records.findings import Contrast

_CAUSES = {
    "format": (
        "The answer is wrapped in prose, or missing: the prompt does not say what form it must have.",
        "State the exact output format and that nothing else may be written.",
    ),
    "cut_off": (
        "The output ends before a final answer.",
        "Ask for a shorter way to the answer, or allow more output tokens.",
    ),
    "constant": (
        "The answer does not depend on the question.",
        "Show solved questions of every answer, demand the working first; else use another model for this.",
    ),
    "confusion": (
        "Two answers are mistaken for each other: the prompt does not tell them apart.",
        "Define both, and show a question of each.",
    ),
    "wrong_answer": (
        "The question's words do not lead to the right answer with what the prompt tells.",
        "Define the answers of this slice, and show solved questions.",
    ),
    "refusal": (
        "The model declines to answer.",
        "Say who asks, for what, and that answering is permitted; or route such questions elsewhere.",
    ),
    "error": (
        "The call itself failed; no prompt cures that.",
        "Look at the provider, the time limits and the retries.",
    ),
}
_SHORT = {"cut_off": "cut off before a final answer", "refusal": "refuses to answer"}
_OUTAGE = (
    "The environment failed, not the work: nearly everything in the same run was red at once.",
    "Repair the environment and run again; do not look at the failures one by one.",
)
_RED = (
    "Nearly everything in a run on a version of its own broke, in many ways: environment or version is bad.",
    "Run it again; when it is red again, look at what the version changed, not at the failures one by one.",
)
_IN_CODE = (
    "The same place in the code fails each time.",
    "Look at that function; the prompt takes no part in it.",
)
_CHECK = (
    "The check of the test does not hold.",
    "Compare what the test asks for with what the output says.",
)


def cause_of(cluster: Cluster, because: str) -> str:
    """Why it happens, by rule; with the numbers that say so."""
    text = _rule(cluster)[0]
    return f"{text} {because[:1].upper()}{because[1:]}." if because else text


def cure_of(cluster: Cluster) -> str:
    """What a person or a proposer can do about it."""
    return _rule(cluster)[1]


def title_of(cluster: Cluster, home: Contrast | None, members: Sequence[Execution]) -> str:
    """One line: what happens, then where."""
    where = _where(cluster, home)
    if cluster.kind == "confusion":
        return f"{cluster.expected!r} answered as {cluster.produced!r}{where}"
    if cluster.kind == "wrong_answer":
        if cluster.place:
            return f"the check fails in {cluster.place}: {_commonest_headline(members)}{where}"
        return f"{cluster.detail or 'wrong answers'}{where}"
    if cluster.kind in _SHORT:
        return f"{_SHORT[cluster.kind]}{where}"
    if cluster.kind == "error" and cluster.place:
        return f"{cluster.detail} in {cluster.place}: {_commonest_headline(members)}{where}"
    return f"{(cluster.detail or cluster.kind).replace('_', ' ')}{where}"


def _commonest_headline(members: Sequence[Execution]) -> str:
    said = Counter(read_failure(m.error_message or "").headline for m in members[:50])
    return min(said.items(), key=lambda item: (-item[1], item[0]))[0][:100]


def habit_title(habit: ConstantAnswer) -> str:
    """Who answers always the same, where that is right, where wrong."""
    how = "a constant" if habit.strict else "mostly"
    told = [
        f"{word} on {', '.join(slices[:3])}"
        for word, slices in (("right", habit.right_on), ("wrong", habit.wrong_on))
        if slices
    ]
    where = f" ({', '.join(told)})" if told else ""
    return f"{habit.model or 'the model'} answers {how} {habit.answer!r} whatever is asked{where}"


def habit_because(habit: ConstantAnswer) -> str:
    """The shares that say so."""
    return (
        f"{habit.answer!r} makes up {habit.share:.0%} of its {habit.answers:,} answers; "
        f"{habit.right_share:.0%} of the questions ask for it"
    )


def outage_name(outage: Outage) -> str:
    """What an outage is called; the name makes its key, so that the next one is the same pattern."""
    word = "whole run red" if outage.own_version else "outage"
    return f"{word}: {outage.cause.replace('_', ' ')}"


def red_because(outage: Outage) -> str:
    """Which runs were red."""
    count, runs = len(outage.runs), ", ".join(outage.runs[:3])
    return f"{count} {'run' if count == 1 else 'runs'} all red: {runs}"


def _where(cluster: Cluster, home: Contrast | None) -> str:
    """The home of the pattern; its slice where no home is known."""
    conditions = home.where if home is not None else ()
    if cluster.slice is not None and all(c.attribute != "slice" for c in conditions):
        parts = [cluster.slice, *(_quoted(c.attribute, c.value) for c in conditions)]
        return f" in {' x '.join(parts)}"
    if not conditions:
        return ""
    ordered = sorted(conditions, key=lambda c: c.attribute != "slice")
    return f" in {' x '.join(_quoted(c.attribute, c.value) for c in ordered)}"


def _quoted(attribute: str, value: str) -> str:
    is_hash = attribute == "version" and len(value) == 64
    return value[:12] if is_hash else value


def _rule(cluster: Cluster) -> tuple[str, str]:
    if cluster.kind == "error" and cluster.detail.startswith("outage: "):
        return _OUTAGE
    if cluster.kind == "error" and cluster.detail.startswith("whole run red: "):
        return _RED
    if cluster.kind == "error" and cluster.place:
        return _IN_CODE
    if cluster.kind == "wrong_answer" and (cluster.place or cluster.detail):
        return _CHECK
    return _CAUSES[cluster.kind]
