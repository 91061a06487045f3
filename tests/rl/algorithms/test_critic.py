import copy

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForTokenClassification

from rl.algorithms.critic import Critic, load_critic
from rl.algorithms.rollouts import Rollouts
from rl.config.online import Critic as CriticSettings
from rl.credit.gae import gae
from rl.errors import UserError

STATES, GAMMA = 4, 0.9
REWARD = np.array([0.0, 1.0, -1.0, 2.0])
"""Paid for arriving in a state."""
TRANSITION = np.array([[0.1, 0.6, 0.2, 0.1], [0.5, 0.1, 0.1, 0.3], [0.2, 0.2, 0.5, 0.1], [0.3, 0.3, 0.3, 0.1]])


def tiny(labels=1):
    config = LlamaConfig(
        vocab_size=STATES + 2, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=64, num_labels=labels, classifier_dropout=0.0, pad_token_id=STATES,
    )  # fmt: skip
    torch.manual_seed(0)
    return config


def chain(rows, width, random):
    """Walks of a Markov chain as rollouts: the prompt is a start mark and the first state, each token the next one."""
    walk = np.empty((rows, width + 1), dtype=int)
    walk[:, 0] = random.integers(STATES, size=rows)
    for t in range(width):
        draws = random.random((rows, 1))
        walk[:, t + 1] = (draws > TRANSITION[walk[:, t]].cumsum(1)).sum(1).clip(max=STATES - 1)
    ids = torch.tensor(walk)
    ones = torch.ones_like(ids)
    prompts = torch.cat([torch.full_like(ids[:, :1], STATES + 1), ids[:, :1]], dim=1)  # or positions could not be told
    return Rollouts(prompts, torch.ones_like(prompts), ids[:, 1:], ones[:, 1:]), torch.tensor(
        REWARD[walk[:, 1:]]
    ).float()


def test_it_learns_the_true_values_of_a_markov_chain():
    width, random = 3, np.random.default_rng(0)
    # by dynamic programming: V_t(s) = sum over s' of P(s'|s) (r(s') + γ V_{t+1}(s')), V_width = 0
    true = [np.zeros(STATES)]
    for _ in range(width):
        true.insert(0, TRANSITION @ (REWARD + GAMMA * true[0]))
    settings = CriticSettings(learning_rate=4e-3, epochs=2, batch=512)
    critic = Critic(LlamaForTokenClassification(tiny()), settings, Accelerator(cpu=True))
    for _ in range(120):
        rollouts, rewards = chain(512, width, random)
        values = critic.values(rollouts)
        returns = values + gae(rewards, values, rollouts.completion_mask, GAMMA, 0.9)
        critic.fit(rollouts, returns, values)
    rollouts, _ = chain(512, width, random)
    states = rollouts.ids[:, 1:-1].numpy()
    wanted = np.stack([true[t][states[:, t]] for t in range(width)], axis=1)
    got = critic.values(rollouts).numpy()
    assert np.abs(got - wanted).mean() < 0.1 < np.abs(wanted - wanted.mean()).mean() / 3


def test_padding_changes_no_value():
    critic = Critic(LlamaForTokenClassification(tiny()), CriticSettings(), Accelerator(cpu=True))
    short = Rollouts(torch.tensor([[1, 2]]), torch.ones(1, 2), torch.tensor([[3, 0]]), torch.ones(1, 2))
    padded = Rollouts(
        torch.tensor([[4, 1, 2], [0, 1, 2]]),
        torch.tensor([[0, 1, 1], [1, 1, 1]]),
        torch.tensor([[3, 0, 4, 4], [1, 2, 3, 0]]),
        torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]]),
    )
    values = critic.values(padded)
    torch.testing.assert_close(values[:1, :2], critic.values(short))
    assert (values[0, 2:] == 0).all()


def test_a_clipped_loss_does_not_pull_a_value_past_the_clip():
    model = LlamaForTokenClassification(tiny())
    rollouts, _ = chain(64, 3, np.random.default_rng(0))
    settings = CriticSettings(learning_rate=1e-2, epochs=30, batch=64, value_clip=0.2)
    critic = Critic(model, settings, Accelerator(cpu=True))
    before = critic.values(rollouts)
    learnt = critic.fit(rollouts, before + 5.0, before)
    assert learnt["clip_fraction"] > 0.5
    assert (critic.values(rollouts) - before).abs().mean() < 1.0


def test_from_the_policy_it_has_its_body_and_says_0_at_first():
    policy = LlamaForCausalLM(tiny())
    model = load_critic("policy", policy)
    assert torch.equal(model.model.embed_tokens.weight, policy.model.embed_tokens.weight)
    critic = Critic(model, CriticSettings(), Accelerator(cpu=True))
    assert (critic.values(chain(4, 3, np.random.default_rng(0))[0]) == 0).all()


def test_from_a_process_reward_model_of_one_label_it_keeps_its_head(tmp_path):
    prm = LlamaForTokenClassification(tiny())
    prm.save_pretrained(tmp_path)
    model = load_critic(str(tmp_path), LlamaForCausalLM(tiny()))
    assert torch.equal(model.score.weight, prm.score.weight)


def test_a_start_that_is_not_there_is_named():
    with pytest.raises(UserError, match="nowhere"):
        load_critic("/nowhere/at/all", LlamaForCausalLM(tiny()))


def test_every_process_starts_with_the_weights_of_the_main_one(monkeypatch):
    monkeypatch.setattr("rl.algorithms.critic.broadcast", lambda tensor: torch.full_like(tensor, 0.25))
    critic = Critic(LlamaForTokenClassification(tiny()), CriticSettings(), Accelerator(cpu=True))
    assert critic.trained and all((parameter == 0.25).all() for parameter in critic.trained)


def test_its_state_restores_it():
    rollouts, rewards = chain(32, 3, np.random.default_rng(0))
    settings = CriticSettings(batch=8, epochs=2)
    one, two = (Critic(LlamaForTokenClassification(tiny()), settings, Accelerator(cpu=True)) for _ in range(2))
    one.fit(rollouts, rewards, rewards * 0)
    two.load_state_dict(copy.deepcopy(one.state_dict()))
    for critic in (one, two):
        critic.fit(rollouts, rewards, rewards * 0)
    assert torch.equal(one.values(rollouts), two.values(rollouts))


def test_one_processs_state_serves_another_whose_order_is_its_own():
    rollouts, rewards = chain(32, 3, np.random.default_rng(0))
    settings, here = CriticSettings(batch=8, epochs=2), Accelerator(cpu=True)
    first, second, resumed = (Critic(LlamaForTokenClassification(tiny()), settings, here, seed) for seed in (0, 1, 1))
    for critic in (first, second):
        critic.fit(rollouts, rewards, rewards * 0)
    begin = torch.cat(list(resumed._batches(32)))
    resumed.load_state_dict(copy.deepcopy(first.state_dict()))
    orders = [torch.cat(list(critic._batches(32))).tolist() for critic in (first, second, resumed)]
    assert orders[2] == orders[1] != orders[0]
    assert orders[2] != begin.tolist()  # another order each pass
