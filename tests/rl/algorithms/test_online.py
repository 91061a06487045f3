"""The trainer that GRPO and PPO share: by default it equals TRL's, and its gradients always do."""

import copy

import pytest
import torch
from trl.trainer.grpo_trainer import GRPOTrainer

from rl.algorithms.grpo import GrpoTrainer
from rl.config.algorithms import Curriculum, DynamicSampling, Grpo
from rl.errors import UserError
from rl.storage.checkpoints import Checkpoints
from rl.storage.run_folder import RunFolder
from tests.rl.samples import judged_sample
from verifiers.runtime.verifier import Verifier

CHAIN = Verifier("chain")
PLAIN = Grpo(name="grpo", skip_zero_signal=False, sort_by_length=False)
SPARING = Grpo(name="grpo", skip_zero_signal=True, sort_by_length=True)
SHARING = Grpo(name="grpo", skip_zero_signal=True, sort_by_length=True, share_prompts=True)
LOSSES = {
    "dapo": {}, "grpo": {}, "bnpo": {}, "dr_grpo": {}, "sapo": {}, "vespo": {}, "cispo": {"epsilon_high": 5.0},
    "luspo": {"importance_sampling_level": "sequence"},
}  # fmt: skip


def weights(trainer):
    return {name: value.clone() for name, value in trainer.model.state_dict().items()}


def test_with_outcome_rewards_alone_it_is_trls_trainer_bit_for_bit(arguments, mix):
    rewards = mix()
    theirs = GRPOTrainer(reward_funcs=[rewards], **arguments(num_iterations=2, steps_per_generation=2))
    theirs.train()
    ours = GrpoTrainer(PLAIN, rewards, CHAIN, **arguments(num_iterations=2, steps_per_generation=2))
    ours.train()
    for name, value in weights(theirs).items():
        assert torch.equal(value, weights(ours)[name]), name
    for before, after in zip(theirs.state.log_history, ours.state.log_history, strict=True):
        own = ("completions/abstained", "completions/failed", "completions/repetition", "completions/right")
        timed = ("time", "seconds", "runtime", "per_second")
        assert {k: v for k, v in before.items() if not any(t in k for t in timed)} == {
            k: v for k, v in after.items() if k not in own and not any(t in k for t in timed)
        }


def batch(trainer, *, signal):
    """A recorded batch of completions of many lengths, a share of them without signal."""
    random = torch.Generator().manual_seed(0)
    size, prompt, width = 16, 6, 20
    lengths, prompts = torch.randint(1, width + 1, (size,), generator=random), torch.randint(3, prompt + 1, (size,))
    advantages = torch.randn(size, width, generator=random)
    advantages[torch.arange(size) % 4 >= signal] = 0.0
    ids = torch.randint(3, len(trainer.processing_class), (size, prompt + width), generator=random)
    return {
        "prompt_ids": ids[:, :prompt],
        "prompt_mask": (torch.arange(prompt) >= prompt - prompts[:, None]).long(),
        "completion_ids": ids[:, prompt:],
        "completion_mask": (torch.arange(width) < lengths[:, None]).long(),
        "advantages": advantages,
        "num_items_in_batch": lengths.sum(),
        "old_per_token_logps": -3.0 + 0.1 * torch.randn(size, width, generator=random),
    }


def gradients(trainer, inputs):
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    trainer.model.zero_grad()
    trainer.compute_loss(trainer.model, inputs).backward()
    return {name: value.grad.clone() for name, value in trainer.model.named_parameters()}


def with_shared_prompts(inputs, group=4):
    """The batch with one prompt for each group of rows."""
    first = torch.arange(len(inputs["prompt_ids"])) // group * group
    return {**inputs, **{name: inputs[name][first] for name in ("prompt_ids", "prompt_mask")}}


WAYS = [
    pytest.param(SPARING, 4, True, id="all carry signal"),
    pytest.param(SPARING, 2, True, id="half carry signal"),
    pytest.param(SPARING, 2, False, id="on policy"),
    pytest.param(SPARING, 0, True, id="none carry signal"),
    pytest.param(SHARING, 2, True, id="prompts shared"),
]


@pytest.mark.parametrize(("way", "signal", "old"), WAYS)
@pytest.mark.parametrize("loss", LOSSES)
def test_what_is_not_run_changes_no_gradient(arguments, mix, loss, way, signal, old):
    settings = {"loss_type": loss, **LOSSES[loss]}
    plain, sparing = (GrpoTrainer(kind, mix(), CHAIN, **arguments(**settings)) for kind in (PLAIN, way))
    inputs = with_shared_prompts(batch(plain, signal=signal))
    if not old:
        del inputs["old_per_token_logps"]
    wanted, got = gradients(plain, inputs), gradients(sparing, inputs)
    scale = max(value.abs().max() for value in wanted.values())
    for name, value in wanted.items():
        torch.testing.assert_close(got[name], value, rtol=1e-5, atol=1e-5 * float(scale))


def test_only_what_carries_signal_is_run(arguments, mix):
    trainer = GrpoTrainer(SPARING, mix(), CHAIN, **arguments())
    inputs, rows = batch(trainer, signal=1), []
    trainer.model.register_forward_pre_hook(lambda m, a, k: rows.append(len(k["input_ids"])), with_kwargs=True)
    gradients(trainer, inputs)
    assert sum(rows) == 4


def test_a_shared_prompt_is_run_once_for_several_completions(arguments, mix):
    trainer = GrpoTrainer(SHARING, mix(), CHAIN, **arguments())
    inputs, rows = with_shared_prompts(batch(trainer, signal=4)), []
    for name in ("prompt_mask", "completion_mask"):
        inputs[name] = torch.ones_like(inputs[name])
    trainer.model.register_forward_pre_hook(lambda m, a, k: rows.append(k["input_ids"].shape), with_kwargs=True)
    gradients(trainer, inputs)
    # two completions in a row: 5 tokens of the prompt and twice its last one with 20; four would cost more attention
    assert rows == [(8, 5 + 2 * 21)]


def test_prompts_of_small_models_are_not_shared_by_default(arguments, mix):
    trainer = GrpoTrainer(SPARING, mix(), CHAIN, **arguments())
    inputs = with_shared_prompts(batch(trainer, signal=4))
    ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], 1)
    mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], 1)
    assert trainer.sharing.possible
    assert trainer.sharing.packed(ids, mask, 20) is None and not trainer.sharing.pays(ids, mask, 20)


def test_prompts_that_cannot_be_shared_are_refused_where_that_is_asked_for(arguments, mix):
    given = arguments()
    given["model"].config = copy.deepcopy(given["model"].config)  # which all policies of the tests share
    given["model"].config.sliding_window = 4
    with pytest.raises(UserError, match=r"algorithm.share_prompts: LlamaForCausalLM cannot run prompts once"):
        GrpoTrainer(SHARING, mix(), CHAIN, **given)
    assert not GrpoTrainer(SPARING, mix(), CHAIN, **given).sharing.possible


@pytest.mark.parametrize("settings", [{"beta": 0.1}, {"entropy_coef": 0.01}, {"top_entropy_quantile": 0.5}])
def test_nothing_is_left_out_where_a_term_acts_on_every_completion(arguments, mix, settings):
    assert not GrpoTrainer(SPARING, mix(), CHAIN, **arguments(**settings)).skips_zero_signal


def test_dynamic_sampling_fills_the_batch_with_groups_that_carry_signal(arguments, mix):
    settings = Grpo(name="grpo", dynamic_sampling=DynamicSampling(draws=8))
    trainer = GrpoTrainer(settings, mix(), CHAIN, **arguments(max_steps=1))
    seen = []
    credited = trainer._generate_and_score_completions
    trainer._generate_and_score_completions = lambda inputs: seen.append(credited(inputs)) or seen[-1]
    trainer.train()
    (output,) = seen
    signal = (output["advantages"].view(4, 4) != 0).any(1)
    assert len(output["completion_ids"]) == 16
    # groups with signal come first; the rest is what the budget did not fill
    assert signal.tolist() == sorted(signal.tolist(), reverse=True)
    assert output["num_items_in_batch"] == output["completion_mask"].sum()
    log = trainer.state.log_history[0]
    assert 1 <= log["dynamic_sampling/draws"] <= 8
    assert 0 <= log["dynamic_sampling/all_right"] + log["dynamic_sampling/all_wrong"] <= 1


def test_a_run_resumes_with_the_reference_that_has_followed_the_policy(arguments, mix, tmp_path):
    def trained(folder, resumed=None):
        checkpoints = Checkpoints(RunFolder(folder))
        checkpoints.resumed = resumed
        following = {"beta": 0.5, "sync_ref_model": True, "ref_model_sync_steps": 1, "ref_model_mixup_alpha": 0.5}
        saving = {"save_strategy": "steps", "save_steps": 2, "output_dir": str(checkpoints.folder.staging)}
        given = arguments(max_steps=4, learning_rate=1e-2, **following, **saving)
        trainer = GrpoTrainer(PLAIN, mix(), CHAIN, callbacks=[checkpoints], **given)
        checkpoints.trainer = trainer
        trainer.train(resume_from_checkpoint=None if resumed is None else str(resumed))
        return weights(trainer), {name: value.clone() for name, value in trainer.ref_model.state_dict().items()}

    whole, reference = trained(tmp_path / "one")
    again, reference_again = trained(tmp_path / "other", tmp_path / "one" / "checkpoints" / "checkpoint-2")
    for name, value in whole.items():
        assert torch.equal(value, again[name]) and torch.equal(reference[name], reference_again[name]), name


def as_trl_scales(rewards, scale, group=4):
    """TRL's advantages of a draw."""
    of_group = torch.tensor(rewards).view(-1, group)
    std = {"group": of_group.std(1, keepdim=True), "batch": torch.tensor(rewards).std()}[scale]
    return ((of_group - of_group.mean(1, keepdim=True)) / (std + 1e-4)).flatten()


@pytest.mark.parametrize("group", [3, 4, 6, 12])
def test_a_group_that_earns_the_same_carries_no_signal_whatever_its_mean_is_rounded_to(arguments, mix, group):
    trainer = GrpoTrainer(Grpo(name="grpo"), mix(), CHAIN, **arguments(num_generations=group, generation_batch_size=48))
    for value in (0.1, 0.3, 0.7, 1.3, -0.6):
        rewards = [value] * group + [value] * (group - 1) + [value + 0.5]
        samples = [judged_sample("1", reward, right=True) for reward in rewards]
        batch = {"advantages": as_trl_scales(rewards, "group", group), "completion_mask": torch.ones(2 * group, 2)}
        advantages = trainer.credit(samples, batch)
        assert (advantages[:group] == 0).all() and torch.equal(advantages[group:], batch["advantages"][group:])
        assert trainer.carries_signal(samples, batch).tolist() == [False, True]


def test_a_batch_of_several_draws_is_scaled_as_one(arguments, mix):
    settings = Grpo(name="grpo", dynamic_sampling=DynamicSampling(draws=2))
    trainer = GrpoTrainer(settings, mix(), CHAIN, **arguments(scale_rewards="batch"))
    first, second = [1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0]
    samples = [judged_sample("1", reward, right=True) for reward in first + second]
    # TRL scaled the first group beside three groups without signal, and the second alone
    draws = [as_trl_scales(first + [0.0] * 12, "batch")[:4], as_trl_scales(second, "batch")]
    advantages = trainer.credit(samples, {"advantages": torch.cat(draws)})
    torch.testing.assert_close(advantages, as_trl_scales(first + second, "batch"))
    assert not torch.allclose(advantages, torch.cat(draws), atol=0.1)


def test_a_curriculum_learns_the_solve_rates(arguments, mix):
    settings = Grpo(name="grpo", curriculum=Curriculum())
    trainer = GrpoTrainer(settings, mix(), CHAIN, **arguments(max_steps=2))
    trainer.train()
    solved = trainer.prompt_sampler.solved
    assert (solved == solved).sum() in (7, 8)  # two draws of four, NaN elsewhere
    assert trainer.stateful.keys() == {"prompts"}


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("in_parts", [False, True])
def test_a_model_with_learnt_positions_counts_them_from_the_first_token(arguments, mix, in_parts, lora):
    from peft import LoraConfig
    from transformers import GPT2Config, GPT2LMHeadModel

    given = arguments()
    torch.manual_seed(0)
    size = len(given["processing_class"])
    given["model"] = GPT2LMHeadModel(GPT2Config(vocab_size=size, n_positions=64, n_embd=16, n_layer=1, n_head=2))
    given["peft_config"] = LoraConfig(r=2, target_modules=["c_attn"], task_type="CAUSAL_LM") if lora else None
    trainer = GrpoTrainer(SPARING if in_parts else PLAIN, mix(), CHAIN, **given)
    trainer.model.eval()
    ids, prompt, width = torch.randint(3, size, (24, 12)), 6, 6
    missing = torch.arange(24) % 5
    mask = (torch.arange(12) >= missing.unsqueeze(1)).long()
    with torch.no_grad():
        found, _, _ = trainer._get_per_token_logps_and_entropies(trainer.model, ids, mask, width)
        for row, left in enumerate(missing.tolist()):
            alone = ids[row : row + 1, left:]  # without padding
            logprobs = trainer.model(input_ids=alone).logits[:, prompt - left - 1 : -1].log_softmax(-1)
            wanted = logprobs.gather(2, alone[:, prompt - left :, None])[0, :, 0]
            torch.testing.assert_close(found[row], wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("prompt", "right"), [("1+2?", True), ("1+2?<think>", False)], ids=["plain", "opens a thought"]
)
def test_the_draft_of_a_thought_that_the_prompt_opened_is_no_answer(arguments, mix, prompt, right):
    trainer = GrpoTrainer(PLAIN, mix(), CHAIN, **arguments())
    row = {**trainer.train_dataset[0], "prompt": prompt, "gold": "3"}
    text = "1+2=3#3"
    ids = [*trainer.processing_class.encode(text, add_special_tokens=False), trainer.processing_class.eos_token_id]
    rewards = trainer._calculate_rewards([row], [prompt], [text], [ids])
    assert trainer.samples[0].thinking is not right
    assert trainer.samples[0].right is right and rewards.tolist() == [[float(right)]]
