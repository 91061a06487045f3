import pytest
from datasets import Dataset
from transformers import LlamaForCausalLM
from trl.trainer.grpo_config import GRPOConfig

from rewards.building.build import build as build_mix
from rewards.parts.context import Context
from verifiers.runtime.verifier import Verifier


@pytest.fixture
def policy(warm):
    """A fresh copy of the barely warmed-up policy at each call."""

    def copy():
        model = LlamaForCausalLM(warm[0].config)
        model.load_state_dict(warm[0].state_dict())
        return model

    return copy


@pytest.fixture
def arguments(policy, warm, task, tmp_path):
    """Keyword arguments of a TRL trainer for a run of seconds on `chain`, without the rewards."""

    def make(**settings):
        defaults = {
            "output_dir": str(tmp_path), "per_device_train_batch_size": 16, "num_generations": 4, "max_steps": 3,
            "max_completion_length": 12, "report_to": [], "bf16": False, "use_cpu": True, "logging_steps": 1,
            "save_strategy": "no", "learning_rate": 1e-3, "disable_tqdm": True, "gradient_checkpointing": False,
        }  # fmt: skip
        return {
            "model": policy(),
            "args": GRPOConfig(**{**defaults, **settings}),
            "train_dataset": Dataset.from_list(task.splits["train"]),
            "processing_class": warm[1],
        }

    return make


@pytest.fixture
def mix():
    """A mix of correctness and other given rewards."""
    return lambda **rewards: build_mix({"correctness": {}, **rewards}, Context(Verifier("chain")))
