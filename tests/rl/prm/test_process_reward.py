"""A model of `whetstone prm train` as a reward is read at the tokens that had its labels."""

import pytest
import torch
from transformers import AutoModelForTokenClassification

from rewards.building.build import build
from rewards.parts.context import Context
from rewards.parts.step_spans import Splitter
from rl.prm.label import by_verifier
from rl.prm.labelled import unlabelled
from rl.prm.train import TrainSettings, train
from rl.prm.trainer import IGNORE, example
from verifiers.runtime.verifier import Verifier

COMPLETIONS = ["2+3=5;5+4=9#9", "2+3=6;6+4=0#0", "2+3=5#5"]


@pytest.mark.parametrize("head", ["one", "two"])
def test_the_reward_reads_scores_where_training_put_labels(warm, tmp_path, head):
    for part in warm:
        part.save_pretrained(tmp_path / "policy")
    verifier = Verifier("chain")
    rows = [{"prompt": "2+3+4?", "completion": text, "gold": "9"} for text in COMPLETIONS]
    samples, _ = by_verifier([unlabelled(row) for row in rows], verifier, Splitter())
    train(
        tmp_path / "policy", samples, tmp_path / "prm", TrainSettings(head=head, epochs=1, validation=0.0), "verifier"
    )
    settings = {"process": {"model": str(tmp_path / "prm"), "credit": "min", "options": {"final": "min"}}}
    (reward,) = build(settings, Context(verifier)).rewards
    scores = reward.score(["2+3+4?"] * 3, COMPLETIONS, [[]] * 3, gold=["9"] * 3)

    model = AutoModelForTokenClassification.from_pretrained(tmp_path / "prm").eval()
    for sample, value, steps in zip(samples, scores.values, scores.steps, strict=True):
        row = example(warm[1], sample, None)
        with torch.no_grad():
            logits_TL = model(input_ids=torch.tensor([row["input_ids"]])).logits[0]
        right_T = logits_TL[:, 0].sigmoid() if head == "one" else logits_TL.softmax(-1)[:, 1]
        at_labels = [right_T[i].item() for i, label in enumerate(row["labels"]) if label != IGNORE]
        assert [(step.start, step.end) for step in steps] == [(step.start, step.end) for step in sample.labels]
        assert [step.score for step in steps] == pytest.approx(at_labels, abs=1e-6)
        assert value == pytest.approx(min(at_labels), abs=1e-6)
