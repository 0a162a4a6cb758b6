"""What is private is recognised, what only looks like it is left."""

from __future__ import annotations

import pytest

from flywheel.learn.redaction import Redactor
from flywheel.learn.redaction_contacts import e164
from flywheel.learn.redaction_policy import CustomPattern, RedactionPolicy
from flywheel.records.execution import Execution, ModelUse

MASKING = RedactionPolicy()
HASHING = RedactionPolicy(mode="hash", salt="pepper")

# Values that their issuers print in their own documentation, or that are made up.
PRIVATE = [
    ("api_key", "AKIAIOSFODNN7EXAMPLE"),
    ("api_key", "sk-proj-Ab3dE5gH7jK9mN1pQ3sT5vX7zB9dF1hJ3lN5pR7tV9xZ1b"),
    ("api_key", "sk-ant-api03-Ab3dE5gH7jK9mN1pQ3sT5vX7zB9dF1hJ3lN5pR7tV9xZ1bD3fH5jL7n"),
    ("api_key", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
    ("api_key", "xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx"),
    ("api_key", "AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe"),
    ("secret", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("secret", "key=Zm9vYmFyMTIzNDU2Nzg5MA"),
    ("secret", 'client_secret: "n0t-so-secret"'),
    ("password", "password=hunter2!"),
    ("password", "'password': 'changeme'"),
    ("password", "postgresql://app:pa55w0rd@db-1/flows"),
    ("bearer_token", "Authorization: Bearer abcdef1234567890"),
    ("bearer_token", "Authorization: Basic dXNlcjpwYXNzd29yZDEyMw=="),
    (
        "jwt",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP",
    ),
    ("private_key", "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"),
    ("private_key", "-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9u"),
    ("email", "Ann.Smith+x@mail.example.co.uk"),
    ("email", "zoë@uni-köln.de"),
    ("email", "user%40example.com"),
    ("phone", "+49 30 1234567"),
    ("phone", "+44 (0)20 7946 0958"),
    ("phone", "0049 30 123456"),
    ("phone", "(415) 555-2671"),
    ("phone", "1-800-555-2671"),
    ("phone", "020 7946 0958"),
    ("phone", "06 12 34 56 78"),
    ("phone", "0151 23456789"),
    ("phone", "phone: 4155552671"),
    ("card", "4111 1111 1111 1111"),
    ("card", "378282246310005"),
    ("card", "4111-1111-1111-1111 12/27"),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("iban", "GB82WEST12345698765432"),
    ("national_id", "219-09-9999"),
    ("national_id", "SSN: 219099999"),
    ("national_id", "QQ is no prefix but AB 12 34 56 C is one"),
    ("national_id", "86 095 742 719"),
    ("national_id", "2 55 08 14 168 025 38"),
    ("national_id", "12345678Z"),
    ("national_id", "X-1234567-L"),
    ("national_id", "BSN 111222333"),
    ("ip", "203.0.113.77"),
    ("ip", "2001:db8::ff00:42:8329"),
    ("ip", "2001:0db8:85a3:0000:0000:8a2e:0370:7334"),
]

ORDINARY = """
2024-01-05T12:30:45.123456Z|2024-01-05 12:30:45|01.02.2024 10 15|12:30:45|1,234,567.89|1234567|3.14159265
1700000000|1700000000000|1700000000123456789|550e8400-e29b-41d4-a716-446655440000|order 12345678|#1234567890
d41d8cd98f00b204e9800998ecf8427e|9c5c4e46d7206f1d9c5c4e46d7206f1d9c5c4e46|sha1-deadbeefdeadbeefdeadbeef
1.2.3|v1.2.3.4|version 10.2.3.4|numpy==2.1.3|120.0.6099.109|Python 3.11.7|127.0.0.1:5432|::1|std::vector
ISBN 0-306-40615-2|978-3-16-148410-0|10.1038/s41586-021-03819-2|arXiv:2401.15788|1e308 -1e-308|0x7f3a2b1c9d00
lat 52.520008, lon 13.404954
123 456 789|1 000 000 000|01 02 03 04 05|11 22 33 44 55|250 300 4000|0.25 0.333333
[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]|12 + 34 - 56 * 78 / 90 = 12345|2-3 4-5 6-7 8-9 10-11|1998-2003-2010
def f(token=token, key=key): return api_key|password = get_password()|os.environ['OPENAI_API_KEY']
max_tokens=4096
sorted(rows, key=itemgetter(1))|@property|git@github.com:org/repo.git|x@w.T|react@18.2.0|a::b::c
password=<password>
password: ****|password=${DB_PASSWORD}|token=%s|secret santa|bearer of bad news|Enter your password: please
task-management-for-customer-success-teams|risk-assessment-of-customers-in-2024|run_id=2024_01_05_run_0001
00:1A:2B:3C:4D:5E|IMG_20231105_123456.jpg|phone screens in 2024-2025|2020/21 2021/22 2022/23
SELECT 1 WHERE key='abc'
Basic Instinct 2|180/110=1.6363636363636365|her phone can hold 10800-2500=8300|25/1.666=15.006002400960385
4/0.3333=12.001200120012001
"""


@pytest.mark.parametrize(("kind", "text"), PRIVATE, ids=lambda value: value[:24])
def test_private_texts_are_recognised(kind: str, text: str):
    """Each kind is taken out wherever it stands, with its own mark."""
    for place in ("{}", "before {} after", "« {} »", "a\n{}\nb", "repr: '\\n{}'"):
        redactor = Redactor(MASKING)
        assert f"<{kind}>" in redactor.text(place.format(text))
        assert redactor.counts[kind] == 1


@pytest.mark.parametrize("text", ORDINARY.strip().replace("\n", "|").split("|"))
def test_ordinary_texts_are_left(text: str):
    """Numbers, dates, ids, hashes, versions, code stay as they are, as the same object."""
    redactor = Redactor(MASKING)

    assert redactor.text(text) is text
    assert not redactor.counts


def test_values_are_normalised_before_they_are_hashed():
    """One person's e-mail, telephone or card has one mark however it is written."""
    clean = Redactor(HASHING).text

    assert clean("Ann@Example.com") == clean("ann@example.COM") != clean("bob@example.com")
    assert clean("+1 (415) 555-2671") == clean("415-555-2671") == clean("tel 4155552671")[4:]
    assert clean("4111 1111 1111 1111") == clean("4111111111111111")
    assert clean("ann@example.com") != Redactor(HASHING.model_copy(update={"salt": "x"})).text(
        "ann@example.com"
    )


@pytest.mark.parametrize(
    ("written", "code", "normal"),
    [
        ("+49 (0)30 123-4567", "", "+49301234567"),
        ("0049 30 1234567", "", "+49301234567"),
        ("030/1234567", "+49", "+49301234567"),
        ("030/1234567", "", "0301234567"),
        ("(415) 555-2671", "", "+14155552671"),
        ("612 34 56 78", "+34", "+34612345678"),
    ],
)
def test_telephone_numbers_become_e164(written: str, code: str, normal: str):
    """A number is `+` with digits where its country is known, else its digits."""
    assert e164(written, code) == normal


def test_a_policy_can_be_off():
    """Nothing is changed, nothing is counted."""
    redactor = Redactor(RedactionPolicy(mode="off"))
    value = {"api_key": "AKIAIOSFODNN7EXAMPLE"}

    assert redactor.value(value) is value
    assert not redactor.counts


def test_a_policy_can_keep_a_kind():
    """A kind that is kept is left, the others are still taken out."""
    redactor = Redactor(RedactionPolicy(kept=frozenset({"ip"})))

    assert redactor.text("203.0.113.77 ann@example.com") == "203.0.113.77 <email>"


def test_custom_patterns_are_kinds_of_their_own():
    """Client ids are known to their workspace only; the first group is what is taken out."""
    patterns = (
        CustomPattern(name="client", pattern=r"\bC-[0-9]{6}\b"),
        CustomPattern(name="desk", pattern=r"desk (\w+)"),
    )
    redactor = Redactor(RedactionPolicy(patterns=patterns))

    assert redactor.text("C-123456 at desk nine") == "<client> at desk <desk>"
    assert redactor.counts == {"client": 1, "desk": 1}


@pytest.mark.parametrize("pattern", ["(", "a*", ""])
def test_useless_patterns_are_refused(pattern: str):
    """A pattern that is none, or that fits everywhere, is refused with the reason."""
    with pytest.raises(ValueError, match=r"no regular expression|empty text|at least 1 character"):
        CustomPattern(name="x", pattern=pattern)


def test_keys_say_what_a_value_is():
    """Under a telling key a value is private although it looks like nothing."""
    value = {
        "password": "changeme",
        "openaiApiKey": "k-1",
        "user": {"mobile": "4155552671", "ssn": 219099999},
        "cards": [{"card_number": 4111111111111111, "cvv": "123"}],
        "token": "the",
        "max_tokens": 5,
        "phone": "yes",
    }

    assert Redactor(MASKING).value(value) == {
        "password": "<secret>",
        "openaiApiKey": "<secret>",
        "user": {"mobile": "<phone>", "ssn": "<national_id>"},
        "cards": [{"card_number": "<card>", "cvv": "<card>"}],
        "token": "the",
        "max_tokens": 5,
        "phone": "yes",
    }


def test_keys_themselves_are_cleaned():
    """Private keys of an object are marked, and two of them stay two."""
    clean = Redactor(MASKING).value({"ann@example.com": 1, "bob@example.com": 2, "n": 3})

    assert clean == {"<email>": 1, "<email>#2": 2, "n": 3}


def test_an_execution_is_cleaned_everywhere():
    """Texts, values, names, model names: every field; ids that differ still differ."""
    mail = "ann@example.com"
    execution = Execution(
        execution_id=f"run of {mail}",
        session_id=mail,
        outcome="error",
        inputs={"from": [mail]},
        output=mail,
        expected=mail,
        metadata={"a": {"b": mail}},
        error_type=f"Refused {mail}",
        error_message=f"no answer for {mail}",
        comment=mail,
        models=(ModelUse(model=mail),),
    )
    redactor = Redactor(MASKING)

    clean = redactor.execution(execution)
    other = redactor.execution(execution.model_copy(update={"session_id": "bob@example.com"}))

    assert mail not in clean.model_dump_json()
    assert clean.inputs == {"from": ["<email>"]}
    assert clean.error_message == "no answer for <email>"
    assert clean.session_id != other.session_id
    assert Execution.model_validate(clean.model_dump()) == clean


def test_a_clean_execution_comes_back_as_it_is():
    """Nothing is copied where nothing is private."""
    execution = Execution(execution_id="r1", outcome="passed", inputs={"question": "Where does she live?"})

    assert Redactor(MASKING).execution(execution) is execution


def test_a_long_name_stays_a_name():
    """A name that would grow beyond what a name may have becomes one mark."""
    execution = Execution(execution_id=" ".join(["a@b.de"] * 42), outcome="passed")

    clean = Redactor(MASKING).execution(execution)

    assert Execution.model_validate(clean.model_dump()).execution_id.startswith("<name:")


def test_nothing_hides_inside_a_mark():
    """Text that only looks like a mark is no way around."""
    clean = Redactor(MASKING).text

    assert "4111" not in clean("<a4111111111111111>")
    assert "MIIE" not in clean("-----BEGIN PRIVATE KEY-----\nMIIE<email>\n-----END PRIVATE KEY-----")
