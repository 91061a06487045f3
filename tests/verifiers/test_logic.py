import pytest

from tests.work import assert_little_work
from verifiers.deduction.english import Literal, Unparsed, question, singular, statements
from verifiers.logic import parse_theory, truth, verify

CONTEXT = (
    "Butterflies are lepidopterans. Each lepidopteran is an insect. Lepidopterans are small. "
    "Every insect is an arthropod. Arthropods are not bony. Whales are bony. Fae is a butterfly."
)
PROOF = [
    "Fae is a butterfly.",
    "Butterflies are lepidopterans.",
    "Fae is a lepidopteran.",
    "Each lepidopteran is an insect.",
    "Fae is an insect.",
    "Every insect is an arthropod.",
    "Fae is an arthropod.",
    "Arthropods are not bony.",
    "Fae is not bony.",
]
QUERY = "True or false: Fae is bony."


def judge(proof, gold="false", **options):
    return verify("\n".join(proof), gold, **{"context": CONTEXT, "query": QUERY, **options})


def test_a_gold_proof_is_accepted_step_by_step_and_gives_the_answer():
    text = "\n".join(PROOF)
    verdict = judge(PROOF)
    assert (verdict.score, verdict.extracted) == (1.0, "false")
    assert [text[s.start : s.end] for s in verdict.steps] == [sentence.rstrip(".") for sentence in PROOF]
    assert [s.score for s in verdict.steps] == [1.0] * 9
    assert [s.reason for s in verdict.steps[:3]] == ["given", "a rule of the theory", "follows"]


@pytest.mark.parametrize("dropped", range(9))
def test_every_dropped_step_is_caught(dropped):
    verdict = judge([*PROOF[:dropped], *PROOF[dropped + 1 :], "So the answer is false."])
    assert verdict.score == 1.0
    assert 0.0 in [s.score for s in verdict.steps]


@pytest.mark.parametrize("first", range(8))
@pytest.mark.parametrize("second", range(1, 9))
def test_every_two_swapped_steps_are_caught(first, second):
    if first >= second:
        return
    proof = PROOF.copy()
    proof[first], proof[second] = proof[second], proof[first]
    assert 0.0 in [s.score for s in judge([*proof, "So the answer is false."]).steps]


@pytest.mark.parametrize("replaced", range(9))
@pytest.mark.parametrize(
    "other", ["Lepidopterans are small.", "Fae is small.", "Whales are bony.", "Fae is bony.", "Fae is a whale."]
)
def test_every_replaced_step_is_caught(replaced, other):
    proof = [*PROOF[:replaced], other, *PROOF[replaced + 1 :], "So the answer is false."]
    assert 0.0 in [s.score for s in judge(proof).steps]


def test_a_true_step_that_skips_a_premise_is_wrong_and_says_so():
    steps = judge(["Fae is a butterfly.", "Fae is an insect."]).steps
    assert (steps[1].score, steps[1].reason) == (0.0, "true, but it skips over a premise")
    assert judge(["Fae is bony."]).steps[0].reason == "the opposite follows"
    assert judge(["Fae is a whale."]).steps[0].reason == "it does not follow"


def test_an_answer_that_is_not_proved_is_blamed_but_may_be_right():
    verdict = judge(["So the answer is false."])
    assert verdict.score == 1.0
    assert [(s.score, s.reason) for s in verdict.steps] == [(0.0, "the answer is not proved")]
    assert judge([*PROOF, "So the answer is true."]).steps[-1].score == 0.0
    assert judge([*PROOF, "So the answer is true."]).score == 0.0


def test_saying_a_step_again_earns_nothing():
    steps = judge([*PROOF[:1], PROOF[0]]).steps
    assert [s.score for s in steps[:2]] == [1.0, None]


def test_options_relax_what_must_be_stated_and_in_which_order():
    major_first = ["Butterflies are lepidopterans.", "Fae is a butterfly.", "Fae is a lepidopteran."]
    assert [s.score for s in judge(major_first).steps[:3]] == [0.0, 1.0, 0.0]
    assert [s.score for s in judge(major_first, order="free").steps[:3]] == [1.0, 1.0, 1.0]
    short = ["Fae is a lepidopteran.", "Fae is an insect.", "Fae is an arthropod.", "Fae is not bony."]
    assert [s.score for s in judge(short, premises="given").steps] == [1.0] * 4
    assert [s.score for s in judge(short[1:], premises="given").steps][:1] == [0.0]


def test_what_is_not_understood_abstains():
    steps = judge(["Fae might perhaps be nice to know.", *PROOF]).steps
    assert [s.score for s in steps] == [None] + [1.0] * 9
    unclear = verify(
        "Fae is a whale.", "true", context=CONTEXT + " Most whales, if large, hum.", query="Fae is a whale."
    )
    assert unclear.steps[0].status == "abstained"


def test_golds_are_truth_values_or_labels():
    choices = [{"label": "A", "text": "True"}, {"label": "B", "text": "False"}, {"label": "C", "text": "Unknown"}]
    assert judge(["It cannot be determined."], gold="C", choices=choices).score == 1.0
    assert judge(["The answer is unknown."], gold="unknown").score == 1.0
    assert judge(["B"], gold="B", choices=choices).score == 1.0
    assert judge(["true"], gold="perhaps").status == "abstained"


def test_rules_with_pronouns_and_relations():
    theory = parse_theory(
        "The bald eagle sees the dog. The dog is young. The dog does not like the cat. "
        "If someone sees the dog and the dog is young then they are kind and not big. "
        "All kind things are nice. If something is nice and not big then it visits the cat."
    )
    assert not theory.unparsed
    for statement, answer in [
        ("The bald eagle is nice", "true"),
        ("The bald eagle is big", "false"),
        ("The bald eagle visits the cat", "true"),
        ("The dog likes the cat", "false"),
        ("The cat is nice", "unknown"),
    ]:
        assert truth(theory, question(statement)) == answer


def test_sentences_become_literals():
    (fact,) = statements("So, Fae is not bony.")
    assert fact == ((), Literal(False, "bony", ("fae",)))
    assert statements("Natural numbers are integers") == statements("Every natural number is an integer")
    assert question('Is the statement "Fae is bony" true or false?').negated() == fact.conclusion
    assert [singular(noun) for noun in ("jompuses", "butterflies", "mice", "foxes", "jompus")] == [
        "jompus",
        "butterfly",
        "mouse",
        "fox",
        "jompus",
    ]
    for sentence in ("", "If it rains", "Whatever happens happens", "They are kind"):
        with pytest.raises(Unparsed):
            statements(sentence)


def test_unknown_options_are_an_error():
    with pytest.raises(ValueError, match="premises"):
        judge(PROOF, premises="none")


@pytest.mark.parametrize(
    "text", ["Fae is " * 7000, "." * 10**6, "is a " * 10**6, "if " * 9000 + "then", "\ud800 is \x00."]
)
def test_hostile_text_is_answered_with_little_work(text):
    assert judge([text]).score in (0.0, None)
    assert_little_work(lambda: judge([text]))
