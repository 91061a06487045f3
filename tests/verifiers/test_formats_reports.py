r"""Kinds of answers that public reports say graders misread, as (prediction, gold, score); ↵ is a line break."""

import pytest

from verifiers import boolean, choice, code, exact, math, numeric

ANIMALS = ["a cat", "a dog", "a horse", "a bird"]
NUMBERS = ["12", "15", "18", "20"]

MATH = [
    # what LaTeX puts around an answer
    (r"\boxed{\color{red}{5}}", "5", 1),
    (r"\boxed{\textcolor{blue}{5}}", "5", 1),
    (r"\boxed{\underline{5}}", "5", 1),
    (r"\boxed{\Large 5}", "5", 1),
    (r"\boxed{~5~}", "5", 1),
    (r"\boxed{5\ }", "5", 1),
    (r"\boxed{\underline{5}\,x}", "5", 0),
    # labels and sentences in text
    (r"\boxed{\text{The minimum value is } 7}", "7", 1),
    (r"\boxed{\text{There are } 7 \text{ ways}}", "7", 1),
    (r"\boxed{\text{The answer is not } 7}", "7", 0),
    (r"\boxed{\text{There are at least } 7}", "7", 0),
    (r"\boxed{\text{Total} : 7}", "7", 1),
    (r"\boxed{\text{Ann: } 3, \text{ Bob: } 5}", "3, 5", 1),
    (r"\boxed{\text{Ann: } 5, \text{ Bob: } 3}", r"\text{Ann: } 3, \text{ Bob: } 5", 0),
    (r"\boxed{7 \text{ (attained at } x = 2)}", "7", 1),
    (r"\boxed{7 \text{ (if } x = 2)}", "7", 0),
    (r"\boxed{n = 3k \text{ for } k \in \mathbb{Z}}", "n = 3k", 1),
    (r"\boxed{\text{All odd integers } n}", r"\text{all odd integers}", 1),
    (r"\boxed{\text{even } n}", r"\text{odd } n", 0),
    (r"\boxed{\text{a hyperbola}}", r"\text{hyperbola}", 1),
    (r"\boxed{\text{The graph is a hyperbola}}", r"\text{hyperbola}", 1),
    (r"\boxed{\text{The graph is not a hyperbola}}", r"\text{hyperbola}", 0),
    (r"\boxed{x \text{ must be greater than } 1}", "x > 1", 1),
    (r"\boxed{x \text{ is less than or equal to } 1}", "x < 1", 0),
    (r"\boxed{\text{(A), (C)}}", r"\text{A,C}", 1),
    (r"\boxed{\text{(A), (B)}}", r"\text{A,C}", 0),
    (r"\boxed{\mathbb{P}(X = 1) = \frac12}", "0.5", 1),
    # several boxes
    (r"$y = \boxed{2}$ and $x = \boxed{3}$", "(2, 3)", 0),
    (r"$y = \boxed{2}$ and $x = \boxed{3}$", "(3, 2)", 1),
    (r"$x = \boxed{2}$ or $x = \boxed{3}$", "2, 3", 1),
    (r"\boxed{5} (not \boxed{6})", "5", 1),
    ("I write it with \\boxed, as asked.↵The solution is 9.", "9", 1),
    (r"So it is 9: \boxed\frac{1}{2", "9", 0),
    # connectives, ratios, bases, times
    (r"\boxed{x = 2 \lor x = 3}", "2, 3", 1),
    (r"\boxed{1:4:9:\ldots}", r"1:2:3:\ldots", 0),
    (r"\boxed{1:2:3:\ldots}", r"1:2:3:\ldots", 1),
    (r"\boxed{11_{10}}", "11", 1),
    (r"\boxed{11_2}", "11", 0),
    (r"\boxed{12{:}00 \text{ noon}}", r"12{:}00 \text{ p.m.}", 1),
    (r"\boxed{12:00 \text{ noon}}", "12:00", 1),
    ("The answer is 1h30.", r"1.5 \text{ hours}", 1),
    ("The answer is an hour and a half.", r"90 \text{ minutes}", 1),
    ("The answer is 3 and a half.", "3.5", 1),
    # what stands around an answer in a text
    ("The answer is '42'.", "42", 1),
    ("~~6~~ 5", "5", 1),
    ("<ans>5</ans>", "5", 1),
    ("<result>6</result> So the answer is 5.", "5", 1),
    ("\\boxed{5}↵↵user: What is 3 + 3?↵assistant: \\boxed{6}", "5", 1),
    ("所以答案是5个苹果。", "5", 1),
    ("所以答案是5万。", "5", 0),
    ("所以答案是5点半。", "5", 0),
    ("The answer is 42 - no wait, 43.", "43", 1),
    ("The answer is 42, or rather 43.", "42", 0),
    ("Thus $n = 5$ satisfies $n^2 = 25$.", "5", 1),
]
NUMERIC = [
    ("The answer is 42 - no wait, 43", "42", 0),
    ("She needs 42 eggs for 3 cakes.", "42", 1),
    ("<ans>42</ans>", "42", 1),
]
BOOLEAN = [
    ("The answer is negative.", "no", 1),
    ("Answer: in the affirmative.", "yes", 1),
    ("The product is negative.", "no", 0),
    ("We cannot say that it is true.", "yes", 0),
    ("Not necessarily.", "no", 1),
    ("Sí", "yes", 1),
    ("否", "no", 1),
    ("Yes (because no fish has lungs)", "yes", 1),
]
EXACT = [
    ("It's Paris.", "Paris", 1),
    ("It's not Paris.", "Paris", 0),
    ("3.5", "35", 0),
    ("1,000", "1000", 1),
    ("U.S.", "us", 1),
]
CHOICE = [
    (ANIMALS, "Answer: <C>", "C", 1),
    (ANIMALS, "我选择D", "D", 1),
    (ANIMALS, "只有选项D是正确的", "D", 1),
    (ANIMALS, "D不正确", "D", 0),
    (NUMBERS, "The answer is 12 + 6 = 18", "C", 1),
    (NUMBERS, "The answer is 12 + 6 = 18", "A", 0),
    (NUMBERS, "The answer is 15.0", "B", 1),
    (["15", "150"], "The answer is 15.0", "B", 0),
    (NUMBERS, "So the total is $18.00", "C", 1),
    (NUMBERS, "eighteen", "C", 1),
]


@pytest.mark.parametrize(("prediction", "gold", "score"), MATH)
def test_mathematics(prediction, gold, score):
    assert math.verify(prediction.replace("↵", "\n"), gold).score == score


@pytest.mark.parametrize(("prediction", "gold", "score"), NUMERIC)
def test_numbers(prediction, gold, score):
    assert numeric.verify(prediction, gold).score == score


@pytest.mark.parametrize(("prediction", "gold", "score"), BOOLEAN)
def test_truths(prediction, gold, score):
    assert boolean.verify(prediction, gold).score == score


@pytest.mark.parametrize(("prediction", "gold", "score"), EXACT)
def test_texts(prediction, gold, score):
    assert exact.verify(prediction, gold).score == score


@pytest.mark.parametrize(("choices", "prediction", "gold", "score"), CHOICE)
def test_choices(choices, prediction, gold, score):
    assert choice.verify(prediction, gold, choices=choices).score == score


@pytest.mark.parametrize("tests", ["print(f(1))", "f(1)", "import math"])
def test_what_asserts_nothing_is_no_test(tests):
    assert code.verify("def f(x): return x", "", tests=tests).status == "abstained"
