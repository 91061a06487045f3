from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.work import assert_little_work
from verifiers import boolean, choice, countdown, exact, logic, numeric
from verifiers.arithmetic.equations import equations
from verifiers.steps import verify


def truths(text):
    return [equation.true for equation in equations(text)]


def scores(prediction, gold="0", **options):
    return [step.score for step in verify(prediction, gold, **options).steps]


def test_marked_equations_are_steps_with_their_spans_and_the_answer_is_the_score():
    text = "48/2=<<48/2=24>>24 clips in May.\nIn all <<48+24=72>>72 clips.\n#### 72"
    verdict = verify(text, "72")
    assert (verdict.status, verdict.score, verdict.extracted) == ("judged", 1.0, "72")
    assert [text[s.start : s.end] for s in verdict.steps] == ["<<48/2=24>>", "<<48+24=72>>"]
    assert [s.score for s in verdict.steps] == [1.0, 1.0]


def test_a_false_step_is_wrong_although_the_answer_is_right():
    verdict = verify("<<3*4=13>>13 and <<13-1=12>>12", "12")
    assert verdict.score == 1.0
    assert [s.score for s in verdict.steps] == [0.0, 1.0]
    assert verdict.steps[0].reason == "it is 12, not 13"


def test_a_true_chain_with_another_answer_scores_zero():
    verdict = verify("3*4=12", "13")
    assert (verdict.score, [s.score for s in verdict.steps]) == (0.0, [1.0])


@pytest.mark.parametrize(
    "text",
    [
        "16-3-4=9",
        "He has 5 + 3 = 8 apples.",
        "$1,234.50 x 2 = $2,469",
        "5 blouses x $5.00/blouse = $25.00",
        "11 cups of sugar – 9 cups of salt = 2 cups",
        "12 ÷ 4 × 2 = 6",
        "20% of 50 = 10",
        "100% - 20% = 80%",
        "1/4 * 100 = 25%",
        "\\[ \\frac{12}{4} \\times 2 = 6 \\]",
        "2(3+4) = 14",
        "1 1/2 + 1/2 = 2",
        "28 / 1/5 = 140",
        "2^10 = 1024",
        "-5 + 3 = -2",
        "0.1 + 0.2 = 0.3",
        "2/3 = 0.67",
        "2/3 = .6667",
        "100/3 ≈ 33",
        "100/3 = 33.333333333333336",
        "2*10 = 20 million",
        "The total is (3 + 4) * 2 = 14",
        "2 × 3 = 6 = 12/2",
        "- 3 + 4 = 7",
        "\\(40\\% \\times 25 = 0.4 \\times 25 = 10\\)",
    ],
)
def test_true_equations_in_the_ways_they_are_written(text):
    assert truths(text) and all(truths(text))


@pytest.mark.parametrize(
    "text",
    [
        "16-3-4=10",
        "2/3 = 0.66",
        "100/3 = 33",
        "5/0 = 0",
        "20% of 50 = 11",
        "3 * (4 + 5) = 28",
        "0.1+0.2=0.31",
        "<<7>>7",
    ],
)
def test_false_equations(text):
    assert truths(text) == [False]


@pytest.mark.parametrize(
    "text",
    [
        "4x = 100",
        "cost * 3 = 12",
        "half of 10 + 2 = 7",
        "2 hours + 30 minutes = 150 minutes",
        "17 / 5 = 3 remainder 2",
        "1st - 5 = 6th",
    ],
)
def test_what_is_not_plain_arithmetic_is_left_unread_not_called_false(text):
    assert truths(text) == [None]


@pytest.mark.parametrize("text", ["Total = 20", "60 minutes = 1 hour", "x = y", "no sum here", ""])
def test_a_name_or_a_unit_is_no_equation(text):
    assert truths(text) == []


def test_the_number_after_a_mark_must_repeat_its_result():
    assert truths("<<5+3=8>>8") == [True]
    assert truths("<<5+3=8>>9") == [False]
    assert truths("<<750*4=3000>>3,000/month") == [True]
    assert truths("<<20*.01=.2>>20%") == [True]


def test_text_beside_a_mark_that_contradicts_it_is_wrong():
    assert truths("8*3 = <<80*3=240>>240") == [False]


def test_a_chain_of_equal_signs_is_one_equation_a_sign():
    text = "2 + 3 = 5 and 5 * 2 = 11"
    found = equations(text)
    assert [(text[e.start : e.end], e.true) for e in found] == [("2 + 3 = 5", True), ("5 * 2 = 11", False)]


def test_unknown_numbers_are_named_and_count_only_when_required():
    question = "Tom has 16 eggs and eats three."
    text = "16 - 3 = 13\n13 - 5 = 8"
    relaxed = verify(text, "8", question=question)
    assert [s.score for s in relaxed.steps] == [1.0, 1.0]
    assert "5 is not known" in relaxed.steps[1].reason
    assert scores(text, "8", question=question, require_known=True) == [1.0, 0.0]
    assert scores("16 - 3 = 13\n13 * 2 = 26", "26", question=question, require_known=True) == [1.0, 1.0]


def test_a_percentage_of_the_question_is_known_as_its_hundredth():
    assert scores(".35*80=28", question="35% of 80 people", require_known=True) == [1.0]


def test_chat_prompts_give_the_known_numbers():
    prompt = [{"role": "system", "content": "use 77"}, {"role": "user", "content": "41 and 18"}]
    assert scores("41+18=59\n59+77=136", prompt=prompt, require_known=True) == [1.0, 0.0]


def test_lines_as_steps_are_as_right_as_their_worst_equation():
    text = "First some words.\n3+4=7 and 7+1=9\n9+1=10"
    verdict = verify(text, "10", step_unit="line")
    assert [(text[s.start : s.end], s.score) for s in verdict.steps] == [
        ("First some words.", None),
        ("3+4=7 and 7+1=9", 0.0),
        ("9+1=10", 1.0),
    ]


def test_a_gold_without_a_number_abstains_but_the_steps_are_judged():
    verdict = verify("3+4=7", "unknown")
    assert (verdict.status, verdict.score, verdict.steps[0].score) == ("abstained", None, 1.0)


def test_an_unknown_unit_is_an_error():
    with pytest.raises(ValueError, match="equation"):
        verify("1+1=2", "2", step_unit="word")


QUESTION = "She baked 15 cupcakes and 48 cookies and took 12 home."
PROGRAM = "#0: add ( number0, number1 ) | #1: substract ( #0, number2 ) |  EOS"


def test_a_program_is_run_on_the_questions_numbers():
    verdict = verify(PROGRAM, "51", question=QUESTION)
    assert (verdict.score, verdict.extracted) == (1.0, "51")
    assert [PROGRAM[s.start : s.end] for s in verdict.steps] == [
        "#0: add ( number0, number1 )",
        "#1: substract ( #0, number2 )",
    ]
    assert [s.score for s in verdict.steps] == [1.0, 1.0]


def test_a_wrong_program_is_blamed_where_that_can_be_said():
    wrong = "#0: multiply ( number0, number1 ) | #1: substract ( #0, number2 ) | EOS"
    by_answer = verify(wrong, "51", question=QUESTION)
    assert (by_answer.score, [s.score for s in by_answer.steps]) == (0.0, [None, 0.0])
    by_program = verify(wrong, PROGRAM, question=QUESTION)
    assert (by_program.score, [s.score for s in by_program.steps]) == (0.0, [0.0, 0.0])


def test_a_gold_program_tells_apart_what_agrees_on_this_question_only():
    question = "2 bags of 2"
    assert verify("#0: multiply ( number0, number1 )", "4", question=question).score == 1.0
    assert verify("#0: multiply ( number0, number1 )", "#0: add ( number0, number1 )", question=question).score == 0.0
    another_way = "#0: substract ( number1, number2 ) | #1: add ( #0, number0 )"
    assert verify(another_way, PROGRAM, question=QUESTION).score == 1.0


@pytest.mark.parametrize(
    ("program", "fault"),
    [
        ("#0: add ( number0, number9 )", "number9 is not known: the question has 3 numbers"),
        ("#0: add ( #3, number0 )", "#3 is not known yet"),
        ("#0: divide ( number0, 0 )", "divides by zero"),
        ("#0: conjure ( number0, number1 )", "no operation is named 'conjure'"),
        ("#0: add ( number0 )", "takes two values"),
    ],
)
def test_a_program_step_that_cannot_run_is_wrong(program, fault):
    verdict = verify(program, "51", question=QUESTION)
    assert verdict.score == 0.0
    assert fault in verdict.steps[0].reason


def test_a_program_may_be_a_number_of_the_question():
    assert verify("number1 <END>", "48", question=QUESTION).score == 1.0


def test_a_program_without_its_question_abstains():
    assert verify(PROGRAM, "51").status == "abstained"


@pytest.mark.parametrize(
    "text",
    [
        "9^9^9^9^9 = 3",
        "2^1000000000 = 3",
        "1" * 100_000 + "=3",
        "(" * 50_000 + "3" + ")" * 50_000 + "=3",
        "(" * 99_000 + "=3",
        "1+" * 50_000 + "1=3",
        "=" * 100_000,
        "1=" * 50_000,
        "1+1=" * 25_000,
        "<<" * 50_000,
        "1,111" * 20_000 + ",=3",
        "1 a " * 25_000 + "=3",
        "\\frac{1}{" * 10_000 + "=3",
        "- " * 50_000 + "1=3",
        "3 (" * 30_000 + "=3",
        "\ud800=3\x00=\u202e3+4=7",
        "0" * 100_000 + ".=3",
    ],
)
def test_hostile_text_is_answered_with_little_work(text):
    verdict = verify(text, "8", question=text)
    assert verdict.score in (0.0, None)
    assert_little_work(lambda: verify(text, "8", question=text), limit=300)


def test_a_text_of_ten_megabytes_is_not_judged():
    assert verify("1+1=2\n" * 1_700_000, "2").status == "abstained"


def test_values_are_exact_where_floats_are_not():
    (equation,) = equations("0.1 + 0.7 = 0.8")
    assert equation.true
    assert equation.result == Fraction(4, 5)


ARITHMETIC = st.text(alphabet=st.sampled_from("0123456789+-*/^=().,%$x<>{}[]\\#|: \nabfrnumé½²٣"), max_size=60)


@settings(max_examples=300, deadline=2000)
@given(ARITHMETIC | st.text(max_size=60))
def test_no_text_makes_a_verifier_raise(text):
    for verdict in (
        verify(text, "3", question=text, require_known=True, step_unit="line"),
        verify(f"#0: add ( {text}, number0 )", "3", question="3"),
        numeric.verify(text, text),
        countdown.verify(text, "3", numbers=[1, 2]),
        boolean.verify(text, "yes"),
        exact.verify(text, "x", measure="f1"),
        choice.verify(text, "A", choices=["x", "y"]),
        logic.verify(text, "true", context=text, query=text),
    ):
        assert verdict.status in ("judged", "abstained")
        assert all(0 <= step.start <= step.end <= len(text) + 30 for step in verdict.steps)


def test_a_next_question_is_no_step_of_this_answer():
    text = "3 + 4 = 7\nThe answer is 7.\n\nQuestion: What is 2 + 2?\n2 + 2 = 5\nThe answer is 5."
    verdict = verify(text, "7")
    assert (verdict.score, verdict.extracted, verdict.rule) == (1.0, "7", "cue")
    assert [text[s.start : s.end] for s in verdict.steps] == ["3 + 4 = 7"]


def test_thinking_has_steps_and_no_answer():
    verdict = verify("<think>\n3 + 4 = 7\nQ: is it?</think> 7", "7")
    assert (verdict.score, [s.score for s in verdict.steps]) == (1.0, [1.0])


@pytest.mark.parametrize("text", ["3 + 4 = **7**", "**3 + 4 = 7**", "**3** + **4** = **7**.", "- **Sum:** 3 + 4 = 7"])
def test_bold_and_italics_are_no_powers(text):
    assert truths(text) == [True]
    assert verify(text, "7").score == 1.0


def test_asterisks_between_operands_are_powers():
    assert truths("2**3 = 8") == truths("2 ** 3 = 8") == truths("(1+1)**2 = 4") == [True]
