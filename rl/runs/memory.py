"""Estimates the memory of a device that a run needs, and reads a model's size from disk, without torch.

A model's size is read from its `config.json` and the headers of its safetensors files.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rewards.models.adapters import adapter_config, base_of
from rewards.models.folder import header, in_hub_cache
from rewards.reward import question_of
from rl.config import Config
from rl.config.generation_cycle import GenerationCycle
from rl.tasks.task import Task

CHARACTERS_A_TOKEN = 4
"""Characters per token, a rule of thumb for subword tokenizers; the embedded policy has one per word or character."""
SAMPLED_AT_ONCE = 512
"""Completions per batch in rounds, the default of `rl.sampling.draw.sample`."""
GIB = 2**30


@dataclass(frozen=True)
class ModelSize:
    """The sizes that determine a model's memory.

    Attributes:
        parameters: number of parameters.
        hidden: hidden size.
        layers: number of layers.
        vocabulary: number of rows of the output head.
        kv_width: size of the keys and values of one token in one layer.
    """

    parameters: int
    hidden: int
    layers: int
    vocabulary: int
    kv_width: int


def memory(config: Config, size: ModelSize, prompt_tokens: int) -> dict[str, float]:
    """An estimate of the peak memory of one device in bytes, without sharding.

    It includes weights, gradients, Adam's two moments, and the larger of the key-value cache during sampling and the
    activations and logits during training.

    Args:
        config: a checked config.
        size: the sizes of the model.
        prompt_tokens: length of a typical prompt.
    """
    trainer = config.trainer
    batch = trainer.get("per_device_train_batch_size", 8)
    length = prompt_tokens + config.sampling.max_tokens
    wide = 4 if config.policy.dtype in ("auto", "float32") else 2
    stored = {"4bit": 0.55, "8bit": 1.05}.get(config.policy.quantize or "", wide)
    trained = size.parameters
    adapter = adapter_config(config.policy.model)
    rank = adapter.get("r") if adapter else config.policy.lora and config.policy.lora.r
    if rank:
        # adapters on all linear layers have about 18 r x hidden parameters per layer
        trained = 18 * rank * size.hidden * size.layers
    at_once = SAMPLED_AT_ONCE if config.algorithm.in_rounds else GenerationCycle.of(config).completions
    cache = at_once * length * size.layers * size.kv_width * wide
    kept_layers = 1 if trainer.get("gradient_checkpointing", True) else size.layers
    activations = batch * length * size.hidden * (20 * kept_layers + 2 * size.layers) * wide
    logits = 3 * batch * config.sampling.max_tokens * size.vocabulary * 4
    return {
        "weights": size.parameters * stored,
        "gradients and Adam": trained * 12.0,
        "sampling or training": float(max(cache, activations + logits)),
    }


def model_size(config: Config, task: Task | None) -> ModelSize | None:
    """The size of the policy; None if it is not on this machine.

    Args:
        config: the config, which names the policy.
        task: the task; the embedded policy has its vocabulary.
    """
    if config.policy.model == "embedded":
        assert task is not None and task.vocabulary is not None, "embedded tasks are generated here"
        warm, vocabulary = config.policy.warm_start, len(task.vocabulary) + 3
        a_layer = 4 * warm.hidden**2 + 3 * warm.hidden * 4 * warm.hidden + 2 * warm.hidden
        parameters = vocabulary * warm.hidden + warm.layers * a_layer + warm.hidden
        return ModelSize(parameters, warm.hidden, warm.layers, vocabulary, 2 * warm.hidden)
    folder = local_folder(config.policy.model)
    if folder is None:
        return None
    described: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    described = described.get("text_config", described)
    parameters = sum(_tensors(file) for file in folder.glob("*.safetensors"))
    try:
        hidden, layers = described["hidden_size"], described["num_hidden_layers"]
        heads = described["num_attention_heads"]
        kv_heads = described.get("num_key_value_heads", heads)
        head = described.get("head_dim") or hidden // heads
        return (
            ModelSize(parameters, hidden, layers, described["vocab_size"], 2 * kv_heads * head) if parameters else None
        )
    except KeyError:
        return None


def local_folder(model: str) -> Path | None:
    """The folder of a model, or of an adapter's base; None if it is not on this machine.

    Args:
        model: a folder or hub id.
    """
    if (adapter := adapter_config(model)) is not None:
        model = base_of(model, adapter)
    if (Path(model) / "config.json").is_file():
        return Path(model)
    from huggingface_hub.errors import HFValidationError

    try:
        return in_hub_cache(model)
    except HFValidationError:
        return None


def _tensors(file: Path) -> int:
    """The number of values in a safetensors file, from its header."""
    return sum(math.prod(tensor["shape"]) for tensor in header(file).values())


def prompt_tokens(config: Config, task: Task | None) -> int:
    """The approximate length in tokens of the longest of the first prompts; a guess if the data is missing.

    Args:
        config: the config; its policy determines the length of a token.
        task: the task; None if its data is not on this machine.
    """
    if task is None:
        return 256
    a_token = 1 if config.policy.model == "embedded" else CHARACTERS_A_TOKEN
    return max(len(question_of(row["prompt"])) for row in task.splits["train"][:200]) // a_token + 1
