"""Where a completion states its answer, and in which order the places count."""

import pytest

from tests.work import assert_little_work
from verifiers.answer.reader import first_line, last_line, spans
from verifiers.answer.span import MAX_SPAN


def first(completion):
    span = next(spans(completion), None)
    return span and (span.rule, span.text)


def test_the_rules_in_their_order():
    places = ["the answer is 1", r"\boxed{2}", "\n#### 3\n", "<answer>4</answer>"]
    rules = ["cue", "box", "hashes", "tag"]
    for count in range(1, 5):
        for order in (places[:count], places[:count][::-1]):
            assert first(" ".join(order)) == (rules[count - 1], str(count))


@pytest.mark.parametrize(
    ("completion", "found"),
    [
        ("<answer>1</answer> <answer>2</answer>", ("tag", "2")),
        ("<answer>1", ("tag", "1")),
        ("it is\n1</answer>", ("tag", "1")),
        ("Put it in <answer></answer>. The answer is 1", ("cue", "1")),
        ("Put it in <answer>your answer here</answer>. The answer is 1", ("cue", "1")),
        ("#### Step 1: add\n#### Step 2: stop\nThe answer is 1", ("cue", "1")),
        ("#### 1. Read it\nThe answer is 2", ("cue", "2")),
        ("#### Final Answer\n1", ("cue", "1")),
        (r"\boxed{1}\boxed{}", ("box", "1")),
        (r"\boxed{\text{your answer}} is where it goes. The answer is 1", ("cue", "1")),
        (r"\boxed{1} and \boxed{2}", ("box", "1 ; 2")),
        (r"\boxed{1} and so we get \boxed{2}", ("box", "2")),
        (r"$-\boxed{1}$", ("box", "-1")),
        (r"x = -\boxed{1}", ("box", "-1")),
        (r"- \boxed{1}", ("box", "1")),
        (r"5-\boxed{1}", ("box", "1")),
        (r"$\boxed{34}\%$", ("box", r"34\%")),
        (r"$\boxed{34}$%", ("box", r"34\%")),
        (r"\boxed{5}\text{ cm}", ("box", r"5 \text{ cm}")),
        (r"\boxed{1}. Final Answer: 2", ("cue", "2")),
        (r"\boxed{1}. So the answer is 2", ("box", "1")),
        (r"\boxed{1}. Final answer: see the box above for it.", ("box", "1")),
        (r"\boxed{1} and so \boxed{1}", ("box", "1")),
        (r"$\boxed{1}$, $\boxed{1}$", ("box", "1")),
        ("**Answer:** 1", ("cue", "1")),
        ("| Total | 3 |\n| Answer | 1 |", ("cue", "1")),
        (r"\boxed{2}" + " " * 100 + r"\boxed{1}", ("box", "1")),
        ("**Answer**: 1", ("cue", "1")),
        ("**Final Answer**\n\n1", ("cue", "1")),
        ("### Answer\n1", ("cue", "1")),
        ("Answer (in cm): 1", ("cue", "1")),
        ("The answer to the question of how many is 1.", ("cue", "1")),
        ("The answer would be 1.", ("cue", "1")),
        ("The answer seems to be 1.", ("cue", "1")),
        ("So 1 is the answer.", ("cue", "1")),
        ('{"answer": 1}', ("cue", "1")),
        ('{"answer": "3/4"}', ("cue", "3/4")),
        ("{'final_answer': [1, 2]}", ("cue", "[1, 2]")),
        (r"\boxed{2} {'result': 1, 'note': 3}", ("cue", "1")),
        ('{"answer": ""}', None),
        ('{"count": 1}', None),
        ("The answer is 1. No, it is more.", None),
        ("The answer is 1. No more is left.", ("cue", "1")),
        ("<final>1</final> The answer is 2.", ("tag", "1")),
        ("La respuesta correcta es 1", ("cue", "1")),
        ("A: 1", ("cue", "1")),
        ("Réponse : 1", ("cue", "1")),
        ("The answer is 1. It is not 2.", ("cue", "1")),
        ("The answer is not 1. The answer is 2.", ("cue", "2")),
        ("The answer is 1. If the answer is 2, then not.", ("cue", "1")),
        ("I do not think that the answer is 1", None),
        ("The answer is 1. On second thought, it should be 2.", None),
        ("The answer is 1. I made a mistake there.", None),
        ("The answer is 1. It should be 2.", None),
        ("The answer is 1. Sorry, 2.", None),
        ("The answer is 1; no, it's 2", None),
        ("The answer is 1; it is not 2", ("cue", "1; it is not 2")),
        ("You might think the answer is 1.", None),
        (r"#### \boxed{1}", ("hashes", "1")),
        ("The answer is 1. It should be noted that 2 is even.", ("cue", "1")),
        ("Some people say the answer is 1.", None),
        ("I say the answer is 1.", ("cue", "1")),
        ("Other possible answers: 1", None),
        ("The answer is 1. The reference answer is 2.", ("cue", "1")),
        (r"\boxed{2} is wrong. So the answer must be 1.", ("cue", "1")),
        (r"\boxed{1} is right, and \boxed{2} isn't right.", ("box", "1")),
        ("I like her answer\nvery much", None),
        ("It is 1", None),
        ("", None),
    ],
)
def test_the_strongest_place_and_what_it_says(completion, found):
    assert first(completion) == found


@pytest.mark.parametrize(
    "completion", [r"so 41, \boxed{4", r"\boxed{" + "x+" * MAX_SPAN + "1}", r"\boxed{" + "x+" * 10**6 + "1}"]
)
def test_a_box_that_cannot_be_read_says_why(completion):
    span = next(spans(completion))
    assert span.rule == "box" and span.fault


def test_lines_that_are_not_blank():
    assert (first_line("\n\n a \nb\n"), last_line("\n a \n b \n\n"), last_line("")) == ("a", "b", "")


@pytest.mark.parametrize(
    "text",
    [
        "answer is " * 100_000,
        "answer " * 100_000,
        "#### " * 100_000,
        "<answer>" * 100_000,
        r"\boxed{" * 100_000,
        "final answer\n" * 50_000,
        "is the answer" * 50_000,
        "A:\n" * 100_000,
        r"\boxed{1} and " * 50_000,
        "answer to " * 100_000,
        "so the " * 100_000,
        "the answer is $$" * 50_000,
        "answer: \\[" * 50_000,
    ],
)
def test_hostile_text_takes_linear_time(text):
    assert_little_work(lambda: list(spans(text)))
