"""Whole trainers on given instead of sampled completions: credit, with numbers computed by hand."""

import itertools

import pytest
import torch
from datasets import Dataset
from transformers import LlamaForCausalLM

from rewards.building.build import build as build_mix
from rewards.models.prompts import prompt_ids
from rewards.parts.context import Context
from rewards.sample import Judgement, Sample
from rl.algorithms.critic import load_critic
from rl.algorithms.grpo import GrpoTrainer
from rl.algorithms.ppo import PpoTrainer
from rl.algorithms.rollouts import Rollouts
from rl.config.algorithms import Critic, Curriculum, Grpo, Ppo
from tests.rl.algorithms.test_ppo import Nothing
from verifiers.runtime.verifier import Verifier

CHAIN = Verifier("chain")
ROW = {"prompt": "7*3-4?", "gold": "7"}
RIGHT, WRONG = "7*3=1;1-4=7#7", "7*3=2;2-4=8#8"
HERE = "tests.rl.algorithms.test_assembled:"


def wrong_pays(completions, **columns):
    """1 for a wrong completion, 0 for a right one."""
    return [float(text == WRONG) for text in completions]


def abstains_on_ends_with_9(completions, **columns):
    """The last digit over ten; it abstains on 9."""
    return [None if text.endswith("9") else int(text[-1]) / 10 for text in completions]


def last_digit(completions, **columns):
    """The last digit over ten."""
    return [int(text[-1]) / 10 for text in completions]


@pytest.fixture
def assembled(arguments, mix, policy):
    """Makes a trainer on copies of one row whose completions are the given texts, over and over; eight a batch."""

    def make(settings, texts=(RIGHT,), rewards=None, critic=None, **trainer):
        given = arguments(per_device_train_batch_size=8, **trainer)
        given["train_dataset"] = Dataset.from_list([ROW] * 8)
        if isinstance(settings, Ppo):
            made = PpoTrainer(settings, mix(**rewards or {}), CHAIN, critic or Nothing(), **given)
        else:
            made = GrpoTrainer(settings, mix(**rewards or {}), CHAIN, **given)
        tokenizer, left = given["processing_class"], itertools.cycle(texts)

        def completions(prompt_ids, *_, **__):
            texts = [next(left) for _ in prompt_ids]
            return [[*tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id] for text in texts], None

        made._generate_single_turn = completions
        made.model.train()
        return made

    return make


def rewarded(reward, tokens=2):
    """A sample with the given number of tokens and reward; None for no reward."""
    value = Judgement(reward, "abstained" if reward is None else "judged", contribution=reward)
    return Sample(ROW, "abc", list(range(tokens)), "stop", reward=reward, rewards={"correctness": value})


def tokens(*lengths):
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)).long()
    return {"completion_ids": torch.zeros_like(mask), "completion_mask": mask}


PLAIN = {"name": "ppo", "lambda_": 1.0, "whiten_advantages": False}


def test_ppo_takes_the_log_ratio_to_the_reference_off_the_reward(assembled):
    trainer = assembled(Ppo(**PLAIN, kl=2.0))
    ratio = torch.tensor([[0.5, -0.25], [1.0, 0.0]])
    credited = trainer.credit([rewarded(1.0), rewarded(0.0)], tokens(2, 2), torch.zeros(2, 2), ratio)
    # R_t = r_t - 2 log ratio is (-1, 1.5) and (-2, 0); with γ = λ = 1 and V = 0 the advantage is the reward to go
    assert credited.advantages_BT.tolist() == [[0.5, 1.5], [-2.0, 0.0]]


def test_ppos_log_ratio_is_that_of_the_policy_to_the_reference(assembled, policy):
    trainer = assembled(Ppo(**PLAIN, kl=0.5))
    batch = trainer.next_batch([ROW] * 8)
    with torch.no_grad():
        trainer.model.lm_head.weight.mul_(1.3)
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)[:1]
    width = batch["completion_ids"].shape[1]
    with torch.no_grad():
        now, before = (
            model.eval()(input_ids=ids).logits[:, -width - 1 : -1].log_softmax(-1).gather(2, ids[:, -width:, None])[0]
            for model in (trainer.model, policy())
        )
    found = trainer._log_ratio_to_reference(batch)[0]
    torch.testing.assert_close(found, (now - before)[:, 0] * batch["completion_mask"][0], atol=1e-4, rtol=1e-4)
    assert found.abs().max() > 0.01


@pytest.mark.parametrize("beta", [0.0, 0.25])
def test_ppos_penalty_in_the_reward_leaves_the_loss_as_it_was(assembled, beta):
    trainer, plain = assembled(Ppo(**PLAIN, kl=0.5), beta=beta), assembled(Ppo(**PLAIN), beta=beta)
    assert trainer.beta == trainer.args.beta == beta and trainer.ref_model is not None
    batch = plain.next_batch([ROW] * 8)
    losses = []
    for one in (trainer, plain):
        one.current_gradient_accumulation_steps = 1
        with torch.no_grad():
            one.model.lm_head.weight.mul_(1.3)
        losses.append(one.compute_loss(one.model, batch).item())
    assert losses[0] == losses[1]


def test_ppos_critic_learns_returns_by_a_lambda_of_its_own(assembled):
    trainer = assembled(Ppo(**{**PLAIN, "lambda_": 0.0}, lambda_critic=1.0))
    credited = trainer.credit([rewarded(1.0)], tokens(2), torch.tensor([[0.5, 0.25]]))
    # λ = 0: δ = (0 + 0.25 - 0.5, 1 - 0.25); λ = 1: what is still to come, 1 from either token
    assert credited.advantages_BT.tolist() == [[-0.25, 0.75]] and credited.returns_BT.tolist() == [[1.0, 1.0]]
    one_lambda = assembled(Ppo(**{**PLAIN, "lambda_": 0.0}))
    credited = one_lambda.credit([rewarded(1.0)], tokens(2), torch.tensor([[0.5, 0.25]]))
    assert credited.returns_BT.tolist() == [[0.25, 1.0]]


def test_ppo_discounts_by_gamma(assembled):
    credited = assembled(Ppo(**PLAIN, gamma=0.5)).credit([rewarded(1.0, 3)], tokens(3), torch.zeros(1, 3))
    assert credited.advantages_BT.tolist() == [[0.25, 0.5, 1.0]]


def test_whitened_rewards_are_scaled_and_not_shifted(assembled):
    trainer = assembled(Ppo(**PLAIN, whiten_rewards=True, kl=1.0))
    samples, ratio = [rewarded(2.0, 1), rewarded(6.0, 1), rewarded(None, 1)], torch.tensor([[0.0], [0.5], [0.0]])
    credited = trainer.credit(samples, tokens(1, 1, 1), torch.zeros(3, 1), ratio)
    # the standard deviation of 2 and 6 is 2; the penalty comes after
    assert credited.advantages_BT[:, 0].tolist() == pytest.approx([1.0, 2.5, 0.0])


def test_a_completion_of_which_nothing_is_known_teaches_neither_ppos_policy_nor_its_critic(assembled):
    values = torch.tensor([[0.5, 0.5], [9.0, 9.0]])
    trainer = assembled(Ppo(**PLAIN))
    credited = trainer.credit([rewarded(1.0), rewarded(None)], tokens(2, 2), values)
    assert credited.mask_BT.tolist() == [[1, 1], [0, 0]]
    assert credited.advantages_BT.tolist() == [[0.5, 0.5], [0.0, 0.0]]
    # whitening counts the tokens of what is known alone: their mean is taken off, and the unknown stay at 0
    whitening = assembled(Ppo(**{**PLAIN, "whiten_advantages": True}))
    credited = whitening.credit([rewarded(1.0), rewarded(None)], tokens(2, 2), torch.tensor([[0.5, 0.0], [9.0, 9.0]]))
    assert whitening._for_policy(credited).tolist() == [pytest.approx([-1.0, 1.0]), [0.0, 0.0]]


def test_ppos_critic_is_not_held_to_its_values_of_completions_of_which_nothing_is_known(assembled):
    silent = {"correctness": {"weight": 0.0}, "digit": {"function": f"{HERE}abstains_on_ends_with_9"}}
    trainer = assembled(Ppo(**PLAIN), [RIGHT, RIGHT, RIGHT, "7*3=1;1-4=9#9"], silent)
    trainer.next_batch([ROW] * 8)
    assert trainer.critic_batch.rollouts.completion_mask.any(1).tolist() == [True, True, True, False] * 2


def test_ppos_critic_is_cut_where_it_leaves_its_own_values_at_sampling(assembled):
    class Constant(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.value = torch.nn.Parameter(torch.zeros(()))

        def forward(self, input_ids, **_):
            return type("Output", (), {"logits": self.value.expand(*input_ids.shape, 1)})

    settings = Ppo(**PLAIN, critic=Critic(value_clip=0.2, epochs=1))
    trainer = assembled(settings, critic=Constant())
    ones = torch.ones(1, 2, dtype=torch.long)
    rollouts = Rollouts(ones, ones, ones, ones)
    learnt = trainer.critic.fit(rollouts, torch.tensor([[0.1, 2.0]]), torch.tensor([[-1.0, 1.0]]))
    # V = 0. First token: V_old = -1 and R = 0.1; max(0.1², (-1 + 0.2 - 0.1)²) = 0.81.
    # Second: V_old = 1 and R = 2; max(2², (1 - 0.2 - 2)²) = 4. Half the mean is 4.81 / 4.
    assert learnt["value_loss"] == pytest.approx(4.81 / 4)
    assert learnt["clip_fraction"] == 0.5


@pytest.mark.parametrize(
    "algorithm", [Grpo(name="grpo", curriculum=Curriculum()), Ppo(**PLAIN, curriculum=Curriculum())]
)
def test_a_prompt_is_solved_by_the_verifier_and_not_by_the_mix(assembled, algorithm):
    rewards = {"correctness": {"weight": 0.0}, "odd": {"function": f"{HERE}wrong_pays"}}
    trainer = assembled(algorithm, [RIGHT, WRONG, WRONG, WRONG], rewards)
    trainer._draw_groups(2)
    assert trainer.mix.rewards and [one.reward for one in trainer.samples] == [0.0, 1.0, 1.0, 1.0] * 2
    drawn = trainer.prompt_sampler.solved
    assert drawn[drawn == drawn].tolist() == [0.25, 0.25]
    # p (1 - p) scaled to 1 at a half: 4 x 0.25 x 0.75
    assert sorted(trainer.prompt_sampler.weights())[:2] == pytest.approx([0.75, 0.75])


@pytest.mark.parametrize("algorithm", [Grpo(name="grpo"), Ppo(**PLAIN)])
@pytest.mark.parametrize("credit", [None, "sum"])
def test_groups_carry_signal_where_their_completions_earn_differently(assembled, algorithm, credit):
    steps = {} if credit is None else {"steps": {"kind": "steps", "credit": credit}}
    trainer = assembled(algorithm, [RIGHT] * 4 + [RIGHT, WRONG, RIGHT, WRONG], steps)
    batch, samples = trainer.sample_and_judge([ROW] * 8)
    assert trainer.carries_signal(samples, batch).tolist() == [False, True]


@pytest.mark.parametrize("algorithm", [Grpo(name="grpo"), Ppo(**PLAIN)])
def test_what_abstains_gives_no_group_a_signal(assembled, algorithm):
    rewards = {"correctness": {"weight": 0.0}, "digit": {"function": f"{HERE}abstains_on_ends_with_9"}}
    trainer = assembled(algorithm, ["1#7", "1#7", "1#9", "1#7", "1#7", "1#6", "1#9", "1#7"], rewards)
    batch, samples = trainer.sample_and_judge([ROW] * 8)
    assert [one.reward for one in samples[:4]] == [0.7, 0.7, None, 0.7]
    assert trainer.carries_signal(samples, batch).tolist() == [False, True]


@pytest.mark.parametrize("algorithm", [Grpo(name="grpo"), Ppo(**PLAIN)])
@pytest.mark.parametrize("steps", [{}, {"steps": {"kind": "steps", "credit": "sum"}}])
def test_what_the_loss_masks_gives_no_group_a_signal(assembled, algorithm, steps):
    trainer = assembled(algorithm, [RIGHT, WRONG], steps)
    batch, samples = trainer.sample_and_judge([ROW] * 8)
    batch["completion_mask"] = batch["completion_mask"] * torch.tensor([[0], [0], [0], [0], [1], [1], [1], [1]])
    assert trainer.carries_signal(samples, batch).tolist() == [False, True]


def test_an_abstention_counts_as_its_groups_mean_in_the_advantage(assembled):
    rewards = {"digit": {"function": f"{HERE}abstains_on_ends_with_9", "weight": 1.0}}
    trainer = assembled(Grpo(name="grpo"), ["1#1", "1#3", "1#9", "1#5"], rewards, scale_rewards="none")
    batch = trainer.next_batch([ROW] * 8)
    # digits over ten 0.1, 0.3, 0.5 and, for the abstention, their mean 0.3; correctness is 0 for all
    assert batch["advantages"][:4].tolist() == pytest.approx([-0.2, 0.0, 0.0, 0.2])


def test_grpo_divides_by_what_scale_rewards_says(assembled):
    rewards = {"correctness": {"weight": 0.0}, "digit": {"function": f"{HERE}last_digit"}}
    digits = [1, 3, 3, 5, 2, 2, 4, 4]
    values = torch.tensor(digits) / 10
    centred = values - torch.tensor([0.3] * 8)
    for scale, std in {
        "none": None,
        "group": values.view(2, 4).std(1).repeat_interleave(4),
        "batch": values.std(),
    }.items():
        trainer = assembled(Grpo(name="grpo"), [f"1#{digit}" for digit in digits], rewards, scale_rewards=scale)
        wanted = centred if std is None else centred / (std + 1e-4)
        torch.testing.assert_close(trainer.next_batch([ROW] * 8)["advantages"], wanted, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_credit_by_steps_is_outcome_credit_where_a_completion_is_masked_for_being_cut_off(assembled, scale):
    """As in TRL, a truncated completion is part of its group's baseline, and has no advantage in the loss."""
    digits = ["1#1", "1#3", "1#3", "1#6", "1#2", "1#2", "1#4", "1#4"]
    rewards = {"correctness": {"weight": 0.0}, "digit": {"function": f"{HERE}last_digit"}}
    plain = assembled(Grpo(name="grpo"), digits, rewards, scale_rewards=scale)
    stepwise = assembled(
        Grpo(name="grpo"), digits, {**rewards, "steps": {"kind": "steps", "credit": "sum", "weight": 0.0}},
        scale_rewards=scale,
    )  # fmt: skip
    keep = torch.tensor([1, 1, 1, 0, 1, 1, 1, 1])
    found = []
    for trainer in (plain, stepwise):
        batch, samples = trainer.sample_and_judge([ROW] * 8)
        batch["completion_mask"] = batch["completion_mask"] * keep.unsqueeze(1)
        advantages = trainer.credit(samples, batch)
        advantages_BT = advantages.unsqueeze(1) if advantages.dim() == 1 else advantages
        found.append(advantages_BT * batch["completion_mask"])
    torch.testing.assert_close(found[1], found[0], atol=1e-5, rtol=1e-4)
    assert found[0][0].abs().max() > 0.1 and (found[0][3] == 0).all()


def test_while_ppos_critic_warms_up_no_term_moves_the_policy(assembled, policy):
    settings = Ppo(**PLAIN, critic=Critic(warm_up_cycles=1))
    trainer = assembled(settings, [RIGHT, WRONG], weight_decay=0.1, entropy_coef=0.1, max_steps=1)
    trainer.train()
    before = policy().state_dict()
    assert all(torch.equal(value, before[name]) for name, value in trainer.model.state_dict().items())


def test_after_the_warm_up_the_policy_learns(assembled, policy):
    settings = Ppo(**PLAIN, critic=Critic(warm_up_cycles=1))
    trainer = assembled(settings, [RIGHT, WRONG], max_steps=2)
    trainer.train()
    before = policy().state_dict()
    assert any(not torch.equal(value, before[name]) for name, value in trainer.model.state_dict().items())


@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_lora_critic_has_the_gradients_of_one_without_gradient_checkpointing(arguments, mix, checkpointing):
    from peft import LoraConfig

    torch.manual_seed(0)
    lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", lora_dropout=0.3)
    given = arguments(max_steps=1, gradient_checkpointing=checkpointing)
    trainer = PpoTrainer(Ppo(**PLAIN, critic=Critic(lora=True)), mix(), CHAIN, None, peft_config=lora, **given)
    critic = trainer.critic
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        adapters = [p for name, p in trainer.model.named_parameters() if "lora_" in name]
        for parameter in [*adapters, *critic.model.adapters.values()]:  # the policy's differ from the critic's
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
        critic.model.score.weight.copy_(torch.randn(critic.model.score.weight.shape, generator=generator))
    trainer.model.train()
    ids = torch.randint(3, 12, (4, 8), generator=generator)
    ones = torch.ones_like(ids)
    rollouts = Rollouts(ids[:, :3], ones[:, :3], ids[:, 3:], ones[:, 3:])
    values = critic._forward(rollouts, torch.arange(4))
    values.square().sum().backward()
    first = critic.trained[0]
    place = (0, 0)
    slope = first.grad[place].item()
    # by differences, with nothing of autograd in between
    step, sums = 1e-2, []
    for sign in (1, -1):
        with torch.no_grad():
            first[place] += sign * step
            sums.append(critic.values(rollouts).square().sum().item())
            first[place] -= sign * step
    assert slope == pytest.approx((sums[0] - sums[1]) / (2 * step), rel=0.05, abs=1e-3)
    assert torch.equal(critic.values(rollouts), critic.values(rollouts))  # no dropout
    assert trainer.model.training


def test_the_critic_starts_at_zero_so_that_the_first_advantages_are_returns(assembled, policy):
    assert isinstance(policy(), LlamaForCausalLM)
    trainer = assembled(Ppo(**PLAIN), [RIGHT, WRONG], critic=load_critic("policy", policy()))
    batch = trainer.next_batch([ROW] * 8)
    wanted = torch.tensor([1.0, 0.0] * 4).unsqueeze(1) * batch["completion_mask"]
    torch.testing.assert_close(batch["advantages"], wanted)


@pytest.fixture
def taught(mix, policy, warm, tmp_path):
    """A teacher reward as `assembled` builds them: by a model with weights of its own. And the log-ratio of a text."""
    torch.manual_seed(5)
    other = LlamaForCausalLM(warm[0].config)
    for part in (other, warm[1]):
        part.save_pretrained(tmp_path / "other")
    context = Context(CHAIN, policy=lambda: warm)

    def made(weight=1.0, outcome=1.0):
        teacher = {"model": str(tmp_path / "other"), "weight": weight, "credit": "token"}
        return build_mix({"correctness": {"weight": outcome}, "teacher": teacher}, context)

    def ratios(text):
        ids = [*warm[1].encode(text, add_special_tokens=False), warm[1].eos_token_id]
        before = prompt_ids(ROW["prompt"], warm[1])
        with torch.no_grad():
            logps = [
                model(input_ids=torch.tensor([before + ids])).logits[0, len(before) - 1 : -1].log_softmax(-1)
                for model in (other.eval(), warm[0].eval())
            ]
        return (logps[0] - logps[1])[torch.arange(len(ids)), torch.tensor(ids)]

    return made, ratios


def test_grpo_adds_the_log_ratio_of_each_token_to_the_advantage_of_its_group(assembled, taught):
    made, ratios = taught
    texts = (RIGHT, WRONG, "1#1", WRONG)
    trainer = assembled(Grpo(name="grpo"), texts)
    trainer.mix = made(weight=0.25)
    batch = trainer.next_batch([ROW] * 8)
    of_group = torch.tensor([0.75, -0.25, -0.25, -0.25]) / (0.5 + 1e-4)  # one of four is right
    for line, text in enumerate(texts):
        wanted = of_group[line] + 0.25 * ratios(text)
        assert torch.allclose(batch["advantages"][line, : len(wanted)], wanted, atol=1e-4)
        assert (batch["advantages"][line, len(wanted) :] == 0).all()


def test_with_the_teacher_alone_the_advantage_is_the_log_ratio_itself(assembled, taught):
    made, ratios = taught
    trainer = assembled(Grpo(name="grpo"), (WRONG,))
    trainer.mix = made(outcome=0.0)
    batch = trainer.next_batch([ROW] * 8)
    assert torch.allclose(batch["advantages"][3], ratios(WRONG), atol=1e-4)
    assert trainer.carries_signal(trainer.samples, batch).all()


def test_ppo_takes_the_log_ratio_into_the_reward_of_each_token(assembled, taught):
    made, ratios = taught
    trainer = assembled(Ppo(**PLAIN), (RIGHT, "1#1"))
    trainer.mix = made(weight=0.5)
    batch = trainer.next_batch([ROW] * 8)
    for line, (text, outcome) in enumerate(((RIGHT, 1.0), ("1#1", 0.0))):
        to_go = outcome + 0.5 * ratios(text).flip(0).cumsum(0).flip(0)  # the critic of these tests says 0 everywhere
        assert torch.allclose(batch["advantages"][line, : len(to_go)], to_go, atol=1e-4)


ON_RATIONALE = {"kind": "correctness", "credit_on": "rationale"}


def test_ppo_learns_nothing_of_the_answer_from_a_reward_on_the_rationale(assembled):
    settings = Ppo(name="ppo", gamma=0.5, lambda_=1.0, whiten_advantages=False, kl=1.0)
    trainer = assembled(settings, (RIGHT, WRONG), {"correctness": {"weight": 0.0}, "mine": ON_RATIONALE})
    batch = trainer.next_batch([ROW] * 8)
    width = batch["completion_ids"].shape[1]
    ratio = torch.full((8, width), 0.25)
    credited = trainer.credit(trainer.samples, batch, torch.ones(8, width), ratio)
    right = next(row for row, one in enumerate(trainer.samples) if one.text == RIGHT)
    # 12 tokens to the marker, V = 1 and γ = 0.5: A_t = Σ_s 0.5^(s-t) R_s - 1 with R = -0.25, and 0.75 at the last
    to_go = 0.75
    for t in reversed(range(12)):
        assert credited.advantages_BT[right, t].item() == pytest.approx(to_go - 1.0)
        to_go = 0.5 * to_go - 0.25
    assert credited.mask_BT[right].tolist() == [1] * 12 + [0] * (width - 12)
    assert not credited.advantages_BT[right, 12:].any()
    # the whole batch: what TRL's loss gets is zero after the marker, and the critic does not learn there
    assert not batch["advantages"][right, 12:].any() and batch["advantages"][right, :12].any()
    assert trainer.critic_batch.rollouts.completion_mask[right].sum() == 12


def test_grpos_advantage_of_a_reward_on_the_rationale_ends_with_it(assembled):
    settings, seen = Grpo(name="grpo"), {"correctness": {"weight": 0.0}}
    trainer = assembled(settings, (RIGHT, WRONG), {**seen, "mine": ON_RATIONALE})
    limited = trainer.next_batch([ROW] * 8)["advantages"]
    plain = assembled(settings, (RIGHT, WRONG), {**seen, "mine": {"kind": "correctness"}})
    whole = plain.next_batch([ROW] * 8)["advantages"]
    for row, one in enumerate(trainer.samples):
        end = one.text.index("#") + 1
        torch.testing.assert_close(limited[row, :end], whole[row].expand(end), atol=1e-4, rtol=1e-4)
        assert not limited[row, end:].any()
    assert limited.any()
