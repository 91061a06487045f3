"""The tokens that SFT learns, with the loss and gradients computed independently."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from rewards.models.prompts import prompt_ids
from rl import config as configuration
from rl.algorithms import sft
from rl.algorithms.fit import Fit
from rl.config.algorithms import Sft
from rl.errors import UserError
from tests.rl.samples import judged_sample
from verifiers import Step, judged

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture
def sample(warm):
    """Two steps, the first judged wrong; characters 0 to 5 and 6 to 11."""
    text = "7*3=2;2-4=8#8"
    ids = [*warm[1].encode(text, add_special_tokens=False), warm[1].eos_token_id]
    steps = (Step(0, 5, "judged", 0.0), Step(6, 11, "judged", 1.0))
    return judged_sample(text, 1.0, ids=ids, prompt="7*3-4?", steps=steps)


def expected(model, prompt, ids, weights):
    """The weighted -log p divided by the number of tokens with a weight, by a plain forward pass; and its gradients."""
    logits = model(input_ids=torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1]
    logps = logits.log_softmax(-1)[torch.arange(len(ids)), torch.tensor(ids)]
    loss = -(torch.tensor(weights) * logps).sum() / sum(weight > 0 for weight in weights)
    loss.backward()
    return loss.item(), {name: p.grad.clone() for name, p in model.named_parameters()}


@pytest.mark.parametrize("counted", [None, 20])
@pytest.mark.parametrize("weight", [1.0, 0.25, 0.0])
def test_wrong_steps_have_their_weight_in_loss_and_gradients(warm, sample, tmp_path, weight, counted):
    """`counted` is the number of tokens over all accumulated batches, where the trainer counts them."""
    ours, check = (AutoModelForCausalLM.from_pretrained(warm[0].config._name_or_path) for _ in range(2))
    prompt, ids = prompt_ids(sample.prompt, warm[1]), sample.ids
    ends = [len(warm[1].decode(ids[: place + 1], skip_special_tokens=True)) for place in range(len(ids))]
    weights = [weight if end <= 5 else 1.0 for end in ends]
    assert weights.count(1.0) == (len(ids) if weight == 1.0 else len(ids) - 5)  # one token a character
    loss, gradients = expected(check, prompt, ids, weights)
    share = 1.0 if counted is None else sum(weight > 0 for weight in weights) / counted
    config = configuration.load(CONFIGS / "star.yaml", [f"algorithm.wrong_step_weight={weight}"])
    trainer = sft.build(Fit(config, ours, None, warm[1], None, tmp_path, 0, []), [sample])
    batch = next(iter(trainer.get_train_dataloader()))
    made = trainer.compute_loss(trainer.model.eval(), batch, num_items_in_batch=counted)
    made.backward()
    assert made.item() == pytest.approx(share * loss, abs=1e-5)
    for name, parameter in ours.named_parameters():
        assert torch.allclose(parameter.grad, share * gradients[name], atol=1e-5)


def test_a_fit_with_weights_runs_and_counts_longer_and_shorter_completions(warm, sample, tmp_path):
    right = judged(1, steps=(Step(0, 5, "judged", 1.0),))
    short = replace(sample, text="7*3=1#1", ids=sample.ids[:7], verdict=right)
    config = configuration.load(CONFIGS / "star.yaml", ["algorithm.wrong_step_weight=0.5", "trainer.max_steps=2"])
    model = AutoModelForCausalLM.from_pretrained(warm[0].config._name_or_path)
    trainer = sft.build(Fit(config, model, None, warm[1], None, tmp_path, 0, []), [sample, short])
    trainer.train()
    assert trainer.state.global_step == 2 and math.isfinite(trainer.state.log_history[0]["loss"])


@pytest.mark.parametrize("option", ["loss_type=dft", "packing=true", "padding_free=true"])
def test_weights_are_refused_with_what_they_do_not_go_with(option):
    with pytest.raises(UserError, match=rf"trainer.{option.partition('=')[0]}: cannot be combined with"):
        configuration.load(CONFIGS / "star.yaml", ["algorithm.wrong_step_weight=0.5", f"trainer.{option}"])


def test_a_step_that_was_not_judged_is_learnt(sample):
    steps = (Step(0, 5, "abstained", None), Step(6, 11, "judged", 0.0))
    spans = sft.weighted_spans(replace(sample, verdict=judged(1, steps=steps)), settings(wrong_step_weight=0.5))
    assert spans == [(6, 11, 0.5)]


def settings(**more):
    return Sft(name="sft", **more)


def test_parts_weigh_what_a_pattern_or_a_column_says(sample):
    """The text is 7*3=2;2-4=8#8."""
    pattern = settings(span_weights=[{"pattern": "=.", "weight": 0.5}, {"pattern": "#(.)", "weight": 0}])
    assert sft.weighted_spans(sample, pattern) == [(3, 5, 0.5), (9, 11, 0.5), (12, 13, 0.0)]
    column = settings(span_weights=[{"column": "spans", "weight": 0.25}])
    for value in ([[0, 2]], "[[0, 2]]"):
        marked = replace(sample, row={**sample.row, "spans": value})
        assert sft.weighted_spans(marked, column) == [(0, 2, 0.25)]
    assert sft.weighted_spans(replace(sample, row={**sample.row, "spans": None}), column) == []
    with pytest.raises(UserError, match="span_weights: no column 'spans'"):
        sft.weighted_spans(sample, column)
    with pytest.raises(UserError, match=r"does not hold a list of \[start, end\] but 'x'"):
        sft.weighted_spans(replace(sample, row={**sample.row, "spans": "x"}), column)


def test_the_least_weight_counts_and_the_prompt_has_its_own(warm, sample):
    spans = [sft.WeightedSpan(0, 3, 0.5), sft.WeightedSpan(2, 4, 0.0)]
    made = sft.row(sample, warm[1], spans, prompt_weight=0.25)
    before = len(prompt_ids(sample.prompt, warm[1]))
    assert made["weights"][:before] == [0.25] * before and sft.IGNORE not in made["labels"][:before]
    assert made["weights"][before : before + 5] == [0.5, 0.5, 1.0, 1.0, 1.0]
    assert [label == sft.IGNORE for label in made["labels"][before : before + 5]] == [False, False, True, True, False]


def test_prompt_and_parts_have_their_weights_in_the_loss(warm, sample, tmp_path):
    ours, check = (AutoModelForCausalLM.from_pretrained(warm[0].config._name_or_path) for _ in range(2))
    weights = "algorithm.span_weights=[{pattern: '#.*', weight: 0.5}]"
    config = configuration.load(CONFIGS / "star.yaml", [weights, "algorithm.prompt_weight=0.25"])
    trainer = sft.build(Fit(config, ours, None, warm[1], None, tmp_path, 0, []), [sample])
    prompt, ids = prompt_ids(sample.prompt, warm[1]), sample.ids
    whole = prompt + ids
    each = [0.25] * (len(prompt) - 1) + [1.0] * 11 + [0.5] * 2 + [1.0] * (len(ids) - 13)
    loss, _ = expected(check, whole[:1], whole[1:], each)
    batch = next(iter(trainer.get_train_dataloader()))
    assert trainer.compute_loss(trainer.model.eval(), batch).item() == pytest.approx(loss, abs=1e-5)


def test_every_sampled_completion_is_fitted_on_where_all_are_kept(sample):
    wrong, empty = replace(sample, verdict=judged(0.0), reward=0.0), replace(sample, ids=[])
    drawn = [sample, sample, wrong, replace(wrong, finish_reason="length"), replace(sample, reward=None), empty]
    kept, counts = sft.examples(drawn, settings(keep="all"))
    assert kept == drawn[:-1] and counts["rounds/kept"] == 5
    assert sft.examples(drawn, settings())[0] == [sample]


def test_of_several_strategies_the_best_ones_completions_are_fitted_on():
    drawn = [
        judged_sample("#1", 1.5, strategy="at_once"),
        judged_sample("1+0=1#1", 1.25, strategy="by_steps"),
        judged_sample("#3", 0.5, index=1, right=False, strategy="at_once"),
        judged_sample("1+1=2#2", 1.25, index=1, strategy="by_steps"),
    ]
    strategies = {"templates": {"at_once": "{prompt}#", "by_steps": "{prompt};"}}
    kept, counts = sft.examples(drawn, settings(strategies=strategies))
    assert [one.text for one in kept] == ["#1", "1+1=2#2"]
    assert counts["rounds/best/at_once"] == counts["rounds/best/by_steps"] == 0.5
    kept, counts = sft.examples(drawn, settings(strategies={**strategies, "keep": "all"}))
    assert len(kept) == 3 and "rounds/best/at_once" not in counts
