import pytest

from tests.work import assert_little_work
from verifiers.numeric import verify


@pytest.mark.parametrize(
    ("prediction", "gold"),
    [
        ("so 5 + 3 = 8", "8"),
        ("The answer is $1,234.50.", "1234.5"),
        ("#### 5\nI used 3 steps", "5"),
        ("the answer is 7, found in 2 steps", "7"),
        ("\\boxed{-\\frac{3}{4}}", "-0.75"),
        ("it is 3/4", "0.75"),
        ("x=-3", "-3"),
        ("1.5e3", "1500"),
        ("Question 3: 18", "18"),
        ("There are 18 of them who passed the 2nd test.", "18"),
        ("It takes him 2.5 hours = 150 minutes", "2.5"),
        ("She gave 5 of 5 away, so none are left.", "0"),
        ("None.", "0"),
        ("twice", "2"),
        ("It is 14 degrees below zero.", "-14"),
        ("The price fell from $80 to $60.", "60"),
        ("It isn't 18, and it can't be 19; so 20.", "20"),
        ("So 18 is half of 36.", "18"),
        ("The answer is the 14th prime, 43.", "43"),
        ("The answer is the 14th.", "14"),
        ("The answer is 18.\n\nHmm, on second thought it should be 20.", "20"),
        ("The remainder of 18 mod 5 is 3.", "3"),
    ],
)
def test_the_answer_is_the_stated_number_or_the_last(prediction, gold):
    assert verify(prediction, gold).score == 1.0


@pytest.mark.parametrize(
    "prediction",
    [
        "It isn't 18.",
        "The answer can't be 18.",
        "The answer is 18 factorial",
        "The answer is 18 mod 5",
        "The answer is log 18",
        "The answer is undefined.\n(attempt 18)",
        "The answer is that it cannot be determined.\n(attempt 18)",
    ],
)
def test_a_number_that_is_denied_or_that_the_answer_is_made_of_is_not_the_answer(prediction):
    assert verify(prediction, "18").score == 0.0


def test_tolerances_are_absolute_or_relative():
    assert verify("3.14", "3.14159").score == 0.0
    assert verify("3.14", "3.14159", absolute=0.01).score == 1.0
    assert verify("102", "100", relative=0.02).score == 1.0
    assert verify("102.1", "100", relative=0.02).score == 0.0
    assert verify("-102", "-100", relative=0.02).score == 1.0


def test_decimals_are_exact():
    assert verify("0.3", "0.30000000000000004").score == 0.0


def test_a_gold_without_a_number_abstains_and_an_answer_without_one_is_wrong():
    assert verify("3", "many").status == "abstained"
    assert verify("many", "3").score == 0.0


@pytest.mark.parametrize("text", ["nan", "inf", "-infinity", "", "10^{10^{10}}", "3^99", "2**3", "9" * 50_000])
def test_what_is_no_plain_number_never_equals_one(text):
    for gold in ("3", "10", "0", "99", "2"):
        assert verify(text, gold).score == 0.0


@pytest.mark.parametrize("options", [{"absolute": -1}, {"relative": float("nan")}])
def test_a_tolerance_must_be_a_number_of_at_least_zero(options):
    with pytest.raises(ValueError, match="tolerance"):
        verify("3", "3", **options)


@pytest.mark.parametrize("text", ["-" * 10**6, "1," * 10**6, "1/" * 10**6, "\\frac{" * 10**6, "answer is " * 10**6])
def test_hostile_text_is_answered_with_little_work(text):
    assert verify(text, "3").score == 0.0
    assert_little_work(lambda: verify(text, "3"))
