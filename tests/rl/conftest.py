import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from rl.config import WarmStart
from rl.policy.warm_start import warm_started
from rl.tasks import chain

SMALL = {
    "policy.warm_start.steps": 100,
    "policy.warm_start.batch": 32,
    "policy.warm_start.hidden": 32,
    "policy.warm_start.layers": 1,
    "policy.warm_start.heads": 2,
    "policy.warm_start.seed": 0,
    "task.operations": "[1,2]",
    "task.sizes.train": 64,
    "task.sizes.validation": 16,
    "task.sizes.test": 16,
    "trainer.learning_rate": 1e-3,
    "trainer.max_steps": 4,
    "trainer.save_steps": 2,
    "trainer.per_device_train_batch_size": 16,
    "sampling.completions": 4,
    "evaluation.n": 16,
    "evaluation.k": 2,
    "evaluation.every": 2,
    "evaluation.validation_n": 8,
    "logging.wandb": "disabled",
    "logging.completions_every": 1,
}
"""Overrides that turn a config into a run of seconds."""
SMALL_ONLINE = {**SMALL, "trainer.steps_per_generation": 1, "trainer.logging_steps": 1}
"""The same for an algorithm that samples as it goes, such as the quickstart's: each step is a draw and a log line."""


@pytest.fixture
def small(tmp_path):
    """`key=value` overrides for a quickstart of seconds in a folder of the test's own."""
    return [f"{key}={value}" for key, value in {**SMALL_ONLINE, "logging.folder": tmp_path}.items()]


@pytest.fixture(scope="session")
def task():
    return chain.build((1, 2), {"train": 64, "validation": 16, "test": 16}, seed=0)


@pytest.fixture(scope="session")
def warm(task, cache):
    """A barely warmed-up policy and its tokenizer."""
    folder = warm_started(task, WarmStart(steps=100, batch=32, hidden=32, layers=1, heads=2, seed=0))
    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
