"""QLoRA with bitsandbytes on a CPU."""

import importlib.util

import pytest
import torch
from safetensors.torch import load_file

from rl import config, training
from rl.policy.load import load
from rl.storage.run_folder import RunFolder
from tests.rl.conftest import SMALL_ONLINE
from tests.rl.engines.launched import ROOT, overrides

LACKS = importlib.util.find_spec("bitsandbytes") is None
pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(LACKS, reason="bitsandbytes is not installed: make test-engines does it"),
    # a gradient that silently ends at a layer without one
    pytest.mark.filterwarnings("error:.*autograd kernel was not registered"),
]


@pytest.mark.parametrize("bits", ["4bit", "8bit"])
def test_adapters_over_a_quantized_base_are_trained_and_saved(bits, tmp_path):
    own = {
        "policy.lora.r": 4,
        "policy.quantize": bits,
        "trainer.max_steps": 2,
        "evaluation.every": 0,
    }
    # a barely trained policy gets nothing right, but its completions differ in length
    length = {"rewards.brevity.kind": "length", "rewards.brevity.options.target": 4}
    settings = config.load(ROOT / "configs" / "grpo.yaml", overrides(tmp_path, **{**SMALL_ONLINE, **own, **length}))
    training.train(settings)
    folder = RunFolder(tmp_path / "grpo")
    weights = load_file(folder.model / "adapter_model.safetensors")
    learnt = [value for name, value in weights.items() if "lora_B" in name]
    assert learnt and any((value != 0).any() for value in learnt)
    policy = load(settings.policy, folder.model, chat=False).model
    base = policy.get_base_model().model.layers[0].mlp.up_proj.base_layer.weight
    assert base.dtype in (torch.uint8, torch.int8) and not base.requires_grad
