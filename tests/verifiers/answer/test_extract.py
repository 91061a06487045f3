"""Where the answer is found in a completion."""

import pytest

from verifiers.answer.extract import extract, extract_gold


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        (r"so \boxed{3}, no, \boxed{\frac{1}{2}}.", r"\frac{1}{2}", "box"),
        (r"\fbox{7}", "7", "box"),
        (r"\boxed 5", "5", "box"),
        (r"\boxed{1} and \boxed{2}", "1 ; 2", "box"),
        (r"$$\boxed{-2} \quad \text{and} \quad \boxed{1}.$$", "-2 ; 1", "box"),
        (r"\boxed{1} no no no no no \boxed{2}", "2", "box"),
        (r"\boxed{840}. That is final: \boxed{840}", "840", "box"),
        (r"The answer is 4. \boxed{5}", "5", "box"),
        ("<think>maybe 4</think><answer>5</answer>", "5", "tag"),
        ("<answer>The answer is 12 km.</answer>", "12 km", "tag"),
        ("she has <<2+3=5>>5\n#### 5", "5", "hashes"),
        ("It is 3*4\nA: 12", "12", "cue"),
        ("The answer is 4. So the answer is 5 apples.", "5 apples", "cue"),
        ("Final Answer: The largest $n$ is 34.", "34", "cue"),
        ("**Answer:** 17", "17", "cue"),
        ("The final answer is $(1,2)$. I hope it is correct.", "$(1,2)$", "cue"),
        ("The answer to the question is 8 because 3 + 5 = 8 and not 9.", "8", "cue"),
        ("Answer:\n$$\n9\n$$", "$$\n9\n$$", "cue"),
        ("x = 4", "x = 4", "line"),
        ("1 000", "1 000", "line"),
        ("Therefore $x \\geq 5$ is the solution.", "$x \\geq 5$", "last"),
        ("it's not 10 it's 1,000.99m²", "1,000.99m²", "last"),
        ("First try [30], second try [45].", "[45]", "last"),
        ("it increases by 100%.", "100%", "last"),
        ("P = 1/2 * 4/3, which is 2/3. <|im_start|>user 7", "2/3", "last"),
    ],
)
def test_the_last_answer_of_the_strongest_kind_is_found(text, answer, rule):
    found = extract(text)
    assert found is not None and (found.answer, found.rule) == (answer, rule)


@pytest.mark.parametrize(
    "text", ["", "I do not know.", "The answer is !!!", "see XY2K", "v1.2.3 of it", "the 2nd one of them"]
)
def test_nothing_is_found_where_there_is_no_answer(text):
    found = extract(text)
    assert found is None or not any(character.isdigit() for character in found.answer)


def test_a_box_that_is_cut_off_is_no_answer():
    found = extract(r"so it must be 41, that is \boxed{4")
    assert found is not None and found.answer == ""


def test_only_what_follows_the_thinking_counts():
    assert extract(r"<think>\boxed{42}</think> It is \boxed{43}.").answer == "43"  # type: ignore[union-attr]
    assert extract(r"<think>\boxed{42}</think> It is 43.").answer == "43"  # type: ignore[union-attr]


def test_strict_mode_does_not_guess():
    assert extract("It makes 5", strict=True) is None
    assert extract("5", strict=True) is None
    assert extract("The answer is 5", strict=True).answer == "5"  # type: ignore[union-attr]


def test_a_cue_that_states_only_words_is_passed_over_where_no_words_are_asked_for():
    text = "The answer is clear. We get 5."
    assert extract(text, words=False).answer == "5"  # type: ignore[union-attr]
    assert extract(text).answer == "clear"  # type: ignore[union-attr]
    assert extract("The answer is seven", words=False).answer == "seven"  # type: ignore[union-attr]
    assert extract("The answer is no solution", words=False).answer == "no solution"  # type: ignore[union-attr]


def test_a_denial_is_no_answer():
    assert extract("The answer is not 4. It is 5").answer == "5"  # type: ignore[union-attr]


def test_a_gold_sentence_gives_up_its_formula_but_never_its_last_number():
    assert extract_gold("so the domain is $x > 2$ here") == "$x > 2$"
    assert extract_gold("see the figure on page 3") == "see the figure on page 3"


def test_a_long_completion_is_read_from_its_end():
    assert extract("1 " * 1_000_000 + r"\boxed{6}").answer == "6"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("rows", "answer"),
    [
        (r"2x + 3 &= 13 \\ 2x &= 10 \\ x &= 5", "x  = 5"),
        (r"p &= \frac{6}{8} \\[4pt] &= \frac{3}{4}", r"p  = \frac{6}{8} = \frac{3}{4}"),
        (r"x &= 2 \\ y &= 3", "x  = 2 , y  = 3"),
        (r"x &= 2 + 3 \\ x &= 5", "x  = 5"),
    ],
)
def test_aligned_rows_are_the_equation_that_they_come_to(rows, answer):
    assert extract(rf"\begin{{align*}} {rows} \end{{align*}}").answer == answer


@pytest.mark.parametrize(
    "text", ["The answer is not 18.", "It isn't $18$.", r"12 and not \(18\)", "12 instead of 18", "not equal to 18"]
)
def test_mathematics_that_is_turned_down_is_no_last_answer(text):
    found = extract(text)
    assert found is None or "18" not in found.answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("\u2705 14", "14"),
        ("14 \u2705", "14"),
        ('"14"', "14"),
        ("~14", "14"),
        ("#14", "14"),
        ("14 :)", "14"),
        ("14!!", "14"),
        ("14 (= 2 * 7)", "14"),
        ("(14)", "(14)"),
        ("7!", "7!"),
    ],
)
def test_what_people_put_around_an_answer_is_left_out(text, answer):
    assert extract(text).answer == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("8\n\nExplanation: 5 + 3 = 8; there were 2 of them.", "8"),
        ("8 apples\nAnn has 5, Ben has 3.", "8 apples"),
        ("12\nminus 4\nis 8", "8"),
        ("1.\nAnn has 5", "5"),
    ],
)
def test_a_number_alone_in_the_first_line_is_the_answer_that_the_others_explain(text, answer):
    assert extract(text).answer == answer


@pytest.mark.parametrize("text", ["three times", "5 plus", "7 divided by", "2 to the power of", "so 3 more than"])
def test_an_operation_that_the_text_breaks_off_in_is_no_error(text):
    extract(text)
