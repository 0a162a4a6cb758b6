"""The sample application: its dictionary, its questions, its customer."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from flywheel.demo import application
from flywheel.errors import UnknownName
from flywheel.learn.templates import variables
from flywheel.records.case import Role

RECORD = application.customer()
AS_OF = date.fromisoformat(str(RECORD["rec_asof_dt"]))


def amount(name: str) -> float:
    """The number in a field."""
    value = RECORD[name]
    assert isinstance(value, int | float)
    assert not isinstance(value, bool)
    return float(value)


def day(name: str) -> date:
    """The date in a field."""
    return date.fromisoformat(str(RECORD[name]))


def full_years(start: date) -> int:
    """Completed years from a day to the day of the record."""
    return AS_OF.year - start.year - ((AS_OF.month, AS_OF.day) < (start.month, start.day))


def test_seven_slices_hold_between_315_and_340_fields_with_40_or_more_each() -> None:
    """The dictionary has the size that the sample application promises."""
    per_slice = Counter(f.slice for f in application.fields())
    assert tuple(per_slice) == application.SLICES
    assert 315 <= sum(per_slice.values()) <= 340
    assert min(per_slice.values()) >= 40


def test_every_slice_has_62_or_more_questions() -> None:
    """No slice is asked about less than the others can bear."""
    per_slice = Counter(c.slice for c in application.cases())
    assert set(per_slice) == set(application.SLICES)
    assert min(per_slice.values()) >= 62


def test_field_names_are_unique_snake_case() -> None:
    """A name is one field, spelled as a data dictionary spells it."""
    names = [f.name for f in application.fields()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) for name in names)


def test_descriptions_are_unique_sentences_of_8_to_25_words() -> None:
    """A description tells its field from every other one."""
    descriptions = [f.description for f in application.fields()]
    assert len({d.casefold() for d in descriptions}) == len(descriptions)
    assert [d for d in descriptions if not 8 <= len(d.split()) <= 25 or not d.endswith(".")] == []


def test_questions_are_unique_when_case_and_punctuation_are_ignored() -> None:
    """No question is asked twice."""
    asked = Counter(
        " ".join(re.findall(r"\w+", str(c.inputs["question"]).casefold())) for c in application.cases()
    )
    assert [q for q, count in asked.items() if count > 1] == []


def test_case_ids_name_their_slice_and_count_without_gaps() -> None:
    """An id such as credit_analysis/017 can be found in its file by eye."""
    for name in application.SLICES:
        ids = [c.case_id for c in application.cases() if c.slice == name]
        assert ids == [f"{name}/{n:03d}" for n in range(1, len(ids) + 1)]


def test_each_question_expects_a_field_of_its_slice_with_the_value_of_the_record() -> None:
    """What a case expects can be looked up."""
    slices = {f.name: f.slice for f in application.fields()}
    for case in application.cases():
        assert isinstance(case.expected, dict)
        assert slices[str(case.expected["field"])] == case.slice
        assert case.expected["value"] == RECORD[str(case.expected["field"])]


def test_more_than_45_percent_of_the_fields_are_asked_for() -> None:
    """The suite reaches well into the dictionary."""
    asked = {c.expected["field"] for c in application.cases() if isinstance(c.expected, dict)}
    assert len(asked) >= 0.45 * len(application.fields())


def test_no_value_is_empty() -> None:
    """Each field of the sample customer says something."""
    assert [f.name for f in application.fields() if f.value is None or f.value == ""] == []


def test_dates_are_iso_days() -> None:
    """A date field holds a day that exists."""
    for field in application.fields():
        if field.unit == "date":
            assert date.fromisoformat(str(field.value))


def test_percentages_of_a_whole_lie_between_0_and_100() -> None:
    """A percentage is given in percent."""
    shares = [f for f in application.fields() if f.unit == "percent"]
    assert shares
    assert [f.name for f in shares if not 0 <= amount(f.name) <= 100] == []


@pytest.mark.parametrize(
    ("years", "since"), [("age_yrs", "dob"), ("tenure_yrs", "cust_since_dt")], ids=["age", "tenure"]
)
def test_years_follow_from_the_day_they_are_counted_from(years: str, since: str) -> None:
    """Age agrees with the birth date, tenure with the first day as a customer."""
    assert amount(years) == full_years(day(since))


@pytest.mark.parametrize(
    ("days", "since"),
    [("birthday_in_d", date(2026, 4, 17)), ("idle_d", date(2025, 9, 29)), ("case_age_d", date(2025, 9, 22))],
    ids=["birthday", "idle", "case"],
)
def test_days_are_counted_to_the_day_of_the_record(days: str, since: date) -> None:
    """Numbers of days agree with the day of the record."""
    assert amount(days) == abs((since - AS_OF).days)


@pytest.mark.parametrize(
    ("percent", "part", "whole"),
    [
        ("util_ratio_now", ("bal_revolving",), "limit_total"),
        ("ltv_pct", ("mort_bal",), "coll_value"),
        ("cltv_pct", ("mort_bal", "heloc_bal"), "coll_value"),
    ],
)
def test_a_ratio_is_its_part_over_its_whole(percent: str, part: tuple[str, ...], whole: str) -> None:
    """Ratios are those of the amounts beside them, to a tenth of a percent."""
    assert amount(percent) == pytest.approx(100 * sum(map(amount, part)) / amount(whole), abs=0.051)


def test_debt_to_income_is_monthly_obligations_over_monthly_income() -> None:
    """Both debt ratios follow from the installments and the yearly income."""
    monthly_income = amount("inc_gross_yr") / 12
    owed = sum(map(amount, ("mort_pmt_mo", "auto_pmt_mo", "heloc_pmt_mo", "min_pmt_due")))
    assert amount("dti_pct") == pytest.approx(100 * owed / monthly_income, abs=0.051)
    assert amount("hti_pct") == pytest.approx(100 * amount("mort_pmt_mo") / monthly_income, abs=0.051)


def test_totals_are_the_sum_of_their_parts() -> None:
    """Debts, charges, balances and scores add up."""
    debts = ("mort_bal", "heloc_bal", "auto_bal", "bal_revolving")
    assert amount("debt_total") == pytest.approx(sum(map(amount, debts)), abs=0.005)
    charges = ("atm_fee_ytd", "od_fee_ytd", "fx_fee_ytd")
    assert amount("fees_ytd") == pytest.approx(sum(map(amount, charges)), abs=0.005)
    free = amount("balance_current") - amount("holds_amt")
    assert amount("balance_available") == pytest.approx(free, abs=0.005)
    assert amount("score_chg_12m") == amount("score_bureau") - amount("score_bureau_12m_ago")


def test_the_mortgage_amortizes_to_the_balance_the_record_shows() -> None:
    """The installment is the annuity of the loan; the balance is what 169 of 360 installments left."""
    rate = amount("mort_rate_pct") / 1200
    installment = amount("mort_orig_amt") * rate / (1 - (1 + rate) ** -360)
    assert amount("mort_pmt_mo") == pytest.approx(installment, abs=0.005)
    left = amount("mort_left_cnt")
    assert amount("mort_bal") == pytest.approx(installment * (1 - (1 + rate) ** -left) / rate, abs=0.005)
    end, last_paid = day("mort_end_dt"), date(2025, 9, 1)
    assert left == 12 * (end.year - last_paid.year) + end.month - last_paid.month


def test_the_same_fact_in_two_slices_is_the_same() -> None:
    """Family, calls, complaint and places agree wherever they show up."""
    assert RECORD["cosign_for_name"] == RECORD["child_old_name"]
    assert RECORD["wire_out_last_bene"] == RECORD["sib_name"]
    assert str(RECORD["mother_name"]).endswith(str(RECORD["name_birth"]))
    assert RECORD["cmpl_comp_amt"] == RECORD["fee_refund_last_amt"] == RECORD["od_fee_ytd"]
    assert str(RECORD["disp_last_merch"]) in str(RECORD["case_topic"])
    assert str(RECORD["geo_city"]) in str(RECORD["addr_residence"])
    assert str(RECORD["geo_zip"]) in str(RECORD["addr_residence"])
    assert full_years(day("resid_since_dt")) >= 10
    assert RECORD["moves_10y_cnt"] == 0


def test_what_has_happened_lies_before_the_record_and_what_is_planned_does_not() -> None:
    """No call comes from the future, no appointment from the past."""
    past = {f.name for f in application.fields() if re.search(r"(_last|_chg|_iss|since|start)_dt$", f.name)}
    future = {f.name for f in application.fields() if re.search(r"(_next|_exp|_due|_mat|_end)_dt$", f.name)}
    assert len(past) > 15
    assert len(future) > 10
    assert [n for n in sorted(past) if day(n) > AS_OF] == []
    assert [n for n in sorted(future) if day(n) < AS_OF] == []


def test_nothing_identifies_a_real_person() -> None:
    """Numbers and addresses are of the kinds kept free for fiction."""
    assert all(str(RECORD[n]).endswith("@example.com") for n in ("email_primary", "email_alt"))
    phones = [str(f.value) for f in application.fields() if f.name.startswith("ph_") and f.unit == "text"]
    assert phones
    assert all(re.fullmatch(r"\+1-555-01\d\d", p) for p in (*phones, str(RECORD["emerg_ph"])))
    assert RECORD["tax_id_last4"] == "0000"


def test_the_first_prompt_lists_every_name_without_any_definition() -> None:
    """It is what a busy team writes: names, a question, no form, no solved question."""
    text = application.first_prompt()
    listed = re.findall(r"^- (\w+)$", text, flags=re.MULTILINE)
    assert listed == [f.name for f in application.fields()]
    assert [f.name for f in application.fields() if f.description in text] == []
    assert len(text) < 9_000
    assert variables(text) == ("question",)
    assert text.endswith("{question}")


def test_the_suite_offers_every_field_with_its_description() -> None:
    """The dictionary is there for those who want to put it into a prompt."""
    options = application.suite().options
    assert [(o.name, o.description, o.slice) for o in options] == [
        (f.name, f.description, f.slice) for f in application.fields()
    ]


def test_every_role_has_enough_cases_to_learn_from_and_to_decide_on() -> None:
    """150 gate and 100 reflect cases overall, 12 gate cases in each slice."""
    roles = Counter(c.role for c in application.cases())
    gate = Counter(c.slice for c in application.cases() if c.role is Role.GATE)
    assert roles[Role.GATE] >= 150
    assert roles[Role.REFLECT] >= 100
    assert roles[Role.REPORT] >= 30
    assert min(gate[name] for name in application.SLICES) >= 12


def test_an_unknown_field_is_refused_with_what_to_do() -> None:
    """A model's slip of the pen is named, not looked up as nothing."""
    with pytest.raises(UnknownName, match=r"'birthdate'.*Nothing was looked up"):
        application.answer("birthdate")


def test_the_page_about_the_application_tells_its_counts_and_quotes_its_questions() -> None:
    """docs/demo.md says what the data files say."""
    page = (Path(__file__).parents[2] / "docs" / "demo.md").read_text(encoding="utf-8")
    for name in application.SLICES:
        fields = sum(f.slice == name for f in application.fields())
        cases = [c for c in application.cases() if c.slice == name]
        assert re.search(rf"^\| `{name}` \| [^|]+ \| {fields} \| {len(cases)} \|$", page, re.MULTILINE)
        quoted = re.findall(rf"^\| `{name}` \| (.+) \| `(\w+)` \| .+ \|$", page, re.MULTILINE)
        known = {(c.inputs["question"], c.expected["field"]) for c in cases if isinstance(c.expected, dict)}
        assert len(quoted) == 3
        assert set(quoted) <= known


def test_importing_the_application_loads_nothing_heavy() -> None:
    """Its names are there before numpy is needed."""
    code = (
        "import sys, flywheel.demo.application as a; a.cases(); "
        "print([m for m in ('numpy', 'scipy', 'sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
