"""Choices by their place in the list, and lists that judge every choice."""

from verifiers.answer.choice_lists import JudgedListReader, PlaceReader
from verifiers.choice import verify

LABELS, TEXTS = ["A", "B", "C"], ["a dog", "a cat", "a whale"]


def test_a_place_names_a_choice_where_the_text_is_nothing_else():
    read = PlaceReader(LABELS, TEXTS).at
    said = (
        "Option 3",
        "the third one",
        "#3",
        "number two",
        "the last option",
        "the first",
        "option 4",
        "3 dogs",
        "one dog",
    )
    assert [read(text) for text in said] == [{2}, {2}, {2}, {1}, {2}, {0}, set(), set(), set()]


def test_places_count_for_nothing_where_choices_have_numbers_of_their_own():
    assert PlaceReader(LABELS, ["3", "4", "5"]).at("3") == set()
    assert PlaceReader(LABELS, ["the first", "the second", "the last"]).at("the first") == set()
    assert PlaceReader(["1", "2", "3"], TEXTS).at("3") == set()


def test_a_list_that_judges_every_choice_states_the_one_that_is_right():
    right = JudgedListReader(LABELS, TEXTS).right
    assert right("A) No\nB) Yes\nC) No") == {1}
    assert right("A: incorrect. B: incorrect. C: correct.") == {2}
    assert right("A \u2717 B \u2713 C \u2717") == {1}
    assert right("A) No\nB) Yes") == set()  # C is not judged
    assert right("A) Yes\nB) Yes\nC) No") == set()


def test_the_verifier_reads_both():
    for completion, gold in (("A: wrong. B: right. C: wrong.", "B"), ("The second option.", "B"), ("Option 3", "C")):
        assert verify(completion, gold, choices=TEXTS).right, completion
