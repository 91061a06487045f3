"""Systems of equations: what is solved, what is right, and what has no single solution."""

import random

import pytest

from verifiers.equation_system import gold_prediction, verify


@pytest.mark.parametrize(
    ("system", "value"),
    [
        ("x1 = 48/2\nx2 = 48 + x1\nanswer = x2", "72"),
        ("answer = x2\nx2 = 48 + x1\nx1 = 48/2", "72"),  # in any order
        ("x + y = 10\nx - y = 4\nanswer = x*y", "21"),  # a product once both are known
        ("2*x + 3 = x + 10\nanswer = x", "7"),
        ("x = 10\ny = x/4", "2.5"),  # the last unknown answers
        ("x = 0.1 + 0.2\nanswer = x", "0.3"),  # exact, not in floats
        ("rate = 5\ntotal = rate * (3 - -1)\nanswer = total", "20"),
        ("Let x be the price.\nx = 4\n\nanswer = -x + 5", "1"),
        ("a + b = 3\nb + c = 5\na + c = 4\nanswer = a + b + c", "6"),
        ("a/b = 2\nb = 4\nanswer = a", "8"),
        ("answer - 5 = 7", "12"),
        ("x = 100/3\nanswer = x", "33.3333333"),
    ],
)
def test_a_system_is_solved(system, value):
    found = verify(system, value)
    assert found.score == 1.0, found
    assert verify(system, str(float(value) + 1)).reason == "another number"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x + y = 3\nanswer = x", "the equations leave answer open"),
        ("x = y\ny = x\nanswer = x", "the equations leave answer open"),
        ("x*y = 6\nx + y = 5\nanswer = x", "the equations leave answer open"),  # not linear
        ("x = 3\nx = 4\nanswer = x", "the equations contradict each other"),
        ("x = 3\n1 = 2\nanswer = x", "the equations contradict each other"),
        ("x = 3/0\nanswer = x", "the equations divide by zero"),
        ("The answer is 72.", "no equation"),
        ("", "no equation"),
        ("x == 3", "no equation"),
        ("answer = __import__('os').getpid()", "no equation"),
        ("answer = 9**9**9", "no equation"),
        ("answer = 'a' + 2", "no equation"),
        ("answer = True", "no equation"),
        ("3 = x + 1", "no unknown named answer, and the last equation gives none"),
        ("\n".join(["answer = 1"] * 61), "more than 60 equations"),
    ],
)
def test_what_is_no_answer_is_wrong_and_says_why(text, reason):
    found = verify(text, "3")
    assert (found.status, found.score, found.reason) == ("judged", 0.0, reason)


def test_numbers_do_not_grow_without_bound():
    text = "x0 = 99999999999999999999\n" + "\n".join(f"x{i + 1} = x{i} * x{i}" for i in range(20))
    assert verify(text, "3").reason == "a number that is too large"
    assert verify("answer = " + "(" * 140 + "1" + ")" * 140, "1").status == "judged"


def test_a_gold_without_a_number_is_no_judgement():
    assert verify("answer = 3", "blue").status == "abstained"
    with pytest.raises(ValueError, match="tolerance"):
        verify("answer = 3", "3", relative=-1)


def test_random_systems_with_a_planted_solution_are_solved():
    rng = random.Random(0)
    for _ in range(60):
        size = rng.randint(1, 5)
        values = [rng.randint(-9, 9) for _ in range(size)]
        lines = []
        for row in range(size):  # triangular with a diagonal that is not zero, so that there is one solution
            factors = [rng.randint(-3, 3) if i < row else rng.randint(1, 4) if i == row else 0 for i in range(size)]
            total = sum(f * v for f, v in zip(factors, values, strict=True))
            lines.append(" + ".join(f"{f}*x{i}" for i, f in enumerate(factors)) + f" = {total}")
        rng.shuffle(lines)
        weights = [rng.randint(-3, 3) for _ in range(size)]
        lines.append("answer = " + " + ".join(f"{w}*x{i}" for i, w in enumerate(weights)))
        value = sum(w * v for w, v in zip(weights, values, strict=True))
        assert verify("\n".join(lines), str(value)).score == 1.0, lines
        assert verify("\n".join(lines), str(value + 1)).score == 0.0, lines


@pytest.mark.parametrize("gold", ["72", "-3", "0.25", "#### 1,200"])
def test_a_gold_has_a_system(gold):
    assert verify(gold_prediction(gold), gold).score == 1.0
