"""What a self-check puts in front of a verifier: golds as people state them, and wrong answers that look like them."""

import pytest

from verifiers.runtime.examples import EXAMPLES, OPTIONS
from verifiers.runtime.phrasings import PHRASINGS, answer_of, near_misses, phrased
from verifiers.runtime.self_check import OWN_FORM, self_check, survey
from verifiers.runtime.verifier import Verifier

CHOICES = [{"label": "A", "text": "water"}, {"label": "B", "text": "fire"}, {"label": "C", "text": "water"}]


def test_a_phrasing_states_the_answer_once_and_the_wrong_one_where_it_does_not_count():
    assert phrased("box", "7", "8") == r"\boxed{7}"
    assert phrased("next question after", "7", "8") == "The answer is 7.\n\nQ: What comes next?\nA: The answer is 8."
    assert all(phrased(name, "SEVEN", "x").count("SEVEN") == 1 for name in PHRASINGS)


def test_the_answer_of_a_gold_is_what_one_would_state():
    assert answer_of("3 + 4 = 7\n#### 7", {}, None) == "7"
    assert answer_of("fire", {"choices": CHOICES}, None) == "B"
    assert answer_of("7", {}, "<answer>3 + 4</answer>") == "3 + 4"
    assert answer_of("a long solution " * 20, {}, None) is None


@pytest.mark.parametrize("answer", ["72", "-3", "1,234", "0.75", "0", "9", r"2\sqrt{3}", "(1, 2)", "10 apples"])
def test_near_misses_differ_from_the_answer_and_from_each_other(answer):
    misses = near_misses(answer, {}, [])
    assert len(misses) >= 2 and answer not in misses and len(set(misses)) == len(misses)


def test_near_misses_of_words_are_other_choices_the_opposite_or_other_rows_answers():
    assert near_misses("A", {"choices": CHOICES}, []) == ["B"]  # C has the same text
    assert near_misses("No", {}, ["yes", "x"]) == ["yes"]
    assert near_misses("Paris", {}, ["paris", "Rome"]) == ["Rome"]


def test_a_survey_counts_what_is_accepted_by_phrasing_and_shows_the_first_that_is_not():
    rows = [{"gold": "24", "numbers": [4, 7, 8, 8]}, {"gold": "24", "numbers": [1, 1, 1, 1]}]
    found = survey(Verifier("countdown"), rows)
    assert found.phrasings.keys() == PHRASINGS.keys() and found.unknown == 1
    assert all((tally.tried, tally.right) == (1, 1) for tally in found.phrasings.values())
    assert found.share == 1.0 and found.wrong.tried > 10 and found.wrong.right == 0
    found = survey(Verifier("format", tags=["answer"]), [{"gold": "7"}])
    assert found.phrasings.keys() == {OWN_FORM} and found.wrong.tried == 0  # it looks at no gold


class Gullible:
    """Takes every number it sees for the answer, and reads nothing in boxes."""

    name = "numeric"

    def arguments(self, row):
        return {}

    def __call__(self, rows):
        from verifiers.verdict import judged

        return [judged("box" not in row["prediction"], extracted="seen") for row in rows]


def test_a_survey_finds_what_is_not_read_and_what_is_wrongly_accepted():
    found = survey(Gullible(), [{"gold": "7"}])
    assert found.phrasings["box"].right == 0 and found.phrasings["plain"].right == 1
    assert found.phrasings["box"].example[0] == r"\boxed{7}"
    assert found.wrong.right == found.wrong.tried * 3 // 4  # all but those in a box
    assert found.wrong.example[0] == "The answer is 8."


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_verifier_accepts_its_examples_and_nothing_near_them(name):
    verifier = Verifier(name, **OPTIONS.get(name, {}))
    assert self_check(verifier, EXAMPLES[name]) == []
    found = survey(verifier, EXAMPLES[name])
    assert found.unknown == 0 and found.wrong.right == 0
    assert found.phrasings.get("plain", found.phrasings.get(OWN_FORM)).share == 1.0
