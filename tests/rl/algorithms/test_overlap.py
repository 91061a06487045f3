"""Rewards beside drawing: by which weights each batch is drawn and corrected, and that no clock decides anything."""

import copy
import inspect
import threading
from pathlib import Path

import pytest
import torch
from peft import LoraConfig
from trl.trainer.grpo_trainer import GRPOTrainer

import rewards
from rewards.mixing.time_limit import Running
from rewards.models.generate import Generated, SamplingParameters
from rewards.models.logprobs import token_logprobs
from rewards.reward import RewardBroken
from rl.algorithms import overlap
from rl.algorithms.critic import load_critic
from rl.algorithms.grpo import GrpoTrainer
from rl.algorithms.policy_loss import clipped_policy_loss
from rl.algorithms.ppo import PpoTrainer
from rl.config.algorithms import Critic, Curriculum, Grpo, Ppo
from rl.errors import UserError
from rl.runs.online import OnlineRun
from rl.sampling.from_engine import FromEngine
from tests.rl.algorithms.test_ppo import Nothing
from verifiers.runtime.verifier import Verifier

CHAIN = Verifier("chain")
LORA = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
HALF = {"function": "tests.rl.algorithms.test_ppo:halves"}
"""A reward that differs in every group, so that every batch has a signal."""


def grpo(arguments, mix, **settings):
    return GrpoTrainer(Grpo(name="grpo", **settings), mix, CHAIN, **arguments)


def watched(trainer, policy):
    """Lists of the policies at each draw, and of each micro-batch with the policy that learns from it and the loss."""
    draws, learnt = [], []
    generate, loss = trainer._generate, trainer._compute_loss

    def now():
        model = policy()  # plain, where TRL changes methods of its own
        model.load_state_dict(trainer.model.state_dict())
        return model

    def generating(prompts):
        draws.append(now())
        return generate(prompts)

    def losing(model, inputs):
        value = loss(model, inputs)
        learnt.append((now(), inputs, value.detach()))
        return value

    trainer._generate, trainer._compute_loss = generating, losing
    return draws, learnt


def logprobs(model, inputs):
    """Of the completions' tokens, by a plain pass."""
    ids, mask = (torch.cat([inputs[f"prompt_{of}"], inputs[f"completion_{of}"]], 1) for of in ("ids", "mask"))
    width = inputs["completion_ids"].shape[1]
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=mask).logits[:, -width - 1 : -1]
    return logits.log_softmax(-1).gather(2, inputs["completion_ids"].unsqueeze(2)).squeeze(2)


def same_weights(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def log_of(trainer):
    timed = ("time", "seconds", "runtime", "per_second")
    return [{k: v for k, v in row.items() if not any(t in k for t in timed)} for row in trainer.state.log_history]


def test_a_batch_is_drawn_by_the_weights_before_the_last_update_and_corrected_for_it(arguments, mix, policy):
    given = arguments(max_steps=4, learning_rate=3e-3, lr_scheduler_type="constant", epsilon=0.01)
    trainer = grpo(given, mix(half=HALF), overlap=True)
    draws, learnt = watched(trainer, policy)
    trainer.train()
    assert len(draws) == len(learnt) == 4  # two draws in the first cycle, and none in the last
    for step, (model, inputs, loss) in enumerate(learnt):
        drew = draws[step]
        before_the_last_update = learnt[max(step - 1, 0)][0]
        assert same_weights(drew, before_the_last_update)
        assert same_weights(drew, model) == (step == 0)
        mask_BT, old_BT, now_BT = inputs["completion_mask"], logprobs(drew, inputs), logprobs(model, inputs)
        torch.testing.assert_close(inputs["old_per_token_logps"] * mask_BT, old_BT * mask_BT, rtol=1e-4, atol=1e-5)
        ratio_BT = (now_BT - old_BT).exp()[mask_BT.bool()]
        cut = ((ratio_BT - 1).abs() > 0.01).float().mean()
        assert cut == 0 if step == 0 else cut > 0.1
        advantages_BT = inputs["advantages"].unsqueeze(1)
        wanted = clipped_policy_loss(now_BT, old_BT, advantages_BT, mask_BT, epsilon_low=0.01, epsilon_high=0.01)
        assert loss.item() == pytest.approx(wanted.item(), rel=1e-3, abs=1e-6)
    clipped = [row["clip_ratio/region_mean"] for row in trainer.state.log_history if "clip_ratio/region_mean" in row]
    assert clipped[0] == 0 and all(share > 0.01 for share in clipped[1:])


SEVERAL = {"num_iterations": 2, "steps_per_generation": 2, "per_device_train_batch_size": 8}


@pytest.mark.parametrize(
    ("settings", "lora"),
    [
        ({**SEVERAL, "max_steps": 12}, None),
        ({**SEVERAL, "max_steps": 12, "beta": 0.1}, LORA),
        ({"max_steps": 4, "beta": 0.1}, LORA),
        ({"max_steps": 6, "logging_steps": 2}, None),
    ],
    ids=["several steps", "several steps with a reference", "a reference", "rare log lines"],
)
def test_a_policy_that_stays_the_same_makes_the_same_run_with_and_without_it(arguments, mix, settings, lora):
    logs = []
    weight = {"kind": "correctness", "weight": [[0, 0.0], [12, 1.0]]}  # weights are those of the step that learns
    for overlapping in (False, True):
        given = arguments(learning_rate=0.0, **settings)
        torch.manual_seed(0)
        trainer = grpo({**given, "peft_config": lora}, mix(half=HALF, rising=weight), overlap=overlapping)
        trainer.train()
        logs.append(log_of(trainer))
    plain, overlapped = logs
    # TRL takes a ratio of one step for 1, which it is only up to the last digits
    inexact = set() if "num_iterations" in settings else {"loss", "grad_norm"}
    assert len(plain) > 2
    for before, after in zip(plain, overlapped, strict=True):
        assert {k: v for k, v in after.items() if k not in inexact} == {
            k: v for k, v in before.items() if k not in inexact
        }
        for name in inexact & before.keys():
            assert after[name] == pytest.approx(before[name], rel=1e-4, abs=1e-6)


def test_ppo_with_a_policy_that_stays_the_same_makes_the_same_run_with_and_without_it(arguments, mix, policy):
    logs = []
    for overlapping in (False, True):
        settings = Ppo(name="ppo", overlap=overlapping, kl=0.1, critic=Critic(batch=8))
        torch.manual_seed(0)
        given = arguments(max_steps=12, learning_rate=0.0, **SEVERAL)
        trainer = PpoTrainer(settings, mix(half=HALF), CHAIN, load_critic("policy", policy()), **given)
        trainer.train()
        logs.append(log_of(trainer))
    assert logs[0] == logs[1] and any("critic/value_loss" in row for row in logs[0])


def test_prompts_come_in_the_order_of_trl(arguments, mix):
    given = arguments(max_steps=9, learning_rate=0.0)
    given["train_dataset"] = given["train_dataset"].select(range(14))  # a pass is three batches of four
    trainer = grpo(given, mix(), overlap=True)
    trls, ours = [], []
    inner = trainer._generate_and_score_completions

    def told(rows):
        trls.append([row["prompt"] for row in rows])
        batch = inner(rows)
        ours.append([one.prompt for one in trainer.samples])
        return batch

    trainer._generate_and_score_completions = told
    trainer.train()
    assert ours == trls and len({tuple(prompts) for prompts in trls}) == 9


class Late(Running):
    """A call that goes on only when its result is asked for."""

    def __init__(self, call):
        self.asked = threading.Event()
        super().__init__(lambda: self.asked.wait() and call())

    def wait(self, seconds=None):
        self.asked.set()
        super().wait(seconds)


class Early(Running):
    """A call that has ended before anything else happens."""

    def __init__(self, call):
        super().__init__(call)
        self.wait()


@pytest.mark.parametrize("algorithm", ["grpo", "ppo"])
def test_it_does_not_matter_when_a_reward_returns(arguments, mix, policy, monkeypatch, algorithm):
    weights, logs = [], []
    for kind in (Early, Late):
        monkeypatch.setattr(overlap, "Running", kind)
        torch.manual_seed(0)
        settings = {"overlap": True, "curriculum": Curriculum()}
        given = arguments(max_steps=9, **SEVERAL)
        if algorithm == "grpo":
            trainer = grpo(given, mix(half=HALF), **settings)
        else:
            critic = load_critic("policy", policy())
            trainer = PpoTrainer(Ppo(name="ppo", **settings), mix(half=HALF), CHAIN, critic, **given)
        trainer.train()
        weights.append([value.clone() for value in trainer.model.parameters()])
        logs.append(log_of(trainer))
    assert logs[0] == logs[1]
    assert all(torch.equal(one, other) for one, other in zip(*weights, strict=True))


def test_one_batch_is_judged_at_a_time_and_a_draw_never_waits_for_it(arguments, mix, monkeypatch):
    trainer = grpo(arguments(max_steps=3), mix(), overlap=True)
    order, judge, generate = [], overlap.judge, trainer._generate

    def judging(samples, *given, **more):
        step = more["trainer_state"].global_step
        order.append(f"judge {step}")
        made = judge(samples, *given, **more)
        order.append(f"judged {step}")
        return made

    def drawing(prompts):
        order.append("draw")
        return generate(prompts)

    monkeypatch.setattr(overlap, "Running", Late)
    monkeypatch.setattr(overlap, "judge", judging)
    trainer._generate = drawing
    trainer.train()
    # the rewards are told the step that learns from the batch
    assert order == ["draw", "draw", "judge 0", "judged 0", "draw", "judge 1", "judged 1", "judge 2", "judged 2"]


def test_the_policy_runs_over_a_batch_once_for_its_old_log_probabilities(arguments, mix, monkeypatch):
    passes = []
    plain = GRPOTrainer._get_per_token_logps_and_entropies

    def counted(self, *given, **more):
        passes.append(torch.is_grad_enabled())
        return plain(self, *given, **more)

    monkeypatch.setattr(GRPOTrainer, "_get_per_token_logps_and_entropies", counted)
    found = []
    for overlapping in (False, True):
        passes.clear()
        grpo(arguments(max_steps=8, **SEVERAL), mix(), overlap=overlapping, sort_by_length=False).train()
        found.append(passes.count(False))
    assert found == [2, 2]  # two draws, with four optimizer steps on each


@pytest.mark.parametrize("settings", [{}, SEVERAL, {"gradient_accumulation_steps": 2}, {"num_iterations": 2}])
def test_trl_computes_log_probabilities_of_the_old_policy_where_we_think_it_does(arguments, mix, settings):
    trainer = grpo(arguments(**settings), mix())
    trainer.model.train()
    batch = trainer.scored([trainer.train_dataset[0] for _ in range(16)])
    assert ("old_per_token_logps" in batch) == overlap.computes_old(trainer)


def test_the_kl_penalty_of_ppo_is_of_the_policy_that_drew(arguments, mix):
    settings = Ppo(name="ppo", overlap=True, kl=0.5, whiten_advantages=False, lambda_=1.0)
    given = arguments(max_steps=2, learning_rate=3e-3)
    trainer = PpoTrainer(settings, mix(half=HALF), CHAIN, Nothing(), **given)
    ratios, penalty = [], trainer._log_ratio_to_reference
    trainer._log_ratio_to_reference = lambda batch: ratios.append(penalty(batch)) or ratios[-1]
    trainer.train()
    # both batches were drawn by the reference itself, though the policy has moved on before the second
    assert [ratio.abs().max().item() for ratio in ratios] == pytest.approx([0.0, 0.0], abs=1e-4)


class Engine:
    """An engine that draws by the policy that it was given last."""

    def update(self, policy):
        self.policy = copy.deepcopy(policy)

    def draw(self, prompt_ids, seeds, parameters, *, count, eos_token_ids, logprobs):
        drawn = []
        for prompt, seed in zip(prompt_ids, seeds, strict=True):
            random = torch.Generator().manual_seed(seed)
            texts = torch.randint(3, 12, (count, 5), generator=random).tolist()
            values = token_logprobs(self.policy, [prompt] * count, texts)
            drawn.append([Generated("", ids, "length", of) for ids, of in zip(texts, values, strict=True)])
        return drawn


def test_the_correction_for_an_engine_compares_the_weights_that_drew_with_the_engines(arguments, mix, policy):
    given = arguments(max_steps=3, learning_rate=3e-2)
    trainer = grpo({**given, "engine": Engine(), "parameters": SamplingParameters(5)}, mix(half=HALF), overlap=True)
    assert isinstance(trainer.vllm_generation, FromEngine)
    draws, learnt = watched(trainer, policy)
    trainer.train()
    assert not same_weights(draws[0], draws[2])
    for _, inputs, _ in learnt:
        ratio = inputs["importance_sampling_ratio"]
        torch.testing.assert_close(ratio, torch.ones_like(ratio), rtol=1e-4, atol=1e-4)


def failing(completions, trainer_state, **columns):
    if trainer_state.global_step == 2:
        raise OSError("the judge is away")
    return [0.0] * len(completions)


def test_what_a_reward_raises_in_the_thread_is_raised_when_its_batch_is_due(arguments, mix):
    broken = {"function": "tests.rl.algorithms.test_overlap:failing"}
    trainer = grpo(arguments(max_steps=4), mix(broken=broken), overlap=True)
    with pytest.raises(RewardBroken, match=r"reward 'broken' failed on 16 of 16 .*OSError: the judge is away"):
        trainer.train()
    assert trainer.state.global_step == 2


def test_an_evaluation_waits_until_nothing_is_judged(arguments, mix, monkeypatch):
    trainer = grpo(arguments(), mix(), overlap=True)
    judged = []
    trainer.overlap.judging = Late(lambda: judged.append(True))
    run = OnlineRun.__new__(OnlineRun)
    run.trainer = trainer
    trainer.model_wrapped = trainer.model
    with run.generating():
        assert judged == [True]


def test_a_batch_that_waits_is_not_shared_out_again(arguments, mix):
    trainer = grpo(arguments(), mix(), overlap=True)
    with pytest.raises(UserError, match=r"a batch that waits, in shares of 2 processes; resume with as many"):
        trainer.overlap.load_state_dict({**trainer.overlap.state_dict(), "processes": 2})


def test_a_reward_with_a_state_is_refused(arguments, mix):
    rewards = mix()
    rewards.rewards[0].state_dict = dict
    with pytest.raises(UserError, match=r"rewards.correctness: it has a state that checkpoints save"):
        grpo(arguments(), rewards, overlap=True)


def test_rewards_that_ask_the_policy_are_known():
    asking = {
        name
        for name, place in rewards.REWARDS.items()
        if "context.policy" in Path(inspect.getsourcefile(__import__(place, fromlist=["_"]))).read_text("utf-8")
    }
    assert asking == set(rewards.ASK_THE_POLICY)
