"""Rows on their way to the store: what is passed over, and that nothing else is."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from flywheel.capture.redacting import Redaction, _unfamiliar
from flywheel.learn.redaction import Redactor
from flywheel.learn.redaction_policy import RedactionPolicy
from flywheel.records.execution import Execution
from flywheel.store.execution_rows import ROW_COLUMNS, row_of

beginnings = st.lists(
    st.one_of(
        st.sampled_from(
            ["run-", "case-", "call ", "tel. ", "+", "+49 ", "(", "(0)", "00", "0", "1-", "DE", "GB29 NWBK ",
             "ssn ", "X", "AB ", "4111 1111 ", "4111111111111111abcd", "no ", "\u00a0", "/", "é", "٣", "%2B"]
        ),
        st.text("0123456789abcdefXYZ -.()/+_:#", max_size=6),
        st.text(max_size=3),
    ),
    max_size=4,
).map("".join)  # fmt: skip
counters = st.builds(
    lambda zeros, digits: ("0" * zeros + digits)[:15],
    st.integers(0, 4),
    st.text("0123456789", max_size=12),
)


@settings(max_examples=1_000, deadline=None)
@given(beginnings, counters)
@example("case-", "00100000")
@example("case-", "002345678")
@example("case-", "0049301234")
@example("run-", "4222222222222")
@example("4111111111111111abcd", "1")
def test_an_id_that_is_passed_over_has_nothing_private(beginning: str, counter: str):
    """Whatever id is taken for a counter the redactor leaves as it is."""
    redactor, one = Redactor(RedactionPolicy()), beginning + counter

    assert _unfamiliar(redactor, [one]) or redactor.name(one) == one


def test_counters_are_passed_over_and_telephone_numbers_are_not():
    """Digits that begin with 00 are looked at from the length on that a telephone number has."""
    ids = ["run-000017", "case-00100000", "case-004912345", "case-0049123456", None, "case-0001234567"]

    assert _unfamiliar(Redactor(RedactionPolicy()), ids) == ["case-0049123456"]


def test_a_text_that_comes_again_is_taken_out_and_counted_each_time():
    """Equal texts are looked at once, yet each row is cleaned, and the counts are those of all rows."""
    redaction = Redaction(lambda workspace: RedactionPolicy(workspace=workspace))
    outputs = ["ann@example.com", "fine", "ann@example.com"] * 20

    rows = [
        row_of(Execution(execution_id=f"run-{n}", outcome="passed", output=output))
        for n, output in enumerate(outputs)
    ]
    clean = redaction.rows(rows)

    place = ROW_COLUMNS.index("output")
    assert [row[place] for row in clean] == ['"<email>"', '"fine"', '"<email>"'] * 20
    assert redaction.counts == {"email": 40}
    assert all(clean[n] is rows[n] for n in range(1, 60, 3))
