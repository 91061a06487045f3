"""A critic of adapters over the policy's base leaves the policy as it was, whatever it does meanwhile."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from rl.algorithms.critic_lora import ADAPTER, LoraCritic

IDS = torch.tensor([[3, 4, 5, 6], [4, 4, 3, 1]])
SIZES = {"vocab_size": 8, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}


@pytest.fixture
def policy():
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SIZES))
    policy = get_peft_model(
        model, LoraConfig(r=2, lora_dropout=0.5, target_modules="all-linear", init_lora_weights=False)
    )
    return policy.train()


def test_the_policys_own_adapter_and_modes_are_back_after_each_pass(policy):
    before = policy.eval()(IDS).logits
    policy.train()
    modes = [module.training for module in policy.modules()]
    critic = LoraCritic(policy)
    values = critic(IDS).logits
    assert policy.active_adapter == "default" and values.shape == (2, 4, 1)
    assert [module.training for module in policy.modules()] == modes
    assert torch.equal(policy.eval()(IDS).logits, before)


def test_its_adapters_are_in_the_policy_only_while_it_runs(policy):
    own = {name for name, _ in policy.named_parameters()}
    critic = LoraCritic(policy)
    for _ in range(2):
        assert {name for name, _ in policy.named_parameters()} == own and ADAPTER not in policy.peft_config
        critic(IDS).logits.sum().backward()
    assert all(parameter.grad is not None for parameter in critic.adapters.values())
    assert all(parameter.requires_grad == ("lora_" in name) for name, parameter in policy.named_parameters())


def test_values_have_no_dropout_also_while_the_policy_trains(policy):
    critic = LoraCritic(policy)
    torch.nn.init.ones_(critic.score.weight)
    assert torch.equal(critic(IDS).logits, critic(IDS).logits)


def test_the_critic_reads_by_its_own_adapters(policy):
    critic = LoraCritic(policy)
    torch.nn.init.ones_(critic.score.weight)
    with torch.no_grad():
        first = critic(IDS).logits
        for name, parameter in policy.named_parameters():
            if ".default." in name:
                parameter.add_(1.0)
        assert torch.equal(critic(IDS).logits, first)
        for parameter in critic.adapters.values():
            parameter.add_(1.0)
        assert not torch.allclose(critic(IDS).logits, first)
