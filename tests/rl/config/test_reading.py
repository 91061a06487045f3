"""Configs of stages, and those that are read for something else than training."""

from pathlib import Path

import pytest

from rl.config import load, load_stages, load_to_measure, load_to_sample
from rl.errors import UserError

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.mark.parametrize("completions", [1, 3, 16])
def test_a_group_that_no_training_could_use_is_measured_and_drawn(tmp_path, completions):
    file = tmp_path / "own.yaml"
    own = f"name: own\ntask: chain\npolicy: {{model: embedded}}\nsampling: {{completions: {completions}}}\n"
    file.write_text(f"{own}algorithm: grpo\nrewards: {{correctness: {{}}}}\n")
    with pytest.raises(UserError, match=r"sampling\.completions"):
        load(file)
    assert load_to_measure(file, [], "embedded").task.name == "chain"
    assert load_to_sample(file).sampling.completions == completions


def test_what_only_training_reads_is_left_out_of_a_config_to_sample_by():
    for name in ("papers/star_gpu", "papers/star", "papers/rl_star", "dpo", "quark"):
        config = load_to_sample(CONFIGS / f"{name}.yaml")
        assert (config.algorithm.name, config.trainer) == ("grpo", {})
    with pytest.raises(UserError, match=r"command line: trainer\.max_lengths: GRPOConfig has no such argument"):
        load_to_sample(CONFIGS / "star.yaml", ["trainer.max_lengths=3"])
    with pytest.raises(UserError, match="sipf are runs of their own"):
        load_to_sample(CONFIGS / "papers" / "sipf.yaml")


def test_rewards_of_a_config_to_sample_by_are_its_own(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("name: own\ntask: chain\npolicy: {model: embedded}\nrewards: {correctness: {weight: 0.25}}\n")
    assert load_to_sample(file).rewards["correctness"].weight == 0.25
    file.write_text("name: own\ntask: chain\npolicy: {model: embedded}\nrewards: {length: {options: {most: 9}}}\n")
    assert list(load_to_sample(file).rewards) == ["length"]


def test_a_critic_may_start_from_the_policy_of_an_earlier_stage():
    file, own = CONFIGS / "sft_then_ppo.yaml", "stages.ppo.algorithm.critic.start"
    stages = load_stages(file, [f"{own}=stages.sft"])
    assert stages["ppo"].algorithm.critic.start == str(stages["sft"].run_folder / "model")
    with pytest.raises(UserError, match=r"critic\.start: 'stages\.ppo' is not a stage before this one"):
        load_stages(file, [f"{own}=stages.ppo"])
