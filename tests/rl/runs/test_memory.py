import copy
from pathlib import Path

import torch

from rl.config import load
from rl.runs import memory

QUICKSTART = str(Path(__file__).parents[3] / "configs" / "quickstart.yaml")


def test_the_size_of_the_embedded_policy_is_that_of_the_model_it_makes(small, task, warm):
    size = memory.model_size(load(QUICKSTART, small), task)
    assert size.parameters == warm[0].num_parameters()
    assert size.vocabulary == warm[0].config.vocab_size


def test_the_size_of_a_saved_policy_is_read_from_its_files(small, task, warm, tmp_path):
    warm[0].save_pretrained(tmp_path / "policy")
    size = memory.model_size(load(QUICKSTART, [*small, f"policy.model={tmp_path / 'policy'}"]), task)
    assert (size.parameters, size.hidden, size.layers) == (warm[0].num_parameters(), 32, 1)


def test_a_model_that_is_not_here_has_no_size(small, task):
    assert memory.model_size(load(QUICKSTART, [*small, "policy.model=some/hub-model"]), task) is None


def test_a_larger_batch_and_full_training_take_more_memory(small, task):
    def total(*overrides):
        config = load(QUICKSTART, [*small, *overrides])
        return sum(memory.memory(config, memory.model_size(config, task), 10).values())

    assert total("policy.lora.r=1") < total() < total("trainer.per_device_train_batch_size=64")


SIZE = memory.ModelSize(parameters=1000, hidden=8, layers=2, vocabulary=10, kv_width=16)


def test_gradients_and_adam_take_what_torch_takes(small, task, warm):
    """Counted on a model that took a step of Adam: the gradient and two moments of each number, four bytes each."""
    model = copy.deepcopy(warm[0])
    adam = torch.optim.AdamW(model.parameters())
    sum(weight.sum() for weight in model.parameters()).backward()
    adam.step()
    held = [weight.grad for weight in model.parameters()]
    held += [state[name] for state in adam.state.values() for name in ("exp_avg", "exp_avg_sq")]
    config = load(QUICKSTART, small)
    needs = memory.memory(config, memory.model_size(config, task), 10)
    assert needs["gradients and Adam"] == sum(tensor.nbytes for tensor in held)
    assert needs["weights"] == sum(weight.nbytes for weight in model.parameters())


def test_memory_by_hand(small):
    overrides = [*small, "sampling.max_tokens=20", "trainer.gradient_checkpointing=false", "policy.dtype=float32"]
    needs = memory.memory(load(QUICKSTART, overrides), SIZE, prompt_tokens=12)
    assert needs["weights"] == 1000 * 4
    assert needs["gradients and Adam"] == 1000 * 12
    # 16 sequences of 32 tokens: activations 16 x 32 x 8 x (20 x 2 + 2 x 2) x 4 and logits 3 x 16 x 20 x 10 x 4,
    # which are more than the cache's 16 x 32 x 2 x 16 x 4
    assert needs["sampling or training"] == 720_896 + 38_400
    checkpointing = load(QUICKSTART, [*overrides, "trainer.gradient_checkpointing=true"])  # one layer's are kept
    checkpointing = memory.memory(checkpointing, SIZE, prompt_tokens=12)
    assert checkpointing["sampling or training"] == 16 * 32 * 8 * (20 + 4) * 4 + 38_400


def test_an_adapter_alone_has_gradients_and_moments(small):
    needs = memory.memory(load(QUICKSTART, [*small, "policy.lora.r=4", "policy.dtype=bfloat16"]), SIZE, 10)
    assert needs["weights"] == 1000 * 2
    assert needs["gradients and Adam"] == 18 * 4 * 8 * 2 * 12
