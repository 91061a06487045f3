import pytest

from tests.work import assert_little_work
from verifiers.choice import verify

CHOICES = [
    {"label": "A", "text": "water"},
    {"label": "B", "text": "a green plant"},
    {"label": "C", "text": "plant"},
    {"label": "D", "text": "two legs"},
]


@pytest.mark.parametrize(
    ("prediction", "label"),
    [
        ("The answer is (B)", "B"),
        ("So the answer is: (b)\n\nQ: another question (A) x (B) y", "B"),
        ("B)", "B"),
        ("b.", "B"),
        ("Answer: B because plants are green", "B"),
        ("Answer: **B**", "B"),
        ("\\boxed{\\text{B}}", "B"),
        ("#### C", "C"),
        ("So the answer is water", "A"),
        ("Water.", "A"),
        ("the answer is a green plant", "B"),
        ("The answer is plant.", "C"),
        ("B. a green plant", "B"),
        ("Plants need light, so (C).", "C"),
        ("I'd choose B", "B"),
        ("The answer is A, not B", "A"),
        ("First I thought the answer is A. But the answer is C.", "C"),
        ("It stands on 2 legs", "D"),
        ("so d is right", "D"),
        ("It must be c.", "C"),
        ("Only C fits.", "C"),
        ("Answer C", "C"),
        ("Probably C", "C"),
        ("C?", "C"),
        ("The answer is A... wait, no, B.", "B"),
        ("All of them except C are wrong.", "C"),
        ("None but C fits.", "C"),
        ("At first D seems right; however C is the one that grows.", "C"),
        ("=> C", "C"),
        ("plants", "C"),
        ("A. Incorrect\nB. Correct\nC. Incorrect\nD. Incorrect", "B"),
        ("The answer is C, a good one.", "C"),
        ("The answer is B. Oh wait, C.", "C"),
        ("C; the others are no plants", "C"),
        (r"#### \boxed{C}", "C"),
        ("Answer: A\n\nB would be right if it grew.", "A"),
        ("B would be the right one.", "B"),
    ],
)
def test_the_forms_that_small_models_write(prediction, label):
    verdict = verify(prediction, label, choices=CHOICES)
    assert (verdict.score, verdict.extracted) == (1.0, label)


@pytest.mark.parametrize(
    "prediction",
    [
        "All except A are right.",
        "A or B",
        "(A) and (B)",
        "the answer is either A or B",
        "water and two legs",
        "The answer might be A, or it might be B.",
        "A is right. B is also right.",
        "",
        "a dog",
    ],
)
def test_what_names_no_single_choice_is_wrong_or_abstains_by_option(prediction):
    assert verify(prediction, "A", choices=CHOICES).score == 0.0
    assert verify(prediction, "A", choices=CHOICES, ambiguous="abstain").status == "abstained"


def test_an_article_is_not_the_label_a_nor_a_pronoun_the_label_i():
    verdict = verify("The answer is G, I believe.", "G", choices=list("qrstuvwxyz"))
    assert verdict.extracted == "G"
    verdict = verify("The answer is a dog", "A", choices=CHOICES, ambiguous="abstain")
    assert verdict.status == "abstained"


def test_choices_that_are_judgements_are_no_list_of_judgements():
    verdict = verify("A. True\nB. False\n\nThe answer is False.", "B", choices=["True", "False"])
    assert (verdict.score, verdict.extracted) == (1.0, "B")
    assert verify("A. True\nB. False", "A", choices=["True", "False"]).score == 0.0


def test_gold_may_be_a_label_in_any_form_or_a_text():
    for gold in ("B", "(b)", "b.", "a green plant"):
        assert verify("B", gold, choices=CHOICES).score == 1.0
    assert verify("B", "fire", choices=CHOICES).status == "abstained"


def test_a_text_that_reads_like_labels_and_texts_that_occur_twice():
    assert verify("the answer is A and B", "C", choices=["x", "y", "A and B"]).score == 1.0
    assert verify("the answer is home", "C", choices=["home", "office", "home"]).score == 1.0


def test_choices_may_be_texts_or_columns():
    assert verify("the answer is no", "B", choices=["yes", "no"]).score == 1.0
    assert verify("2", "2", choices={"label": ["1", "2"], "text": ["yes", "no"]}).score == 1.0


@pytest.mark.parametrize(
    "choices", [[], [{"name": "x"}], [{"label": "A", "text": "x"}, {"label": "a", "text": "y"}], {"a": []}]
)
def test_choices_of_another_form_are_an_error(choices):
    with pytest.raises(ValueError):
        verify("A", "A", choices=choices)


def test_an_unknown_way_with_ambiguity_is_an_error():
    with pytest.raises(ValueError, match="abstain"):
        verify("A", "A", choices=CHOICES, ambiguous="skip")


@pytest.mark.parametrize(
    "text", ["answer is " * 100_000, "(" * 10**6, "A or " * 10**6, "a" * 10**7, "\ud800\x00\u202e"]
)
def test_hostile_text_is_answered_with_little_work(text):
    assert verify(text, "D", choices=CHOICES).score == 0.0
    assert_little_work(lambda: verify(text, "D", choices=CHOICES))


def test_a_digit_and_its_word_are_the_same_unless_they_are_different_choices():
    assert verify("The answer is two.", "A", choices=["2", "3"]).score == 1.0
    assert verify("The answer is two.", "B", choices=["2", "two"]).score == 1.0


def test_a_choice_that_begins_with_another_is_the_longer_one():
    assert verify("The answer is plant food for sure.", "B", choices=["plant", "plant food"]).score == 1.0
    assert verify("The answer is plant food for sure.", "A", choices=["plant", "plant food"]).score == 0.0


def test_the_text_inside_a_longer_choice_is_not_mentioned_by_it():
    assert verify("Surely it grows, as a green plant does.", "B", choices=CHOICES).score == 1.0


def test_what_is_said_of_another_option_is_no_statement():
    assert verify("Option B is right. The other option is plant.", "B", choices=CHOICES).score == 1.0


@pytest.mark.parametrize(
    "text", ['["stone", "apple"]', "['stone', 'apple']", '{"label": ["A", "B"], "text": ["stone", "apple"]}']
)
def test_choices_may_be_written_as_text_as_in_a_csv_file(text):
    assert verify("The answer is B.", "B", choices=text).score == 1.0
    assert verify("It is an apple.", "A", choices=text).score == 0.0


def test_a_text_that_is_no_list_of_choices_is_refused():
    with pytest.raises(ValueError, match="choices is a text that is not a list: 'Which flies"):
        verify("B", "B", choices="Which flies?")
