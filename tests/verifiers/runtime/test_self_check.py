import pytest

from verifiers import VERIFIERS
from verifiers.runtime.examples import EXAMPLES, OPTIONS
from verifiers.runtime.self_check import has_gold_prediction, self_check, survey
from verifiers.runtime.verifier import Verifier

CONTEXT = "Fae is a cat. Each cat is a feline."
CHOICES = [{"label": "A", "text": "water"}, {"label": "B", "text": "fire"}]


@pytest.mark.parametrize(
    ("name", "options", "row"),
    [
        ("steps", {}, {"gold": "72"}),
        ("steps", {}, {"gold": "#0: add ( number0, number1 )", "question": "2 and 3"}),
        ("logic", {}, {"gold": "true", "context": CONTEXT, "query": "Fae is a feline."}),
        ("choice", {}, {"gold": "B", "choices": CHOICES}),
        ("boolean", {}, {"gold": "no"}),
        ("exact", {}, {"gold": "The answer is blowing in the wind"}),
        ("numeric", {"relative": 0.01}, {"gold": "-1,234.5"}),
        ("countdown", {"use": "any"}, {"gold": "24", "numbers": [3, 8, 5]}),
        ("game24", {}, {"gold": "", "numbers": "3 3 8 8"}),
        (
            "format",
            {"tags": ["think", "answer"], "sections": ["A:", "B:"], "min_words": 20, "max_repetition": 0.5},
            {"gold": "7"},
        ),
    ],
)
def test_every_verifier_accepts_its_own_gold(name, options, row):
    assert self_check(Verifier(name, **options), [row]) == []


def test_rows_that_are_not_accepted_are_reported_in_order_with_a_reason():
    rows = [
        {"gold": "24", "numbers": [1, 1, 1, 1]},
        {"gold": "24", "numbers": [3, 8, 1, 1], "prediction": "nonsense"},
        {"gold": "x", "numbers": [1, 2]},
    ]
    problems = self_check(Verifier("countdown"), rows)
    assert [problem.row for problem in problems] == [0, 2]
    assert "no expression" in problems[0].reason
    assert problems[0].verdict is None


def test_a_gold_that_is_abstained_on_is_a_problem():
    (problem,) = self_check(Verifier("choice"), [{"gold": "Z", "choices": CHOICES}])
    assert problem.verdict is not None
    assert problem.verdict.status == "abstained"
    assert "none of the choices" in problem.reason


def test_a_missing_column_is_an_error():
    with pytest.raises(KeyError):
        self_check(Verifier("choice"), [{"gold": "A"}])


@pytest.mark.parametrize("name", VERIFIERS)
def test_every_verifier_has_rows_of_its_own_and_reads_them_in_every_phrasing(name):
    verifier = Verifier(name, **OPTIONS.get(name, {}))
    rows = EXAMPLES[name]
    assert self_check(verifier, rows) == []
    found = survey(verifier, rows)
    assert {phrasing: tally.share for phrasing, tally in found.phrasings.items()} == dict.fromkeys(found.phrasings, 1.0)
    assert found.wrong.right == 0 and (found.wrong.tried > 0 or name == "format")


def test_a_row_without_a_known_answer_is_told_from_one_that_cannot_be_solved():
    code, game = Verifier("code"), Verifier("game24")
    assert not has_gold_prediction(code, {"gold": "", "tests": ["assert f() == 1"]})
    assert has_gold_prediction(code, {"gold": "7"})
    assert has_gold_prediction(game, {"gold": "", "numbers": "1 1 1 1"})  # no solution: a problem, which is reported


def test_a_strict_verifier_is_tried_with_a_gold_that_is_stated():
    for name, gold in (("numeric", "7"), ("boolean", "no"), ("math", r"\frac12"), ("exact", "Paris")):
        assert self_check(Verifier(name, strict=True), [{"gold": gold}]) == []


def test_choices_that_cannot_be_read_are_a_problem_of_their_row():
    rows = [{"gold": "B", "choices": "which one?"}, {"gold": "B", "choices": "['stone', 'apple']"}]
    (problem,) = self_check(Verifier("choice"), rows)
    assert problem.row == 0 and "not a list" in problem.reason
    assert survey(Verifier("choice"), rows).unknown == 1


def test_a_flipped_sign_behind_plus_or_minus_is_no_wrong_answer():
    assert survey(Verifier("math"), [{"gold": r"\pm 2"}, {"gold": "±3"}]).wrong.right == 0
