import copy
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from transformers import TrainerCallback

from rl import cli, training
from rl import config as configuration
from rl.algorithms import grpo, guard, ppo
from rl.algorithms.critic import Critic
from rl.algorithms.rollouts import Rollouts
from rl.config.online import Critic as CriticSettings
from rl.errors import NotFinite
from rl.storage.run_folder import RunFolder, read_jsonl
from tests.rl.conftest import SMALL

GRPO = str(Path(__file__).parents[3] / "configs" / "grpo.yaml")
RUN = {**SMALL, "evaluation.every": 0, "trainer.save_steps": 1, "trainer.weight_decay": 0.1, "trainer.max_steps": 3}


def spoiling(kind, how, at):
    """A trainer that changes the loss of some steps."""

    class Spoilt(kind):
        def compute_loss(self, model, *rest, **more):
            loss = super().compute_loss(model, *rest, **more)
            if self.state.global_step not in at:
                return loss
            if how == "gradient":
                self.hook = next(model.parameters()).register_hook(self.spoil)
                return loss
            return loss * torch.nan

        def spoil(self, gradient):
            self.hook.remove()
            return gradient.index_fill(0, torch.tensor([0]), torch.inf)

    return Spoilt


def states(trainer):
    """Weights and the optimizer's moments."""
    moments = copy.deepcopy(trainer.optimizer.state_dict()["state"])
    return {name: value.clone() for name, value in trainer.model.state_dict().items()}, moments


class Watch(TrainerCallback):
    """Remembers weights and moments as they are at the beginning of each step and after the last."""

    trainer = None

    def __init__(self):
        self.seen = []

    def on_step_begin(self, args, state, control, **kwargs):
        self.seen.append(states(self.trainer))

    def on_train_end(self, args, state, control, **kwargs):
        self.seen.append(states(self.trainer))


def same(one, other):
    weights = all((one[0][name] == other[0][name]).all() for name in one[0])
    moments = one[1].keys() == other[1].keys() and all(
        bool((torch.as_tensor(value) == torch.as_tensor(other[1][place][name])).all())
        for place, entries in one[1].items()
        for name, value in entries.items()
    )
    return weights and moments


@pytest.mark.parametrize(("algorithm", "how"), [("grpo", "loss"), ("ppo", "gradient")])
def test_a_step_that_is_not_finite_leaves_weights_and_moments_as_they_were_and_is_counted(
    algorithm, how, tmp_path, monkeypatch, capsys
):
    module, name = {"grpo": (grpo, "GrpoTrainer"), "ppo": (ppo, "PpoTrainer")}[algorithm]
    monkeypatch.setattr(module, name, spoiling(getattr(module, name), how, at={1}))
    watch, build = Watch(), module.build

    def watched(*arguments):
        watch.trainer = build(*arguments)
        watch.trainer.add_callback(watch)
        return watch.trainer

    monkeypatch.setattr(module, "build", watched)
    overrides = [f"{key}={value}" for key, value in {**RUN, "logging.folder": tmp_path}.items()]
    training.train(configuration.load(GRPO, [*overrides, f"algorithm={algorithm}"]))
    first, second, third, end = watch.seen
    assert not same(first, second)
    assert same(second, third)
    assert not same(third, end)
    rows = [row for row in read_jsonl(RunFolder(tmp_path / "grpo").metrics) if "loss" in row]
    assert [row["skipped_steps"] for row in rows] == [0, 1, 1]
    assert all(row["loss"] is not None for row in rows)
    what = {"loss": "the loss is", "gradient": "gradients are"}[how]
    assert f"step 2 is skipped: {what} not finite (1 skipped so far)" in capsys.readouterr().out


def test_ten_steps_in_a_row_stop_the_run_and_name_the_last_good_checkpoint(tmp_path, monkeypatch, capsys):
    spoilt = {0, *range(2, 12)}  # the first one alone, then ten
    monkeypatch.setattr(grpo, "GrpoTrainer", spoiling(grpo.GrpoTrainer, "loss", at=spoilt))
    more = {"logging.folder": tmp_path, "trainer.max_steps": 20, "trainer.save_steps": 5}
    with pytest.raises(SystemExit) as exit:
        cli.run(["train", GRPO, *(f"{key}={value}" for key, value in {**RUN, **more}.items())])
    assert exit.value.code == 1
    said = capsys.readouterr().err
    assert "not finite 10 steps in a row" in said
    assert f"the last good checkpoint is {tmp_path}/grpo/checkpoints/checkpoint-10" in said
    rows = read_jsonl(RunFolder(tmp_path / "grpo").metrics)
    assert [row["skipped_steps"] for row in rows if "loss" in row] == [1, 1, *range(2, 11)]


def test_a_fit_of_a_round_skips_such_a_step_too(tmp_path, monkeypatch):
    from rl.algorithms import dpo
    from tests.rl.rounds.test_rounds import run

    monkeypatch.setattr(dpo, "PairsDPOTrainer", spoiling(dpo.PairsDPOTrainer, "loss", at={1}))
    folder, _ = run("dpo", tmp_path, **{"algorithm.rounds": 1, "trainer.max_steps": 3})
    rows = [row for row in read_jsonl(folder.metrics) if "loss" in row]
    assert [row["skipped_steps"] for row in rows] == [0, 1, 1]
    assert all(row["loss"] > 0 for row in (rows[0], rows[2]))


def test_a_step_of_the_critic_that_is_not_finite_is_skipped_and_ten_in_a_row_stop_the_run(warm):
    from rl.algorithms.critic import load_critic

    model, tokenizer = warm
    critic = Critic(load_critic("policy", model), CriticSettings(epochs=1), Accelerator(cpu=True))
    ids = torch.tensor([tokenizer.encode("1+2?")] * 2)
    rollouts = Rollouts(ids, torch.ones_like(ids), ids, torch.ones_like(ids))
    good, bad = torch.ones(ids.shape), torch.full(ids.shape, torch.inf)
    critic.fit(rollouts, good, good)
    before = copy.deepcopy(critic.state_dict())
    critic.fit(rollouts, bad, good)
    after = critic.state_dict()
    assert all((after["model"][name] == value).all() for name, value in before["model"].items())
    assert all((after["optimizer"]["state"][0][name] == v).all() for name, v in before["optimizer"]["state"][0].items())
    assert critic.skips.total == 1
    critic.fit(rollouts, good, good)
    for _ in range(9):
        critic.fit(rollouts, bad, good)
    with pytest.raises(NotFinite, match=r"the critic had .* 10 steps in a row"):
        critic.fit(rollouts, bad, good)


@pytest.mark.parametrize(
    ("gradient", "finite"),
    [([1.0, 3e38], True), ([1.0, torch.inf], False), ([torch.nan, 1.0], False), (None, True)],
)
def test_one_value_anywhere_decides_whether_gradients_are_finite(gradient, finite):
    gradients = [torch.tensor([3e38] * 4), None if gradient is None else torch.tensor(gradient)]
    assert bool(guard.all_finite(gradients)) is finite


def test_only_steps_in_a_row_stop_a_run():
    skips = guard.Skips("the policy")
    for _ in range(9):
        skips.skip()
    skips.take()
    for _ in range(9):
        skips.skip()
    assert skips.state_dict() == {"total": 18, "in_a_row": 9}
    with pytest.raises(NotFinite, match=r"the policy had .* 10 steps in a row"):
        skips.skip()
