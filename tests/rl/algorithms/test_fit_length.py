"""The length of the sequences in a fit: complete, unless `trainer.max_length` is set."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from rewards.models.prompts import prompt_ids
from rl import config as configuration
from rl.algorithms import dpo, orpo, sft
from rl.algorithms.fit import Fit
from rl.errors import UserError
from rl.examples.pairs import Pair
from tests.rl.samples import judged_sample

CONFIGS = Path(__file__).parents[3] / "configs"
BUILD = {"dpo": dpo.build, "orpo": orpo.build, "star": sft.build}
LONG = "1+1?" * 400
"""More than TRL's default limit of 1,024 tokens and than ORPO's of 512 without one."""


@pytest.fixture
def example(warm):
    """Makes an example of an algorithm's fit on a prompt."""
    tokenizer = warm[1]

    def sample(prompt, text, score):
        ids = [*tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id]
        return judged_sample(text, score, ids=ids, prompt=prompt)

    def example(name, prompt):
        chosen = sample(prompt, "1+1=2#2", 1.0)
        return chosen if name == "star" else Pair(chosen, sample(prompt, "1=3#3", 0.0))

    return example


def built(name, warm, folder, examples, *overrides):
    said = []
    config = configuration.load(CONFIGS / f"{name}.yaml", overrides)
    model, reference = (AutoModelForCausalLM.from_pretrained(warm[0].config._name_or_path) for _ in range(2))
    fit = Fit(config, model, reference, warm[1], None, folder, 0, [], said.append)
    return BUILD[name](fit, examples), said


def labels(name, batch):
    """Number of tokens with a loss in a batch, without DPO's and ORPO's rejected completions."""
    if name == "dpo":
        return batch["completion_mask"].chunk(2)[0].sum().item()
    return (batch["chosen_labels" if name == "orpo" else "labels"] != -100).sum().item()


@pytest.mark.parametrize("limit", [[], ["trainer.max_length=null"]])
@pytest.mark.parametrize("name", BUILD)
def test_a_prompt_past_trls_default_limit_loses_no_token_of_its_completion(warm, example, tmp_path, name, limit):
    one = example(name, LONG)
    assert len(prompt_ids(LONG, warm[1])) > 1024
    trainer, said = built(name, warm, tmp_path, [one], *limit)
    batch = next(iter(trainer.get_train_dataloader()))
    assert labels(name, batch) == len((one if name == "star" else one.chosen).ids) and not said
    trainer.compute_loss(trainer.model, batch).backward()
    assert max(weight.grad.abs().max() for weight in trainer.model.parameters()) > 1e-4


@pytest.mark.parametrize("name", BUILD)
def test_what_a_limit_cuts_is_counted(warm, example, tmp_path, name):
    short, long = len(prompt_ids("1+1?", warm[1])), len(prompt_ids(LONG, warm[1]))
    examples = [example(name, "1+1?"), example(name, LONG), example(name, "1+1?")]
    longest = long + len((examples[0] if name == "star" else examples[0].chosen).ids)
    limit = short + 3
    _, said = built(name, warm, tmp_path, examples, f"trainer.max_length={limit}")
    assert said[0].startswith(
        f"trainer.max_length={limit} cuts 3 of 3 examples, the longest of which has {longest:,} tokens"
    )
    _, said = built(name, warm, tmp_path, examples, f"trainer.max_length={longest - 1}")
    assert "cuts 1 of 3 examples" in said[0]
    assert not built(name, warm, tmp_path, examples, f"trainer.max_length={longest}")[1]


def test_packed_examples_are_whole(warm, example, tmp_path):
    examples = [example("star", "1+1?"), example("star", LONG)]
    trainer, _ = built("star", warm, tmp_path, examples, "trainer.packing=true", "algorithm.wrong_step_weight=1")
    tokens = sum(len(torch.as_tensor(row["input_ids"])) for row in trainer.train_dataset)
    assert tokens == sum(len(prompt_ids(one.prompt, warm[1])) + len(one.ids) for one in examples)


@pytest.mark.parametrize("name", BUILD)
def test_a_limit_that_leaves_nothing_of_any_completion_is_refused(warm, example, tmp_path, name):
    tokens = len(prompt_ids("1+1?", warm[1]))
    with pytest.raises(UserError, match=rf"max_length: {tokens} leaves no token .*: the shortest prompt has {tokens};"):
        built(name, warm, tmp_path, [example(name, "1+1?")], f"trainer.max_length={tokens}")
    built(name, warm, tmp_path, [example(name, "1+1?")], f"trainer.max_length={tokens + 1}")


@pytest.mark.parametrize("name", BUILD)
def test_an_example_whose_prompt_alone_reaches_the_limit_is_left_out(warm, example, tmp_path, name):
    limit = len(prompt_ids("1+1?", warm[1])) + 4
    examples = [example(name, "1+1?"), example(name, "1+1-2-3-4-5?")]
    batch_of_two = ["trainer.per_device_train_batch_size=2", f"trainer.max_length={limit}", "trainer.max_steps=2"]
    trainer, said = built(name, warm, tmp_path, examples, *batch_of_two)
    assert "cuts 2 of 2 examples" in said[0] and "leaves nothing of the completions of 1;" in said[0]
    alone, _ = built(name, warm, tmp_path, examples[:1], *batch_of_two)
    losses = [one.compute_loss(one.model, next(iter(one.get_train_dataloader()))).item() for one in (trainer, alone)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)  # not NaN, and not the mean with a pair without tokens
    trainer.train()
    assert trainer.state.global_step == 2  # one example is less than a batch, but there is nothing else


def test_an_argument_that_would_leave_no_batch_is_refused(warm, example, tmp_path):
    own = ["trainer.dataloader_drop_last=true", "trainer.per_device_train_batch_size=2"]
    with pytest.raises(UserError, match=r"drop_last: 1 sequences to fit on are fewer than a batch of 2, so no step"):
        built("star", warm, tmp_path, [example("star", "1+1?")], *own)
    trainer, _ = built("star", warm, tmp_path, [example("star", "1+1?")] * 3, *own)
    assert len(trainer.get_train_dataloader()) == 1
