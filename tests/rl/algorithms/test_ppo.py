from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModelForTokenClassification

from rl.algorithms.critic import load_critic
from rl.algorithms.ppo import Credited, PpoTrainer
from rl.config.algorithms import Critic, Ppo
from verifiers.runtime.verifier import Verifier

CHAIN = Verifier("chain")


class Nothing(torch.nn.Module):
    """A critic that returns 0 and cannot learn."""

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, input_ids, **_):
        logits = self.unused * torch.zeros(*input_ids.shape, 1)
        return type("Output", (), {"logits": logits})


def first_batch(trainer):
    seen = []
    next_batch = trainer.next_batch

    def watched(rows):
        batch = next_batch(rows)
        seen.append((batch, batch["advantages"]))
        return batch

    trainer.next_batch = watched
    trainer.train()
    return seen[0]


def test_with_a_zero_critic_lambda_1_and_outcome_reward_it_is_reinforce(arguments, mix, policy):
    settings = Ppo(name="ppo", lambda_=1.0, whiten_advantages=False, critic=Critic(epochs=1))
    half = {"function": "tests.rl.algorithms.test_ppo:halves"}
    trainer = PpoTrainer(settings, mix(half=half), CHAIN, Nothing(), **arguments(max_steps=1, learning_rate=0.0))
    output, advantages = first_batch(trainer)
    rewards = torch.tensor([one.reward for one in trainer.samples])
    mask = output["completion_mask"]
    torch.testing.assert_close(advantages, rewards.unsqueeze(1) * mask)
    # REINFORCE: the gradient of -sum of r log π(a) over tokens, over the number of tokens
    model = policy()
    ids = torch.cat([output["prompt_ids"], output["completion_ids"]], dim=1)
    attention = torch.cat([output["prompt_mask"], mask], dim=1)
    logits = model(input_ids=ids, attention_mask=attention).logits[:, -mask.shape[1] - 1 : -1]
    logps = logits.log_softmax(-1).gather(2, output["completion_ids"].unsqueeze(2)).squeeze(2)
    (-(rewards.unsqueeze(1) * logps * mask).sum() / mask.sum()).backward()
    trainer.current_gradient_accumulation_steps = 1
    trainer.model.zero_grad()
    trainer.compute_loss(trainer.model, {**output, "advantages": advantages}).backward()
    for (name, ours), theirs in zip(trainer.model.named_parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6, msg=name)


def halves(completions, **columns):
    return [float(place % 2) for place in range(len(completions))]


def test_advantages_are_whitened_over_the_tokens(arguments, mix, policy):
    settings = Ppo(name="ppo")
    half = {"function": "tests.rl.algorithms.test_ppo:halves"}
    trainer = PpoTrainer(settings, mix(half=half), CHAIN, load_critic("policy", policy()), **arguments(max_steps=1))
    output, advantages = first_batch(trainer)
    kept = advantages[output["completion_mask"].bool()]
    assert kept.mean().item() == pytest.approx(0.0, abs=1e-5)
    assert kept.std(unbiased=False).item() == pytest.approx(1.0, abs=1e-4)
    assert (advantages[~output["completion_mask"].bool()] == 0).all()


def test_while_the_critic_warms_up_the_policy_stays_as_it_is(arguments, mix, policy):
    settings = Ppo(name="ppo", critic=Critic(warm_up_cycles=2))
    half = {"function": "tests.rl.algorithms.test_ppo:halves"}
    trainer = PpoTrainer(settings, mix(half=half), CHAIN, load_critic("policy", policy()), **arguments(max_steps=2))
    before = policy().state_dict()
    value_before = {name: value.clone() for name, value in trainer.critic.model.state_dict().items()}
    trainer.train()
    assert all(torch.equal(before[name], value) for name, value in trainer.model.state_dict().items())
    after = trainer.critic.model.state_dict()
    assert any(not torch.equal(value, after[name]) for name, value in value_before.items())


def test_the_kl_penalty_in_the_reward_is_the_log_ratio_to_the_reference(arguments, mix, policy):
    plain = Ppo(name="ppo", kl=0.0, whiten_advantages=False, lambda_=1.0)
    penalised = plain.model_copy(update={"kl": 0.5})
    trainer = PpoTrainer(penalised, mix(), CHAIN, Nothing(), **arguments(max_steps=1))
    assert trainer.beta == 0.0 and trainer.ref_model is not None
    output, advantages = first_batch(trainer)
    # before the first step the policy is its reference: no penalty, and the return is the outcome alone
    wanted = torch.tensor([one.reward for one in trainer.samples]).unsqueeze(1) * output["completion_mask"]
    torch.testing.assert_close(advantages, wanted, atol=1e-4, rtol=0)


def test_the_standard_names_are_logged(arguments, mix, policy):
    settings = Ppo(name="ppo")
    steps = {"kind": "correctness", "credit": "min", "weight": 0.5}
    trainer = PpoTrainer(
        settings, mix(steps=steps), CHAIN, load_critic("policy", policy()), **arguments(max_steps=2, num_iterations=2)
    )
    trainer.train()
    names = set().union(*trainer.state.log_history)
    assert {"critic/value_loss", "critic/explained_variance", "ppo/returns_mean", "ppo/advantages_std"} <= names
    assert {"ppo/approx_kl", "ppo/clip_fraction", "entropy"} <= names


def test_the_critic_is_no_part_of_the_exported_policy(arguments, mix, policy, tmp_path):
    trainer = PpoTrainer(Ppo(name="ppo"), mix(), CHAIN, load_critic("policy", policy()), **arguments(max_steps=1))
    trainer.train()
    trainer.save_model(str(tmp_path / "model"))
    assert AutoModelForTokenClassification.from_pretrained(tmp_path / "model").score.weight.shape[0] == 2
    assert not list((tmp_path / "model").glob("*critic*"))


def test_a_lora_critic_shares_the_policys_frozen_base(arguments, mix, tmp_path):
    from peft import LoraConfig

    given = arguments(max_steps=2)
    base = {name: value.clone() for name, value in given["model"].state_dict().items()}
    settings = Ppo(name="ppo", critic=Critic(lora=True, epochs=1))
    lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    half = {"function": "tests.rl.algorithms.test_ppo:halves"}
    trainer = PpoTrainer(settings, mix(half=half), CHAIN, None, peft_config=lora, **given)
    trained = trainer.critic.trained
    before = [parameter.clone() for parameter in trained]
    trainer.train()
    assert any(not torch.equal(old, new) for old, new in zip(before, trained, strict=True))
    policys = [p for group in trainer.optimizer.param_groups for p in group["params"]]
    assert not {id(p) for p in policys} & {id(p) for p in trained}
    assert any((p != 0).any() for name, p in trainer.model.named_parameters() if "lora_B.default" in name)
    now = {
        name.replace("base_model.model.", "").replace(".base_layer", ""): v
        for name, v in trainer.model.named_parameters()
    }
    assert all(torch.equal(value, now[name]) for name, value in base.items() if name in now)
    trainer.save_model(str(tmp_path / "model"))
    assert not (tmp_path / "model" / "critic").exists()


@pytest.mark.parametrize("lora", [False, True], ids=["a critic of its own", "a critic of adapters"])
def test_prompts_that_are_run_once_change_neither_the_policy_nor_the_critic(arguments, mix, policy, lora):
    from peft import LoraConfig

    def trained(share):
        settings = Ppo(name="ppo", kl=0.1, share_prompts=share, critic=Critic(lora=lora, epochs=2))
        torch.manual_seed(0)
        critic = None if lora else load_critic("policy", policy())
        adapters = {"peft_config": LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")} if lora else {}
        given = arguments(max_steps=2, num_iterations=2)
        trainer = PpoTrainer(settings, mix(), CHAIN, critic, **adapters, **given)
        trainer.train()
        return trainer

    shared, plain = trained(True), trained(False)
    for name in ("critic/value_loss", "critic/explained_variance", "ppo/approx_kl", "loss"):
        wanted = [row[name] for row in plain.state.log_history if name in row]
        assert wanted
        assert [row[name] for row in shared.state.log_history if name in row] == pytest.approx(
            wanted, rel=1e-3, abs=1e-6
        )
    for (name, one), two in zip(shared.model.named_parameters(), plain.model.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4, msg=name)


def test_the_explained_variance_is_one_minus_the_share_of_the_returns_variance_that_is_left():
    logged = {}
    trainer = SimpleNamespace(accelerator=SimpleNamespace(reduce=lambda sums, reduction: sums))
    trainer.record = logged.__setitem__
    trainer._moments = lambda values, mask: PpoTrainer._moments(trainer, values, mask)  # pyright: ignore
    returns, mask = torch.tensor([[1.0, 3.0, 9.0]]), torch.tensor([[1, 1, 0]])
    values, advantages = torch.tensor([[1.0, 2.0, 7.0]]), torch.tensor([[0.0, 1.0, 5.0]])
    PpoTrainer._record_credit(trainer, Credited(advantages, returns, mask), values)  # pyright: ignore
    # the returns are 1 and 3, of variance 1; what is left, 0 and 1, has variance 1/4
    assert logged["critic/explained_variance"] == pytest.approx(0.75)
    assert (logged["ppo/returns_mean"], logged["critic/value_mean"]) == (pytest.approx(2.0), pytest.approx(1.5))
    assert logged["ppo/advantages_std"] == pytest.approx(0.5)
