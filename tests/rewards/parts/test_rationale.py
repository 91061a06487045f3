"""Splitting rationales, the questions to a model, and invalid templates."""

import pytest

from rewards.parts.rationale import RationaleLayout, asked, choices_of, layout

CHOICES = [{"label": "A", "text": "quell"}, {"label": "B", "text": "koba"}]


def test_a_completion_is_split_at_its_last_marker():
    split = RationaleLayout().split("So the answer is no. It weighs 5. So the answer is quell.")
    assert split == ("So the answer is no. It weighs 5.", " quell.", True)
    assert RationaleLayout().split("it weighs 5") == ("it weighs 5", "", False)


def test_the_part_of_the_rationale_ends_with_the_first_character_of_the_marker():
    # the last marker counts, and none that stands in a thought
    assert RationaleLayout().until("So the answer is no. So the answer is a.") == len("So the answer is no. S")
    assert RationaleLayout().until("<think> So the answer is</think> it weighs 5") is None
    assert RationaleLayout(marker=None).until("it weighs 5") is None


def test_without_a_marker_in_the_layout_all_is_rationale():
    assert RationaleLayout(marker=None).split("it weighs 5 ") == ("it weighs 5", "", True)


def test_tasks_have_layouts_and_options_change_them():
    assert layout({}, "facts").before("Which?", " a weighs 5.") == "Which? a weighs 5. Answer:"
    assert layout({}, "chain").before("1+1?", None) == "1+1?#"
    assert layout({"answer": " {label}"}, "math").answer == " {label}"


def test_braces_in_a_text_are_no_places():
    assert RationaleLayout().before("{x}", "{y}") == "{x}{y} So the answer is"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"marker": ""}, "marker: an empty marker matches everywhere"),
        ({"marker": 3}, "marker: expected a text or null"),
        ({"answer": "(X)"}, "needs label or text"),
        ({"with_rationale": "{prompt} so"}, "needs rationale"),
        ({"without_rationale": "{rationale} so"}, r"without_rationale: .* it may have \['prompt'\]"),
        ({"answer": "{text"}, "is not a valid template"),
    ],
)
def test_a_template_that_lacks_its_place_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        layout(options, "math")


def test_the_gold_is_a_label_or_a_text():
    assert choices_of(CHOICES, "b")[2] == choices_of(CHOICES, "(B)")[2] == choices_of(CHOICES, "Koba.")[2] == 1
    assert choices_of(CHOICES, "zebra")[2] is None


def test_what_cannot_be_judged_is_not_asked():
    completions = ["x So the answer is a", "x", "x So the answer is a", "x So the answer is a", "x So the answer is a"]
    columns = {"gold": ["A", "A", None, "zebra", "A"], "choices": [CHOICES] * 4 + [None]}
    found, failures = asked(RationaleLayout(), ["q"] * 5, completions, columns, among=True)
    assert failures == {} and found == [(0, "q", "x", [" quell.", " koba."], 0)]
    with pytest.raises(ValueError, match="needs a column 'choices'"):
        asked(RationaleLayout(), ["q"], ["x"], {"gold": ["A"]}, among=True)
