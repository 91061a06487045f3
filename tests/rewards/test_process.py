"""Process reward models: which token is read, how scores are used, and invalid input."""

import json
import math

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rewards.building.build import build
from rewards.parts.context import Context
from rewards.process import marked
from rewards.reward import Text
from verifiers.runtime.verifier import Verifier

HERE = Context(Verifier("math"))
LOGIT = math.log(3)  # its sigmoid is 3/4, that of its negative 1/4


@pytest.fixture(scope="session")
def prm(known_folder):
    """A model that scores 3/4 for a step that ends in 1, 1/4 for 2, NaN in a text with 9, and 1/2 otherwise."""
    return known_folder("token", {"1": [LOGIT], "2": [-LOGIT], "9": [math.nan]})


def made(model, context=HERE, verifier=None, **options):
    (reward,) = build({"process": {"model": model, "verifier": verifier, "options": options}}, context).rewards
    return reward


def scored(reward, completions, prompt: Text = "7", **columns):
    given = {name: [value] * len(completions) for name, value in columns.items()}
    return reward.score([prompt] * len(completions), completions, [[]] * len(completions), **given)


@pytest.mark.parametrize(
    ("final", "value"), [("min", 0.25), ("mean", 0.5), ("product", 0.75 * 0.25 * 0.5), ("last", 0.5)]
)
def test_steps_are_read_at_their_last_token_and_become_one_number(prm, final, value):
    scores = scored(made(prm, final=final), ["2=1\n1=2\n\n1=1=5"])
    assert scores.values == [pytest.approx(value)]
    assert [(s.start, s.end) for s in scores.steps[0]] == [(0, 3), (4, 7), (9, 14)]
    assert [s.score for s in scores.steps[0]] == pytest.approx([0.75, 0.25, 0.5])


def test_steps_are_those_of_a_separator_a_pattern_or_a_verifier(prm):
    text = "4-3=1;1+1=2#2"
    by_separator = scored(made(prm, separator=";"), [text])
    assert [s.score for s in by_separator.steps[0]] == pytest.approx([0.75, 0.25])
    by_pattern = scored(made(prm, pattern=r"\d-\d"), [text])
    assert [(s.start, s.end, s.score) for s in by_pattern.steps[0]] == [(0, 3, 0.5)]
    by_verifier = scored(made(prm, verifier="chain"), [text], prompt="4-3+1?", gold="2")
    assert [(s.start, s.end) for s in by_verifier.steps[0]] == [(0, 5), (6, 11)]
    assert [s.score for s in by_verifier.steps[0]] == pytest.approx([0.75, 0.25])


def test_the_tasks_step_verifier_splits_by_default_and_without_gold_it_abstains(prm):
    reward = made(prm, Context(Verifier("chain")))
    assert "gold" in reward.columns
    scores = reward.score(["4-3?"] * 2, ["4-3=1#1"] * 2, [[]] * 2, gold=["1", None])
    assert scores.values == [pytest.approx(0.75), None] and not scores.failures


def test_two_classes_and_several_that_mean_right(known_folder):
    two = known_folder("token", {"1": [0.0, LOGIT]}, labels=2)
    assert scored(made(two), ["1", "2"]).values == pytest.approx([0.75, 0.5])
    assert scored(made(two, right=0), ["1"]).values == pytest.approx([0.25])
    # wrong, neutral, right with the odds 1 : 1 : 3
    three = known_folder("token", {"1": [0.0, 0.0, LOGIT]}, labels=3)
    assert scored(made(three, right=[1, 2]), ["1"]).values == pytest.approx([0.8])
    with pytest.raises(ValueError, match=r"has 3 labels.*name in `right`"):
        made(three)
    with pytest.raises(ValueError, match="labels are 0 to 2, got 3"):
        made(three, right=3)


def test_a_marker_is_put_after_each_step_and_read_there(known_folder):
    model = known_folder("token", {"@": [LOGIT], "\n": [-LOGIT]})
    scores = scored(made(model, marker="@"), ["1\n2"])
    assert [s.score for s in scores.steps[0]] == pytest.approx([0.75, 0.75])
    assert [(s.start, s.end) for s in scores.steps[0]] == [(0, 1), (2, 3)]


def test_markers_that_are_there_already_are_not_doubled():
    assert marked("a@\nb\nc", [1, 4, 6], "@") == ("a@\nb@\nc@", [2, 5, 8])
    assert marked("a@\nb\nc", [2, 4, 6], "@") == ("a@\nb@\nc@", [2, 5, 8])
    assert marked("a;b", [1], "@") == ("a@;b", [2])


def test_math_shepherds_format_compares_two_words_at_its_marker(known_folder, tokenizer):
    # ` ки` is several tokens of this tokenizer; the last is read
    last = tokenizer.decode(tokenizer(" ки")["input_ids"][-1:])
    model = known_folder("causal", {"@": [LOGIT, 0.0], "&": [0.0, LOGIT]}, labels=2, words=("+", "-"))
    assert len(last) == 1
    assert scored(made(model, format="shepherd"), ["1\n2"]).values == pytest.approx([0.5])
    assert scored(made(model, format="shepherd", marker="@"), ["1\n2"]).values == pytest.approx([0.75])
    swapped = made(model, format="shepherd", marker="@", good="-", bad="+")
    assert scored(swapped, ["1"]).values == pytest.approx([0.25])
    other = scored(made(model, format="shepherd", marker="&", final="mean"), ["1\n2", "1"])
    assert other.values == pytest.approx([0.25, 0.25])


def test_math_shepherds_scores_are_those_of_its_own_recipe(model_folder):
    folder = model_folder("causal")
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    plus, minus, tag = (tokenizer(text)["input_ids"][-1] for text in ("+", "-", " ки"))
    expected = []
    for text in ("7? 3+4 is 7 ки\nso 7 ки", "7? 7 ки"):
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.no_grad():
            scores_T = model(ids).logits[0, :, [plus, minus]].softmax(-1)[:, 0]
        expected.append(scores_T[ids[0] == tag].tolist())
    scores = scored(made(folder, format="shepherd"), ["3+4 is 7\nso 7", "7 ки"], prompt="7?")
    assert [[s.score for s in steps] for steps in scores.steps] == [pytest.approx(e, abs=1e-6) for e in expected]
    assert [len(e) for e in expected] == [2, 1]


def test_scores_do_not_depend_on_what_else_is_in_the_batch(model_folder):
    reward = made(model_folder("token", num_labels=1))
    texts = ["12\n3", "1", "4\n5\n66 77 88\n9", "(A) quell or (B) koba?" * 10]
    together = scored(reward, texts, prompt=[{"role": "user", "content": "7"}])
    alone = [scored(reward, [text], prompt=[{"role": "user", "content": "7"}]) for text in texts]
    assert together.values == pytest.approx([one.values[0] for one in alone], abs=1e-6)
    assert len(set(together.values)) == 4


def test_nan_fails_that_completion_alone(prm):
    scores = scored(made(prm), ["1", "1\n9", "2"])
    assert scores.values == [pytest.approx(0.75), None, pytest.approx(0.25)]
    assert list(scores.failures) == [1] and "NaN" in scores.failures[1]
    assert scores.steps[1] == ()


def test_steps_past_the_models_room_abstain(prm):
    text = "\n".join("1" * 1 for _ in range(400))  # 799 tokens; there is room for 512, one of them the prompt's
    scores = scored(made(prm), [text])
    assert scores.values == [pytest.approx(0.75)]
    assert [s.status for s in scores.steps[0]] == ["judged"] * 256 + ["abstained"] * 144
    assert scored(made(prm, final="last"), [text]).values == [None]
    assert scored(made(prm, max_tokens=1), ["1"]).values == [None]


@pytest.mark.parametrize("form", ["classes", "shepherd"])
def test_any_completion_is_judged_or_abstained_on(prm, known_folder, form):
    model = prm if form == "classes" else known_folder("causal", {})
    reward = made(model, format=form)
    assert scored(reward, ["", "  \n ", "no marker", "7 " * 50_000]).values[:2] == [0.0, 0.0]
    scores = scored(reward, ["no marker", "7 " * 50_000, [{"role": "assistant", "content": "1\n2"}]], gold=None)
    assert not scores.failures
    assert scores.values[1] is None and [s.status for s in scores.steps[1]] == ["abstained"]
    assert len(scores.steps[2]) == 2


def test_what_training_saved_is_kept_to(prm, known_folder):
    folder = known_folder("token", {"1": [LOGIT]})
    with open(f"{folder}/prm.json", "w") as file:
        json.dump({"read_at": "last token of each step", "max_length": 4}, file)
    # the prompt is one token: of "1\n1\n1" three more are read
    assert [s.status for s in scored(made(folder), ["1\n1\n1"]).steps[0]] == ["judged", "judged", "abstained"]
    assert [s.status for s in scored(made(folder, max_tokens=9), ["1\n1\n1"]).steps[0]] == ["judged"] * 3
    with pytest.raises(ValueError, match=r"prm\.json says.*leave out format and marker"):
        made(folder, marker="@")
    with open(f"{folder}/prm.json", "w") as file:
        json.dump({"read_at": "every token"}, file)
    with pytest.raises(ValueError, match="read at 'every token'"):
        made(folder)
    with open(f"{folder}/prm.json", "w") as file:
        file.write("{")
    with pytest.raises(ValueError, match=r"process: prm\.json of the model .* is not valid JSON"):
        made(folder)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"options": {"final": "max"}}, "final: 'max' is not one"),
        ({"options": {"format": "shephard"}}, "did you mean 'shepherd'"),
        (
            {"options": {"separator": "\n", "pattern": "x"}},
            "separator and pattern: only one of these can define the steps",
        ),
        ({"options": {"pattern": "("}}, "is not a regular expression"),
        ({"options": {"separator": ""}}, "separator: expected a text"),
        ({"options": {"good": "+"}}, "good: has no effect with format: classes"),
        ({"options": {"marker": ""}}, "marker: expected a text"),
        ({"options": {"max_tokens": 0}}, "max_tokens: expected a whole number"),
        ({"options": {"seperator": ";"}}, "did you mean 'separator'"),
        ({"verifier": "math"}, "verifier 'math' does not judge steps"),
        ({"model": None}, "model: is needed: a process reward model"),
        ({"model": "policy"}, "needs a frozen model"),
    ],
)
def test_settings_that_are_no_good_are_refused(prm, settings, message):
    with pytest.raises(ValueError, match=f"^process: .*{message}"):
        build({"process": {"model": prm, **settings}}, HERE)


def test_a_model_with_another_head_is_refused(model_folder):
    with pytest.raises(ValueError, match="no weights for"):
        made(model_folder("causal"))


def test_words_that_are_no_single_token_are_refused(known_folder):
    with pytest.raises(ValueError, match="good 'very right' is not one token"):
        made(known_folder("causal", {}), format="shepherd", good="very right")
