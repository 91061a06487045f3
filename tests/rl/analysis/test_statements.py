"""Answering by the best of several statements and none: by hand, and against one forward pass per text."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rewards.models.likelihoods import Likelihood
from rl.analysis import statements
from rl.analysis.evaluation import EvaluationSettings, evaluate
from rl.analysis.statements import COMBINED, Answered, answered, metrics
from rl.config.statements import Statements
from rl.errors import UserError

LAYOUT = {"answer": "{text}"}
"""That of `chain`, whose answers are digits."""
ROWS = [
    {"prompt": "7*3-4?", "gold": "7", "choices": ["5", "7"]},
    {"prompt": "2+2?", "gold": "4", "choices": ["4", "9", "1"]},
    {"prompt": "2+3?", "gold": "no choice", "choices": ["4", "9"]},
]
GREEDY = ["7*3=1;1-4=7#5", "2+2=4", "2+3=5#5"]
SAMPLED = [["7*3=2;2-4=8#8", "#7"], ["2+2=4#4", "2+2=9#9"], ["#1", "#2"]]


def by_hand(warm, context, choices):
    """log p(choice | context) of each choice, by one pass over the whole text."""
    model, tokenizer = warm
    before = tokenizer.encode(context, add_special_tokens=False)
    with torch.no_grad():
        logits = model.eval()(input_ids=torch.tensor([before])).logits[0, -1].log_softmax(-1)
    return [logits[tokenizer.encode(choice, add_special_tokens=False)[0]].item() for choice in choices]


def test_every_figure_is_that_of_whole_texts(warm):
    settings = Statements(k=2, layout=LAYOUT)
    found = answered(warm, ROWS, GREEDY, SAMPLED, settings, "chain")
    assert found[2] is None
    for row, contexts in ((0, ["#", "7*3=1;1-4=7#", "7*3=2;2-4=8#", "#"]), (1, ["#", "2+2=4#", "2+2=4#", "2+2=9#"])):
        choices, gold = ROWS[row]["choices"], ROWS[row]["choices"].index(ROWS[row]["gold"])
        scores = [by_hand(warm, ROWS[row]["prompt"] + context, choices) for context in contexts]
        margins = [of[gold] - max(value for place, value in enumerate(of) if place != gold) for of in scores]
        opinions = [[math.exp(value) / sum(map(math.exp, of)) for value in of] for of in (scores[0], *scores[2:])]
        best = [max(expert[place] for expert in opinions) for place in range(len(choices))]
        one = found[row]
        assert one.without == (margins[0] > 0) and one.with_one == (margins[1] > 0)
        assert one.with_best == (best.index(max(best)) == gold)
        assert one.margin_without == pytest.approx(margins[0], abs=1e-4)
        assert one.margin_with == pytest.approx((margins[2] + margins[3]) / 2, abs=1e-4)


def test_experts_are_combined_as_the_paper_names_it():
    # three experts on two choices: one is sure of the first, two lean to the second
    experts = np.array([[0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    by = {name: combine(experts) for name, combine in COMBINED.items()}
    assert by["max"].tolist() == [0.9, 0.6] and by["vote"].tolist() == [1, 2]
    assert by["mean"].tolist() == pytest.approx([1.7 / 3, 1.3 / 3])
    assert by["product"].tolist() == pytest.approx([math.log(0.9 * 0.16), math.log(0.1 * 0.36)])


def test_the_figures_are_means_over_problems_that_could_be_answered():
    found = metrics([Answered(False, True, True, -1.0, 2.0), Answered(True, True, False, 3.0, 1.0), None])
    values = {name: interval.value for name, interval in found.items()}
    assert values == {
        "without_statement": 0.5, "with_statement": 1.0, "with_best_statement": 0.5, "rectified": 0.5,
        "margin_without": 1.0, "margin_with": 1.5,
    }  # fmt: skip


def test_a_frozen_reader_answers_from_the_policys_statements(warm, monkeypatch):
    asked = []
    monkeypatch.setattr(statements, "frozen", lambda name: lambda: warm if name == "reader" else None)

    def seen(model, tokenizer, prefixes, contexts, answers):
        asked.append([context.text for context in contexts])
        return [[Likelihood(-1.0, 1), Likelihood(-2.0, 1)] for _ in contexts]

    monkeypatch.setattr(statements, "likelihoods", seen)
    settings = Statements(k=1, model="reader", layout=LAYOUT)
    answered((None, None), ROWS[:1], GREEDY[:1], [["#7"]], settings, "chain")
    assert asked == [["7*3-4?#", "7*3-4?7*3=1;1-4=7#", "7*3-4?#"]]


def test_an_evaluation_has_the_figures_beside_its_own(warm, task):
    rows = [{**row, "choices": [str(digit) for digit in range(10)]} for row in task.splits["test"]]
    here = SimpleNamespace(splits={"test": rows}, verifier=task.verifier)
    settings = EvaluationSettings(n=4, k=0, parameters={"max_tokens": 8}, statements=Statements(k=2, layout=LAYOUT))
    found = evaluate(*warm, here, "test", settings).metrics
    assert {"greedy", "without_statement", "with_best_statement", "rectified", "margin_without"} <= found.keys()
    assert found["rectified"].value == pytest.approx(found["with_statement"].value - found["without_statement"].value)


def test_rows_without_choices_are_refused():
    with pytest.raises(UserError, match="needs a column 'choices'; the task has gold, prompt"):
        statements.check(Statements(), [{"prompt": "p", "gold": "g"}])
