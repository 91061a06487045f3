"""Which keys of a config are not at their defaults."""

from rl.config import load
from rl.config.defaults import NONE, unlike_defaults

LEAST = ["name=a", "task=chain", "policy.model=embedded", "algorithm=grpo", "rewards.mine.kind=correctness"]


def found(*overrides):
    return unlike_defaults(load(None, [*LEAST, *overrides]).model_dump(mode="json", by_alias=True))


def test_keys_without_a_default_are_listed_and_those_at_their_defaults_are_not():
    assert found() == {
        "task.name": (NONE, "chain"),
        "policy.model": (NONE, "embedded"),
        "rewards.mine.kind": (None, "correctness"),
        "algorithm.name": (NONE, "grpo"),
    }


def test_a_key_of_any_depth_has_its_default_beside_it():
    set_here = found("seed=3", "policy.lora.r=4", "task.sizes.test=10", "trainer.max_steps=5", "sampling.top_k=0")
    assert set_here.keys() - found().keys() == {"seed", "policy.lora.r", "task.sizes.test", "trainer.max_steps"}
    assert set_here["seed"] == (0, 3) and set_here["policy.lora.r"] == (16, 4)
    assert set_here["task.sizes.test"] == (1000, 10) and set_here["trainer.max_steps"] == (NONE, 5)
