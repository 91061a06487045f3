"""FSDP2 and DeepSpeed ZeRO-3 on two processes without a GPU: what is learnt is what is learnt with whole weights."""

import functools
import importlib.util
import re
import shutil

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification

from rewards.sample import Sample
from rl.prm.labelled import label, write
from rl.storage.run_folder import RunFolder, read_jsonl
from rl.tasks.chain import solve
from tests.rl.conftest import SMALL
from tests.rl.engines.launched import ROOT, alone, launch, overrides

CONFIGS = ROOT / "configs"
STEPS = {"rewards.steps.kind": "correctness", "rewards.steps.weight": 1.0, "rewards.steps.credit": "min"}
# the critic takes all rollouts at once, since each process would shuffle its own into batches
PPO = {"algorithm": "ppo", "algorithm.critic.batch": 32, "algorithm.kl": 0.05, "trainer.num_iterations": 2}
METHODS = {
    "grpo": STEPS,
    "ppo": {**STEPS, **PPO},
    "ppo with adapters": {**STEPS, **PPO, "policy.lora.r": 4, "algorithm.critic.lora": "true"},
}
REPLAYED = {
    **SMALL,
    "trainer.learning_rate": 3e-3,  # so that the last step's loss depends on those before it
    "trainer.steps_per_generation": 1,
    "policy.warm_start.steps": 300,  # so that enough groups carry signal
    "evaluation.every": 0,
    "evaluation.n": 4,
}
LIVE = {
    **SMALL,
    "trainer.per_device_train_batch_size": 8,
    "trainer.steps_per_generation": 1,
    "task.sizes.test": 17,
    "evaluation.n": 17,
    "evaluation.batch": 8,  # two batches for the nine problems of one process, and one for the eight of the other
}
ROUNDS = {
    **SMALL,
    "trainer.per_device_train_batch_size": 8,
    "trainer.max_steps": 2,
    "policy.warm_start.steps": 300,
    "algorithm.rounds": 2,
    "algorithm.prompts": 32,
}
pytestmark = pytest.mark.engines


@pytest.fixture(params=["fsdp2", "zero3"])
def engine(request):
    """An engine that shards the policy."""
    if request.param == "zero3" and importlib.util.find_spec("deepspeed") is None:
        pytest.skip("deepspeed is not installed: make test-engines does it")
    return request.param


def assert_sharded(output):
    """Each process holds about half of the weights, by the line that tells it."""
    told = re.findall(r"this one holds ([\d,]+) of ([\d,]+) weights", output)
    assert told
    for held, whole in told:
        assert 0.4 < int(held.replace(",", "")) / int(whole.replace(",", "")) < 0.6


def rows(folder, name):
    return [row for row in read_jsonl(RunFolder(folder / name).metrics) if "loss" in row]


def compared(row):
    """What of a log line must not depend on the engine. The entropy is that of what was run."""
    exact = {"loss", "grad_norm", "reward"}
    return {name: value for name, value in row.items() if name in exact or name.startswith(("critic/", "ppo/"))}


@pytest.fixture(scope="module")
def on_one_process(tmp_path_factory):
    """Method → the file of its rollouts, and its log lines on one process."""

    @functools.cache
    def of(method):
        folder = tmp_path_factory.mktemp("one")
        settings = {**REPLAYED, **METHODS[method], "trainer.per_device_train_batch_size": 32}
        alone("tests.rl.replayed_run", folder / "rollouts", CONFIGS / "grpo.yaml", *overrides(folder, **settings))
        return folder / "rollouts", rows(folder, "grpo")

    return of


@pytest.mark.parametrize("method", METHODS)
def test_the_losses_are_those_of_one_process_on_the_same_rollouts(method, engine, on_one_process, tmp_path):
    rollouts, one = on_one_process(method)
    settings = {**REPLAYED, **METHODS[method], "trainer.per_device_train_batch_size": 16}
    output = launch(engine, "tests.rl.replayed_run", rollouts, CONFIGS / "grpo.yaml", *overrides(tmp_path, **settings))
    assert_sharded(output)
    sharded = rows(tmp_path, "grpo")
    assert len(one) == len(sharded) == SMALL["trainer.max_steps"]
    assert any(row["grad_norm"] > 1e-3 for row in one)
    for whole, of_shards in zip(one, sharded, strict=True):
        assert compared(of_shards) == pytest.approx(compared(whole), abs=1e-4)


def saved(folder):
    """The weights of a run's policy as plain transformers loads it."""
    return dict(AutoModelForCausalLM.from_pretrained(folder.model).named_parameters())


@pytest.mark.parametrize("method", ["grpo", "ppo with adapters"])
def test_a_run_that_is_resumed_ends_with_the_same_weights(method, engine, tmp_path):
    config, settings = CONFIGS / "grpo.yaml", overrides(tmp_path, **LIVE, **METHODS[method])
    assert_sharded(launch(engine, "rl.train", config, *settings))
    folder = RunFolder(tmp_path / "grpo")
    once = saved(folder)
    assert all(weight.isfinite().all() for weight in once.values())
    # killed after the second step, and then after the last one
    for lost in ([folder.checkpoints / "checkpoint-4"], []):
        for path in [*lost, folder.model]:
            shutil.rmtree(path)
        folder.summary.unlink()
        assert "resuming" in launch(engine, "rl.train", config, *settings)
        again = saved(folder)
        assert once.keys() == again.keys() and all(torch.equal(once[name], again[name]) for name in once)


@pytest.fixture(scope="module")
def with_whole_weights(tmp_path_factory):
    """Config → the log lines of a run in rounds on two processes that hold all weights."""

    @functools.cache
    def of(name):
        folder = tmp_path_factory.mktemp("whole")
        launch("ddp", "rl.train", CONFIGS / f"{name}.yaml", *overrides(folder, **ROUNDS))
        return rows(folder, name)

    return of


@pytest.mark.parametrize("name", ["dpo", "orpo", "star"])
def test_rounds_have_the_losses_of_whole_weights(name, engine, with_whole_weights, tmp_path):
    output = launch(engine, "rl.train", CONFIGS / f"{name}.yaml", *overrides(tmp_path, **ROUNDS))
    assert output.count("this one holds") == ROUNDS["algorithm.rounds"]
    assert_sharded(output)
    whole, sharded = with_whole_weights(name), rows(tmp_path, name)
    assert len(whole) == len(sharded) == ROUNDS["algorithm.rounds"] * ROUNDS["trainer.max_steps"]
    for one, two in zip(whole, sharded, strict=True):
        assert two["loss"] == pytest.approx(one["loss"], abs=1e-4)
    AutoModelForCausalLM.from_pretrained(RunFolder(tmp_path / name).model)


@pytest.fixture(scope="module")
def labels(task, tmp_path_factory):
    """A file of completions whose steps are labelled by whether their result is even."""
    samples = []
    for row in task.splits["train"]:
        text = solve(row["prompt"])
        ends = [place + 2 for place, character in enumerate(text) if character == "="]
        steps = tuple(label(end - 5, end, float(int(text[end - 1]) % 2 == 0)) for end in ends)
        samples.append(Sample({"prompt": row["prompt"], "gold": row["gold"]}, text, [], "stop", labels=steps))
    file = tmp_path_factory.mktemp("labels") / "labels.jsonl"
    write(file, samples)
    return file


@pytest.mark.parametrize("lora", [[], ["--lora", "4"]], ids=["full", "adapters"])
def test_a_process_reward_model_has_the_loss_of_whole_weights(lora, engine, labels, warm, tmp_path):
    for part in warm:
        part.save_pretrained(tmp_path / "start")
    losses = []
    for by in ("ddp", engine):
        out = tmp_path / by
        given = ["--model", tmp_path / "start", "--out", out, "--batch", "8", "--learning-rate", "3e-3", *lora]
        output = launch(by, "whetstone_rl", "prm", "train", labels, *given)
        steps, loss = re.search(r"(\d+) steps, loss ([\d.]+)", output).groups()
        losses.append((int(steps), float(loss)))
        model = AutoModelForTokenClassification.from_pretrained(out)
        assert model.config.num_labels == 1 and (model.score.weight != 0).any()
    assert losses[0] == pytest.approx(losses[1], abs=2e-4)
    assert losses[0][0] == 3 * -(-58 // 16)  # 58 of 64 completions are not held out, 16 in a step
