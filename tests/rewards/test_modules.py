"""The rewards without a model: their formulas by hand, and invalid input."""

import math

import pytest

from rewards.building.build import build
from rewards.parts.context import Context
from verifiers.runtime.verifier import Verifier

HERE = Context(Verifier("chain"))
MODULES = {
    "correctness": {},
    "steps": {},
    "format": {"options": {"max_words": 5}},
    "target": {"kind": "length", "options": {"target": 4, "unit": "characters"}},
    "cosine": {"kind": "length", "options": {"shape": "cosine", "most": 10, "unit": "characters"}},
    "repetition": {},
    "diversity": {},
}


def values(name, completions, *, ids=None, prompt="1+1-2?", gold="0", **changes):
    (reward,) = build({name: {**MODULES[name], **changes}}, HERE).rewards
    size = len(completions)
    return reward([prompt] * size, completions, ids or [[1]] * size, gold=[gold] * size)


def test_steps_is_the_share_of_right_ones_and_none_shown_is_worth_nothing():
    # one of two right; both right; all operations left out, which the verifier counts as a wrong step
    assert values("steps", ["1+1=2;2-2=1#1", "1+1=2;2-2=0#0", "#0"]) == [0.5, 1.0, 0.0]


def test_format_is_the_share_of_parts_that_hold():
    assert values("format", ["<a>x</a>", "x"], options={"tags": ["a"], "max_words": 5}) == [1.0, 0.5]


def test_target_length_falls_off_to_both_sides():
    assert values("target", ["abcd", "ab", "abcde", "", "a" * 9]) == [1.0, 0.5, 0.75, 0.0, 0.0]


def test_length_in_tokens_counts_their_ids():
    options = {"target": 4}
    assert values("target", ["abcd", "ab"], ids=[[1, 2], [1, 2, 3, 4]], options=options) == [0.5, 1.0]
    (reward,) = build({"length": {"options": options}}, HERE).rewards
    with pytest.raises(ValueError, match="tokens needs completion_ids"):
        reward(["p"], ["abcd"])


def test_cosine_length_prefers_short_right_answers_and_long_wrong_ones():
    # right at length 5 of 10: halfway from 2 to 1; wrong at 0: -10; at 10: exceeds
    right = values("cosine", ["xxx#0"])
    assert right == [pytest.approx(1.5)]
    assert values("cosine", ["", "xxx#1", "x" * 10]) == [pytest.approx(-10), pytest.approx(-5), -10.0]


def test_cosine_length_counts_only_a_whole_answer_as_right():
    verifier = Verifier("format", tags=["a", "b"])  # half of the score for one of two tags
    (reward,) = build({"length": {**MODULES["cosine"], "kind": "length"}}, Context(verifier)).rewards
    right, half = reward(["p"] * 2, ["<a>1</a><b>2</b>", "<a>1</a>"], [[1]] * 2, gold=[""] * 2)
    assert (right, half) == (-10.0, pytest.approx(-10 + 10 * 0.5 * (1 - math.cos(math.pi * 0.8))))


def test_repetition_is_minus_the_repeated_share():
    # bigrams of "a b a b": ab, ba, ab: one of three repeats
    assert values("repetition", ["a b a b", "a"], options={"ngram": 2, "penalty": 3}) == [pytest.approx(-1.0), 0.0]


def test_diversity_is_marios_product_over_the_rationale():
    # "a b a b": 2-grams 1 of 3 repeated, 3-grams none of 2, 4-grams one: 2/3
    told = "a b a b So the answer is a b a b."
    assert values("diversity", [told, "a b a b", " So the answer is x"]) == [pytest.approx(2 / 3), None, 0.0]
    assert values("diversity", ["a b c"], options={"marker": None}) == [1.0]
    assert values("diversity", ["<think>a b So the answer is x"]) == [None]  # a marker in thinking is a draft


def test_without_gold_correctness_abstains_and_nothing_failed():
    (reward,) = build({"correctness": {}}, HERE).rewards
    scores = reward.score(["1+1?", "1+1?"], ["1+1=2#2"] * 2, [[], []], gold=[None, "2"])
    assert scores.values == [None, 1.0] and not scores.failures


def test_options_alone_keep_the_tasks_verifier_and_its_options():
    context = Context(Verifier("math", digits=3))
    (reward,) = build({"correctness": {"options": {"strict": True}}}, context).rewards
    assert reward.verifier.options == {"digits": 3, "strict": True}
    assert reward(["p"], ["so 5"], gold=["5"]) == [0.0]


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize(
    "completion",
    ["", "no marker at all", "7 " * 50_000, [{"role": "assistant", "content": "1+1=2;2-2=0#0"}]],
    ids=["empty", "no marker", "100,000 characters", "chat"],
)
def test_any_completion_is_judged_or_abstained_on(name, completion):
    (reward,) = build({name: MODULES[name]}, HERE).rewards
    prompt = "1+1-2?" if isinstance(completion, str) else [{"role": "user", "content": "1+1-2?"}]
    for gold in ("0", None):
        scores = reward.score([prompt], [completion], [[1]], gold=[gold])
        assert len(scores.values) == 1 and not scores.failures
        assert scores.values[0] is None or isinstance(scores.values[0], float)


def test_steps_are_judged_without_a_gold():
    reward = build({"steps": {"verifier": "steps"}}, Context(Verifier("math"))).rewards[0]
    assert reward.columns == ()
    assert reward(["2 and 3?"] * 2, ["2+2=4, 2+3=6", "no"]) == [0.5, None]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"correctness": {"credit_on": "answer"}}, "correctness: credit_on: 'answer' is not one; there are"),
        (
            {"correctness": {"credit_on": "rationale", "credit": "sum"}},
            "credit_on: the rule of credit: says where",
        ),
    ],
)
def test_a_part_that_cannot_be_credited_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        build(settings, HERE)
    with pytest.raises(ValueError, match="correctness: a factor of a product cannot be credited inside"):
        build({"correctness": {"credit_on": "rationale"}}, HERE, {"aggregation": "product"})


def test_the_marker_of_a_part_is_the_rewards_own_or_the_tasks():
    here = Context(Verifier("chain"), policy=lambda: None)

    def own(marker):
        return {"likelihood_gain": {"model": "policy", "credit_on": "rationale", "options": {"marker": marker}}}

    assert build(own("=>"), here).rationales["likelihood_gain"].marker == "=>"
    with pytest.raises(ValueError, match="credit_on: with marker: null the whole completion is rationale"):
        build(own(None), here)
    assert build({"correctness": {"credit_on": "rationale"}}, HERE).rationales["correctness"].marker == "#"
    assert build({"correctness": {}}, HERE).rationales == {}
