"""What an execution answered, read from its output or its parsed answer."""

from __future__ import annotations

import json
import re
import unicodedata

from pydantic import JsonValue

from flywheel.records.execution import Execution

MAX_ANSWER = 80
"""Longer texts are prose, not an answer that can be mistaken for another one."""

MAX_EXPECTED = 60
CUT_LENGTH = 200
"""Characters from which a text without an ending counts as cut off."""

_REFUSAL = re.compile(
    r"^\W*(?:(?:i(?:'|’)?m|i am) (?:really |very |truly )?(?:sorry|unable|not able|afraid)"
    r"|i (?:can(?:'|’)?t|cannot|won(?:'|’)?t|am not able to|must decline)"
    r"|sorry,|unfortunately,? i (?:can|am)|as an ai\b|my apologies"
    r"|es tut mir leid|je suis désolé|lo siento)",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"can(?:'|’)?t|cannot|unable|not able|won(?:'|’)?t|decline|as an ai"
    r"|kann (?:das )?nicht|ne peux pas|no puedo",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^\s*```(?:json)?\s*(.*?)\s*```\s*$", re.DOTALL)
_JSON_START = re.compile(r"\s*(?:\{|\[\s*[\[{\"\d])")
_AROUND = " \t\r\n[](){}<>\"'`.,;:!?*_#|"
_BETWEEN = re.compile(r"[\s_-]+")
_NUMBER = re.compile(r"[\s$€£]*(-?(?:\d[\d,]*(?:\.\d+)?|\.\d+))\s*[.%€]?\s*")
_LANGUAGES = """
English the and of to is in that it for was with this are be as have not
German der die das und ist nicht ein eine zu den mit auf für von dem sich
French le la les et est des une un que pour dans pas qui sur du ce
Spanish el la los y es de una un que para en no por las del se
Italian il la di che e è un una per non con del sono le gli si
Portuguese o a os e é de uma um que para em não com do da se
Dutch de het een en is van niet dat met op voor zijn die aan er te
"""
"""The commonest words of a language, after its name."""

_STOP_WORDS = {
    name: frozenset(words) for name, *words in (line.split() for line in _LANGUAGES.strip().splitlines())
}


def answer_text(value: JsonValue) -> str | None:
    """The comparable answer in an expectation or an output: a field name, a word, a number, a list.

    Examples:
        >>> answer_text({"field": "dti_pct", "value": 31.0}), answer_text(" True "), answer_text(None)
        ('dti_pct', 'True', None)
        >>> answer_text(["red", "green"]), answer_text(["a, b", "c"]), answer_text([])
        ('red, green', '["a, b", "c"]', None)
    """
    if isinstance(value, list):
        return _listed(value)
    if isinstance(value, dict):
        for key in ("field", "answer", "label"):
            if key in value:
                return answer_text(value[key])
        return None
    if value is None:
        return None
    return str(value).strip() or None


def _listed(items: list[JsonValue]) -> str | None:
    """Items as people write them; as JSON where that would be read otherwise."""
    plain_items = all(
        isinstance(item, str | int | float) and not re.search(r"[,;\n]", str(item)) for item in items
    )
    joined = ", ".join(map(str, items)) if plain_items else json.dumps(items, ensure_ascii=False)
    return joined if items else None


def produced_answer(execution: Execution) -> str | None:
    """What an execution answered: the parsed answer where one was kept, else a short output."""
    if isinstance(execution.metadata, dict) and "answer" in execution.metadata:
        return answer_text(execution.metadata["answer"])
    text = answer_text(execution.output)
    return text if text is not None and len(text) <= MAX_ANSWER and "\n" not in text else None


def plain(text: str) -> str:
    """An answer without case, marks around it, or spaces, to see whether two answers are one.

    Examples:
        >>> plain("[No]") == plain(" no. "), plain("$1,000") == plain("1000.0"), plain("-5") == plain("5")
        (True, True, False)
    """
    number = _NUMBER.fullmatch(text)
    if number:
        return repr(float(number[1].replace(",", "")))
    folded = unicodedata.normalize("NFKC", text).casefold().strip(_AROUND)
    return _BETWEEN.sub("", folded) or text.strip()


def is_refusal(text: str) -> bool:
    """Whether a text declines to answer.

    Examples:
        >>> is_refusal("I'm sorry, but I can't help with that."), is_refusal("Sorry seems to be hard")
        (True, False)
    """
    start = text[:300]
    return bool(_REFUSAL.search(start)) and bool(_REFUSED.search(start))


def looks_cut(text: str) -> bool:
    """Whether a text stops in the middle: an open bracket of JSON, or a long text without an ending."""
    stripped = text.rstrip()
    if _JSON_START.match(stripped) and stripped[-1:] not in "}]":
        return True
    return len(stripped) >= CUT_LENGTH and stripped[-1:] not in ".!?:;)]}\"'`»”。！？…*|>"


def language_of(text: str) -> str | None:
    """Language by script, then by its commonest words; None when the text says too little.

    Examples:
        >>> language_of("Die Antwort ist nicht in der Liste und das ist ein Fehler")
        'German'
        >>> language_of("42") is None
        True
    """
    letters = [c for c in text[:2000] if c.isalpha()]
    if len(letters) < 4:
        return None
    is_ascii = text.isascii()
    latin = len(letters) if is_ascii else sum("LATIN" in unicodedata.name(c, "") for c in letters)
    if latin < 0.5 * len(letters):
        names = [unicodedata.name(c, "?").split()[0] for c in letters]
        return max(sorted(set(names)), key=names.count).title()
    words = re.findall(r"\w+", text[:2000].casefold())
    if len(words) < 8:
        return None
    counts = {name: sum(w in stops for w in words) for name, stops in _STOP_WORDS.items()}
    best, second = sorted(counts.values(), reverse=True)[:2]
    clear = best >= 0.15 * len(words) and best > 1.3 * second
    return max(counts, key=lambda name: counts[name]) if clear else None


def json_fault(output: str, expected: JsonValue) -> str | None:
    """What is wrong with an output that should be JSON of the shape of `expected`; None when nothing is.

    Examples:
        >>> json_fault('{"name": "Ada"}', {"name": "Ada", "age": 36})
        "lacks the keys 'age'"
    """
    if not isinstance(expected, dict | list):
        return None
    fenced = _FENCE.match(output)
    try:
        got = json.loads(fenced[1] if fenced else output)
    except ValueError:
        return "is not JSON"
    if type(got) is not type(expected):
        return f"is a JSON {_json_type(got)}, not a {_json_type(expected)}"
    if isinstance(expected, dict) and isinstance(got, dict):
        missing, more = sorted(set(expected) - set(got)), sorted(set(got) - set(expected))
        if missing:
            return f"lacks the keys {', '.join(map(repr, missing[:4]))}"
        if more:
            return f"has other keys: {', '.join(map(repr, more[:4]))}"
    return "is in a code fence" if fenced else None


def format_fault(execution: Execution) -> tuple[str, str] | None:
    """Kind with detail of a violated form; None when the output has the form of an answer.

    Looked at in order: nothing at all, a refusal, a text cut off, JSON that
    is none, another language, the right answer with prose around it, the
    right answer spelled otherwise.

    Returns:
        `(kind, detail)` with kind format, refusal or cut_off.
    """
    output = execution.output
    if output is None or isinstance(output, dict | list):
        return None
    text = str(output).strip()
    if not text:
        return "format", "no answer at all"
    if _has_answer(execution) and produced_answer(execution) is not None:
        return None
    return _fault_of(execution, text)


def _fault_of(execution: Execution, text: str) -> tuple[str, str] | None:
    if is_refusal(text):
        return "refusal", ""
    fault = json_fault(text, execution.expected)
    if looks_cut(text) and fault in (None, "is not JSON"):
        return "cut_off", ""
    if fault is not None:
        return "format", f"the answer {fault}"
    return _wrong_dress(execution, text, answer_text(execution.expected))


def _wrong_dress(execution: Execution, text: str, expected: str | None) -> tuple[str, str] | None:
    spoken = language_of(text)
    if spoken is not None:
        wanted = language_of(expected or "") or language_of(_words_of(execution.inputs))
        if wanted is not None and wanted != spoken:
            return "format", f"answers in {spoken}, not in {wanted}"
    if expected is None or len(expected) > MAX_EXPECTED or text == expected:
        return None
    if plain(text) == plain(expected):
        return "format", "the right answer, spelled otherwise"
    if len(text) > len(expected) + 8 and re.search(rf"(?<!\w){re.escape(expected)}(?!\w)", text):
        return "format", "the right answer with prose around it"
    return None


def _has_answer(execution: Execution) -> bool:
    return isinstance(execution.metadata, dict) and "answer" in execution.metadata


def _words_of(inputs: JsonValue) -> str:
    if isinstance(inputs, dict):
        return " ".join(str(v) for v in inputs.values())
    return "" if inputs is None else str(inputs)


def _json_type(value: object) -> str:
    return {dict: "object", list: "array", str: "string", bool: "boolean"}.get(type(value), "number")
