import pytest

from verifiers.exact import verify


def test_case_punctuation_and_articles_do_not_matter_unless_asked():
    assert verify("The Eiffel Tower!", "eiffel tower").score == 1.0
    assert verify("The Eiffel Tower!", "eiffel tower", normalise=False).score == 0.0
    assert verify(" eiffel tower\n", "eiffel tower", normalise=False).score == 1.0


def test_only_what_is_stated_as_the_answer_is_compared():
    assert verify("It stands in France. The answer is Paris.", "Paris").score == 1.0
    assert verify("It stands in France. The answer is Paris.", "Paris", answer_only=False).score == 0.0
    assert verify("text\n#### Paris", "Paris").extracted == "Paris"
    assert verify("It stands in France.\nOutput: Paris", "Paris").score == 1.0


def test_a_minus_sign_is_not_punctuation():
    assert verify("-3", "3").score == 0.0


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    # found: green, eggs, ham; wanted: green, ham: precision 2/3, recall 1, F1 0.8
    assert verify("green eggs ham", "green ham", measure="f1").score == pytest.approx(0.8)
    assert verify("nothing", "green ham", measure="f1").score == 0.0


def test_an_empty_gold_abstains_and_an_empty_answer_is_wrong():
    assert verify("x", " ").status == "abstained"
    assert verify("", "x").score == 0.0


def test_an_article_alone_is_an_answer():
    assert verify("a", "a").score == 1.0
    assert verify("the", "a").score == 0.0


def test_a_gold_that_holds_the_mark_itself_is_accepted():
    assert verify("the answer is blowing in the wind", "The answer is blowing in the wind").score == 1.0


def test_an_unknown_measure_is_an_error():
    with pytest.raises(ValueError, match="f1"):
        verify("x", "x", measure="bleu")


def test_ten_megabytes_are_not_equal():
    assert verify("3" * 10_000_000, "3").score == 0.0
