"""Models with several end-of-text tokens, and tokenizers whose end-of-text token also pads."""

import copy
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from rewards.models.prompts import Rendered
from rl import config as configuration
from rl.algorithms import dpo, orpo, sft
from rl.algorithms.critic import load_critic
from rl.algorithms.fit import Fit
from rl.algorithms.grpo import GrpoTrainer
from rl.algorithms.ppo import PpoTrainer
from rl.config.algorithms import Grpo, Ppo
from rl.examples.pairs import Pair
from rl.prm.complete import Completer, Prefix
from rl.prm.labelled import label
from rl.prm.scores import step_scores
from rl.prm.train import load
from rl.prm.trainer import collate, example, loss
from rl.sampling.draw import sample
from tests.rl.algorithms.conftest import arguments, mix, policy
from tests.rl.samples import judged_sample
from tests.rl.sampling.test_in_trl import drawn
from verifiers.runtime.verifier import Verifier

__all__ = ["arguments", "mix", "policy"]

CONFIGS = Path(__file__).parents[3] / "configs"
CHAIN = Verifier("chain")
PADS = ("<pad>", "<eos>")


@pytest.fixture
def padded_with(warm):
    """The tokenizer of the barely warmed-up policy with a pad token of one's choice."""

    def make(pad):
        tokenizer = copy.deepcopy(warm[1])
        tokenizer.pad_token = pad
        return tokenizer

    return make


@pytest.mark.parametrize("pad", PADS)
def test_each_of_several_end_tokens_ends_a_completion_wherever_one_is_drawn(arguments, mix, writes, padded_with, pad):
    tokenizer = padded_with(pad)
    a, b, c = tokenizer("1+=", add_special_tokens=False)["input_ids"]
    model = writes([a, b, c])  # and then = = = …
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, c]
    prompts = ["1+1?", "2+3-4?"]

    for group in sample(model, tokenizer, prompts, count=2, max_tokens=12):  # evaluation, rounds, traces
        assert [(one.ids, one.text, one.finish_reason) for one in group] == [([a, b, c], "1+=", "stop")] * 2
    continued = Completer(model, tokenizer, "it", max_tokens=12)([Prefix(Rendered(prompts[0]), "")], 2)
    assert list(continued.values()) == [["1+="] * 2]
    own = {**arguments(mask_truncated_completions=True), "model": model, "processing_class": tokenizer}
    trainer = GrpoTrainer(Grpo(name="grpo"), mix(), CHAIN, **own)
    output, ids = drawn(trainer)
    assert ids == [[a, b, c]] * 16 and output["completion_mask"].sum() == 48
    assert trainer._metrics["train"]["completions/clipped_ratio"] == [0.0]
    assert {(one.text, one.finish_reason) for one in trainer.samples} == {("1+=", "stop")}


@pytest.mark.parametrize("algorithm", ["grpo", "ppo"])
def test_what_an_online_trainer_learns_does_not_depend_on_the_token_that_pads(
    arguments, mix, policy, padded_with, algorithm
):
    logged = []
    for pad in PADS:
        own = {**arguments(max_steps=2, mask_truncated_completions=True), "processing_class": padded_with(pad)}
        torch.manual_seed(0)
        if algorithm == "grpo":
            trainer = GrpoTrainer(Grpo(name="grpo"), mix(), CHAIN, **own)
        else:
            trainer = PpoTrainer(Ppo(name="ppo"), mix(), CHAIN, load_critic("policy", policy()), **own)
        trainer.train()
        rows = [row for row in trainer.state.log_history if "loss" in row]
        assert len(rows) == 2 and {len(one.ids) for one in trainer.samples} > {12}  # some end, some are cut off
        timed = ("time", "seconds")
        logged.append([row[name] for row in rows for name in sorted(row) if not any(t in name for t in timed)])
    assert logged[0] == pytest.approx(logged[1], rel=2e-3, abs=1e-4)  # the critic's Adam makes rounding larger


@pytest.mark.parametrize("name", ["dpo", "orpo", "star"])
def test_what_a_fit_learns_does_not_depend_on_the_token_that_pads(warm, padded_with, tmp_path, name):
    def of(text, reward):
        ids = [*warm[1].encode(text, add_special_tokens=False), warm[1].eos_token_id]
        return judged_sample(text, reward, ids=ids, prompt="1+1?")

    long, short = of("1+1=2;2+2=4#4", 1.0), of("#3", 0.0)
    losses = []
    for pad in PADS:
        model, reference = (AutoModelForCausalLM.from_pretrained(warm[0].config._name_or_path) for _ in range(2))
        with torch.no_grad():
            model.lm_head.weight.mul_(1.1)
        fit = Fit(
            configuration.load(CONFIGS / f"{name}.yaml"), model, reference, padded_with(pad), None, tmp_path, 0, []
        )
        examples = [long, short] if name == "star" else [Pair(long, short), Pair(short, long)]
        trainer = {"dpo": dpo, "orpo": orpo, "star": sft}[name].build(fit, examples)
        batch = next(iter(trainer.get_train_dataloader()))
        made = trainer.compute_loss(trainer.model.eval(), batch)
        made.backward()
        losses.append([made.item(), *(p.grad.norm().item() for p in model.parameters())])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4) and losses[0][0] > 0


def test_what_a_process_reward_model_learns_does_not_depend_on_the_token_that_pads(warm, padded_with):
    torch.manual_seed(0)
    model, _ = load(warm[0].config._name_or_path, labels=1)
    long = judged_sample("1+1=2;2+2=4#4", 1.0, prompt="1+1+2?", labels=(label(0, 5, 1.0), label(6, 11, 0.0)))
    short = judged_sample("#3", 0.0, prompt="1+1?", labels=(label(0, 2, 0.0),))
    found = []
    for pad in PADS:
        tokenizer = padded_with(pad)
        batch = collate([example(tokenizer, one, None) for one in (long, short)], tokenizer)
        outputs = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        scores = step_scores(model, tokenizer, [long, short])
        found.append([loss(outputs, batch["labels"]).item(), *scores[0], *scores[1]])
    assert len(found[0]) == 4 and found[0] == pytest.approx(found[1], abs=1e-6)
