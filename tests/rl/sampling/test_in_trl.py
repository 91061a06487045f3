"""TRL's sampling in training follows the same rules as all other sampling."""

import copy

import pytest
import torch
from trl.trainer.grpo_config import GRPOConfig

from rewards.models import prefill
from rewards.models.stopping import strings_and_tokens
from rl.algorithms.grpo import GrpoTrainer
from rl.config.algorithms import Grpo
from rl.sampling.draw import sample
from tests.rl.algorithms.conftest import arguments, mix, policy
from verifiers.runtime.verifier import Verifier

__all__ = ["arguments", "mix", "policy"]

PLAIN = Grpo(name="grpo")
CHAIN = Verifier("chain")


def drawn(trainer):
    """The tokens of the completions of four prompts, four each."""
    torch.manual_seed(0)
    rows = list(trainer.train_dataset)[:4]
    output = trainer._generate_and_score_completions([row for row in rows for _ in range(4)])
    return output, [
        ids[: int(mask.sum())].tolist()
        for ids, mask in zip(output["completion_ids"], output["completion_mask"], strict=True)
    ]


def test_a_models_stored_generation_defaults_do_not_enter_training(arguments, mix):
    plain = drawn(GrpoTrainer(PLAIN, mix(), CHAIN, **arguments()))[1]
    own = arguments()
    own["model"].generation_config.update(no_repeat_ngram_size=1, min_p=1.0, suppress_tokens=[5])
    assert drawn(GrpoTrainer(PLAIN, mix(), CHAIN, **own))[1] == plain
    assert own["model"].generation_config.min_p == 1.0  # and are saved with the policy


@pytest.mark.parametrize("stop", [(), ("=",)])
@pytest.mark.parametrize("more", [{}, {"pad_to_multiple_of": 8, "gradient_checkpointing": True}])
def test_prompts_that_are_run_once_for_their_group_draw_the_same(arguments, mix, monkeypatch, stop, more):
    plain, plain_ids = drawn(GrpoTrainer(PLAIN, mix(), CHAIN, stop=stop, **arguments(**more)))
    monkeypatch.setattr(prefill, "LEAST_SAVED", 0)
    trainer = GrpoTrainer(PLAIN, mix(), CHAIN, stop=stop, **arguments(**more))
    ran = []
    trainer.model.register_forward_pre_hook(
        lambda _, __, given: ran.append(tuple(given["input_ids"].shape)), with_kwargs=True
    )
    output, ids = drawn(trainer)
    assert ids == plain_ids and output["prompt_ids"].tolist() == plain["prompt_ids"].tolist()
    assert ran[0][0] == 4 and ran[1] == (16, 1)  # four prompts, sixteen completions


@pytest.mark.parametrize("pad", ["<pad>", "<eos>"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_completion_that_a_stop_string_ended_is_whole(arguments, mix, warm, writes, pad, masked):
    tokenizer = copy.deepcopy(warm[1])
    tokenizer.pad_token = pad
    a, b, c = tokenizer("1+=", add_special_tokens=False)["input_ids"]
    own = {**arguments(mask_truncated_completions=masked), "model": writes([a, b, c]), "processing_class": tokenizer}
    trainer = GrpoTrainer(PLAIN, mix(), CHAIN, stop=["+="], **own)
    output, ids = drawn(trainer)
    # prompts end with "?", after which the policy writes 1 + = = = …
    assert ids == [[a, b, c]] * 16 and output["completion_mask"].sum() == output["num_items_in_batch"] == 48
    logged = {name: values[-1] for name, values in trainer._metrics["train"].items()}
    assert logged["completions/clipped_ratio"] == 0.0
    assert logged["completions/mean_terminated_length"] == logged["completions/max_terminated_length"] == 3.0


@pytest.mark.parametrize("masked", [False, True])
def test_a_completion_without_its_stop_string_is_cut_off(arguments, mix, warm, writes, masked):
    a, b, c = warm[1]("1+=", add_special_tokens=False)["input_ids"]
    own = {**arguments(mask_truncated_completions=masked), "model": writes([a, b, c])}
    trainer = GrpoTrainer(PLAIN, mix(), CHAIN, stop=["+1"], **own)
    output, _ = drawn(trainer)
    assert output["completion_mask"].sum() == output["num_items_in_batch"] == (0 if masked else 16 * 12)
    assert trainer._metrics["train"]["completions/clipped_ratio"] == [1.0]


def test_training_goes_through_with_stop_strings(arguments, mix):
    trainer = GrpoTrainer(PLAIN, mix(), CHAIN, stop=[";", "#"], **arguments())
    trainer.train()
    assert trainer.state.log_history[0]["completions/mean_length"] < 12
    assert "generate" not in vars(trainer.model)
    assert isinstance(trainer.args, GRPOConfig)


def test_a_special_token_among_the_stops_ends_completions_in_training_and_elsewhere(arguments, mix, warm, writes):
    # completions are decoded without special tokens, so it is never found in a text
    tokenizer = warm[1]
    a, b, c = tokenizer("1+=", add_special_tokens=False)["input_ids"]
    model, end = writes([a, b, tokenizer.unk_token_id, c]), tokenizer.unk_token
    trainer = GrpoTrainer(PLAIN, mix(), CHAIN, stop=["#", end], **{**arguments(), "model": model})
    assert drawn(trainer)[1] == [[a, b, tokenizer.unk_token_id]] * 16
    (found,) = sample(model, tokenizer, ["1+1?"], max_tokens=8, temperature=None, stop=[end])[0]
    assert (found.ids, found.text, found.finish_reason) == ([a, b, tokenizer.unk_token_id], "1+", "stop")
    assert strings_and_tokens(["#", end], tokenizer) == (["#"], [tokenizer.unk_token_id])
    with pytest.raises(ValueError, match="name the token alone"):
        strings_and_tokens([f"{end}#"], tokenizer)
