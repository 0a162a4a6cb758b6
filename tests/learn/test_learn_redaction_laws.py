"""Laws of redaction, for any value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from planted_secrets import MAKERS, planted, secret_part

from flywheel.learn.redaction import Redactor
from flywheel.learn.redaction_contacts import phones
from flywheel.learn.redaction_numbers import accounts, cards, lettered_ids, national_ids
from flywheel.learn.redaction_policy import CustomPattern, RedactionPolicy
from flywheel.learn.redaction_trigger import (
    _BEHIND_WORD,
    _IS_ID,
    _IS_LETTERED,
    _is_named,
    _plain_tells,
    digit_runs,
    may_hold_private,
)

POLICIES = (
    RedactionPolicy(),
    RedactionPolicy(mode="hash", salt="pepper"),
    RedactionPolicy(mode="hash", salt="s", patterns=(CustomPattern(name="client", pattern="[a-m]{3}[0-9]"),)),
)
NUMBERS = (phones, accounts, cards, lettered_ids, national_ids)
policies = st.sampled_from(POLICIES)
secrets = st.builds(
    lambda kind, draw: MAKERS[kind](draw),
    st.sampled_from(sorted(MAKERS)),
    st.randoms(use_true_random=True),
)
pieces = st.one_of(
    st.text(max_size=8),
    st.sampled_from([" ", "\n", '"', "'", "<email>", "<phone:0123456789ab>", "key=", "@", "+", "0", "://"]),
    st.text("0123456789 -.()/+:@=abcdef<>#", max_size=24),
    st.text("00112233445566778899 -.", max_size=30),
    secrets,
)
texts = st.lists(pieces, max_size=6).map("".join)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), texts),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(texts, st.sampled_from(["password", "token", "phone", "ssn"])), inner, max_size=4
        ),
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(texts, policies)
def test_a_second_redaction_changes_nothing(text: str, policy: RedactionPolicy):
    """What was redacted once is left alone."""
    once = Redactor(policy).text(text)

    assert Redactor(policy).text(once) == once


@settings(deadline=None)
@given(values, policies)
def test_the_shape_of_json_is_kept(value: Any, policy: RedactionPolicy):
    """Objects keep their number of keys, lists their length, small numbers and truth values themselves."""
    once = Redactor(policy).value(value)

    assert same_shape(value, once)
    assert Redactor(policy).value(once) == once


@settings(deadline=None)
@given(secrets, texts, texts)
def test_masked_text_holds_nothing_of_the_original(secret: str, before: str, after: str):
    """A secret that stands by itself between any two texts is gone."""
    clean = Redactor(RedactionPolicy()).text(f"{before} \n{secret}\n {after}")

    if secret_part(secret) not in before + after:
        assert secret_part(secret) not in clean


@settings(deadline=None)
@given(secrets, texts, texts)
def test_hashed_values_join(secret: str, before: str, after: str):
    """The same value has the same mark in any place, so that rows can still be joined by it."""
    redactor = Redactor(POLICIES[1])

    marks = {mark_of(redactor.text(f"{place} | {secret} | ok")) for place in ("first", "another one")}

    assert len(marks) == 1
    assert "<" in marks.pop()


@settings(deadline=None)
@given(texts)
@example("6461117379177489a91009431")
def test_the_quick_look_never_clears_what_the_slow_one_finds(text: str):
    """A text that the trigger clears is a hash in hex or a UUID as a whole, or has nothing for any finder."""
    redactor = Redactor(RedactionPolicy())

    if not may_hold_private(text) and not _IS_ID(text):
        assert [finding for find in redactor._finders for finding in find(text)] == []


@settings(deadline=None)
@given(texts)
@example("0047.972413")
@example("<phone>123456789</phone>")
@example("2250 8141 6802538")
@example("8.70493969G")
@example("NL88 ABNA 7368 4e75 06")
@example("be3234f934742b00")
@example("NL56-ABNA 2374 7173 71")
@example("374514023014895１２643")
@example("(1 4920063261 +(1 4920063261")
@example("ssn \u1cde411786391")
@example("7 5#0834).- 80 281054")
def test_no_number_stands_outside_of_the_runs(text: str):
    """What the finders of numbers find anywhere lies in a run of digits that the quick look names."""
    runs = digit_runs(text)

    found = [finding for find in NUMBERS for finding in find(text)]
    assert [f for f in found if not any(r.start < f.end and f.start < r.end for r in runs)] == []


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(
        [
            "order",
            "Ticket",
            "number",
            "phone",
            "GBNWBK",
            "GB29NWBK",
            "gb29nwbk",
            "\\xefAB",
            "XABCDE",
            "steuer",
        ]
    ),
    st.text(" \"#':-/.()+,\n\u00a0", max_size=4),
    st.text("0123456789", min_size=6, max_size=14),
    st.text(" .-\u00a0CLZTcz5", max_size=4),
)
@example("order", " #", "12345678", " Z")
@example("order", " ", "123456", "  C5")
@example("order", " ", "0049301234", "")
@example("order", " +(", "12345678", "")
@example("gb29nwbk", " ", "60161331", "")
def test_a_number_behind_a_word_is_passed_over_only_if_nothing_tells(
    word: str, between: str, digits: str, behind: str
):
    """The shortcut for a plain number behind a word clears none that the whole look would name."""
    text, start = f"call of {word}{between}{digits}{behind}", len(word) + len(between) + 8
    passed = _BEHIND_WORD(text, start)

    if passed is not None:
        end = passed.end()
        assert _IS_LETTERED(text, start - 3, end + 3) is None
        assert not _plain_tells(text, start, end)
        assert not _is_named(text, start)


@settings(deadline=None)
@given(values)
def test_the_quick_look_reads_json_as_text(value: Any):
    """JSON whose text the trigger clears has nothing to take out in any of its parts."""
    import msgspec

    try:
        text = msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, OverflowError):
        return
    if not may_hold_private(text):
        assert Redactor(RedactionPolicy()).value(value) is value


@pytest.mark.parametrize(("mode", "number"), [("mask", 10_000), ("hash", 2_000)])
def test_no_planted_value_is_left(mode: str, number: int):
    """Of 10,000 private values of all kinds in all places not one survives."""
    redactor = Redactor(RedactionPolicy(mode=mode, salt="pepper"))

    left = [p for p in planted(number) if holds(redactor.text(p.text), p.value)]

    assert left == []
    assert redactor.counts.total() >= number


@settings(max_examples=25, deadline=None)
@given(
    st.text(max_size=3000) | st.text("0123456789 -+().", max_size=3000) | st.text("a@.-_:/=", max_size=3000)
)
def test_no_text_takes_long(text: str):
    """No text makes an expression go back and forth without end; the time limit of the suite is the judge."""
    Redactor(RedactionPolicy()).text(text)


@pytest.mark.parametrize(
    "unit",
    ["0 ", "0-", "1.", ":1", "+1 ", "a@", "a.", "://a:", "key: ", "password=a_b", "GB82 ", "06 12 ", "tel "],
)
def test_repeated_signs_do_not_take_long(unit: str):
    """A long text of nothing but the signs that start a look ends within the time limit of the suite."""
    Redactor(RedactionPolicy()).text(unit * 5_000)


def holds(text: str, value: str) -> bool:
    """Whether any part of a value that must be gone is there."""
    parts = value.split("\n")[1:-1] if "PRIVATE KEY" in value else [secret_part(value)]
    return any(part in text for part in parts)


def mark_of(text: str) -> str:
    """What stands between the bars."""
    return text.split(" | ", 1)[1].rsplit(" | ", 1)[0]


def same_shape(old: Any, new: Any) -> bool:
    """Whether two JSON values differ in texts, keys and long or telling numbers only."""
    checks: dict[type, Callable[[], bool]] = {
        dict: lambda: (
            isinstance(new, dict)
            and len(old) == len(new)
            and all(same_shape(a, b) for a, b in zip(old.values(), new.values(), strict=True))
        ),
        list: lambda: (
            isinstance(new, list)
            and len(old) == len(new)
            and all(same_shape(a, b) for a, b in zip(old, new, strict=True))
        ),
        str: lambda: isinstance(new, str),
        int: lambda: isinstance(new, str) or new is old or new == old,
    }
    check = checks.get(type(old))
    return check() if check is not None else old is new or old == new
