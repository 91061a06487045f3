import pytest

from verifiers.format import repetition, verify


def test_each_part_counts_the_same_and_missing_ones_are_named():
    # parts: think, answer, their order
    assert verify("<think>a</think> <answer>b</answer>", "", tags=["think", "answer"]).score == 1.0
    verdict = verify("<think>a</think>", "", tags=["think", "answer"])
    assert verdict.score == pytest.approx(1 / 3)
    assert "<answer> missing" in verdict.reason


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("<answer>3", "not closed"),
        ("<answer></answer>", "empty"),
        ("</answer>3<answer>", "closed before it opens"),
        ("<answer>3</answer><answer>4</answer>", "more than once"),
    ],
)
def test_a_tag_is_there_once_closed_and_not_empty(text, wrong):
    verdict = verify(text, "", tags=["answer"])
    assert verdict.score == 0.0
    assert wrong in verdict.reason


@pytest.mark.parametrize("text", ["<think>a <answer>b</answer></think>", "<answer>b</answer><think>a</think>"])
def test_a_tag_inside_another_or_before_it_is_out_of_order(text):
    verdict = verify(text, "", tags=["think", "answer"])
    assert verdict.score == pytest.approx(2 / 3)
    assert "order" in verdict.reason


def test_a_tag_that_the_prompt_opened_is_only_closed():
    tags = {"tags": ["think", "answer"]}
    rest = "2 + 2 is 4.</think><answer>4</answer>"
    assert verify(rest, "", **tags).score == pytest.approx(1 / 3)  # the tag, and with it the order
    assert verify(rest, "", **tags, opened="think").score == 1.0
    twice = verify("<think>" + rest, "", **tags, opened="think")
    assert "<think> more than once" in twice.reason
    assert "<think> empty" in verify("</think><answer>4</answer>", "", **tags, opened="think").reason
    assert "<think> not closed" in verify("4", "", **tags, opened="think").reason


def test_tags_in_another_order_lose_that_part():
    verdict = verify("<answer>b</answer><think>a</think>", "", tags=["think", "answer"])
    assert verdict.score == pytest.approx(2 / 3)


def test_sections_begin_lines_in_order():
    assert verify("Reasoning: x\n#### 3", "", sections=["Reasoning:", "####"]).score == 1.0
    assert verify("#### 3\nReasoning: x", "", sections=["Reasoning:", "####"]).score == pytest.approx(2 / 3)
    assert verify("My Reasoning: x", "", sections=["Reasoning:"]).score == 0.0


def test_length_in_words():
    assert verify("one two three", "", min_words=3, max_words=3).score == 1.0
    assert verify("one two", "", min_words=3, max_words=3).score == 0.5
    assert verify("1 2 3 4", "", min_words=3, max_words=3).score == 0.5


def test_repetition_is_the_share_of_repeated_ngrams():
    # bigrams of a b a b a: ab ba ab ba: two of four repeat
    assert repetition(["a", "b", "a", "b", "a"], 2) == 0.5
    assert verify("a b a b a", "", max_repetition=0.5, ngram=2).score == 1.0
    assert verify("a b a b a", "", max_repetition=0.4, ngram=2).score == 0.0
    assert verify("short", "", max_repetition=0.0).score == 1.0


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tags": "think"},
        {"tags": [""]},
        {"min_words": 5, "max_words": 3},
        {"max_repetition": 2},
        {"tags": ["a"], "opened": "b"},
    ],
)
def test_options_that_make_no_sense_are_an_error(options):
    with pytest.raises(ValueError):
        verify("x", "", **options)
