import pytest

from tests.work import assert_little_work
from verifiers.boolean import verify


@pytest.mark.parametrize(
    ("prediction", "gold"),
    [
        ("So the answer is yes.", "yes"),
        ("**No**", "no"),
        ("The answer is: True", "yes"),
        ("Yes, because dogs bark.", "true"),
        ("No lions live there. Yes.", "yes"),
        ("The answer is yes. Wait, the answer is no.", "no"),
        ("It is true that dogs bark, so no", "no"),
        ("\\boxed{\\text{yes}}", "yes"),
        ("A: no", "False"),
        ("Yes... actually no.", "no"),
        ("No: all dogs are animals, which is true.", "no"),
        ("So, neither is true.", "no"),
        ("Both are true.", "yes"),
        ("It is not the case that dogs fly.", "no"),
        ("It isn't.", "no"),
        ("T", "yes"),
        ("no no no", "no"),
        ("no :(", "no"),
        ("The correct answer is: (b) no", "no"),
    ],
)
def test_the_last_stated_answer_counts(prediction, gold):
    verdict = verify(prediction, gold)
    assert verdict.score == 1.0
    other = "no" if gold.lower() in ("yes", "true") else "yes"
    assert verify(prediction, other).score == 0.0


@pytest.mark.parametrize(
    "prediction",
    [
        "",
        "there are no dogs",
        "the answer is yes or no",
        "So the answer is not yes",
        "true or false: x",
        "Is the answer yes?",
        "Suppose the answer is yes.",
        r"\boxed{Yes} \boxed{No}",
    ],
)
def test_what_states_no_single_answer_is_wrong_or_abstains_by_option(prediction):
    assert verify(prediction, "yes").score == 0.0
    assert verify(prediction, "no").score == 0.0
    assert verify(prediction, "yes", ambiguous="abstain").status == "abstained"


def test_a_gold_that_is_neither_abstains():
    assert verify("yes", "maybe").status == "abstained"


def test_an_unknown_way_with_ambiguity_is_an_error():
    with pytest.raises(ValueError, match="abstain"):
        verify("yes", "yes", ambiguous="skip")


@pytest.mark.parametrize("text", ["answer is " * 100_000, "*" * 10**7, "yes " * 10**6])
def test_hostile_text_is_answered_with_little_work(text):
    assert_little_work(lambda: verify(text, "yes"))
