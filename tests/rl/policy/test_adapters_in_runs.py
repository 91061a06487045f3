"""A run whose `policy.model` is the adapter folder that another run left goes on from it."""

from pathlib import Path

import pytest
import torch
from peft import AutoPeftModelForCausalLM
from rl.runs.training import train
from safetensors.torch import load_file

from rl import config as configuration
from rl.storage.run_folder import RunFolder
from tests.rl.conftest import SMALL

CONFIGS = Path(__file__).parents[3] / "configs"
LORA = {**SMALL, "policy.lora": "{r: 4, alpha: 8}", "trainer.learning_rate": 1e-2, "evaluation.every": 0}
ROUNDS = {"algorithm.rounds": 1, "algorithm.prompts": 16, "trainer.per_device_train_batch_size": 4}
GOES_ON = {
    "grpo": {},
    "grpo_kl": {"trainer.beta": 0.1},
    "ppo": {},
    "ppo_lora": {"algorithm.critic.lora": True, "trainer.beta": 0.1},
    "star": ROUNDS,
    "dpo": ROUNDS,
    "orpo": ROUNDS,
}


def run(name, folder, run_name, **more):
    given = {**LORA, "logging.folder": folder, "name": run_name, **more}
    if "algorithm.rounds" not in more:
        given["trainer.steps_per_generation"] = 1
    file = CONFIGS / f"{name.partition('_')[0]}.yaml"
    return RunFolder(folder / run_name), train(configuration.load(file, [f"{k}={v}" for k, v in given.items()]))


@pytest.fixture(scope="module")
def first(tmp_path_factory, cache):
    return run("grpo", tmp_path_factory.mktemp("first"), "first")


def logits(folder):
    model = AutoPeftModelForCausalLM.from_pretrained(folder).eval()
    return model(torch.tensor([[5, 6, 7]])).logits


@pytest.mark.parametrize("name", GOES_ON)
def test_a_run_goes_on_from_an_adapter(first, tmp_path, name):
    folder, summary = first
    on, figures = run(name, tmp_path, name, **{"policy.model": folder.model, **GOES_ON[name]})
    assert figures["before"]["mean_at_k"] == summary["after"]["mean_at_k"]  # the same policy, prompts and seed
    moved = (logits(on.model) - logits(folder.model)).abs().max()
    assert moved > 1e-3
    before, after = (load_file(one.model / "adapter_model.safetensors") for one in (folder, on))
    assert not (on.model / "ref").exists()  # TRL's copy of where training began
    assert before.keys() == after.keys()  # neither a second adapter nor a fresh one in its place
    assert {name: weight.shape for name, weight in before.items()} == {n: w.shape for n, w in after.items()}


@pytest.mark.parametrize("name", ["star", "dpo", "orpo"])
def test_rounds_fit_from_the_adapter_and_from_the_last_rounds(first, tmp_path, name):
    more = {**ROUNDS, "algorithm.rounds": 2, "policy.model": first[0].model, "trainer.learning_rate": 1e-12}
    on, _ = run(name, tmp_path, name, **more)
    # a learning rate of nothing: each round's policy is the adapter that the run began with
    assert torch.allclose(logits(on.model), logits(first[0].model), atol=1e-5)
