"""What the embedded model understands of a prompt's reference material."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from flywheel.llm.embedded_question import ANSWER_CUE, BULLET, DEMAND, QUESTION_CUE

CUT = "\n[...]\n"
"""Stands where reference material was too long to be read."""

_EDGE = " \t\r`*\"'“”"
_TOKEN = re.compile(r"[A-Za-z][\w.-]*")
_LIST_LABEL = re.compile(
    r"\b(?:fields?|options?|labels?|categories|classes|choices|names|values|topics|intents|one of)\b",
    re.IGNORECASE,
)
_DESCRIBED = re.compile(
    r"^[`*\"']*(?P<name>[^\W_][\w .'/&-]{0,60}?)[`*\"']*\s*(?::|\s[-–—=]|\s(?=\(.*\)$))\s*(?P<text>\S.*)$"
)
_ARROW = re.compile(r"^(?P<question>.+?)\s*(?:->|=>|→)\s*(?P<answer>\S.{0,80})$")
_EITHER = re.compile(
    r"\b(?:answer|reply|respond|say)\b[^.\n]{0,30}?[\"'`]?(\w+)[\"'`]? or [\"'`]?(\w+)[\"'`]?", re.IGNORECASE
)
_BARE = re.compile(
    r"nothing else|nothing but|\bonly\b|\bjust the\b|\bexactly one\b|\bbare\b|\bsingle (?:word|name|field)\b"
    r"|\b(?:no|without|don't|do not|never)\b[^.\n]{0,24}"
    r"\b(?:explanation|explain|sentence|prose|text|words?|add|comment)",
    re.IGNORECASE,
)
_EXPLAIN = re.compile(
    r"\b(?:explain|step by step|show your (?:work|reasoning)|justify|reasoning)\b", re.IGNORECASE
)
_NEGATED = re.compile(r"\b(?:no|not|without|don't|never)\b[^.\n]{0,24}$", re.IGNORECASE)
_JSON_KEY = re.compile(r"\{\s*\"(\w+)\"\s*:")


@dataclass(frozen=True, slots=True)
class ReadOption:
    """A permitted answer with what the prompt says of it."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A solved question of the prompt."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class FormDemand:
    """The form the prompt demands of the answer.

    Attributes:
        bare: it says that nothing else may be written.
        named: it says what to write, without excluding the rest.
        cued: it ends with a cue such as `Answer:`.
        json_key: the key of the JSON object it demands, None for no JSON.
        explain: it asks for an explanation.
    """

    bare: bool = False
    named: bool = False
    cued: bool = False
    json_key: str | None = None
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """All that was understood of a prompt."""

    options: tuple[ReadOption, ...]
    demonstrations: tuple[Demonstration, ...]
    demand: FormDemand


@dataclass(slots=True)
class _Notes:
    """What has been read so far."""

    options: dict[str, str] = field(default_factory=dict)
    demonstrations: list[Demonstration] = field(default_factory=list)
    instructions: list[str] = field(default_factory=list)
    pending: str | None = None
    awaiting: bool = False
    listing: bool = False
    row: str = ""

    def option(self, name: str, description: str = "") -> None:
        known = self.options.get(name, "")
        joined = description if not known else known if description in known else f"{known} {description}"
        self.options[name] = joined

    def demonstrate(self, answer: str) -> None:
        if self.pending:
            self.demonstrations.append(Demonstration(self.pending, answer.strip(_EDGE)))
        self.pending, self.awaiting = None, False


def shorten(reference: str, limit: int) -> str:
    r"""The reference as far as a small context reaches: its start with its end, the middle lost.

    Lines are kept whole.

    Examples:
        >>> shorten("one\ntwo\nthree\nfour\nfive\nsix", 18)
        'one\ntwo\n[...]\nsix'
    """
    if len(reference) <= limit:
        return reference
    head_end = reference.rfind("\n", 0, int(limit * 0.6))
    tail_start = reference.find("\n", len(reference) - int(limit * 0.4))
    head = reference[: max(head_end, 0)]
    return head + CUT + (reference[tail_start + 1 :] if tail_start >= 0 else "")


def read(reference: str) -> Reading:
    r"""Options, demonstrations and the demanded form in a prompt's reference material.

    Args:
        reference: the prompt without the question.

    Examples:
        >>> text = "Fields:\n- city: her home\n- dob\n\nQ: How old?\nA: dob\n\nReply with a name only."
        >>> reading = read(text)
        >>> [o.name for o in reading.options], reading.demonstrations[0].answer, reading.demand.bare
        (['city', 'dob'], 'dob', True)
    """
    notes = _Notes()
    for line in reference.splitlines():
        _read_line(line, notes)
    demand = _demand(notes.instructions, reference)
    options = _plausible(notes.options)
    for demonstration in notes.demonstrations:
        name = demonstration.answer
        if name not in options and len(name) <= 60 and len(name.split()) <= 4:
            options[name] = ""
    if not options:
        options = _either(notes.instructions)
    return Reading(
        tuple(ReadOption(name, text) for name, text in options.items()),
        tuple(notes.demonstrations),
        demand,
    )


def _read_line(line: str, notes: _Notes) -> None:
    stripped = line.strip()
    if not stripped:
        return
    answer = ANSWER_CUE.match(line)
    if answer and notes.pending is not None:
        if answer["answer"].strip():
            notes.demonstrate(answer["answer"])
        else:
            notes.awaiting = True
        return
    if notes.awaiting:
        notes.demonstrate(stripped)
        return
    cue = QUESTION_CUE.match(line)
    if cue and not DEMAND.search(line) and not _read_inline(stripped, notes):
        notes.pending = line[cue.end() :].strip(_EDGE)
        return
    if _read_arrow(stripped, notes) or _read_option(line, stripped, notes):
        return
    if notes.pending is not None and not DEMAND.search(line):
        notes.pending = f"{notes.pending} {stripped}".strip()
        return
    notes.instructions.append(stripped)


def _read_arrow(stripped: str, notes: _Notes) -> bool:
    found = _ARROW.match(BULLET.sub("", stripped))
    if found is None:
        return False
    notes.pending = found["question"].strip(_EDGE)
    notes.demonstrate(found["answer"])
    return True


def _read_option(line: str, stripped: str, notes: _Notes) -> bool:
    """Keep the options a line lists; False when it lists none."""
    bullet = BULLET.match(line)
    body = line[bullet.end() :].strip() if bullet else stripped
    if _read_row(body, notes) or _read_inline(body, notes):
        return True
    described = _DESCRIBED.match(body)
    if described:
        name, text = described["name"].strip(_EDGE), described["text"].strip(' \t",')
        identifier = _TOKEN.fullmatch(name) is not None and "_" in name
        if (identifier or (bullet and len(name.split()) <= 4)) and not _demands(body):
            notes.pending = None
            notes.option(name, text)
            return True
        return False
    name = body.strip(_EDGE + ",;")
    short = len(name.split()) <= 4 and name[-1:] not in ".:?!"
    if name and short and (bullet or (_TOKEN.fullmatch(name) and ("_" in name or notes.listing))):
        notes.pending = None
        notes.option(name)
        return True
    if body.endswith(":"):
        notes.listing = _LIST_LABEL.search(body) is not None
    return False


def _read_row(body: str, notes: _Notes) -> bool:
    """A row of a Markdown table: name, then what it means; the ruler under the heads takes them back."""
    if not body.startswith("|"):
        return False
    cells = [cell.strip(_EDGE) for cell in body.strip("|").split("|")]
    if not "".join(cells).strip("-: "):
        notes.options.pop(notes.row, None)
    elif _TOKEN.fullmatch(cells[0]):
        notes.option(cells[0], " ".join(cells[1:]))
        notes.row = cells[0]
    return True


def _read_inline(body: str, notes: _Notes) -> bool:
    """Names in a row, separated by commas."""
    label, colon, rest = body.partition(":")
    listed = bool(colon) and _LIST_LABEL.search(label) is not None
    source = rest if colon and len(label) <= 80 else body
    items = [
        re.sub(r"^(?:and|or)\s+", "", i.strip()).strip(_EDGE + ".[](){}") for i in re.split(r"[,;|]", source)
    ]
    items = [item for item in items if item]
    if len(items) < 2:
        return False
    tokens = [item for item in items if _TOKEN.fullmatch(item)]
    marked = sum("_" in item for item in tokens)
    named = len(tokens) == len(items) and 2 * marked >= len(items)
    if not named and not (listed and all(len(item.split()) <= 4 for item in items)):
        return False
    notes.pending = None
    for item in items:
        notes.option(item)
    return True


def _plausible(options: dict[str, str]) -> dict[str, str]:
    """Options without the bullets that were rules: most names of one kind rule out the others."""
    tokens = {name for name in options if _TOKEN.fullmatch(name)}
    if len(tokens) < max(2, len(options) / 2):
        return options
    marked = sum("_" in name for name in tokens)
    identifiers = {name for name in tokens if "_" in name or name == name.lower()}
    kept = identifiers if 2 * marked >= len(tokens) else tokens
    return {name: text for name, text in options.items() if name in kept}


def _either(instructions: list[str]) -> dict[str, str]:
    for line in instructions:
        found = _EITHER.search(line)
        if found:
            return {found[1]: "", found[2]: ""}
    return {}


def _demands(body: str) -> bool:
    return DEMAND.search(body) is not None or (_BARE.search(body) is not None and "_" not in body)


def _demand(instructions: list[str], reference: str) -> FormDemand:
    text = "\n".join(instructions)
    explains = any(not _NEGATED.search(text[: m.start()]) for m in _EXPLAIN.finditer(text))
    key = None
    if re.search(r"\bjson\b", text, re.IGNORECASE):
        found = _JSON_KEY.search(reference)
        key = found[1] if found else "answer"
    last = reference.rstrip().rsplit("\n", 1)[-1]
    return FormDemand(
        bare=any(_BARE.search(line) and DEMAND.search(line) for line in instructions),
        named=any(DEMAND.search(line) for line in instructions),
        cued=last.endswith(":") and len(last) <= 40 and QUESTION_CUE.match(last) is None,
        json_key=key,
        explain=explains,
    )
