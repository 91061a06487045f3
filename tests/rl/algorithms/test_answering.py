"""Supervised answering between cycles: what it asks, its loss against transformers' own, and whose turn it is."""

import pytest
import torch
from datasets import Dataset

from rewards.parts.rationale import layout
from rewards.sample import Sample
from rl.algorithms.answering import TOLD, answering_batch, is_due
from rl.algorithms.grpo import GrpoTrainer
from rl.algorithms.ppo import PpoTrainer
from rl.config.algorithms import Grpo, Ppo
from rl.config.online import Answering, Critic
from tests.rl.algorithms.test_ppo import Nothing
from verifiers.runtime.verifier import Verifier

CHAIN = Verifier("chain")
ROW = {"prompt": "7*3-4?", "gold": "7"}
BOTH = Answering(qka_weight=1.0, qa_weight=0.25)


def sample(text):
    return Sample(ROW, text, [1], "stop")


def texts_of(batch, tokenizer):
    """Prompt and answer of each row, as texts; an answer that is not asked is None."""
    found = []
    for row in range(len(batch["prompt_ids"])):
        prompt, answer = (
            batch[f"{part}_ids"][row][batch[f"{part}_mask"][row].bool()].tolist() for part in ("prompt", "completion")
        )
        found.append((tokenizer.decode(prompt), tokenizer.decode(answer)) if answer else None)
    return found


def test_the_gold_answer_follows_the_policys_own_statement_and_no_statement(warm):
    tokenizer = warm[1]
    samples = [sample("7*3=2;2-4=8#8"), sample("7*3=1"), sample("#5")]
    batch = answering_batch(samples, BOTH, layout({}, "chain"), tokenizer)
    end = tokenizer.eos_token
    told = [("7*3-4?7*3=2;2-4=8#", f"7{end}"), None, ("7*3-4?#", f"7{end}")]
    assert texts_of(batch, tokenizer) == [*told, ("7*3-4?#", f"7{end}"), None, ("7*3-4?#", f"7{end}")]
    assert batch[TOLD].tolist() == [True] * 3 + [False] * 3
    alone = answering_batch(samples, Answering(), layout({}, "chain"), tokenizer)
    assert texts_of(alone, tokenizer) == told and alone[TOLD].all()


def test_of_choices_the_gold_one_is_taught_as_the_layout_has_it(warm):
    row = {**ROW, "gold": "B", "choices": [{"label": "A", "text": "5"}, {"label": "B", "text": "7"}]}
    batch = answering_batch([Sample(row, "1#5", [1], "stop")], BOTH, layout({}, "chain"), warm[1])
    assert [answer for _, answer in texts_of(batch, warm[1])] == [f"7{warm[1].eos_token}"] * 2


def test_turns_are_counted_in_generation_cycles():
    turns = Answering(policy_cycles=2, answer_cycles=3)
    assert [is_due(turns, cycle) for cycle in range(6)] == [False, False, True, True, True, False]


@pytest.fixture
def trainer(arguments, mix):
    def make(settings, **more):
        given = arguments(per_device_train_batch_size=8, temperature=0.7, **more)
        given["train_dataset"] = Dataset.from_list([ROW] * 8)
        if isinstance(settings, Ppo):
            return PpoTrainer(settings, mix(), CHAIN, Nothing(), **given)
        return GrpoTrainer(settings, mix(), CHAIN, **given)

    return make


@pytest.mark.parametrize("name", ["ppo", "grpo"])
def test_the_loss_of_a_turn_is_the_cross_entropy_of_the_answers(trainer, policy, name):
    given = {"critic": Critic(epochs=1)} if name == "ppo" else {}
    made = trainer((Ppo if name == "ppo" else Grpo)(name=name, answering=BOTH, **given))
    made.current_gradient_accumulation_steps = 1
    made.model.train()
    batch = answering_batch(
        [sample("7*3=2;2-4=8#8"), sample("7*3=1"), sample("7*3=1;1-4=7#7")], BOTH, made.answer_layout, made._tokenizer
    )
    loss = made.compute_loss(made.model, batch)
    model, tokenizer = policy().eval(), made._tokenizer

    def cross_entropy(prompts):
        total = tokens = 0.0
        for prompt in prompts:
            ids = [*tokenizer.encode(f"{prompt}7", add_special_tokens=False), tokenizer.eos_token_id]
            labels = [-100] * (len(ids) - 2) + ids[-2:]
            # a mean over the two tokens of the answer and its end
            total += 2 * model(input_ids=torch.tensor([ids]), labels=torch.tensor([labels])).loss
            tokens += 2
        return total / tokens

    told = cross_entropy(["7*3-4?7*3=2;2-4=8#", "7*3-4?7*3=1;1-4=7#"])
    bare = cross_entropy(["7*3-4?#", "7*3-4?#"])
    assert loss.item() == pytest.approx((told + 0.25 * bare).item(), abs=1e-5)
    assert made._metrics["train"]["answering/qka_loss"] == [pytest.approx(told.item(), abs=1e-5)]
    assert made._metrics["train"]["answering/qa_loss"] == [pytest.approx(bare.item(), abs=1e-5)]
    assert made.temperature == 0.7
    loss.backward()
    (told + 0.25 * bare).backward()
    for one, two in zip(made.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad, atol=1e-5, rtol=1e-4)


def test_ppo_and_answering_take_turns_in_a_run(trainer):
    made = trainer(Ppo(name="ppo", answering=Answering(policy_cycles=2), critic=Critic(epochs=1)), max_steps=6)
    made.train()
    lines = [line for line in made.state.log_history if "loss" in line]
    turns = [("answering/qka_loss" in line, "ppo/approx_kl" in line) for line in lines]
    assert turns == [(False, True), (False, True), (True, False)] * 2
    assert made.cycle == 6


def test_a_turn_of_answering_teaches_the_policy_while_the_critic_warms_up(trainer, policy):
    settings = Ppo(name="ppo", answering=Answering(policy_cycles=1), critic=Critic(epochs=1, warm_up_cycles=2))
    made = trainer(settings, max_steps=1)
    made.train()
    before = policy().state_dict()
    assert all(torch.equal(value, before[name]) for name, value in made.model.state_dict().items())
    made = trainer(settings, max_steps=2)  # the second cycle is one of supervised answering
    made.train()
    assert made.warm_up.left == 1
    assert any(not torch.equal(value, before[name]) for name, value in made.model.state_dict().items())
