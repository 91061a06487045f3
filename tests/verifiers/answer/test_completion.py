"""What of a completion its answer can stand in."""

import pytest

from tests.work import assert_little_work
from verifiers.answer.completion import SEEN, answering_part, plain, without_thinking


@pytest.mark.parametrize(
    ("completion", "part"),
    [
        ("<think>3</think>4", "4"),
        ("3</think>4", "4"),
        ("4 <think>3", "4 "),
        ("<think>3", ""),
        ("<think>3</think>", ""),
        ("<think>say <think></think> the answer is 3</think>4", "4"),
        ("<think>3</think>4<think>5</think>6", "46"),
        ("<thinking>3</thinking>4", "4"),
        ("[THINK]3[/THINK]4", "4"),
        ("<|channel|>analysis<|message|>3<|channel|>final<|message|>4", "4"),
        ("a < b", "a < b"),
    ],
)
def test_thinking_is_left_out(completion, part):
    assert without_thinking(completion) == part


@pytest.mark.parametrize(
    "following",
    [
        "\n\nQ: And 5?",
        "\nQ: What comes next?",
        "\nQuestion: And 5?",
        "\n\nQuestion 2: And 5?",
        "\n**Question:** And 5?",
        "\nProblem 3: And 5?",
        "\n### Question\nAnd 5?",
        "\n### Instruction:\nAnd 5?",
        "\nUser: And 5?",
        "\nHuman: And 5?",
        "<|im_end|>\n<|im_start|>user\nAnd 5?",
        "<|eot_id|>5",
        "<|endoftext|>5",
        "</s>5",
        " [INST] And 5? [/INST]",
        "<end_of_turn>5",
        "<｜end▁of▁sentence｜>5",
    ],
)
def test_a_next_question_is_left_out(following):
    assert answering_part("It is 4." + following).rstrip() == "It is 4."


@pytest.mark.parametrize(
    ("completion", "part"),
    [
        ("<|im_start|>assistant\n4<|im_end|>", "4"),
        ("Q: 2+2?\nA: 4", "Q: 2+2?\nA: 4"),
        ("P: (1, 2)\nQ: (3, 4)", "P: (1, 2)\nQ: (3, 4)"),
        ("In question: 4", "In question: 4"),
    ],
)
def test_what_is_no_next_question_stays(completion, part):
    assert answering_part(completion) == part


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("**4**", "4"),
        ("**Answer:** 4", "Answer: 4"),
        ("is **4**.", "is 4."),
        ("***4***", "4"),
        ("*4*", "4"),
        ("__4__", "4"),
        ("_4_", "4"),
        ("`4`", "4"),
        ("```\n4\n```", "4\n"),
        ("<b>4</b>", "4"),
        ("2**3", "2**3"),
        ("2 ** 3", "2 ** 3"),
        ("(1+1)**2", "(1+1)**2"),
        ("2*3*4", "2*3*4"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("x_1 + x_2", "x_1 + x_2"),
        ("a < b > c", "a < b > c"),
    ],
)
def test_markdown_goes_and_arithmetic_stays(text, bare):
    assert plain(text) == bare


def test_a_long_completion_is_read_from_its_end():
    assert answering_part("3 " * SEEN + "4") == ("3 " * SEEN + "4")[-SEEN:]


@pytest.mark.parametrize(
    "text",
    [
        "<think>" * 200_000,
        "</think>" * 200_000,
        "*" * 10**6,
        "**a " * 250_000,
        "_a" * 500_000,
        "`" * 10**6,
        "\nQ" * 500_000,
        "<b>" * 300_000,
        "<|" * 500_000,
        "\n#" * 500_000,
        "*a" * 500_000,
        "<" * 10**6,
    ],
)
def test_hostile_text_takes_linear_time(text):
    assert_little_work(lambda: answering_part(text))


def test_what_stands_before_thinking_that_only_ends_is_thinking_too():
    assert without_thinking("3<think>a</think>4</think>5") == "5"
