from collections import Counter

import pytest

from verifiers.facts import ATTRIBUTES, THINGS, WORLD, settled, statements, verify

QUELL_KOBA = [{"label": "A", "text": "quell"}, {"label": "B", "text": "koba"}]
THREE = [{"label": "A", "text": "stroop"}, {"label": "B", "text": "zav"}, {"label": "C", "text": "toma"}]


def compare(prediction, gold="B", asked="less"):
    return verify(prediction, gold, choices=QUELL_KOBA, attribute="weight", asked=asked)


def test_the_world_is_fixed_and_every_value_about_equally_common():
    # written down once: another world would make every trained policy and every figure another
    assert (WORLD["weight"]["quell"], WORLD["weight"]["koba"], WORLD["home"]["stroop"]) == ("5", "4", "forest")
    assert len(THINGS) == len(set(THINGS)) == 40
    for attribute, values in ATTRIBUTES.items():
        counts = Counter(WORLD[attribute][thing] for thing in THINGS)
        assert counts == dict.fromkeys(values, 40 // len(values))


def test_true_statements_that_settle_the_question_and_the_right_label():
    verdict = compare(" quell has weight 5. koba has weight 4. Answer: (B)")
    assert (verdict.status, verdict.score, verdict.extracted) == ("judged", 1.0, "B")
    assert [(s.start, s.end, s.score, s.reason) for s in verdict.steps] == [
        (1, 20, 1.0, "true"),
        (21, 39, 1.0, "true"),
    ]


def test_a_false_statement_is_a_wrong_step_though_the_answer_be_right():
    verdict = compare(" quell has weight 8. koba has weight 4. Answer: (B)")
    assert verdict.score == 1.0
    assert [(s.score, s.reason) for s in verdict.steps] == [(0.0, "false: it is 5"), (1.0, "true")]


def test_what_is_true_but_in_vain_is_no_wrong_step_and_is_told():
    said = " quell has weight 5. koba has speed 1. wug has weight 1. quell has weight 5. koba has weight 4. Answer: (A)"
    speed, wug = WORLD["speed"]["koba"] == "1", WORLD["weight"]["wug"] == "1"
    found = statements(said, choices=QUELL_KOBA, attribute="weight")
    assert [(s.thing, s.attribute, s.true, s.relevant, s.repeated) for s in found] == [
        ("quell", "weight", True, True, False),
        ("koba", "speed", speed, False, False),
        ("wug", "weight", wug, False, False),
        ("quell", "weight", True, True, True),
        ("koba", "weight", True, True, False),
    ]
    verdict = compare(said)
    assert (verdict.score, verdict.reason) == (0.0, "wrong answer")
    assert [s.score for s in verdict.steps] == [1.0, float(speed), float(wug), 1.0, 1.0]
    assert verdict.steps[1].reason.endswith(", irrelevant")
    assert verdict.steps[3].reason == "true, repeated"


@pytest.mark.parametrize("working", ["", " quell has weight 5.", " koba has home forest. quell has colour red."])
def test_answering_before_the_facts_are_stated_blames_the_answer(working):
    verdict = compare(f"{working} Answer: (B)")
    assert verdict.score == 1.0
    last = verdict.steps[-1]
    assert (last.start, last.end, last.score) == (len(working), len(working) + len(" Answer: (B)"), 0.0)


def test_words_that_are_no_statement_are_wrong_steps():
    verdict = compare(" quell is heavy. dodo has weight 3. koba has weight 4. quell has weight 5. trailing Answer: (B)")
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
        ("B", "B", 1.0),
        (" (B)", "B", 1.0),
        (" Answer: B.", "B", 1.0),
        (" Answer: (A) Answer: (B)", "B", 1.0),
        (" Answer: (A)", "A", 0.0),
        (" Answer: koba", None, 0.0),
        (" Answer:", None, 0.0),
        (" quell has weight 5.", None, 0.0),
        ("", None, 0.0),
    ],
)
def test_the_label_after_the_last_mark_is_the_answer(prediction, extracted, score):
    verdict = compare(prediction)
    assert (verdict.status, verdict.extracted, verdict.score) == ("judged", extracted, score)


@pytest.mark.parametrize(
    ("values", "choices", "asked", "label"),
    [
        ({"quell": "5", "koba": "4"}, QUELL_KOBA, "more", "A"),
        ({"quell": "5", "koba": "4"}, QUELL_KOBA, "less", "B"),
        ({"quell": "5"}, QUELL_KOBA, "less", None),
        ({"quell": "5", "koba": "5"}, QUELL_KOBA, "less", None),
        ({"quell": "5", "koba": "red"}, QUELL_KOBA, "less", None),
        ({"zav": "forest"}, THREE, "forest", "B"),
        ({"zav": "city", "toma": "river"}, THREE, "forest", "A"),
        ({"zav": "city"}, THREE, "forest", None),
        ({"zav": "forest", "toma": "forest"}, THREE, "forest", None),
        ({"zav": "city", "toma": "city", "stroop": "city"}, THREE, "forest", None),
    ],
)
def test_what_stated_facts_lead_to(values, choices, asked, label):
    assert settled(values, choices=choices, asked=asked) == label
