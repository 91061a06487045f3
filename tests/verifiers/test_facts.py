from collections import Counter

import pytest

from verifiers.facts import ATTRIBUTES, THINGS, WORLD, settled, statements, verify

QUELL_KOBA = [{"label": "A", "text": "quell"}, {"label": "B", "text": "koba"}]
THREE = [{"label": "A", "text": "stroop"}, {"label": "B", "text": "zav"}, {"label": "C", "text": "toma"}]


def compare(prediction, gold="A", asked="more"):
    return verify(prediction, gold, choices=QUELL_KOBA, attribute="weighs", asked=asked)


def test_the_world_is_fixed_and_every_value_about_equally_common():
    # written down once: another world would make every trained policy and every figure another
    assert (WORLD["weighs"]["quell"], WORLD["weighs"]["koba"], WORLD["eats"]["stroop"]) == ("5", "3", "moss")
    assert len(THINGS) == len(set(THINGS)) == 40
    for attribute, values in ATTRIBUTES.items():
        counts = Counter(WORLD[attribute][thing] for thing in THINGS)
        assert counts == dict.fromkeys(values, 40 // len(values))


def test_true_statements_that_settle_the_question_and_the_right_choice():
    verdict = compare(" quell weighs 5. koba weighs 3. Answer: (A)")
    assert (verdict.status, verdict.score, verdict.extracted) == ("judged", 1.0, "A")
    assert [(s.start, s.end, s.score, s.reason) for s in verdict.steps] == [
        (1, 16, 1.0, "true"),
        (17, 31, 1.0, "true"),
    ]


def test_a_false_statement_is_a_wrong_step_though_the_answer_be_right():
    verdict = compare(" quell weighs 4. koba weighs 3. Answer: (A)")
    assert verdict.score == 1.0
    assert [(s.score, s.reason) for s in verdict.steps] == [(0.0, "false: it is 5"), (1.0, "true")]


def test_what_is_true_but_in_vain_is_no_wrong_step_and_is_told():
    said = " quell weighs 5. koba measures 2. wug weighs 5. quell weighs 5. koba weighs 3. Answer: (B)"
    found = statements(said, choices=QUELL_KOBA, attribute="weighs")
    assert [(s.thing, s.attribute, s.value, s.true, s.relevant, s.repeated) for s in found] == [
        ("quell", "weighs", "5", True, True, False),
        ("koba", "measures", "2", True, False, False),
        ("wug", "weighs", "5", False, False, False),
        ("quell", "weighs", "5", True, True, True),
        ("koba", "weighs", "3", True, True, False),
    ]
    verdict = compare(said)
    assert (verdict.score, verdict.reason, verdict.extracted) == (0.0, "wrong answer", "B")
    assert [(s.score, s.reason) for s in verdict.steps] == [
        (1.0, "true"),
        (1.0, "true, irrelevant"),
        (0.0, "false: it is 3, irrelevant"),
        (1.0, "true, repeated"),
        (1.0, "true"),
    ]


@pytest.mark.parametrize("working", ["", " quell weighs 5.", " koba eats moss. quell is red."])
def test_answering_before_the_facts_are_stated_blames_the_answer(working):
    verdict = compare(f"{working} Answer: (A)")
    assert verdict.score == 1.0
    last = verdict.steps[-1]
    assert (last.start, last.end, last.score) == (len(working), len(working) + len(" Answer: (A)"), 0.0)
    assert len(verdict.steps) == working.count(".") + 1


def test_words_that_are_no_statement_are_wrong_steps():
    verdict = compare(" quell is very heavy. dodo weighs 3. koba weighs 3. quell weighs 5. trailing Answer: (A)")
    assert [(s.score, s.reason) for s in verdict.steps] == [
        (0.0, "not a statement"),
        (0.0, "false: there is no such thing or attribute, irrelevant"),
        (1.0, "true"),
        (1.0, "true"),
        (0.0, "not a statement"),
    ]


@pytest.mark.parametrize(
    ("prediction", "extracted", "score"),
    [
        ("A", "A", 1.0),
        (" quell", "A", 1.0),
        (" (A)", "A", 1.0),
        (" Answer: A.", "A", 1.0),
        (" Answer: quell.", "A", 1.0),
        (" Answer: (B) Answer: (A)", "A", 1.0),
        (" Answer: (B)", "B", 0.0),
        (" Answer: wug.", "wug", 0.0),
        (" Answer: koba or quell.", None, 0.0),
        (" Answer:", None, 0.0),
        (" quell weighs 5.", None, 0.0),
        ("", None, 0.0),
    ],
)
def test_the_choice_after_the_last_mark_is_the_answer(prediction, extracted, score):
    verdict = compare(prediction)
    assert (verdict.status, verdict.extracted, verdict.score) == ("judged", extracted, score)


@pytest.mark.parametrize(
    ("values", "choices", "asked", "label"),
    [
        ({"quell": "5", "koba": "4"}, QUELL_KOBA, "more", "A"),
        ({"quell": "2", "koba": "4"}, QUELL_KOBA, "more", "B"),
        ({"quell": "5"}, QUELL_KOBA, "more", None),
        ({"quell": "5", "koba": "5"}, QUELL_KOBA, "more", None),
        ({"quell": "5", "koba": "red"}, QUELL_KOBA, "more", None),
        ({"zav": "moss"}, THREE, "moss", "B"),
        ({"zav": "figs", "toma": "nuts"}, THREE, "moss", "A"),
        ({"zav": "figs"}, THREE, "moss", None),
        ({"zav": "moss", "toma": "moss"}, THREE, "moss", None),
        ({"zav": "figs", "toma": "figs", "stroop": "figs"}, THREE, "moss", None),
    ],
)
def test_what_stated_facts_lead_to(values, choices, asked, label):
    assert settled(values, choices=choices, asked=asked) == label
