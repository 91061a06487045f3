"""Loads a model with any head and its tokenizer: policies, critics, process reward models, and models that judge.

`load` returns a new model, for training or a single use. `frozen` returns a model that judges: it is loaded once, never
trained, and shared by all callers with the same settings.

Weights are read from safetensors alone: reading any other format can run code of whoever wrote it. For the same reason,
code that comes with a model runs only if the config says so (`trust_remote_code`).

The folder or hub id of a peft adapter stands for its base model with that adapter. `load` keeps the adapter separate,
so that its training can continue; `frozen` merges it.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from huggingface_hub.errors import StrictDataclassError
from peft import PEFT_TYPE_TO_CONFIG_MAPPING, PeftModel, load_peft_weights, prepare_model_for_kbit_training
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    T5EncoderModel,
)
from transformers.utils.peft_utils import find_adapter_config_file

from rewards.models.adapters import base_of
from rewards.models.batches import pad_id
from rewards.models.current_token import CURRENT_TOKEN, register
from rewards.models.folder import fault
from rewards.models.state import default_device, embedding, move
from rewards.models.types import Model, Pair, Source, Tokenizer
from verifiers.runtime.names import nearest

HEADS = {
    "causal": AutoModelForCausalLM,
    "encoder_decoder": AutoModelForSeq2SeqLM,
    "sequence": AutoModelForSequenceClassification,
    "token": AutoModelForTokenClassification,
    "t5_encoder": T5EncoderModel,
}
"""Kind of model → the class that loads it."""
_CALLED = {
    "causal": "a causal language model",
    "encoder_decoder": "an encoder-decoder model",
    "sequence": "a model with a head for sequences",
    "token": "a model with a head for tokens",
    "t5_encoder": "a T5 encoder",
}
"""Kind of model → what it is called in messages."""
_REFUSALS = (
    OSError, ValueError, ImportError, RuntimeError, AttributeError, TypeError, KeyError, SafetensorError,
    StrictDataclassError,
)  # fmt: skip
"""What transformers raises for files that it cannot load; a wrong value in `config.json` may lead to any of these."""
HEAD_WEIGHTS = (".score.weight", ".classifier.weight")
"""Ends of the names of a classification head's weights (L, H) in transformers."""


class Loaded(NamedTuple):
    """A model with its tokenizer.

    Attributes:
        model: the model in evaluation mode; for an adapter, a `PeftModel` whose adapter can be trained.
        tokenizer: its tokenizer.
        new_head: whether the head has random weights.
    """

    model: Model
    tokenizer: Tokenizer
    new_head: bool


def load(name: str | Path, head: str = "causal", **how: Any) -> Loaded:
    """Load a model and its tokenizer from a folder or the hub.

    Args:
        name: folder or hub id of a model or an adapter.
        head: a key of `HEADS`.
        how: the other arguments of `load_model`.

    Raises:
        ValueError: as in `load_model`; or there is no tokenizer, or it has more tokens than the model has embeddings.
    """
    model, new_head = load_model(name, head, **how)
    where = {key: how[key] for key in ("revision", "trust_remote_code") if key in how}
    source = str(name)
    if isinstance(model, PeftModel) and not any(Path(name).glob("tokenizer*")):
        source = str(model.get_base_model().name_or_path)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, **where)
    except _REFUSALS as error:
        if Path(source).is_dir() and not any(Path(source).glob("*token*")):
            raise ValueError(f"{str(source)!r} has no tokenizer: there is no tokenizer.json") from error
        raise ValueError(f"the tokenizer of {_refusal(source, error)}") from error
    check_fit(model, tokenizer, name)
    return Loaded(model, tokenizer, new_head)


def load_model(
    name: str | Path,
    head: str = "causal",
    *,
    dtype: str = "auto",
    device: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    attention: str | None = None,
    quantize: str | None = None,
    num_labels: int | None = None,
) -> tuple[Model, bool]:
    """Load a model from a folder or the hub.

    Args:
        name: a folder or hub id, of a model or of an adapter.
        head: a key of `HEADS`.
        dtype: `float32`, `bfloat16`, `float16`; `auto` keeps the stored type on a GPU, and is float32 on a CPU.
        device: device of the model; None leaves it on the CPU, from which a trainer can move it.
        revision: revision on the hub.
        trust_remote_code: whether code that comes with the model may run.
        attention: transformers' `attn_implementation`, or `current_token`.
        quantize: `4bit` or `8bit`, with bitsandbytes.
        num_labels: number of labels of a classification head, which may then be new; None for the stored number.

    Returns:
        The model in evaluation mode, and whether its head is new.

    Raises:
        ValueError: the model cannot be loaded, or lacks weights that the head needs.
    """
    if (what := fault(name)) is not None:
        raise ValueError(f"{str(name)!r} {what}")
    how: dict[str, Any] = {"dtype": _dtype(dtype, device or default_device())}
    if attention == CURRENT_TOKEN:
        register()
    if attention is not None:
        how["attn_implementation"] = attention
    if quantize is not None:
        how["quantization_config"] = _quantization(quantize)
    if num_labels is not None:
        how |= {"num_labels": num_labels}
    try:
        model, missing = _weights(str(name), head, revision, trust_remote_code, how)
    except _REFUSALS as error:
        raise ValueError(_refusal(name, error)) from error
    body = f"{getattr(model, 'base_model_prefix', '')}."
    if missing and (num_labels is None or any(key.startswith(body) for key in missing)):
        key, shapes = next(iter(missing.items()))
        raise ValueError(
            f"{str(name)!r} has no weights for {key}{shapes}, which would be random: its files are not whole, or are "
            f"not those of {_CALLED[head]}"
        )
    move(model, device)
    return model.eval(), bool(missing)


def _refusal(name: str | Path, error: Exception) -> str:
    looks_like_a_path = str(name).startswith(("/", ".", "~")) or str(name).count("/") > 1
    if looks_like_a_path and not Path(name).exists():
        return f"{str(name)!r} could not be loaded: there is no such folder"
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()] or [type(error).__name__]
    said = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]  # a list follows, whose first item is the reason
    return f"{str(name)!r} could not be loaded: {said}"


def _weights(
    name: str, head: str, revision: str | None, trust: bool, how: dict[str, Any]
) -> tuple[Model, dict[str, str]]:
    """The model, and the names of weights that were not stored, each with its shapes if one of another shape was."""
    adapter = find_adapter_config_file(name, revision=revision)
    if adapter is None:
        path = str(Path(name).resolve()) if Path(name).is_dir() else name  # adapters on it store this path
        model, report = HEADS[head].from_pretrained(
            path,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are refused by name
            revision=revision,
            trust_remote_code=trust,
            use_safetensors=True,
            **how,
        )
        if "quantization_config" in how:
            model = prepare_model_for_kbit_training(model)
            for module in model.modules():
                # where it packs 4-bit weights in evaluation, bitsandbytes has no gradients through them any more
                if hasattr(module, "support_avx512bf16_for_cpu"):
                    module.support_avx512bf16_for_cpu = False
        mismatched = {
            key: f" of shape {tuple(wanted)}, but of {tuple(stored)}"
            for key, stored, wanted in report["mismatched_keys"]
        }
        return model, dict(sorted((dict.fromkeys(report["missing_keys"], "") | mismatched).items()))
    config = json.loads(Path(adapter).read_text(encoding="utf-8"))
    if (kind := config.get("peft_type")) not in PEFT_TYPE_TO_CONFIG_MAPPING:
        raise ValueError(f"peft has no adapter of type {kind!r}")
    if head in ("token", "sequence") and "num_labels" not in how:  # the head is the adapter's, not the base's
        heads = [w for key, w in load_peft_weights(name, device="cpu").items() if key.endswith(HEAD_WEIGHTS)]
        how = {**how, "num_labels": heads[0].shape[0]} if heads else how
    where = base_of(name, config)
    base, missing = _weights(where, head, config.get("revision"), trust, how)
    model = PeftModel.from_pretrained(merged(base), name, revision=revision, is_trainable=True)
    model.active_peft_config.base_model_name_or_path = where  # a relative path would not lead there from other folders
    kept = config.get("modules_to_save") or []
    return model, {key: how for key, how in missing.items() if not any(part in kept for part in key.split("."))}


def merged(model: Model) -> PreTrainedModel:
    """The model with its adapter merged into the weights; a model without adapter is returned unchanged."""
    return model.merge_and_unload() if isinstance(model, PeftModel) else model


def frozen(
    name: str,
    head: str = "causal",
    *,
    dtype: str = "auto",
    device: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> Source:
    """A model that judges, without gradients. Equal calls return the same model.

    Args:
        name: a folder or hub id.
        head: a key of `HEADS`.
        dtype: as in `load`.
        device: by default this process's GPU, or the CPU.
        revision: revision on the hub.
        trust_remote_code: whether code that comes with the model may run.

    Raises:
        ValueError: the model cannot be loaded, has another head, or its tokenizer does not fit.
    """
    files = sorted(Path(name).iterdir()) if Path(name).is_dir() else []
    written = tuple(file.stat().st_mtime_ns for file in files)  # a folder that was rewritten contains another model
    pair = _frozen(name, head, dtype, device or default_device(), revision, trust_remote_code, written)
    return lambda: pair


@functools.lru_cache(maxsize=16)
def _frozen(
    name: str, head: str, dtype: str, device: str, revision: str | None, trust: bool, written: tuple[int, ...]
) -> Pair:
    try:
        model, tokenizer, _ = load(name, head, dtype=dtype, device=device, revision=revision, trust_remote_code=trust)
    except ValueError as error:
        raise ValueError(f"the model {error}" if str(error).startswith(repr(name)) else str(error)) from error
    model = merged(model)
    if model.config.get_text_config().pad_token_id is None:  # sequence heads look for the last non-pad token
        model.config.get_text_config().pad_token_id = model.config.pad_token_id = pad_id(tokenizer)
    model.requires_grad_(False)
    return model.eval(), tokenizer


def check_fit(model: Model, tokenizer: Tokenizer, name: str | Path) -> None:
    """Check that every token has an embedding.

    Args:
        model: any model with an input embedding.
        tokenizer: its tokenizer.
        name: name of the model, for the error.

    Raises:
        ValueError: the tokenizer has more tokens than the embedding has rows.
    """
    rows = embedding(model).shape[0]
    if len(tokenizer) > rows:
        raise ValueError(
            f"the tokenizer of {str(name)!r} has {len(tokenizer)} tokens, but the model's embedding has only {rows} "
            f"rows: they do not belong together"
        )


def give_pad_token(model: Model, tokenizer: Tokenizer) -> bool:
    """Make the end-of-text token the pad token if there is none, and record the pad token in the model's configuration.

    Args:
        model: the model.
        tokenizer: its tokenizer, which has an end-of-text token.

    Returns:
        Whether the tokenizer had no pad token.
    """
    lacked = tokenizer.pad_token_id is None
    if lacked:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
    if getattr(model, "generation_config", None) is not None:
        model.generation_config.pad_token_id = tokenizer.pad_token_id
    return lacked


def _dtype(name: str, device: str) -> str | torch.dtype:
    if name == "auto" and device == "cpu":
        name = "float32"
    if name != "auto" and not isinstance(getattr(torch, name, None), torch.dtype):
        raise ValueError(f"dtype: unknown dtype {name!r}; {nearest(name, ['auto', 'float32', 'bfloat16', 'float16'])}")
    return name if name == "auto" else getattr(torch, name)


def _quantization(kind: str) -> BitsAndBytesConfig:
    if kind == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    computed_in = torch.float32 if default_device() == "cpu" else torch.float16
    if torch.cuda.is_available() and torch.cuda.is_bf16_supported():
        computed_in = torch.bfloat16
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=computed_in,
    )
