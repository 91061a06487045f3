import pytest

from tests.work import assert_little_work
from verifiers import countdown, game24
from verifiers.countdown import verify

NUMBERS = [4, 7, 8, 8]


def score(prediction, **options):
    return verify(prediction, "24", numbers=NUMBERS, **options).score


@pytest.mark.parametrize(
    "prediction",
    [
        "(7-8/8)*4",
        "(7-8÷8)×4 = 24",
        "<answer>(7 - 8/8) * 4</answer>",
        "8/8=1\n7-1=6\n(7-8/8)*4=24",
        "So the answer is (7 - 8/8) * 4.",
        "\\boxed{(7-(8/8))*4}",
        "7*8-8*4",
    ],
)
def test_a_right_expression_in_the_ways_it_is_written(prediction):
    assert score(prediction) == 1.0


@pytest.mark.parametrize(
    "prediction",
    [
        r"$(7 - \frac{8}{8}) \times 4 = 24$",
        r"\[ \left(7 - 8 \div 8\right) \cdot 4 = 24 \]",
        r"\boxed{4\,(7 - \dfrac88)}",
        "24 = 4 × (7 − 8/8)",
        "**Answer:** (7 - 8/8) * 4",
        "`(7 - 8/8) * 4`",
        "1. (7 - 8/8) * 4 = 24",
        "<think>8 + 8 + 7 + 4 = 27</think>\n(7 - 8 / 8) * 4",
        "8 / 8 = 1, 7 - 1 = 6, so (7 - 8/8) * 4 = 6 * 4 = 24",
        "(7 - 8/8) * 4 = 24. So the answer is 24.",
        "The equation is (7 - 8/8) * 4.\n\nQ: Use 1, 1 and 2.\nA: 1 + 1 + 2",
        "(7 minus 8 divided by 8) times 4",
    ],
)
def test_a_right_expression_in_latex_and_in_prose(prediction):
    assert score(prediction) == 1.0


def test_nested_fractions_are_quotients():
    text = r"\boxed{\frac{8}{3 - \frac{8}{3}} = 24}"
    assert verify(text, "24", numbers=[3, 3, 8, 8]).extracted == "((8)/(3 - ((8)/(3))))"
    assert verify(text.replace("3 -", "3 +"), "24", numbers=[3, 3, 8, 8]).score == 0.0


def test_the_target_alone_is_an_expression_only_where_it_is_given():
    assert verify("So the answer is 24.", "24", numbers=[24, 3], use="any").score == 1.0
    assert verify("So the answer is 24.", "24", numbers=[8, 3]).reason == "24 is not given"
    assert verify("8 * 3\nSo the answer is 25.", "24", numbers=[8, 3]).score == 0.0


@pytest.mark.parametrize(
    ("prediction", "reason"),
    [
        ("8*(7-4)", "leaves out 8"),
        ("4*7-4+8-8", "uses 4 more often than it is given"),
        ("24", "24 is not given"),
        ("12*2", "12 is not given"),
        ("4+7+8+8", "comes to 27"),
        ("8/(8-8)+4+7", "divides by zero"),
        ("4**7", "powers are not allowed"),
        ("78-8*4", "78 is not given"),
        ("none", "no expression in the answer"),
        ("__import__('os').system('x')", "no expression in the answer"),
    ],
)
def test_what_breaks_a_rule_is_wrong_and_said(prediction, reason):
    verdict = verify(prediction, "24", numbers=NUMBERS)
    assert (verdict.score, verdict.reason) == (0.0, reason)


def test_numbers_may_be_left_out_by_option():
    assert verify("3*8", "24", numbers="3 8 5").score == 0.0
    assert verify("3*8", "24", numbers="3 8 5", use="any").score == 1.0
    assert verify("3*8*1", "24", numbers="[3, 8, 5]", use="any").score == 0.0


def test_thirds_are_exact():
    assert verify("8/(3-8/3)", "24", numbers=[3, 3, 8, 8]).score == 1.0


def test_what_does_not_read_abstains():
    assert verify("1+1", "x", numbers=[1, 1]).status == "abstained"
    assert verify("1+1", "2", numbers="one one").status == "abstained"


def test_an_unknown_use_is_an_error():
    with pytest.raises(ValueError, match="any"):
        verify("1", "1", numbers=[1], use="some")


def test_game24_has_its_target():
    assert game24.verify("(7-8/8)*4", "", numbers=NUMBERS).score == 1.0
    assert game24.verify("7+8+8", "23", numbers=[7, 8, 8]).score == 0.0


def test_gold_predictions_are_solutions():
    for numbers, target, use in [
        (NUMBERS, "24", "all"),
        ([3, 3, 8, 8], "24", "all"),
        ([25, 50, 75, 100, 3, 6], "952", "any"),
    ]:
        solution = countdown.gold_prediction(target, numbers=numbers, use=use)
        assert verify(solution, target, numbers=numbers, use=use).score == 1.0
    with pytest.raises(ValueError, match="no expression"):
        game24.gold_prediction("", numbers=[1, 1, 1, 1])


@pytest.mark.parametrize("text", ["(" * 10**6, "1+" * 10**6, "<answer>" * 10**6, "9" * 10**7])
def test_hostile_text_is_answered_with_little_work(text):
    assert score(text) == 0.0
    assert_little_work(lambda: score(text))


@pytest.mark.parametrize(
    ("prediction", "rule"),
    [
        ("<answer>(7 - 8/8) * 4</answer>", "tag"),
        ("#### (7 - 8/8) * 4", "hashes"),
        (r"\boxed{(7 - 8/8) * 4}", "box"),
        ("So the answer is (7 - 8/8) * 4.", "cue"),
        ("Solution: (7 - 8/8) * 4\nIt took a while.", "cue"),
        ("8/8 = 1\n(7 - 8/8) * 4 = 24", "line"),
        ("(7 - 8/8) * 4 = 24\nThat took a while.", "last"),
    ],
)
def test_the_verdict_names_the_rule_that_found_the_expression(prediction, rule):
    assert verify(prediction, "24", numbers=NUMBERS).rule == rule
    assert game24.verify(prediction, "", numbers=NUMBERS).rule == rule
    assert verify(prediction.replace("* 4", "* 5"), "24", numbers=NUMBERS).rule == rule


def test_a_verdict_without_an_expression_names_no_rule():
    assert verify("I give up.", "24", numbers=NUMBERS).rule is None
