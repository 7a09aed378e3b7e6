"""What lists and conditions mean."""

import math

import pytest

from flags.targeting import (
    email_hash,
    fault_of_condition,
    meets,
    number_of,
    plain_email,
    version_of,
)
from flags.types import Condition, Operator


def holds(operator, told, *wanted):
    return meets(Condition("it", Operator(operator), list(wanted)), {"it": told})


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Anna@Example.COM", "anna@example.com"),
        (" \t anna@example.com\r\n", "anna@example.com"),
        ("anna b@example.com", "anna b@example.com"),
        # Only ASCII: what else has capitals differs between versions of Unicode.
        ("JOSÉ@example.com", "josÉ@example.com"),
        ("\u00a0anna@example.com", "\u00a0anna@example.com"),
        ("", ""),
    ],
)
def test_reads_an_address_however_it_is_written(written, plain):
    assert plain_email(written) == plain


def test_hashes_an_address_for_one_flag_alone():
    found = {email_hash(salt, "anna@example.com") for salt in ("one", "two")}

    assert len(found) == 2
    assert all(len(one) == 64 and one == one.lower() for one in found)


@pytest.mark.parametrize(
    ("operator", "told", "wanted", "answer"),
    [
        ("one_of", "de", ("en", "de"), True),
        ("one_of", "DE", ("en", "de"), False),
        ("one_of", 1, (1.0,), True),
        ("one_of", 1.0, (1,), True),
        ("one_of", True, (1,), False),
        ("one_of", 1, (True,), False),
        ("one_of", "1", (1,), False),
        ("one_of", "true", (True,), False),
        ("one_of", False, (False,), True),
        ("one_of", 0.1 + 0.2, (0.3,), False),
        ("not_one_of", "fr", ("en", "de"), True),
        ("not_one_of", "de", ("en", "de"), False),
        ("not_one_of", True, (1,), True),
        ("starts_with", "de-AT", ("en", "de"), True),
        ("starts_with", "at-de", ("de",), False),
        ("starts_with", 12, ("1",), False),
        ("ends_with", "anna@clinic.org", ("@clinic.org",), True),
        ("ends_with", "anna@clinic.org.example", ("@clinic.org",), False),
        ("ends_with", "org", ("clinic.org",), False),
        ("at_least", 18, (18,), True),
        ("at_least", 17.999, (18,), False),
        ("at_least", "20", (18,), False),
        ("at_least", True, (0,), False),
        ("less_than", 17.999, (18,), True),
        ("less_than", 18, (18,), False),
        ("less_than", False, (18,), False),
        ("version_at_least", "2.10", ("2.9",), True),
        ("version_at_least", "2.9.9", ("2.10",), False),
        ("version_at_least", "2.10", ("2.10.0.0",), True),
        ("version_at_least", "2.10-beta", ("2.9",), False),
        ("version_at_least", 3, ("2.9",), False),
        ("version_less_than", "2.9.9", ("2.10",), True),
        ("version_less_than", "2.10", ("2.10.0",), False),
        ("version_less_than", "", ("2.10",), False),
    ],
)
def test_compares_by_kind_and_value(operator, told, wanted, answer):
    assert holds(operator, told, *wanted) is answer


@pytest.mark.parametrize("operator", list(Operator))
@pytest.mark.parametrize("told", [None, [], ["2.9"], {}, {"2.9": 1}, math.nan, math.inf, 10**400])
def test_never_meets_what_is_no_single_value(operator, told):
    assert not holds(operator, told, "2.9")
    assert not holds(operator, told, 1)


@pytest.mark.parametrize("operator", list(Operator))
def test_never_meets_a_missing_attribute(operator):
    condition = Condition("it", operator, ["2.9"])

    assert not meets(condition, {})
    assert not meets(condition, {"It": "2.9"})


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1.0),
        (2**53 + 1, 2.0**53),
        (-0.0, 0.0),
        (True, None),
        ("1", None),
        (math.nan, None),
        (-math.inf, None),
        (10**400, None),
    ],
)
def test_reads_numbers_as_doubles(value, number):
    assert number_of(value) == number


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2", (2, 0, 0, 0)),
        ("2.10", (2, 10, 0, 0)),
        ("02.010", (2, 10, 0, 0)),
        ("1.2.3.4", (1, 2, 3, 4)),
        ("999999999.0", (999_999_999, 0, 0, 0)),
        ("1.2.3.4.5", None),
        ("1000000000", None),
        ("2.", None),
        (".2", None),
        ("2..1", None),
        ("v2.1", None),
        ("2.1\n", None),
        (" 2.1", None),
        ("\u0662.\u0661", None),
        ("-1", None),
        ("", None),
        (2.1, None),
        (None, None),
    ],
)
def test_reads_versions_of_up_to_four_numbers(text, version):
    assert version_of(text) == version


@pytest.mark.parametrize(
    ("operator", "values", "fault"),
    [
        ("one_of", ["a", 1, 2.5, True], None),
        ("one_of", [math.inf], "numbers that fit a double"),
        ("not_one_of", [10**400], "numbers that fit a double"),
        ("starts_with", ["a", ""], "must be texts"),
        ("ends_with", ["a", 1], "must be texts"),
        ("at_least", [1, 2], "must be one value"),
        ("at_least", [True], "must be a number"),
        ("less_than", ["1"], "must be a number"),
        ("less_than", [-2.5], None),
        ("version_at_least", ["2.x"], "must be a version"),
        ("version_less_than", [2.1], "must be a version"),
        ("version_less_than", ["2.10.3"], None),
    ],
)
def test_says_what_is_wrong_with_a_condition(operator, values, fault):
    found = fault_of_condition(Condition("it", Operator(operator), values))

    assert (found is None) == (fault is None)
    assert (fault or "") in (found or "")
